package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// isolationCommand checks once. Its exit status is 0 for sound, 1 for a leak, and 2 where it could not check, which goes for
// everything that is wrong with the command line or the configuration as well.
func isolationCommand(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("isolation", flag.ContinueOnError)
	tenant := flags.String("tenant", "", "the `SLUG` of the one tenant to check against all others")
	format := flags.String("format", isolation.FormatText, "`FORMAT` of the report: text or json")
	settings, code, ok := parse(flags, args, config.Platform, config.Isolation)
	if !ok {
		return code
	}
	code, err := isolation.Run(ctx, settings.Isolation.Check(settings.Platform), out, *format, *tenant)
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot isolation:", err)
	}
	return code
}

// proofs are the parts of the house that report on isolation.
type proofs struct {
	book   *reports.Store
	news   *commands.IsolationAnnouncer
	watch  *reports.Watch
	tenant *reports.Tenant
}

func newProofs(pool *pgxpool.Pool, outbox *bot.Outbox, settings *config.Config, log *slog.Logger) (*proofs, error) {
	checker, err := isolation.New(settings.Isolation.Check(settings.Platform))
	if err != nil {
		return nil, fmt.Errorf("isolation: %w", err)
	}
	book, err := reports.NewBook(pool, log)
	if err != nil {
		return nil, err
	}
	news := commands.NewIsolationAnnouncer(outbox, book, settings.Commands)
	watch, err := reports.NewWatch(book, checker, news, settings.Isolation)
	if err != nil {
		return nil, err
	}
	return &proofs{book: book, news: news, watch: watch, tenant: reports.NewTenant(checker)}, nil
}
