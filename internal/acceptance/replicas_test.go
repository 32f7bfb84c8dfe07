package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/pgproxy"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// maxTakeover is how long a run may stand after the last sign of life of the replica that had it.
const maxTakeover = 15 * time.Second

// replica is one of several processes of the product. Its way to the bot's database can be lost.
type replica struct {
	file  string
	proxy *pgproxy.Proxy
	bot   *testbed.Bot
}

// blow is what happens to a replica, and what ends it.
type blow struct {
	name   string
	strike func(*replica) error
	heal   func(*ensemble, *replica) error
	// heard is how long after the blow the others may still get a sign of life.
	heard time.Duration
}

func cutOff(name string, directions ...pgproxy.Direction) blow {
	b := blow{
		name:   name,
		strike: func(r *replica) error { r.proxy.Stall(directions...); return nil },
		heal:   func(_ *ensemble, r *replica) error { r.proxy.Resume(); return nil },
	}
	if !slices.Contains(directions, pgproxy.ToServer) {
		b.heard = 2 * time.Second // the next question of package liveness arrives, its answer does not
	}
	return b
}

var (
	frozen = blow{name: "frozen", strike: func(r *replica) error { return r.bot.Freeze() },
		heal: func(_ *ensemble, r *replica) error { return r.bot.Thaw() }}
	cut = cutOff("cut off", pgproxy.ToServer, pgproxy.ToClient)
)

// strike is a blow to the replica that begins to apply a step, some time after it began.
type strike struct {
	step  string // the kind
	blow  blow
	after time.Duration
}

// ensemble is several replicas of the product, and the blows that their test deals out one after the
// other, each to the replica that begins to apply the step.
type ensemble struct {
	*harness
	all []*replica
	bot *pgx.Conn

	mu      sync.Mutex
	strikes []strike
	struck  chan struck
	last    *replica      // the one that began to apply last
	coming  chan struct{} // closed once the blow that is under way has hit, nil if none is
}

// struck is a replica that was dealt its blow.
type struck struct {
	strike
	replica *replica
	token   int64 // of the holder
	at      time.Time
	err     error
}

// newEnsemble starts as many replicas.
func newEnsemble(t *testing.T, count int, strikes []strike) *ensemble {
	t.Helper()
	s := openWithout(t, testbed.Config{Workspace: func(w *workspace.Config) { w.Rates.Off = true }})
	s.cutOff = true
	conn, err := pgx.Connect(t.Context(), s.BotDSN())
	s.must(err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	e := &ensemble{harness: s, bot: conn, strikes: strikes, struck: make(chan struck, len(strikes))}
	for i := range count {
		r := &replica{file: filepath.Join(s.Dir, fmt.Sprintf("replica-%d.yaml", i))}
		r.proxy, err = pgproxy.New(s.BotDSN(), func(c pgproxy.Commit) bool {
			if c.After && strings.Contains(c.Writes, "INSERT INTO attempts") {
				e.begun(r)
			}
			return false
		})
		s.must(err)
		t.Cleanup(r.proxy.Close)
		dsn, err := r.proxy.DSN(s.BotDSN())
		s.must(err)
		s.must(s.Configure(r.file, func(settings *testbed.Settings) {
			settings.Database, settings.Mux = dsn, fmt.Sprintf("mux-%d", i)
			settings.HTTP = fmt.Sprintf("127.0.0.1:%d", 8080+i)
		}))
		e.all = append(e.all, r)
		s.must(e.run(r))
		t.Cleanup(func() {
			r.proxy.Resume()
			_ = r.bot.Thaw() // unless it was killed
			if err := r.bot.Stop(); err != nil {
				t.Errorf("a replica ended with %v", err)
			}
		})
	}
	return e
}

// run starts a replica and waits until it is connected to Slack.
func (e *ensemble) run(r *replica) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	seen := e.transcript()
	if r.bot, err = e.StartWith(r.file, []string{executable}, asProduct); err != nil {
		return err
	}
	return e.Connected(e.t.Context(), r.bot, seen)
}

