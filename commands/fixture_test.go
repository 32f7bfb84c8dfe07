package commands_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/projection"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/engine"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// waitTimeout is how long a test waits for what must come.
const waitTimeout = 20 * time.Second

// botFixture is the bot in a simulated workspace, with a database of its own.
type botFixture struct {
	*workspace.Workspace
	t         testing.TB
	platform  *fakePlatform
	service   *service.Service
	risks     *service.Risks
	announcer *projection.IsolationAnnouncer
	notifier  *projection.Notifier
	projector *projection.Projector
	tabs      *home.Tabs
	jobs      *river.Client[pgx.Tx]
	workers   *river.Workers
	outbox    *outbox.Outbox
	pool      *pgxpool.Pool
	// dsn is the bot's database.
	dsn string
	// made is what each start of the bot uses, and stop ends the bot.
	made    made
	stop    func()
	ana, bo *workspace.Person
	cleo    *workspace.Person
}

// newFixture starts a bot. Ana and Bo operate and approve through the group; Cleo only approves.
func newFixture(t testing.TB, change ...func(*workspace.Config, *onboarding.Policy, *access.Config)) *botFixture {
	t.Helper()
	return newFixtureOf(t, size{runs: 10, connections: 25}, change...)
}

// size is how many runs a bot advances at once, and over how many connections it does everything.
type size struct {
	runs        int
	connections int32
	// acceptChanged is that of the bot's configuration.
	acceptChanged bool
	// key is that of second_factor, in base64.
	key string
	// callTimeout is how long the bot waits for Slack, 0 for its default.
	callTimeout time.Duration
}

// made is what a bot is made of.
type made struct {
	// t is the test that the bot ends with.
	t      testing.TB
	size   size
	apiURL string
	domain onboarding.Policy
	config access.Config
	logger *slog.Logger
	log    *lockedBuffer
	// statements are those of its handlers.
	statements *handled
}

// newFixtureOf is [newFixture] for a bot of some size.
func newFixtureOf(t testing.TB, size size,
	change ...func(*workspace.Config, *onboarding.Policy, *access.Config)) *botFixture {
	t.Helper()
	slackConfig := workspace.Sample()
	slackConfig.Rates.Off = true
	domainConfig := onboarding.Policy{ReservedSlugs: commands.Words(), Hosts: []string{"vps-0", "vps-1"},
		Settle: 100 * time.Millisecond}
	config := access.Config{Channels: []string{workspace.OpsChannel}, Operators: []string{workspace.OpsGroup},
		Approvers: []string{workspace.OpsGroup, workspace.Cleo},
		Hosts:     []string{"vps-0", "vps-1"}}
	for _, each := range change {
		each(&slackConfig, &domainConfig, &config)
	}
	sim, err := workspace.New(slackConfig)
	must(t, err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		sim.Close()
		server.CloseClientConnections()
		server.Close()
	})
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("log:\n" + log.String())
		}
	})
	r := &botFixture{Workspace: sim, t: t, platform: newFakePlatform(),
		made: made{t: t, size: size, apiURL: server.URL + "/api/", domain: domainConfig, config: config, logger: logger,
			log: log, statements: &handled{}},
		ana: workspace.As(sim, workspace.Ana), bo: workspace.As(sim, workspace.Bo),
		cleo: workspace.As(sim, workspace.Cleo)}
	r.start(postgres.Filled(t, "bot", r.migrate))
	return r
}

// migrate creates the bot's tables in a database.
func (r *botFixture) migrate(dsn string) error {
	pool := connect(r.t, dsn, r.made.size.connections, nil)
	defer pool.Close()
	return store.Migrate(r.t.Context(), pool, "onboarding", outbox.Migrations(), home.Migrations(), reports.Tables())
}

