package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/health"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// stopTimeout is how long a bot that is told to stop waits for steps under way. What a host runs then goes on by itself, and
// the next replica finds it there.
const stopTimeout = 20 * time.Second

func serveCommand(ctx context.Context, _ io.Writer, args []string) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	settings, code, ok := parse(flags, args, config.Everything...)
	if !ok {
		return code
	}
	log := logger(settings.Log)
	slog.SetDefault(log)
	if err := serve(ctx, settings, log); err != nil {
		log.Error("the bot ended", "error", err)
		return exitFailed
	}
	return exitOK
}

// serve runs the bot until ctx ends, then lets what is under way finish.
func serve(ctx context.Context, settings *config.Config, log *slog.Logger) error {
	pool, err := own(ctx, settings.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := onboarding.Migrate(ctx, pool, settings.Database.Schema, tables()...); err != nil {
		return err
	}
	parts, err := runbook.Connect(settings.Config)
	if err != nil {
		return err
	}
	defer parts.Close()
	parts.Assets = onboarding.NewAssets(pool)
	house, err := build(pool, parts, settings, log)
	if err != nil {
		return err
	}
	jobs, err := house.jobs(pool, log)
	if err != nil {
		return err
	}
	lease, err := house.service.Lease(ctx, jobs.ID())
	if err != nil {
		return err
	}
	defer lease.Release()
	if err := jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { parts.Warm(ctx); return nil })
	group.Go(func() error { return house.bot.Run(ctx) })
	group.Go(func() error { lease.Keep(ctx); return nil })
	group.Go(func() error { return house.outbox.Run(ctx) })
	group.Go(func() error { return house.proofs.watch.Run(ctx) })
	group.Go(func() error { return house.http(ctx, pool, settings.HTTP, log) })
	err = group.Wait()
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout+5*time.Second)
	defer cancel()
	house.desk.Drain(stopping)
	return errors.Join(err, jobs.Stop(stopping))
}

// tables are those of the bot's own schema that the domain does not know of.
func tables() []migrate.Set {
	return []migrate.Set{bot.Migrations(), reports.Tables(), certificates.Tables(), commands.Migrations()}
}

// own connects to the bot's own database, every connection with the bot's schema as its search path.
func own(ctx context.Context, settings config.Database) (*pgxpool.Pool, error) {
	parsed, err := pgxpool.ParseConfig(settings.URL.Reveal())
	if err != nil {
		return nil, errors.New("database.url is not a connection string")
	}
	parsed.MaxConns = settings.Connections
	parsed.ConnConfig.RuntimeParams["search_path"] = settings.Schema
	parsed.ConnConfig.RuntimeParams["application_name"] = "onboardbot"
	pool, err := pgxpool.NewWithConfig(ctx, parsed)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return pool, nil
}

// house is the product put together.
type house struct {
	settings  *config.Config
	workspace *bot.Workspace
	outbox    *bot.Outbox
	service   *onboarding.Service
	renderer  *commands.Projector
	desk      *commands.Handlers
	proofs    *proofs
	watching  *watching
	router    *bot.Router
	bot       *bot.Bot
}

func build(pool *pgxpool.Pool, parts *runbook.Parts, settings *config.Config, log *slog.Logger) (*house, error) {
	h := &house{settings: settings}
	var err error
	if h.workspace, err = bot.NewWorkspace(log, settings.Slack); err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	if h.outbox, err = bot.NewOutbox(pool, h.workspace); err != nil {
		return nil, err
	}
	spoken := settings.Commands
	spoken.Hosts = settings.Addressed()
	directory, err := commands.NewDirectory(bot.NewDirectory(h.workspace), spoken)
	if err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	audience, err := commands.NewNotifier(pool, log)
	if err != nil {
		return nil, err
	}
	if h.proofs, err = newProofs(pool, h.outbox, settings, log); err != nil {
		return nil, err
	}
	parts.Isolation = h.proofs.tenant
	runbook, err := runbook.New(parts, settings.Config)
	if err != nil {
		return nil, err
	}
	ports := onboarding.Dependencies{Runbook: runbook, Directory: directory, Platform: parts.Platform, Repository: runbook, Audience: audience}
	policy := settings.Onboarding
	policy.Hosts = settings.Addressed()
	policy.ReservedSlugs = append(slices.Clone(policy.ReservedSlugs), commands.Words()...)
	if h.service, err = onboarding.New(pool, ports, policy, log); err != nil {
		return nil, fmt.Errorf("onboarding: %w", err)
	}
	if h.renderer, err = commands.NewProjector(pool, h.service, h.outbox, directory); err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	reports := commands.NoReports
	reports.Isolation = h.proofs.news
	if h.watching, err = newWatching(pool, parts, h.renderer, settings); err != nil {
		return nil, err
	}
	reports.Certificates = h.watching.watch
	if h.desk, err = commands.New(h.renderer, h.workspace, reports, log); err != nil {
		return nil, fmt.Errorf("commands: %w", err)
	}
	h.router = bot.NewRouter()
	h.desk.Register(h.router)
	commands.NewIsolationHandlers(h.desk, h.proofs.book).Register(h.router)
	h.watching.desk(h.desk).Register(h.router)
	if h.bot, err = bot.New(pool, h.workspace, h.router); err != nil {
		return nil, err
	}
	return h, nil
}

// jobs is the River client that works for every room.
func (h *house) jobs(pool *pgxpool.Pool, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	h.service.AddWorkers(workers)
	h.outbox.AddWorkers(workers)
	h.desk.AddWorkers(workers)
	h.proofs.watch.AddWorkers(workers)
	periodic, err := h.watching.addJobs(workers)
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			onboarding.Queue:   {MaxWorkers: h.settings.Database.Runs},
			bot.Queue:          {MaxWorkers: 8},
			reports.Queue:      {MaxWorkers: 1},
			river.QueueDefault: {MaxWorkers: 4},
		},
		PeriodicJobs: slices.Concat(h.outbox.PeriodicJobs(), periodic),
		// People wait for most of these jobs: River's 100 ms between fetches would be felt at every step.
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 500 * time.Millisecond,
		JobTimeout:        onboarding.JobTimeout,
		SoftStopTimeout:   stopTimeout,
		Logger:            log.With("part", "jobs"),
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return client, nil
}

// http answers about the bot until ctx ends.
func (h *house) http(ctx context.Context, pool *pgxpool.Pool, settings config.HTTP, log *slog.Logger) error {
	if settings.Listen == config.Off {
		return nil
	}
	listener, err := net.Listen("tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(h.workspace.Metrics, h.service.Collector(), h.proofs.book.Collector(), h.watching.watch.Collector(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	handler := health.Handler(registry,
		health.Check{Name: "database", Ask: pool.Ping},
		health.Check{Name: "slack", Ask: func(context.Context) error {
			if h.bot.Connected() == 0 {
				return errors.New("no Socket Mode connection is up")
			}
			return nil
		}})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	log.Info("answering about the bot", "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
