package app

import (
	"fmt"

	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// isolationReports are the parts that report on isolation.
type isolationReports struct {
	store     *reports.Store
	announcer *projection.IsolationAnnouncer
	scheduler *reports.Scheduler
	worker    *reports.Worker
	tenant    *reports.TenantCheck
	risks     *service.Risks
}

func (a *App) buildIsolation() error {
	proof, err := isolation.New(a.settings.Isolation.Config(a.settings.Platform))
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
	risks := service.NewRisks(a.pool, service.RiskDependencies{Directory: a.directory, SecondFactor: a.factor,
		Notifier: a.notifier, Log: a.log.With("part", "isolation")}, a.settings.Onboarding)
	checker, turn := reports.Accepting(proof, risks), reports.NewTurn(a.pool)
	a.isolation = &isolationReports{
		store:     store,
		announcer: announcer,
		scheduler: scheduler,
		worker:    reports.NewWorker(store, turn, checker, announcer),
		tenant:    reports.NewTenantCheck(checker, turn),
		risks:     risks,
	}
	return nil
}