// start starts the bot on a database with its tables, until the test ends or stop is called.
func (r *botFixture) start(dsn string) {
	t, size, domainConfig, logger := r.made.t, r.made.size, r.made.domain, r.made.logger
	t.Helper()
	pool := connect(t, dsn, size.connections, r.made.statements)
	slackWorkspace, err := bot.NewWorkspace(logger, bot.Config{BotToken: secret.New(workspace.SampleBotToken),
		AppToken: secret.New(workspace.SampleAppToken),
		APIURL:   r.made.apiURL, UpdateEvery: 20 * time.Millisecond, AcceptChanged: size.acceptChanged,
		CallTimeout: size.callTimeout})
	must(t, err)
	messages, err := outbox.New(pool, slackWorkspace)
	must(t, err)
	people := bot.NewDirectory(slackWorkspace)
	directory, err := access.NewDirectory(people, r.made.config)
	must(t, err)
	notifier, err := projection.NewNotifier(pool, logger)
	must(t, err)
	r.outbox, r.pool, r.dsn, r.notifier = messages, pool, dsn, notifier
	factor, err := secondfactor.New(pool, secondfactor.Config{Key: secret.New(r.made.size.key)})
	must(t, err)
	advances, err := engine.New(pool, engine.Dependencies{Runbook: r.platform, Applier: r.platform,
		Directory: directory, Notifier: notifier, Signer: factor}, domainConfig, logger)
	must(t, err)
	r.service, err = service.New(pool, service.Dependencies{Runbook: r.platform, Directory: directory,
		Platform: r.platform, Repository: r.platform,
		Notifier: notifier, Engine: advances, SecondFactor: factor}, domainConfig, logger)
	must(t, err)
	records, err := reports.NewStore(pool, logger)
	must(t, err)
	r.announcer = projection.NewIsolationAnnouncer(messages, records, directory.Config())
	r.risks = service.NewRisks(pool, service.RiskDependencies{Directory: directory, SecondFactor: factor,
		Notifier: notifier, Log: logger}, domainConfig)
	viewers := home.NewViewers(pool)
	gate := access.NewGate(slackWorkspace, r.service, directory.Config())
	renderer := projection.NewRenderer(directory.Config(), &domainConfig, nil)
	r.projector = projection.New(projection.Dependencies{Pool: pool, Records: r.service.Records, Outbox: messages,
		Directory: directory, HomeTabs: viewers, Renderer: renderer, RemindBefore: domainConfig.RemindBefore})
	tabs := home.New(home.Dependencies{Service: r.service, Risks: r.risks, Workspace: slackWorkspace,
		Outbox: messages, Gate: gate, Viewers: viewers,
		Reports: home.Reports{Certificates: noReports{}, Isolation: noReports{}}, Renderer: renderer, Log: logger})
	r.tabs = tabs
	handlers := commands.New(commands.Dependencies{Pool: pool, Service: r.service, Workspace: slackWorkspace,
		Outbox: messages, People: people, Signer: factor, Gate: gate, Home: tabs,
		Renderer: renderer, Config: directory.Config(), Log: logger})
	router := bot.NewRouter()
	handlers.Register(router)
	// For presses that are refused.
	commands.NewCertificateHandlers(handlers, commands.CertificateDependencies{}).Register(router)
	commands.NewIsolationHandlers(handlers, records, r.risks).Register(router)
	replica := liveness.New(pool, logger)
	must(t, replica.Join(t.Context()))
	slackBot := bot.New(pool, slackWorkspace, router, replica)
	workers := river.NewWorkers()
	messages.AddWorkers(workers)
	r.projector.AddWorkers(workers)
	tabs.AddWorkers(workers)
	advances.AddWorkers(workers)
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Workers: workers, Logger: logger, TestOnly: true,
		JobTimeout:    45 * time.Minute,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
		Queues: map[string]river.QueueConfig{outbox.Queue: {MaxWorkers: 8}, engine.Queue: {MaxWorkers: size.runs},
			river.QueueDefault: {MaxWorkers: 4}}})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	must(t, jobs.Start(ctx))
	r.jobs, r.workers = jobs, workers
	var running sync.WaitGroup
	running.Go(func() { _ = messages.Run(ctx) })
	running.Go(func() { _ = slackBot.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		ending, cancel := context.WithTimeout(context.Background(), waitTimeout)
		defer cancel()
		_ = jobs.StopAndCancel(ending)
		stop()
		running.Wait()
		handlers.Drain(ending)
		replica.Leave()
		pool.Close()
	})
	t.Cleanup(r.stop)
	for deadline := time.Now().Add(waitTimeout); slackBot.Connected() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the bot did not connect")
		}
	}
}

// noReports is a bot that watches neither certificates nor isolation.
type noReports struct{}

func (noReports) NotAfter(context.Context) (map[string]time.Time, error) { return nil, nil }

func (noReports) LastReport(context.Context) (*render.IsolationReport, error) { return nil, nil }

func connect(t testing.TB, dsn string, connections int32, tracer pgx.QueryTracer) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	must(t, err)
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	config.MaxConns, config.ConnConfig.Tracer = connections, tracer
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	must(t, err)
	return pool
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// forget forgets what was logged.
func (b *lockedBuffer) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Buffer = bytes.Buffer{}
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func (r *botFixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), waitTimeout)
	r.t.Cleanup(cancel)
	return ctx
}

// say types behind the command and returns what the person reads at once, empty if it is nothing.
func (r *botFixture) say(who *workspace.Person, channel, text string) string {
	r.t.Helper()
	out, err := who.Type(r.ctx(), channel, strings.TrimSpace("/onboard "+text))
	must(r.t, err)
	if out.Error != "" {
		r.t.Fatalf("/onboard %s: Slack says %s", text, out.Error)
	}
	if out.Message == nil {
		return ""
	}
	return out.Message.Render(200, r.names())
}

