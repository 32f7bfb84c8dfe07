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
// not check; with a baseline, it is about what is new since. 2 also stands for a wrong command
// line or configuration.
func checkIsolation(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("isolation", flag.ContinueOnError)
	tenant := flags.String("tenant", "", "the `SLUG` of the one tenant to check against all others")
	format := flags.String("format", isolation.FormatText,
		"`FORMAT` of the report: text, json, sarif, junit or markdown")
	baseline := flags.String("baseline", "",
		"an earlier report, a `FILE` that -format json wrote; only what is new since then fails")
	fill := flags.Bool("seed", false,
		"first make tenants and rows in the disposable database of isolation.owner_database_url")
	deep := flags.Bool("deep", false, "also test that what a tenant observes does not depend on what others do")
	settings, code, ok := parse(flags, args, config.Platform, config.Isolation)
	if !ok {
		return code
	}
	output := isolation.Output{Writer: out, Format: *format}
	var err error
	if *baseline != "" {
		if output.Baseline, err = readBaseline(*baseline); err != nil {
			fmt.Fprintln(os.Stderr, "onboardbot isolation: -baseline:", err)
			return Usage
		}
	}
	disposable := isolation.Disposable{
		OwnerDatabaseURL: settings.Isolation.OwnerDatabaseURL.Reveal(),
		Identity:         settings.Platform.Identity.Query, Authoritative: settings.Platform.Identity.Value,
	}
	checked := settings.Isolation.Config(settings.Platform)
	if *fill {
		if err := seed(ctx, checked, disposable); err != nil {
			fmt.Fprintln(os.Stderr, "onboardbot isolation: -seed:", err)
			return Usage
		}
	}
	options := isolation.Options{Tenant: *tenant, Deep: *deep}
	if disposable.OwnerDatabaseURL != "" {
		options.Disposable = &disposable
	}
	code, err = isolation.Run(ctx, checked, options, output)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot isolation:", err)
	}
	return code
}

// seed makes tenants and rows, and says what was made on standard error.
func seed(ctx context.Context, checked isolation.Config, database isolation.Disposable) error {
	seeded, err := isolation.Seed(ctx, checked, database)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Seeded %d Persons, %d Orgs and %d rows in all.\n", seeded.Persons, seeded.Orgs, seeded.Rows)
	for _, table := range seeded.Missing {
		fmt.Fprintln(os.Stderr, "No row could be made in", table)
	}
	return nil
}

func readBaseline(name string) (*isolation.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	report, err := isolation.ReadBaseline(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return report, nil
}
