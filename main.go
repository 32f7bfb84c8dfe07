// Onboardbot onboards Providers from Slack: one operator asks, a second one approves each step,
// and the bot does it.
package main

import (
	"os"

	"github.com/atlilith/onboardbot/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
