package app

import (
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// isolationReports are the parts that report on isolation.
type isolationReports struct {
	store     *reports.Store
	news      *projection.IsolationAnnouncer
	scheduler *reports.Scheduler
	worker    *reports.Worker
	tenant    *reports.TenantCheck
}

func newIsolationReports(pool *pgxpool.Pool, outbox *outbox.Outbox, settings *config.Config, log *slog.Logger) (*isolationReports, error) {
	checker, err := isolation.New(settings.Isolation.Config(settings.Platform))
	if err != nil {
		return nil, fmt.Errorf("isolation: %w", err)
	}
	store, err := reports.NewStore(pool, log)
	if err != nil {
		return nil, err
	}
	news := projection.NewIsolationAnnouncer(outbox, store, settings.Commands)
	scheduler, err := reports.NewScheduler(store, settings.Isolation)
	if err != nil {
		return nil, err
	}
	turn := reports.NewTurn(pool)
	return &isolationReports{
		store:     store,
		news:      news,
		scheduler: scheduler,
		worker:    reports.NewWorker(store, turn, checker, news),
		tenant:    reports.NewTenantCheck(checker, turn),
	}, nil
}
