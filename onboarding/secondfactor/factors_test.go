package secondfactor

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp/totp"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

const testKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// phone is an operator's authenticator app.
type phone struct {
	t       *testing.T
	factors *Factors
	secret  string
	now     time.Time
}

func (p *phone) code(after time.Duration) string {
	code, err := totp.GenerateCode(p.secret, p.now.Add(after))
	must(p.t, err)
	return code
}

// gives confirms with a code, and returns why it does not count.
func (p *phone) gives(code string) (onboarding.CodeReason, int) {
	p.t.Helper()
	err := p.factors.Confirm(context.Background(), "U0BO", code)
	if wrong, ok := errors.AsType[*onboarding.CodeError](err); ok {
		return wrong.Reason, wrong.Left
	}
	must(p.t, err)
	return "", 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(postgres.Database(t))
	must(t, err)
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	must(t, store.Migrate(t.Context(), pool, "onboarding"))
	return pool
}

func newPhone(t *testing.T, pool *pgxpool.Pool) *phone {
	t.Helper()
	factors, err := Open(pool, Config{Key: secret.New(testKey)})
	must(t, err)
	p := &phone{t: t, factors: factors, now: time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC)}
	factors.now = func() time.Time { return p.now }
	p.enroll()
	return p
}

func (p *phone) enroll() {
	p.t.Helper()
	address, err := p.factors.Enroll(p.t.Context(), "U0BO", "onboardbot")
	must(p.t, err)
	parsed, err := url.Parse(address)
	must(p.t, err)
	p.secret = parsed.Query().Get("secret")
}

func TestEachCodeCountsOnce(t *testing.T) {
	t.Parallel()
	p := newPhone(t, newPool(t))
	for _, c := range []struct {
		what string
		code string
		why  onboarding.CodeReason
	}{
		{"one of a minute ago", p.code(-time.Minute), onboarding.CodeWrong},
		{"the one before, with a space", p.code(-30 * time.Second)[:3] + " " + p.code(-30 * time.Second)[3:], ""},
		{"it again", p.code(-30 * time.Second), onboarding.CodeWrong},
		{"the next one", p.code(0), ""},
		{"one of before", p.code(-30 * time.Second), onboarding.CodeWrong},
		{"one from a clock that is ahead", p.code(30 * time.Second), ""},
		{"nothing", "", onboarding.CodeWrong},
	} {
		if why, _ := p.gives(c.code); why != c.why {
			t.Errorf("%s: %q, want %q", c.what, why, c.why)
		}
	}
	if err := p.factors.Confirm(t.Context(), "U0CLEO", "000000"); err == nil {
		t.Error("somebody who has no app gave a code")
	}
}

// A clock that is set back makes no code count again, also for a process that has just started.
func TestAClockSetBackRepeatsNoCode(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	p := newPhone(t, pool)
	seen := p.code(-time.Hour)
	if why, _ := p.gives(p.code(0)); why != "" {
		t.Fatalf("the code of now: %q", why)
	}
	p.now = p.now.Add(-time.Hour)
	if why, _ := p.gives(seen); why != onboarding.CodeWrong {
		t.Errorf("a code of an hour ago: %q", why)
	}
	restarted, err := Open(pool, Config{Key: secret.New(testKey)})
	must(t, err)
	restarted.now, p.factors = p.factors.now, restarted
	if why, _ := p.gives(seen); why != onboarding.CodeWrong {
		t.Errorf("a code of an hour ago, after a restart: %q", why)
	}
}

// TestLockOut tries what somebody may try who can write to the database.
func TestLockOut(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	p := newPhone(t, pool)
	wrong := "000000"
	if p.code(0) == wrong || p.code(30*time.Second) == wrong || p.code(-30*time.Second) == wrong {
		wrong = "000001"
	}
	for left := maxTries - 1; left >= 0; left-- {
		if why, got := p.gives(wrong); got != left || left == 0 && why != onboarding.CodeLocked {
			t.Fatalf("%q with %d tries left, want %d", why, got, left)
		}
	}
	if why, _ := p.gives(p.code(0)); why != onboarding.CodeLocked {
		t.Errorf("the right code after too many wrong ones: %q", why)
	}
	_, err := pool.Exec(t.Context(), `UPDATE second_factors SET failures = 0, last_counter = 0`)
	must(t, err)
	if why, _ := p.gives(p.code(0)); why != onboarding.CodeLocked {
		t.Errorf("after the tries were taken back in the database: %q", why)
	}
	if err := p.factors.Ready(t.Context(), "U0BO"); err == nil {
		t.Error("somebody who is locked out is asked for a code")
	}
	must(t, p.factors.Unlock(t.Context(), "U0BO"))
	if why, _ := p.gives(p.code(0)); why != "" {
		t.Errorf("after an administrator unlocked: %q", why)
	}
	_, err = pool.Exec(t.Context(), `UPDATE second_factors SET last_counter = 0`)
	must(t, err)
	if why, _ := p.gives(p.code(0)); why != onboarding.CodeWrong {
		t.Errorf("a code that was used, after that was taken back in the database: %q", why)
	}

	// The app of somebody else is no use, even in the database.
	_, err = p.factors.Enroll(t.Context(), "U0EVE", "onboardbot")
	must(t, err)
	_, err = pool.Exec(t.Context(), `UPDATE second_factors SET sealed = (SELECT sealed FROM second_factors
		WHERE operator = 'U0EVE') WHERE operator = 'U0BO'`)
	must(t, err)
	if err := p.factors.Confirm(t.Context(), "U0BO", p.code(30*time.Second)); err == nil {
		t.Error("the app of somebody else counts")
	}
}

