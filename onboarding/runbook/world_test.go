package runbook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	sandboxplatform "github.com/atlilith/onboardbot/internal/sandbox/platform"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

func TestMain(m *testing.M) { os.Exit(namespace.Main(m)) }

// fixture is a runbook over a sandbox. Steps are applied as the engine does, but without
// approvals.
type fixture struct {
	t testing.TB
	*sandbox.World
	*connected
	config settings.Config
}

// connected is the runbook of a fixture with its parts; a test may replace it.
type connected struct {
	parts   *runbook.Parts
	runbook *runbook.Runbook
}

func newFixture(t testing.TB, configure func(*settings.Config)) *fixture {
	t.Helper()
	return newFixtureOn(t, sandbox.Config{Quick: true}, configure)
}

func newFixtureOn(t testing.TB, config sandbox.Config, configure func(*settings.Config)) *fixture {
	t.Helper()
	world := sandbox.New(t, config)
	dir := world.Dir
	vps := world.VPS[0]
	fixture := &fixture{t: t, World: world, connected: &connected{}, config: settings.Config{
		Platform: platform.Config{
			DatabaseURL: secret.New(world.PlatformDSN()),
			AppRole:     sandboxplatform.App,
			Identity:    platform.IdentityQuery{Query: sandboxplatform.IdentityQuery, Value: sandboxplatform.Identity},
			Switcher:    "SELECT slug FROM org_people($1)",
		},
		Hosts: map[string]settings.Host{
			"apricot": {Config: hosts.Config{SSH: sandbox.Apricot, SSHConfig: world.SSH.Config,
				ControlDir: filepath.Join(dir, "ssh-control"), LockDir: dir}},
			"vps-0": {Config: hosts.Config{SSH: sandbox.QuinnVPS, SSHConfig: world.SSH.Config,
				ControlDir: filepath.Join(dir, "ssh-control")},
				IPv4: vps.Host.Address, IPv6: vps.IPv6},
		},
		Repository: settings.Repository{Host: "apricot",
			Config: repo.Config{Dir: "~/Code/@projects/@atlilith/@platform", Remote: "origin",
				Author: "Onboarding <onboarding@example.com>"}},
		DNS: settings.DNS{Provider: settings.RFC2136, TTL: 60,
			Updates: dns.RFC2136Config{Server: namespace.Resolver, Key: world.DNS.Key.Name,
				SecretFile: world.DNS.Key.SecretFile}},
		Probe: probe.Config{RootsFiles: []string{world.Roots}},
	}}
	for _, more := range world.VPS[1:] {
		fixture.config.Hosts[more.Name] = settings.Host{Config: hosts.Config{SSH: more.Host.Alias,
			SSHConfig: world.SSH.Config, ControlDir: filepath.Join(dir, "ssh-control")},
			IPv4: more.Host.Address, IPv6: more.IPv6}
	}
	fixture.config.VPS = "vps-0"
	if configure != nil {
		configure(&fixture.config)
	}
	fixture.connect()
	t.Cleanup(func() { fixture.parts.Close() })
	return fixture
}

// connect makes the runbook and its parts. No tenant reaches another.
func (w *fixture) connect() {
	w.t.Helper()
	var err error
	if w.parts, err = runbook.Connect(w.config); err != nil {
		w.t.Fatal(err)
	}
	w.parts.Isolation = new(proof)
	w.runbook = newRunbook(w.t, w)
}

// in returns the same fixture for a subtest.
func (w *fixture) in(t testing.TB) *fixture {
	same := *w
	same.t = t
	return &same
}

func (w *fixture) newRun(request onboarding.Request) *onboarding.Run {
	run := &onboarding.Run{ID: uuid.New(), Request: request,
		Requester: onboarding.Operator{ID: "U1", Name: "Ada\n<x>"}, State: onboarding.RunActive,
		TenantID: uuid.New(), Facts: onboarding.Facts{}, Created: time.Now()}
	for _, definition := range w.runbook.Steps(request) {
		run.Steps = append(run.Steps, onboarding.Step{Definition: definition, State: onboarding.StepPending})
	}
	return run
}

func (w *fixture) observe(run *onboarding.Run, key onboarding.Key) onboarding.Observation {
	w.t.Helper()
	observed, err := w.runbook.Observe(w.t.Context(), run, key)
	if err != nil {
		w.t.Fatalf("%s: %v", key, err)
	}
	for name, fact := range observed.Facts {
		run.Facts[name] = fact
	}
	return observed
}