// begun deals a replica the next blow if it has begun to apply the step of that blow. It runs while
// the replica waits for the answer to its COMMIT.
func (e *ensemble) begun(r *replica) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = r
	if coming := e.coming; coming != nil {
		// The step before ended sooner. Its blow hits in this one, which begins again elsewhere.
		e.mu.Unlock()
		<-coming
		e.mu.Lock()
		return
	}
	if len(e.strikes) == 0 {
		return
	}
	next := e.strikes[0]
	var step string
	err := e.bot.QueryRow(context.Background(), `SELECT split_part(key, '/', 1)
		FROM onboarding.steps WHERE state = 'applying'`).Scan(&step)
	if err != nil || step != next.step {
		return
	}
	e.strikes = e.strikes[1:]
	if next.after == 0 {
		e.deal(next)
		return
	}
	coming := make(chan struct{})
	e.coming = coming
	time.AfterFunc(next.after, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.deal(next)
		e.coming = nil
		close(coming)
	})
}

// deal deals a blow to the replica that began to apply last.
func (e *ensemble) deal(s strike) {
	hit := struck{strike: s, replica: e.last}
	hit.err = e.bot.QueryRow(context.Background(), `SELECT fencing_token FROM onboarding.runs`).Scan(&hit.token)
	hit.at = time.Now()
	hit.err = errors.Join(hit.err, s.blow.strike(e.last))
	e.struck <- hit
}

// takenOver waits until another replica has the run, and until the step has ended.
func (e *ensemble) takenOver(hit struck) {
	e.t.Helper()
	e.must(hit.err)
	limit := hit.blow.heard + maxTakeover
	e.until(limit+5*time.Second, "no other replica took over after one was "+hit.blow.name+" in "+hit.step,
		`SELECT fencing_token > $1 FROM onboarding.runs`, hit.token)
	took := time.Since(hit.at)
	e.t.Logf("%-8s in %-13s after %5s: taken over in %s", hit.blow.name, hit.step, hit.after,
		took.Round(time.Millisecond))
	if took > limit {
		e.t.Errorf("taken over after %s, more than %s", took, limit)
	}
	e.until(time.Minute, "the step "+hit.step+" did not end",
		`SELECT bool_and(state = 'done') FROM onboarding.steps WHERE split_part(key, '/', 1) = $1`, hit.step)
}

// until waits until a query of the bot's database returns true.
func (e *ensemble) until(limit time.Duration, otherwise, query string, args ...any) {
	e.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		var holds bool
		e.mu.Lock()
		err := e.bot.QueryRow(e.t.Context(), query, args...).Scan(&holds)
		e.mu.Unlock()
		e.must(err)
		if holds {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatal(otherwise)
		}
	}
}

// TestReplicasTakeOver freezes a replica in the middle of a deployment and thaws it once another one
// has deployed, and cuts off a replica from its database while certbot runs. The run goes on within
// 15 s each time, and nothing is done twice.
func TestReplicasTakeOver(t *testing.T) {
	e := newEnsemble(t, 2, []strike{
		{"deploy", frozen, 300 * time.Millisecond}, {"certificate", cut, 300 * time.Millisecond},
	})
	e.onboard()
}

// onboard lets a run go through all blows, and fails unless everything was done once.
func (e *ensemble) onboard() {
	e.t.Helper()
	wanted := len(e.strikes)
	root := e.ask(testbed.Merche)
	finished := e.finishing(root)
	for range wanted {
		select {
		case hit := <-e.struck:
			e.takenOver(hit)
			e.must(hit.blow.heal(e, hit.replica))
		case err := <-finished:
			e.t.Fatalf("the run ended before all blows: %v", err)
		}
	}
	e.must(<-finished)
	e.doneOnce(root)
}

// finishing approves all requests of a run until the Provider is live. A press that reaches nobody
// is repeated.
func (s *harness) finishing(root workspace.Message) <-chan error {
	ctx := s.within(6 * time.Minute)
	return s.repeating(func() error { return s.Finish(ctx, testbed.Bo, root) })
}

// repeating repeats what people do until it succeeds or a run needs more than that.
func (s *harness) repeating(do func() error) <-chan error {
	ended := make(chan error, 1)
	limit := time.Now().Add(7 * time.Minute)
	go func() {
		err := do()
		for err != nil && time.Now().Before(limit) && !errors.Is(err, testbed.ErrStuck) {
			err = do()
		}
		ended <- err
	}()
	return ended
}