// TestGuessesAtOnce has somebody with a session, and no phone, guess in twenty forms at the same
// time, and somebody with a phone use one code for two approvals.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	p := newPhone(t, newPool(t))
	atOnce := func(count int, code string) (right, wrong, alarms int) {
		errs := make(chan error, count)
		var all sync.WaitGroup
		for range count {
			all.Go(func() { errs <- p.factors.Confirm(t.Context(), "U0BO", code) })
		}
		all.Wait()
		close(errs)
		for err := range errs {
			refused, _ := errors.AsType[*onboarding.CodeError](err)
			switch {
			case err == nil:
				right++
			case refused.JustLocked:
				alarms++
			case refused.Reason == onboarding.CodeWrong:
				wrong++
			}
		}
		return right, wrong, alarms
	}
	if right, _, _ := atOnce(2, p.code(0)); right != 1 {
		t.Errorf("a code that is given twice at once counts %d times", right)
	}
	must(t, p.factors.Unlock(t.Context(), "U0BO"))
	var wide strings.Builder // what a keyboard of East Asia writes, and Unicode's normal form KC makes the same
	for _, digit := range p.code(30 * time.Second) {
		wide.WriteRune(digit - '0' + '０')
	}
	if right, wrong, alarms := atOnce(20, wide.String()); right > 0 || wrong >= maxTries || alarms == 0 {
		t.Errorf("of twenty guesses at once, %d were right and %d wrong, with %d alarms", right, wrong, alarms)
	}
}

// TestSignature changes each thing that a signature binds.
func TestSignature(t *testing.T) {
	t.Parallel()
	k, err := newKey(secret.New(testKey))
	must(t, err)
	at := time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC)
	approval := onboarding.Approval{ID: uuid.New(), RunID: uuid.New(), Step: "go-live/a.example", Digest: "d", Needs: 2,
		Expires: at.Add(time.Hour)}
	vote := onboarding.Vote{By: onboarding.Operator{ID: "U0BO"}, Agrees: true, At: at, Source: "a message", Reason: "r"}
	vote.Signature = k.Sign(&approval, vote)
	must(t, k.Verify(&approval, vote))
	for what, change := range map[string]func(a *onboarding.Approval, v *onboarding.Vote){
		"the approval":   func(a *onboarding.Approval, _ *onboarding.Vote) { a.ID = uuid.New() },
		"the run":        func(a *onboarding.Approval, _ *onboarding.Vote) { a.RunID = uuid.New() },
		"the step":       func(a *onboarding.Approval, _ *onboarding.Vote) { a.Step = "dns/a.example" },
		"the digest":     func(a *onboarding.Approval, _ *onboarding.Vote) { a.Digest = "e" },
		"how many agree": func(a *onboarding.Approval, _ *onboarding.Vote) { a.Needs = 1 },
		"its end":        func(a *onboarding.Approval, _ *onboarding.Vote) { a.Expires = at.Add(2 * time.Hour) },
		"who":            func(_ *onboarding.Approval, v *onboarding.Vote) { v.By.ID = "U0CLEO" },
		"what":           func(_ *onboarding.Approval, v *onboarding.Vote) { v.Agrees = false },
		"the glass":      func(_ *onboarding.Approval, v *onboarding.Vote) { v.BrokeGlass = true },
		"the code":       func(_ *onboarding.Approval, v *onboarding.Vote) { v.Confirmed = onboarding.ConfirmTOTP },
		"where":          func(_ *onboarding.Approval, v *onboarding.Vote) { v.Source = "another" },
		"when":           func(_ *onboarding.Approval, v *onboarding.Vote) { v.At = at.Add(time.Second) },
		"why":            func(_ *onboarding.Approval, v *onboarding.Vote) { v.Reason = "s" },
		"no signature":   func(_ *onboarding.Approval, v *onboarding.Vote) { v.Signature = nil },
		"a shorter one":  func(_ *onboarding.Approval, v *onboarding.Vote) { v.Signature = v.Signature[:16] },
		"of another key": func(a *onboarding.Approval, v *onboarding.Vote) { v.Signature = otherKey(t).Sign(a, *v) },
	} {
		a, v := approval, vote
		change(&a, &v)
		if k.Verify(&a, v) == nil {
			t.Errorf("%s was changed, and the vote still counts", what)
		}
	}
	run := onboarding.Run{ID: uuid.New(), Kind: onboarding.KindUndo, Requester: onboarding.Operator{ID: "U0ANA"}}
	run.Signature = k.SignRun(&run)
	must(t, k.VerifyRun(&run))
	for what, change := range map[string]func(run *onboarding.Run){
		"the run":      func(run *onboarding.Run) { run.ID = uuid.New() },
		"its kind":     func(run *onboarding.Run) { run.Kind = onboarding.KindOnboard },
		"who":          func(run *onboarding.Run) { run.Requester.ID = "U0BO" },
		"no signature": func(run *onboarding.Run) { run.Signature = nil },
		"a vote's":     func(run *onboarding.Run) { run.Signature = vote.Signature },
	} {
		changed := run
		change(&changed)
		if k.VerifyRun(&changed) == nil {
			t.Errorf("%s of a run was changed, and it still counts", what)
		}
	}
}

func otherKey(t *testing.T) *key {
	t.Helper()
	k, err := newKey(secret.New("ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="))
	must(t, err)
	return k
}
