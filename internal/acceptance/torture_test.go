//go:build torture

package acceptance

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/pgproxy"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// wantKills is how often the matrix kills the product at least, and killsOfRound how often it does so
// at most in one onboarding and in one undo.
const (
	wantKills    = 200
	killsOfRound = 50
)

// TestTortureKills enumerates the points of an onboarding with a brand and mail and its undo in an
// undisturbed run, and then kills the product at each of them in as many runs as it takes. Rows, zones,
// commits, certificates, nginx, messages and the audit trail are those of the undisturbed run.
func TestTortureKills(t *testing.T) {
	var undisturbed map[string]string
	passed, killed, kills := map[point]bool{}, map[point]int{}, 0
	for round := 0; kills < wantKills && round < 12 && !t.Failed(); round++ {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			k := openKiller(t, testbed.Config{
				World: sandbox.Config{VPSes: 2},
				Bot:   func(settings *testbed.Settings) { settings.Rest = mailConfig },
			})
			k.spread = 4
			// The second round reaches the points that the first has not.
			k.spares = func(what string) bool {
				return killed[point{what, before}] > 0 && killed[point{what, after}] > 0 && round == 2
			}
			limit := killsOfRound
			if round == 0 {
				limit = 0
			}
			traces := k.onboardAndUndo(limit)
			if undisturbed == nil {
				undisturbed = traces
			} else if diff := cmp.Diff(undisturbed, traces); diff != "" {
				t.Errorf("not as in the undisturbed run (-undisturbed +killed)\n%s", diff)
			}
			for p := range k.passed {
				passed[p] = true
			}
			for p, n := range k.killed {
				killed[p] += n
				kills += n
			}
			t.Logf("killed %d times", k.dealt())
		})
	}
	for p := range passed {
		if killed[p] == 0 {
			t.Logf("not killed at: %s", p)
		}
	}
	t.Logf("killed %d times, at %d of %d points", kills, len(killed), len(passed))
	if kills < wantKills {
		t.Errorf("killed %d times, want at least %d", kills, wantKills)
	}
}

// onboardAndUndo onboards an Org with a brand on two domains and takes that back, while the product
// is killed, and returns what both leave.
func (k *killer) onboardAndUndo(kills int) map[string]string {
	k.t.Helper()
	k.updateZone("merche.example", "update add mail.merche.example. 60 A 192.0.2.25")
	k.vps("mkdir -p /var/lib/dkim")
	root := k.askForAnOrg()
	k.must(k.killUntil(kills, k.finishing(root)))
	traces := k.traces("live", root)
	back := k.undo()
	k.must(k.killUntil(kills, k.finishingUndo(back)))
	maps.Copy(traces, k.traces("undone", back))
	return traces
}

func (s *harness) finishingUndo(back workspace.Message) <-chan error {
	return s.repeating(func() error { return s.FinishUndo(s.within(6*time.Minute), testbed.Bo, back) })
}

