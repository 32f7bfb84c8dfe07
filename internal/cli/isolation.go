package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// checkIsolation checks once. Its exit status is 0 for sound, 1 for a leak, and 2 where it could
// not check. 2 also stands for a wrong command line or configuration.
func checkIsolation(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("isolation", flag.ContinueOnError)
	tenant := flags.String("tenant", "", "the `SLUG` of the one tenant to check against all others")
	format := flags.String("format", isolation.FormatText, "`FORMAT` of the report: text or json")
	settings, code, ok := parse(flags, args, config.Platform, config.Isolation)
	if !ok {
		return code
	}
	code, err := isolation.Run(ctx, settings.Isolation.Config(settings.Platform), isolation.Options{Tenant: *tenant},
		isolation.Output{Writer: out, Format: *format})
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot isolation:", err)
	}
	return code
}
