package app

import (
	"fmt"

	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// isolationReports are the parts that report on isolation.
type isolationReports struct {
	store     *reports.Store
	announcer *projection.IsolationAnnouncer
	scheduler *reports.Scheduler
	worker    *reports.Worker
	tenant    *reports.TenantCheck
}

func (a *App) buildIsolation() error {
	checker, err := isolation.New(a.settings.Isolation.Config(a.settings.Platform))
	if err != nil {
		return fmt.Errorf("isolation: %w", err)
	}
	store, err := reports.NewStore(a.pool, a.log)
	if err != nil {
		return err
	}
	scheduler, err := reports.NewScheduler(store, a.settings.Isolation)
	if err != nil {
		return err
	}
	announcer := projection.NewIsolationAnnouncer(a.outbox, store, a.settings.Commands)
	turn := reports.NewTurn(a.pool)
	a.isolation = &isolationReports{
		store:     store,
		announcer: announcer,
		scheduler: scheduler,
		worker:    reports.NewWorker(store, turn, checker, announcer),
		tenant:    reports.NewTenantCheck(checker, turn),
	}
	return nil
}
