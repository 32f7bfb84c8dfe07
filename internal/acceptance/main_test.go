// Package acceptance tests the product as a process on real parts, and measures it there. Only
// Slack is simulated.
package acceptance

import (
	"os"
	"testing"

	"github.com/atlilith/onboardbot/internal/cli"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// asProduct makes this test binary run as the product. Tests start it as a process of its own, so
// the race detector covers the product too.
const asProduct = "ONBOARDBOT_AS_PRODUCT=1"

func TestMain(m *testing.M) {
	if os.Getenv("ONBOARDBOT_AS_PRODUCT") != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(namespace.Main(m))
}
