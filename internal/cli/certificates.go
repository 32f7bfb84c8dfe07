package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/atlilith/onboardbot/internal/app"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// inspectCertificates looks at every certificate once. Its exit status is 0 when all is well, 1
// when something needs attention, and 2 when something could not be looked at. 2 also stands for a
// wrong command line or configuration.
func inspectCertificates(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("certificates", flag.ContinueOnError)
	format := flags.String("format", string(certificates.Text), "`FORMAT` of the report: text or json")
	settings, code, ok := parse(flags, args, config.Watch...)
	if !ok {
		return code
	}
	print, err := certificates.Printer(out, certificates.Format(*format))
	if err != nil {
		fmt.Fprintf(os.Stderr, "onboardbot certificates: -%v\n", err)
		return Usage
	}
	code, err = app.InspectCertificates(ctx, settings, print)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot certificates:", err)
	}
	return code
}
