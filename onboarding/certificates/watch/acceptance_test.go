package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewalinfo"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

const (
	domain   = "merche-biche.com"
	lifetime = 64 * time.Second
)

// thread records reminders, as their thread in Slack would.
type thread struct {
	mu    sync.Mutex
	posts []certificates.Reminder
}

func (t *thread) Remind(_ context.Context, _ pgx.Tx, r certificates.Reminder) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.posts = append(t.posts, r)
	return nil
}

func (t *thread) Digest(context.Context, pgx.Tx, certificates.Digest) error { return nil }

// lines are the posts in short. They leave out reminders about certificates after the first, which
// also come on a busy machine.
func (t *thread) lines() []string {
	var lines []string
	for _, post := range t.posts {
		if post.Certificate != nil && post.Subject != t.posts[0].Subject {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s", post.Level, post.About))
	}
	return lines
}

// rig is a watch with one site of a world.
type rig struct {
	world   *sandbox.World
	host    *hosts.Host
	certbot certbot.Hosts
	names   *dns.Resolver
	prober  *probe.Prober
	watch   *Watch
	thread  *thread
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{world: sandbox.New(t, sandbox.Config{Quick: true, CertificateLifetime: lifetime}), thread: &thread{}}
	r.publish(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.host, err = hosts.New(hosts.Config{Name: sandbox.QuinnVPS, SSH: sandbox.QuinnVPS,
		ControlDir: r.world.Dir + "/mux"})
	must(err)
	t.Cleanup(func() { _ = r.host.Close() })
	r.certbot = certbot.Hosts{sandbox.QuinnVPS: r.host}
	r.names, err = dns.NewResolver(dns.ResolverConfig{})
	must(err)
	config := probe.Config{RootsFiles: []string{r.world.Roots}, Timeout: 5 * time.Second}
	r.prober, err = probe.New(config)
	must(err)
	roots, err := config.Roots()
	must(err)
	sweeper, err := sweep.New(sweep.Sources{
		Prober: r.prober, Names: r.names, Lineages: r.certbot, Windows: renewalinfo.New(roots),
	}, certificates.Config{
		// Longer than nginx takes to reload, while which the addresses may differ.
		Patience: 2 * time.Second,
		// Without the last sixteenth: on a busy machine four seconds may pass between two looks.
		Thresholds: certificates.Thresholds{Left: []float64{1.0 / 4, 1.0 / 8}},
	})
	must(err)
	pool, err := pgxpool.New(t.Context(), r.world.BotDSN())
	must(err)
	t.Cleanup(pool.Close)
	createTables(t, pool)
	r.watch = New(pool, sweeper, certificates.Fixed{{Domain: domain, Host: sandbox.QuinnVPS}}, r.thread)
	return r
}

// publish publishes the site's records with the product's own publisher.
func (r *rig) publish(t *testing.T) {
	t.Helper()
	key := r.world.DNS.Key
	publisher, err := dns.NewRFC2136(dns.RFC2136Config{Server: namespace.Resolver, Key: key.Name,
		Secret: secret.New(key.Secret)})
	if err != nil {
		t.Fatal(err)
	}
	var wanted []dns.Record
	for _, name := range []string{domain, "www." + domain} {
		for kind, value := range map[string]string{"A": r.world.VPS[0].Host.Address, "AAAA": r.world.VPS[0].IPv6} {
			record, err := dns.NewRecord(name, kind, 60, value)
			if err != nil {
				t.Fatal(err)
			}
			wanted = append(wanted, record)
		}
	}
	state, err := publisher.Observe(t.Context(), domain, dns.Questions(wanted))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := dns.Plan(wanted, state)
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Publish(t.Context(), domain, changes); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) shell(t *testing.T, script string) string {
	t.Helper()
	out, err := r.host.Output(t.Context(), hosts.Command{Argv: []string{"sh", "-ec", script + " 2>&1"}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// tick sweeps once and returns the site's report.
func (r *rig) tick(t *testing.T) certificates.SiteReport {
	t.Helper()
	report, err := r.watch.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report.Sites[0]
}

// until sweeps until the thread has a reminder about something.
func (r *rig) until(t *testing.T, about certificates.Threshold) certificates.SiteReport {
	t.Helper()
	deadline := time.Now().Add(2 * lifetime)
	for again := time.NewTicker(time.Second); time.Now().Before(deadline); <-again.C {
		site := r.tick(t)
		if slices.ContainsFunc(r.thread.posts, func(p certificates.Reminder) bool { return p.About == about }) {
			again.Stop()
			return site
		}
	}
	t.Fatalf("no %q in the thread: %q", about, r.thread.lines())
	return certificates.SiteReport{}
}

func TestCertificateGrowsOldAndIsRenewed(t *testing.T) {
	r := newRig(t)
	r.shell(t, `mkdir -p /var/www/merche-biche.com && cd /etc/nginx
cat >sites-available/merche-biche.com <<'END'
server {
	listen 80; listen [::]:80; server_name merche-biche.com www.merche-biche.com; root /var/www/merche-biche.com;
}
END
ln -s /etc/nginx/sites-available/merche-biche.com sites-enabled/ && nginx -s reload
certbot --nginx -d merche-biche.com -d www.merche-biche.com --non-interactive --agree-tos -m ops@example.com \
	--redirect`)
	site := r.tick(t)
	if site.Severity != certificates.Healthy || len(site.Faults) != 0 || len(site.Observations) != 4 ||
		len(site.Lineages) != 1 || len(site.Certificates) != 1 {
		t.Fatalf("fresh from certbot: %s, %+v", site.Severity, site)
	}
	first := site.Certificates[0]
	if len(r.thread.posts) != 0 {
		t.Errorf("too early: %q", r.thread.lines())
	}

	r.until(t, certificates.Expired)
	want := []string{"quiet overdue", "notice 1/4", "urgent 1/8", "urgent expired"}
	if diff := cmp.Diff(want, r.thread.lines()); diff != "" {
		t.Fatal(diff)
	}
	for _, post := range r.thread.posts {
		if post.Subject != first.Serial {
			t.Errorf("%s is about %s, want %s", post.About, post.Subject, first.Serial)
		}
		t.Log(post.Sentence)
	}

	renew, err := certbot.RenewCommand(site.Lineages[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.host.Run(t.Context(), renew, func(line hosts.Line) { t.Log(line.Text) }); err != nil {
		t.Fatal(err)
	}
	site = r.until(t, certificates.AllClear)
	if served, err := site.Served(); err != nil || site.Severity != certificates.Healthy ||
		served.Serial == first.Serial {
		t.Errorf("after the renewal: %s, %+v, %v", site.Severity, site.Faults, err)
	}
	t.Log(r.thread.posts[len(r.thread.posts)-1].Sentence)

	// A renewal with webroot, which does not reload nginx.
	r.shell(t, "certbot certonly --webroot -w /var/www/merche-biche.com --cert-name merche-biche.com -d "+
		"merche-biche.com -d www.merche-biche.com --force-renewal --non-interactive")
	site = r.until(t, "fault/not reloaded")
	if len(site.Faults) != 1 || !strings.HasPrefix(site.Faults[0].Sentence,
		"renewed but not reloaded: visitors of merche-biche.com, www.merche-biche.com at 203.0.113.10, 2001:db8::10 "+
			"still get ") {
		t.Errorf("faults: %+v", site.Faults)
	}
	r.shell(t, "nginx -s reload")
	r.until(t, "clear/not reloaded")
	want = append(want, "quiet all clear", "notice fault/not reloaded", "quiet clear/not reloaded")
	if diff := cmp.Diff(want, r.thread.lines()); diff != "" {
		t.Error(diff)
	}

	r.diagnose(t)
}

// diagnose breaks the site so the authority cannot check it, runs certbot, which fails, and checks
// the diagnosis.
func (r *rig) diagnose(t *testing.T) {
	t.Helper()
	r.shell(t, "rm /etc/nginx/sites-enabled/* && nginx -s reload && ! certbot renew --cert-name merche-biche.com "+
		"--force-renewal --non-interactive --no-random-sleep-on-renew")
	site := r.tick(t)
	found := renewal.NewDoctor(r.certbot, r.names, r.prober, certificates.Limits{}).Diagnose(t.Context(), site,
		time.Now())
	for _, want := range []string{
		"an authority cannot check the domain over port 80: 203.0.113.10 refuses connections for merche-biche.com: " +
			"nothing listens on port 80", "nothing starts it"} {
		if !slices.ContainsFunc(found.Reasons, func(reason string) bool { return strings.Contains(reason, want) }) {
			t.Errorf("no %q among the reasons: %q", want, found.Reasons)
		}
	}
	if !slices.ContainsFunc(found.Log, func(line string) bool {
		return strings.Contains(line, "Failed to renew certificate merche-biche.com with error")
	}) {
		t.Errorf("log: %q", found.Log)
	}
	history, err := r.certbot.History(t.Context(), sandbox.QuinnVPS, domain)
	// certbot gives up once one name has failed, and the authority may still be checking the other.
	failed := len(history.Failed)
	if err != nil || len(history.Issued) != 3 || failed < 1 || failed > 2 ||
		time.Since(history.Failed[0].At).Abs() > 5*time.Minute {
		t.Fatalf("history = %+v, error = %v", history, err)
	}
	if found.Refused != "" {
		t.Errorf("refused: %s", found.Refused)
	}
	tight := certificates.Limits{Failures: certificates.Bucket{Burst: 1, Refill: time.Hour}}
	found = renewal.NewDoctor(r.certbot, r.names, r.prober, tight).Diagnose(t.Context(), site, time.Now())
	names := []string{history.Failed[0].Name, history.Failed[failed-1].Name}
	if !slices.ContainsFunc(names, func(name string) bool {
		return strings.HasPrefix(found.Refused, "validation of "+name+" failed too often lately")
	}) {
		t.Errorf("refused: %q", found.Refused)
	}
}
