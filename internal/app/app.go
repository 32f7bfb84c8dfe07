// Package app puts the product together: a configuration goes in, a bot that runs comes out. Each file wires one area. Only this
// package knows the bot and the runbook at once.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/onboarding/engine"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// stopTimeout is how long a bot that is told to stop waits for steps in progress. A command that then still runs on a host goes on
// there, and the next replica finds what it did.
const stopTimeout = 20 * time.Second

// Run runs the bot until ctx ends, then lets work in progress finish.
func Run(ctx context.Context, settings *config.Config, log *slog.Logger) error {
	pool, err := OpenPool(ctx, settings.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := store.Migrate(ctx, pool, settings.Database.Schema, Tables()...); err != nil {
		return err
	}
	parts, err := runbook.Connect(settings.Config)
	if err != nil {
		return err
	}
	defer parts.Close()
	parts.Assets = store.NewAssets(pool)
	app, err := New(pool, parts, settings, log)
	if err != nil {
		return err
	}
	return app.run(ctx)
}

func (a *App) run(ctx context.Context) error {
	jobs, err := a.newJobs()
	if err != nil {
		return err
	}
	if err := a.replica.Join(ctx); err != nil {
		return err
	}
	defer a.replica.Leave()
	if err := a.engine.TakeOver(ctx); err != nil {
		return err
	}
	if err := jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { a.parts.Warm(ctx); return nil })
	group.Go(func() error { return a.bot.Run(ctx) })
	group.Go(func() error { a.engine.KeepTakingOver(ctx); return nil })
	group.Go(func() error { return a.outbox.Run(ctx) })
	group.Go(func() error { return a.isolation.scheduler.Run(ctx) })
	group.Go(func() error { return a.serveHTTP(ctx) })
	err = group.Wait()
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout+5*time.Second)
	defer cancel()
	a.handlers.Drain(stopping)
	return errors.Join(err, jobs.Stop(stopping))
}

// App is the product put together.
type App struct {
	pool         *pgxpool.Pool
	parts        *runbook.Parts
	settings     *config.Config
	log          *slog.Logger
	workspace    *bot.Workspace
	outbox       *outbox.Outbox
	directory    *commands.Directory
	engine       *engine.Engine
	service      *service.Service
	projector    *commands.Projector
	handlers     *commands.Handlers
	isolation    *isolationReports
	certificates *certificateWatch
	replica      *liveness.Replica
	router       *bot.Router
	bot          *bot.Bot
}

// New puts the product together. It connects to nothing.
func New(pool *pgxpool.Pool, parts *runbook.Parts, settings *config.Config, log *slog.Logger) (*App, error) {
	app := &App{pool: pool, parts: parts, settings: settings, log: log, replica: liveness.New(pool, log)}
	for _, build := range []func() error{app.buildSlack, app.buildOnboarding, app.buildHandlers} {
		if err := build(); err != nil {
			return nil, err
		}
	}
	return app, nil
}

// buildSlack makes what talks to Slack.
func (a *App) buildSlack() (err error) {
	if a.workspace, err = bot.NewWorkspace(a.log, a.settings.Slack); err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	if a.outbox, err = outbox.New(a.pool, a.workspace); err != nil {
		return err
	}
	settings := a.settings.Commands
	settings.Hosts = a.settings.Addressed()
	if a.directory, err = commands.NewDirectory(bot.NewDirectory(a.workspace), settings); err != nil {
		return fmt.Errorf("commands: %w", err)
	}
	return nil
}

// buildOnboarding makes the domain's service with the runbook.
func (a *App) buildOnboarding() (err error) {
	notifier, err := commands.NewNotifier(a.pool, a.log)
	if err != nil {
		return err
	}
	if a.isolation, err = newIsolationReports(a.pool, a.outbox, a.settings, a.log); err != nil {
		return err
	}
	a.parts.Isolation = a.isolation.tenant
	book, err := runbook.New(a.parts, a.settings.Config)
	if err != nil {
		return err
	}
	policy := a.settings.Onboarding
	policy.Hosts = a.settings.Addressed()
	policy.ReservedSlugs = append(slices.Clone(policy.ReservedSlugs), commands.Words()...)
	a.engine, err = engine.New(a.pool, engine.Dependencies{Runbook: book, Applier: book, Notifier: notifier}, policy, a.log)
	if err != nil {
		return fmt.Errorf("onboarding: %w", err)
	}
	a.service, err = service.New(a.pool, service.Dependencies{
		Runbook:    book,
		Directory:  a.directory,
		Platform:   a.parts.Platform,
		Repository: book,
		Notifier:   notifier,
		Engine:     a.engine,
	}, policy, a.log)
	if err != nil {
		return fmt.Errorf("onboarding: %w", err)
	}
	return nil
}

// buildHandlers makes what answers people in Slack.
func (a *App) buildHandlers() (err error) {
	if a.projector, err = commands.NewProjector(a.pool, a.service, a.outbox, a.directory); err != nil {
		return fmt.Errorf("commands: %w", err)
	}
	if a.certificates, err = newCertificateWatch(a.pool, a.parts, a.projector, a.settings); err != nil {
		return err
	}
	reports := commands.NoReports
	reports.Isolation = a.isolation.news
	reports.Certificates = a.certificates.watch
	if a.handlers, err = commands.New(a.projector, a.workspace, reports, a.log); err != nil {
		return fmt.Errorf("commands: %w", err)
	}
	a.router = bot.NewRouter()
	a.handlers.Register(a.router)
	commands.NewIsolationHandlers(a.handlers, a.isolation.store).Register(a.router)
	a.certificates.desk(a.handlers).Register(a.router)
	a.bot = bot.New(a.pool, a.workspace, a.router, a.replica)
	return nil
}
