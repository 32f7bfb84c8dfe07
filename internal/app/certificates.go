package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/ticker"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// InspectCertificates looks at every certificate once and prints a report. It returns the exit
// status of the subcommand certificates.
func InspectCertificates(ctx context.Context, settings *config.Config,
	print func(certificates.Report) error) (int, error) {
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
	digests   *ticker.Ticker
}

func (a *App) buildCertificates() (err error) {
	w := &certificateWatch{settings: a.settings.Certificates}
	inventory := runbook.Sites(a.pool, a.settings.Config)
	if w.planner, err = runbook.NewPlanner(a.parts, a.settings.Config, inventory); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	w.announcer = projection.NewCertificateAnnouncer(a.projector, a.settings.Certificates.Channel)
	w.watch = watch.New(a.pool, w.planner.Sweeper, inventory, w.announcer)
	if w.digests, err = w.watch.DigestTicker(w.settings, a.log); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	a.certificates = w
	return nil
}

// handlers answers about certificates.
func (w *certificateWatch) handlers(handlers *commands.Handlers) *commands.CertificateHandlers {
	return commands.NewCertificateHandlers(handlers,
		commands.CertificateDependencies{Watch: w.watch, Planner: w.planner, Channel: w.settings.Channel})
}

// addJobs registers the watch's jobs and returns the periodic ones.
func (w *certificateWatch) addJobs(workers *river.Workers) []*river.PeriodicJob {
	w.announcer.AddWorkers(workers)
	w.watch.AddWorkers(workers)
	return slices.Concat(w.watch.PeriodicJobs(w.settings), w.announcer.PeriodicJobs())
}