// changing are what differs from run to run: ids, times, keys, hashes, and blank lines, of which
// certbot adds some each time it runs.
var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d)?`), "TIME"},
	{regexp.MustCompile(`p=[A-Za-z0-9+/=]+("?\s+"[A-Za-z0-9+/=]+)*`), "KEY"},
	{regexp.MustCompile(`\b[0-9a-f]{12,64}\b`), "HASH"},
	{regexp.MustCompile(`-[0-9a-f]{8}\.log, \d+ bytes`), "-HASH.log"},
}

func steady(text string) string {
	for _, each := range changing {
		text = each.pattern.ReplaceAllString(text, each.with)
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines) // many are in the order of their ids
	return strings.Join(lines, "\n")
}

// traces returns what a run leaves in the world, in Slack and in the audit trail.
func (k *killer) traces(when string, root workspace.Message) map[string]string {
	k.t.Helper()
	traces := map[string]string{}
	add := func(what, text string) { traces[when+": "+what] = steady(text) }
	for what, text := range k.snapshot() {
		add(what, text)
	}
	for _, vps := range k.VPS {
		out, err := vps.Shell(k.t.Context(), `cat /etc/nginx/sites-available/merche* 2>/dev/null | sed '/^\s*$/d'; `+
			`find /etc/letsencrypt/archive -name 'cert*.pem' 2>/dev/null | sort`)
		k.must(err)
		add("nginx and certificates of "+vps.Name, string(out))
	}
	commits, err := exec.Command("git", "-C", k.Repo.Origin, "log", "--format=%s").Output()
	k.must(err)
	add("commits", string(commits))

	add("messages", k.heads(root))
	add("trail", k.trail())
	return traces
}

var (
	// divider is between the steps that share a message.
	divider = regexp.MustCompile(`\n─{1000,}\n`)
	seconds = regexp.MustCompile(`,? (it took )?(\d+m )?\d+ ?m?s\b( after your request)?`)
)

// heads are the lines in a thread that say how each step ended, once all have. Which steps share a
// message depends on how soon one came after the other.
func (k *killer) heads(root workspace.Message) (heads string) {
	k.t.Helper()
	_, err := k.Person(testbed.Bo).WaitFor(k.within(30*time.Second), func(screen workspace.Screen) bool {
		heads = ""
		for _, m := range testbed.Thread(screen, root)[1:] {
			if !m.Ephemeral {
				heads += headsOf(testbed.Reads(m))
			}
		}
		return !strings.Contains(heads, "in progress") && !strings.Contains(heads, "approval needed") &&
			!strings.Contains(heads, "about to start")
	})
	k.must(err)
	return heads
}

// headsOf are the lines of a message that say how its steps ended.
func headsOf(message string) (heads string) {
	for _, step := range divider.Split(message, -1) {
		for i, line := range strings.Split(step, "\n") {
			head := i == 0 && !strings.Contains(line, ".log, ") // a kill loses what its command printed
			if head || strings.HasSuffix(line, " passed.") {
				heads += seconds.ReplaceAllString(line, " SOON") + "\n"
			}
		}
	}
	return heads
}

// trail counts the entries of the audit trail, without those that a kill adds.
func (k *killer) trail() (counts string) {
	k.t.Helper()
	conn, err := pgx.Connect(k.t.Context(), k.BotDSN())
	k.must(err)
	defer conn.Close(context.Background())
	k.must(conn.QueryRow(k.t.Context(), `
		SELECT string_agg(kind || ' ' || step || ' ' || count, E'\n' ORDER BY kind, step)
		FROM (SELECT kind, step, count(*) FROM onboarding.events
			WHERE kind NOT IN ('applying', 'interrupted', 'reminded', 'waiting')
			GROUP BY kind, step) events`).Scan(&counts))
	return counts
}

// TestTortureRenewal kills the product at the points of a renewal.
func TestTortureRenewal(t *testing.T) {
	k := openKiller(t, testbed.Config{World: sandbox.Config{CertificateLifetime: 3 * time.Minute},
		Bot: func(settings *testbed.Settings) { settings.Rest = watchConfig }})
	k.spread, k.spares = 2, changesNothing
	root := k.ask(testbed.Merche)
	k.must(<-k.finishing(root))
	first := k.serial()
	ctx := k.within(4 * time.Minute)
	overdue, err := k.Message(ctx, testbed.Bo, root, "should have been renewed by", "[Renew now]")
	k.must(err)
	k.must(k.Press(ctx, testbed.Ana, overdue, "Renew now"))
	renewed := k.repeating(func() error {
		request, err := k.ApprovalRequest(k.within(time.Minute), testbed.Bo, root, "certbot renew")
		if err == nil {
			err = k.Press(k.within(10*time.Second), testbed.Bo, request, "Approve")
		}
		_, found := k.Message(k.within(30*time.Second), testbed.Bo, root, "The certificate of", "is renewed")
		if found == nil {
			return nil
		}
		return err
	})
	k.must(k.killUntil(killsOfRound, renewed))
	t.Logf("killed %d times\n%s", k.dealt(), k.table())
	if k.serial() == first {
		t.Error("the certificate is the one before")
	}
	if made := strings.TrimSpace(k.vps("ls /etc/letsencrypt/archive/merche-biche.com/cert*.pem | wc -l")); made != "2" {
		t.Errorf("%s certificates were made, want 2", made)
	}
	k.checkNoDuplicates(root)
}

// TestTortureReplicas deals every blow in every step that changes something, to two replicas and to
// three.
func TestTortureReplicas(t *testing.T) {
	killed := blow{name: "killed", strike: func(r *replica) error { r.bot.Kill(); return nil },
		heal: func(e *ensemble, r *replica) error { return e.run(r) }}
	blows := []blow{killed, frozen, cut, cutOff("unheard", pgproxy.ToServer), cutOff("deaf", pgproxy.ToClient)}
	for _, count := range []int{2, 3} {
		for i, hit := range blows {
			t.Run(hit.name, func(t *testing.T) {
				var strikes []strike
				for n, step := range []string{"database", "dns", "deploy-config", "deploy", "certificate", "sync",
					"go-live"} {
					// Some at once, before anything is applied, and some in the middle. After the
					// last the run may end sooner than that.
					after := time.Duration((i+n)%2) * 300 * time.Millisecond
					if step == "go-live" {
						after = 0
					}
					strikes = append(strikes, strike{step, hit, after})
				}
				newEnsemble(t, count, strikes).onboard()
			})
		}
	}
}
