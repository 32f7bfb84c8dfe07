package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// certificatesCommand looks at every certificate once. Unlike for other commands, 1 means that something needs attention, and 2 that
// something could not be looked at.
func certificatesCommand(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("certificates", flag.ContinueOnError)
	format := flags.String("format", string(certificates.Text), "`FORMAT` of the report: text or json")
	settings, code, ok := parse(flags, args, config.Watch...)
	if !ok {
		return code
	}
	code, err := lookAtCertificates(ctx, out, settings, certificates.Format(*format))
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot certificates:", err)
	}
	return code
}

func lookAtCertificates(ctx context.Context, out io.Writer, settings *config.Config, format certificates.Format) (int, error) {
	print, err := certificates.Printer(out, format)
	if err != nil {
		return exitUsage, fmt.Errorf("-%w", err)
	}
	pool, err := own(ctx, settings.Database)
	if err != nil {
		return certificates.CouldNotLook, err
	}
	defer pool.Close()
	parts, err := runbook.ConnectWatch(settings.Config)
	if err != nil {
		return certificates.CouldNotLook, err
	}
	defer parts.Close()
	inventory := runbook.Sites(pool, settings.Config)
	keeper, err := runbook.NewKeeper(parts, settings.Config, inventory)
	if err != nil {
		return certificates.CouldNotLook, err
	}
	return certificates.Run(ctx, keeper.Sweeper, inventory, print)
}

// watching is what looks after certificates while the bot serves.
type watching struct {
	settings  certificates.Settings
	keeper    *certificates.Keeper
	watch     *certificates.Watch
	announcer *commands.CertificateAnnouncer
}

func newWatching(pool *pgxpool.Pool, parts *runbook.Parts, renderer *commands.Projector, settings *config.Config) (*watching, error) {
	w := &watching{settings: settings.Certificates}
	inventory := runbook.Sites(pool, settings.Config)
	var err error
	if w.keeper, err = runbook.NewKeeper(parts, settings.Config, inventory); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	w.announcer = commands.NewCertificateAnnouncer(renderer, settings.Certificates.Channel)
	w.watch = certificates.NewWatch(pool, w.keeper.Sweeper, inventory, w.announcer)
	return w, nil
}

// desk answers about certificates.
func (w *watching) desk(desk *commands.Handlers) *commands.CertificateHandlers {
	return commands.NewCertificateHandlers(desk, w.watch, w.keeper, w.settings.Channel)
}

// addJobs registers the watch's jobs and returns those that come by themselves.
func (w *watching) addJobs(workers *river.Workers) ([]*river.PeriodicJob, error) {
	w.announcer.AddWorkers(workers)
	if err := w.watch.AddWorkers(workers, w.settings); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	periodic, err := w.watch.PeriodicJobs(w.settings)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	return slices.Concat(periodic, w.announcer.PeriodicJobs()), nil
}