// conflict returns what is in the way of a step.
func (w *fixture) conflict(run *onboarding.Run, key onboarding.Key) string {
	w.t.Helper()
	observed, err := w.runbook.Observe(w.t.Context(), run, key)
	conflict, ok := errors.AsType[*onboarding.ConflictError](err)
	if !ok {
		w.t.Fatalf("%s is no conflict: %v, %+v", key, err, observed)
	}
	if conflict.Fix == "" {
		w.t.Errorf("%s: a conflict without a fix: %v", key, conflict)
	}
	return conflict.Error()
}

func (w *fixture) apply(run *onboarding.Run, key onboarding.Key, change onboarding.Change) error {
	w.t.Helper()
	digest, err := change.Digest()
	if err != nil {
		w.t.Fatal(err)
	}
	run.Step(key).State = onboarding.StepApplying
	grant := onboarding.Authorization{Run: run, Step: key, Approval: uuid.NewString(), Digest: digest,
		Approvers: []onboarding.Operator{{ID: "U2", Name: "Bob"}}}
	// As the engine's gate does: the whole change is judged first, and after an item failed only
	// commands that always run are applied.
	for _, item := range change.Items {
		if err := w.runbook.Authorize(grant, item); err != nil {
			return err
		}
	}
	var failed error
	for _, item := range change.Items {
		if failed == nil || item.Command != nil && item.Command.Always {
			failed = errors.Join(failed, w.runbook.ApplyItem(w.t.Context(), grant, item, &log{t: w.t}))
		}
	}
	return failed
}

// do completes a step and returns the change that was applied, empty if nothing was left to do.
func (w *fixture) do(run *onboarding.Run, key onboarding.Key) onboarding.Change {
	w.t.Helper()
	observed := w.observe(run, key)
	change := observed.Change
	if !change.Empty() {
		if err := w.apply(run, key, change); err != nil {
			w.t.Fatalf("%s: %v", key, err)
		}
	}
	for deadline := time.Now().Add(15 * time.Second); ; {
		if observed = w.observe(run, key); observed.Change.Empty() && observed.Waiting == "" ||
			time.Now().After(deadline) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.checkDone(key, observed)
	run.Step(key).State = onboarding.StepDone
	return change
}

func (w *fixture) checkDone(key onboarding.Key, observed onboarding.Observation) {
	w.t.Helper()
	if !observed.Change.Empty() || observed.Waiting != "" || observed.Later != "" {
		text, err := json.MarshalIndent(observed, "", "\t")
		w.t.Fatalf("%s is not done: %s %v", key, text, err)
	}
	for _, finding := range observed.Findings {
		if finding.Level == onboarding.Failed {
			w.t.Errorf("%s: %s: %s", key, finding.Name, finding.Detail)
		}
	}
}

// doUpTo completes every step of a run that comes before one.
func (w *fixture) doUpTo(run *onboarding.Run, key onboarding.Key) {
	w.t.Helper()
	for i := range run.Steps {
		if run.Steps[i].Key == key {
			return
		}
		if run.Steps[i].State != onboarding.StepDone {
			w.do(run, run.Steps[i].Key)
		}
	}
}

func (w *fixture) vps(script string) string {
	w.t.Helper()
	out, err := w.VPS[0].Shell(w.t.Context(), script)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out)
}

// reload lets nginx read its configuration and waits until no old worker answers any more.
func (w *fixture) reload() {
	w.t.Helper()
	w.vps(w.VPS[0].Path("bin/nginx-ctl") + " -s reload")
}

func (w *fixture) git(args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "git", append([]string{"-C", w.Repo.Repo}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// sql runs statements on the platform's database as its superuser.
func (w *fixture) sql(statements string) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.AdminDSN())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(w.t.Context()))
	if _, err := conn.Exec(w.t.Context(), statements); err != nil {
		w.t.Fatal(err)
	}
}

// log keeps what a step says while it is applied.
type log struct {
	t     testing.TB
	mu    sync.Mutex
	lines []string
}

func (l *log) Line(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, text)
	if l.t != nil {
		l.t.Log(text)
	}
}

func merche(domains ...string) onboarding.Request {
	request := onboarding.Request{Slug: "merche-biche", DisplayName: "Merche & Biche", Email: "merche@example.com",
		Mode: onboarding.ModePerson}
	for _, domain := range domains {
		request.Domains = append(request.Domains, onboarding.Domain{Name: domain})
	}
	return request
}

func key(kind, domain string) onboarding.Key {
	return onboarding.Key(fmt.Sprintf("%s/%s", kind, domain))
}

// newRunbook is another runbook over the same parts, by the configuration as it is now.
func newRunbook(t testing.TB, w *fixture) *runbook.Runbook {
	t.Helper()
	runbook, err := runbook.New(w.parts, w.config)
	if err != nil {
		t.Fatal(err)
	}
	return runbook
}
