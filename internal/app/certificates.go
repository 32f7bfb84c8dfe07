package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// InspectCertificates looks at every certificate once and prints a report. It returns the exit status of the subcommand certificates.
func InspectCertificates(ctx context.Context, settings *config.Config, print func(certificates.Report) error) (int, error) {
	pool, err := OpenPool(ctx, settings.Database)
	if err != nil {
		return certificates.ExitUnchecked, err
	}
	defer pool.Close()
	parts, err := runbook.ConnectWatch(settings.Config)
	if err != nil {
		return certificates.ExitUnchecked, err
	}
	defer parts.Close()
	inventory := runbook.Sites(pool, settings.Config)
	planner, err := runbook.NewPlanner(parts, settings.Config, inventory)
	if err != nil {
		return certificates.ExitUnchecked, err
	}
	return sweep.Run(ctx, planner.Sweeper, inventory, print)
}

// certificateWatch watches certificates while the bot runs.
type certificateWatch struct {
	settings  certificates.Settings
	planner   *renewal.Planner
	watch     *watch.Watch
	announcer *projection.CertificateAnnouncer
}

func newCertificateWatch(pool *pgxpool.Pool, parts *runbook.Parts, projector *projection.Projector, settings *config.Config) (*certificateWatch, error) {
	w := &certificateWatch{settings: settings.Certificates}
	inventory := runbook.Sites(pool, settings.Config)
	var err error
	if w.planner, err = runbook.NewPlanner(parts, settings.Config, inventory); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	w.announcer = projection.NewCertificateAnnouncer(projector, settings.Certificates.Channel)
	w.watch = watch.New(pool, w.planner.Sweeper, inventory, w.announcer)
	return w, nil
}

// handlers answers about certificates.
func (w *certificateWatch) handlers(handlers *commands.Handlers) *commands.CertificateHandlers {
	return commands.NewCertificateHandlers(handlers, commands.CertificateDependencies{Watch: w.watch, Planner: w.planner, Channel: w.settings.Channel})
}

// addJobs registers the watch's jobs and returns those that come by themselves.
func (w *certificateWatch) addJobs(workers *river.Workers) ([]*river.PeriodicJob, error) {
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
