package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/doctor"
)

func check(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	format := flags.String("format", "text", "`FORMAT` of the report: text or json")
	limit := flags.Duration("timeout", 2*time.Minute, "the most `TIME` that the whole check may take")
	settings, code, ok := parse(flags, args, config.Everything...)
	if !ok {
		return code
	}
	write := doctor.Report.WriteText
	switch *format {
	case "text":
	case "json":
		write = doctor.Report.WriteJSON
	default:
		fmt.Fprintf(os.Stderr, "onboardbot check: -format: %q is neither text nor json\n", *format)
		return Usage
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	report, err := doctor.Examine(ctx, settings)
	if err == nil {
		err = write(report, out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot check:", err)
		return Failed
	}
	if !report.OK {
		return Failed
	}
	return OK
}
