// Package app puts the product together: a configuration goes in, a bot that runs comes out. Each
// file wires one area. Only this package knows the bot and the runbook at once.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/engine"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// stopTimeout is how long a bot that is told to stop waits for steps in progress. A command that
// then still runs on a host goes on there, and the next replica finds what it did.
const stopTimeout = 20 * time.Second

// Run runs the bot until ctx ends, then lets work in progress finish.
func Run(ctx context.Context, settings *config.Config, log *slog.Logger) error {
	pool, err := OpenPool(ctx, settings.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrateTables(ctx, pool, settings.Database); err != nil {
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
	group, ctx := routine.WithContext(ctx)
	keep := func(run func(context.Context) error) {
		group.Go(func() error { return routine.Keep(ctx, run) })
	}
	keep(func(ctx context.Context) error { a.parts.Warm(ctx); return nil })
	keep(a.bot.Run)
	keep(func(ctx context.Context) error { a.engine.KeepTakingOver(ctx); return nil })
	keep(a.outbox.Run)
	keep(a.isolation.scheduler.Run)
	keep(a.certificates.digests.Run)
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
	people       *bot.Directory
	directory    *access.Directory
	engine       *engine.Engine
	service      *service.Service
	factor       onboarding.SecondFactor
	notifier     *projection.Notifier
	projector    *projection.Projector
	viewers      *home.Viewers
	home         *home.Tabs
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
	builds := []func() error{
		app.buildSlack, app.buildIsolation, app.buildOnboarding, app.buildCertificates, app.buildHandlers,
	}
	for _, build := range builds {
		if err := build(); err != nil {
			return nil, err
		}
	}
	return app, nil
}

// buildSlack makes what talks to Slack, and what knows who people are.
func (a *App) buildSlack() (err error) {
	if a.workspace, err = bot.NewWorkspace(a.log, a.settings.Slack); err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	if a.outbox, err = outbox.New(a.pool, a.workspace); err != nil {
		return err
	}
	settings := a.settings.Commands
	settings.Hosts = a.settings.Addressed()
	a.people = bot.NewDirectory(a.workspace)
	if a.factor, err = secondfactor.New(a.pool, a.settings.SecondFactor); err != nil {
		return err
	}
	if a.directory, err = access.NewDirectory(a.people, settings); err != nil {
		return fmt.Errorf("commands: %w", err)
	}
	a.notifier, err = projection.NewNotifier(a.pool, a.log)
	return err
}

// buildOnboarding makes the domain's engine and service with the runbook, and what shows runs in
// Slack.
func (a *App) buildOnboarding() (err error) {
	a.parts.Isolation = a.isolation.tenant
	book, err := runbook.New(a.parts, a.settings.Config)
	if err != nil {
		return err
	}
	policy := a.settings.Onboarding
	policy.Hosts = a.settings.Addressed()
	policy.Portals = []string{a.settings.Portal.URL, a.settings.Portal.ParentURL}
	policy.ReservedSlugs = append(slices.Clone(policy.ReservedSlugs), commands.Words()...)
	a.engine, err = engine.New(a.pool, engine.Dependencies{Runbook: book, Applier: book, Directory: a.directory,
		Notifier: a.notifier, Signer: a.factor}, policy, a.log)
	if err != nil {
		return fmt.Errorf("onboarding: %w", err)
	}
	a.service, err = service.New(a.pool, service.Dependencies{
		Runbook:    book,
		Directory:  a.directory,
		Platform:   a.parts.Platform,
		Repository: book,
		Notifier:   a.notifier,
		Engine:     a.engine,

		SecondFactor: a.factor,
	}, policy, a.log)
	if err != nil {
		return fmt.Errorf("onboarding: %w", err)
	}
	a.viewers = home.NewViewers(a.pool)
	a.projector = projection.New(projection.Dependencies{
		Pool:      a.pool,
		Records:   a.service.Records,
		Outbox:    a.outbox,
		Directory: a.directory,
		HomeTabs:  a.viewers,
		Renderer:  projection.NewRenderer(a.directory.Config(), &policy, runbook.Reasons()),

		RemindBefore: policy.RemindBefore,
	})
	return nil
}

// buildHandlers makes what answers people in Slack.
func (a *App) buildHandlers() (err error) {
	settings := a.directory.Config()
	gate := access.NewGate(a.workspace, a.service, settings)
	a.home = home.New(home.Dependencies{
		Service:   a.service,
		Risks:     a.isolation.risks,
		Workspace: a.workspace,
		Outbox:    a.outbox,
		Gate:      gate,
		Viewers:   a.viewers,
		Reports:   home.Reports{Certificates: a.certificates.watch, Isolation: a.isolation.announcer},
		Renderer:  a.projector.Renderer,
		Log:       a.log.With("part", "commands"),
	})
	a.handlers = commands.New(commands.Dependencies{
		Pool:      a.pool,
		Service:   a.service,
		Workspace: a.workspace,
		Outbox:    a.outbox,
		People:    a.people,
		Signer:    a.factor,
		Gate:      gate,
		Home:      a.home,
		Renderer:  a.projector.Renderer,
		Config:    settings,
		Log:       a.log,
	})
	a.router = bot.NewRouter()
	a.handlers.Register(a.router)
	commands.NewIsolationHandlers(a.handlers, a.isolation.store, a.isolation.risks).Register(a.router)
	a.certificates.handlers(a.handlers).Register(a.router)
	a.bot = bot.New(a.pool, a.workspace, a.router, a.replica)
	return nil
}