func (r *botFixture) names() map[string]string {
	screen, err := r.ana.Screen(r.ctx())
	must(r.t, err)
	return screen.Names
}

// open types a slug and returns the form.
func (r *botFixture) open(who *workspace.Person, text string) *workspace.Form {
	r.t.Helper()
	if answer := r.say(who, "ops", text); answer != "" {
		r.t.Fatalf("/onboard %s: %s", text, answer)
	}
	form, err := who.Modal(r.ctx())
	must(r.t, err)
	return form
}

// fill enters what a Provider needs beyond the slug.
func (r *botFixture) fill(form *workspace.Form, name, email string) {
	r.t.Helper()
	_, err := form.Fill(r.ctx(), "Display name", name)
	must(r.t, err)
	_, err = form.Fill(r.ctx(), "Email", email)
	must(r.t, err)
}

// submit sends a form and returns what came of it, in time or late.
func (r *botFixture) submit(form *workspace.Form) workspace.Outcome {
	r.t.Helper()
	out, err := form.Submit(r.ctx())
	must(r.t, err)
	if out.Modal == nil || !strings.Contains(out.Modal.Render(80, nil), takesLonger) {
		return out
	}
	ended, err := form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return !strings.Contains(m.Render(80, nil), takesLonger) })
	must(r.t, err)
	if text := ended.Render(80, nil); strings.Contains(text, "Done.") || strings.Contains(text, "has started") {
		out, err = form.Cancel(r.ctx())
		must(r.t, err)
		return out
	}
	return workspace.Outcome{Modal: &ended}
}

// wrong sends a form in which something is wrong and closes it. It returns what the person read:
// at the inputs or, from a bot on a slow machine, in the place of the form.
func (r *botFixture) wrong(form *workspace.Form) string {
	r.t.Helper()
	out := r.submit(form)
	said := strings.Join(slices.Sorted(maps.Values(out.Errors)), "\n")
	if out.Modal != nil {
		said = out.Modal.Render(200, nil)
	}
	if out.Closed || said == "" {
		r.t.Fatalf("nothing is wrong: %+v", out)
	}
	_, err := form.Dismiss(r.ctx())
	must(r.t, err)
	return said
}

// takesLonger is in the view that takes the place of a form whose answer is late.
const takesLonger = "longer than usual"

// begin onboards a Person and waits for the run's root message.
func (r *botFixture) begin(slug string) workspace.Message {
	r.t.Helper()
	form := r.open(r.ana, slug)
	r.fill(form, "Merche Biche", slug+"@example.com")
	if out := r.submit(form); !out.Closed {
		r.t.Fatalf("the form of %s stays open: %+v", slug, out)
	}
	return r.read(r.ana, "Onboarding Merche Biche", slug)
}

// read waits for a message in the channel that holds all the words.
func (r *botFixture) read(who *workspace.Person, words ...string) workspace.Message {
	r.t.Helper()
	message, err := who.WaitText(r.ctx(), "ops", words...)
	must(r.t, err)
	return message
}

func (r *botFixture) press(who *workspace.Person, message workspace.Message, button string) workspace.Outcome {
	r.t.Helper()
	out, err := who.Press(r.ctx(), message, button)
	must(r.t, err)
	if out.Error != "" {
		r.t.Fatalf("pressing %s: Slack says %s", button, out.Error)
	}
	return out
}

// readPrivate waits for a private message that holds all the words.
func (r *botFixture) readPrivate(who *workspace.Person, words ...string) workspace.Message {
	r.t.Helper()
	names := r.names()
	message, err := who.WaitMessage(r.ctx(), "ops", func(m workspace.Message) bool {
		text := m.Render(200, names)
		for _, word := range words {
			if !strings.Contains(text, word) {
				return false
			}
		}
		return m.Ephemeral
	})
	must(r.t, err)
	return message
}

// run returns the newest run of a slug.
func (r *botFixture) run(slug string) *onboarding.View {
	r.t.Helper()
	run, err := r.service.Records.Latest(r.t.Context(), slug)
	must(r.t, err)
	view, err := r.service.Records.View(r.t.Context(), run.ID)
	must(r.t, err)
	return view
}

// noRefusals fails if Slack refused a call, or would have dropped something silently.
func (r *botFixture) noRefusals() {
	r.t.Helper()
	events, err := r.Transcript(r.t.Context(), 0)
	must(r.t, err)
	for _, event := range events {
		if event.Kind == workspace.KindTrouble || event.Kind == workspace.KindAPI && event.Error != "" {
			r.t.Errorf("%s %s: %s %s", event.Kind, event.Name, event.Detail, event.Error)
		}
	}
}
