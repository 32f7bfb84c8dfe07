package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/atlilith/onboardbot/internal/config"
)

func printConfig(_ context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("config", flag.ContinueOnError)
	path := configFlag(flags)
	if code, ok := parseFlags(flags, args); !ok {
		return code
	}
	text, problems := config.Effective(*path)
	if _, err := out.Write(text); err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot config:", err)
		return Failed
	}
	if problems != nil {
		fmt.Fprintln(os.Stderr, problems)
		return Usage
	}
	return OK
}
