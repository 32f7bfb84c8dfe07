package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/secondfactor"
	"github.com/atlilith/onboardbot/onboarding/store"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// recordingApplier applies nothing and notes what it was asked to apply. Its guard refuses the
// command "forbidden", and its target has changed for the command "moved".
type recordingApplier struct{ applied []string }

func (*recordingApplier) Authorize(_ onboarding.Authorization, item onboarding.Item) error {
	if item.Command.Argv[0] == "forbidden" {
		return errors.New("this step never does that")
	}
	return nil
}

func (*recordingApplier) Settle(context.Context, onboarding.Authorization, onboarding.Change, func(string)) error {
	return nil
}

func (a *recordingApplier) ApplyItem(_ context.Context, _ onboarding.Authorization, item onboarding.Item,
	_ onboarding.Log) error {
	if item.Command.Argv[0] == "moved" {
		return onboarding.ErrTargetChanged
	}
	a.applied = append(a.applied, item.Command.Argv[0])
	return nil
}

// people are who may do what: everybody approves, except who was removed and who stands in. With
// an error nobody can be looked up.
type people struct {
	removed, standsIn string
	asked             int
	err               error
}

func (p *people) Permissions(ctx context.Context, id string) (onboarding.Permissions, error) {
	return onboarding.Permissions{}, errors.New("the gate decides by what is true now")
}

func (p *people) PermissionsNow(_ context.Context, id string) (onboarding.Permissions, error) {
	p.asked++
	allowed := id != p.removed
	return onboarding.Permissions{Operator: onboarding.Operator{ID: id, Name: id}, Operates: allowed,
		Approves: allowed && id != p.standsIn, StandsIn: id == p.standsIn}, p.err
}

// gateCase is an approved change that its gate lets pass, until a test takes something away.
type gateCase struct {
	t           *testing.T
	pool        *pgxpool.Pool
	session     *locks.Session
	applier     *recordingApplier
	people      *people
	gate        *gate
	application *application
}

func commands(names ...string) []onboarding.Item {
	items := make([]onboarding.Item, len(names))
	for i, name := range names {
		items[i] = onboarding.Item{Command: &onboarding.Command{Host: "vps", Argv: []string{name}}}
	}
	return items
}

// newPool returns a database with the bot's tables.
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

// newGateCase approves a change of some commands in a run of its own, and takes away the freezes
// and votes of earlier cases.
func newGateCase(t *testing.T, pool *pgxpool.Pool, names []string) *gateCase {
	t.Helper()
	for _, sql := range []string{`DELETE FROM freezes`, `DELETE FROM votes`} {
		_, err := pool.Exec(t.Context(), sql)
		must(t, err)
	}
	slug := uuid.NewString()
	step := onboarding.Step{Definition: onboarding.Definition{Key: "database", Destructive: true},
		State: onboarding.StepApplying}
	run := &onboarding.Run{ID: uuid.New(), Kind: onboarding.KindOnboard, State: onboarding.RunActive,
		TenantID:  uuid.New(),
		Request:   onboarding.Request{Slug: slug, Domains: []onboarding.Domain{{Name: slug + ".com"}}},
		Requester: onboarding.Operator{ID: "ada", Name: "Ada"},
		Steps:     []onboarding.Step{step, {Definition: onboarding.Definition{Key: "deploy"}}}}
	must(t, store.InsertRun(t.Context(), pool, run, slug))
	policy := onboarding.Policy{Rules: map[onboarding.Kind]onboarding.Rule{"database": {Approvers: 2}}}
	policy.Defaults()
	approval, err := policy.NewApproval(run, "database",
		onboarding.Change{Summary: "test", Items: commands(names...)}, time.Now())
	must(t, err)
	must(t, store.On(pool).InsertApproval(t.Context(), approval))
	for _, id := range []string{"bob", "eve"} {
		must(t,
			store.InsertVote(t.Context(), pool, approval,
				onboarding.Vote{By: onboarding.Operator{ID: id, Name: id}, Agrees: true, Source: "a message"}))
	}
	must(t, store.On(pool).SetApprovalState(t.Context(), approval, onboarding.ApprovalApproved))

	session, err := locks.Open(t.Context(), pool)
	must(t, err)
	t.Cleanup(session.Close)
	must(t, session.Lock(t.Context(), runLock(run.ID)))
	holder, err := takeUp(t.Context(), postgresSession{Session: session, Statements: store.On(session.Conn())}, run.ID)
	must(t, err)
	applier, people := &recordingApplier{}, &people{}
	return &gateCase{t: t, pool: pool, session: session, applier: applier, people: people,
		gate: &gate{applier: applier, directory: people, signer: onboarding.NoSecondFactor{}, policy: &policy,
			holder: holder},
		application: &application{run: run, step: "database", approval: approval, items: approval.Change.Items,
			output: newRecorder(),
			show:   func() {}}}
}

// closedWindow is one that is open yesterday and not now.
func closedWindow() windows.Window {
	yesterday := time.Now().UTC().Add(-24 * time.Hour)
	return windows.Window{Rule: "FREQ=YEARLY", Start: yesterday.Format("2006-01-02T15:04"), Duration: time.Hour}
}

// sign has the gate ask for signatures, and signs the run and the votes.
func (c *gateCase) sign() {
	c.t.Helper()
	factors, err := secondfactor.Open(c.pool,
		secondfactor.Config{Key: secret.New("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")})
	must(c.t, err)
	c.gate.signer = factors
	c.application.run.Signature = factors.SignRun(c.application.run)
	approval, err := store.On(c.pool).LoadApproval(c.t.Context(), c.application.approval.ID)
	must(c.t, err)
	for _, vote := range approval.Votes {
		c.exec(`UPDATE votes SET signature = $2 WHERE approval_id = $1 AND operator = $3`, approval.ID,
			factors.Sign(approval, vote), vote.By.ID)
	}
}

// applyNow signs everything, closes the window, and has somebody apply the change all the same.
func (c *gateCase) applyNow() *onboarding.ApplyNow {
	c.t.Helper()
	c.sign()
	c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
	press := &onboarding.ApplyNow{By: "eve", At: time.Now().Truncate(time.Microsecond)}
	press.Signature = c.gate.signer.SignValues(press.Signed(c.application.approval)...)
	must(c.t, store.SetApplyNow(c.t.Context(), c.pool, c.application.approval, press))
	return press
}

// interrupt signs everything, closes the window, and has an application of the change interrupted
// that is signed for an approval.
func (c *gateCase) interrupt(signed *onboarding.Approval) {
	c.t.Helper()
	c.sign()
	c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
	run, approval := c.application.run.ID, c.application.approval
	attempt := &onboarding.Attempt{ID: uuid.New(), RunID: run, Step: "database", Approval: approval.ID}
	attempt.Signature = c.gate.signer.SignValues(attempt.Signed(signed)...)
	must(c.t, store.On(c.pool).InsertAttempt(c.t.Context(), attempt))
	_, err := store.On(c.pool).InterruptAttempts(c.t.Context(), run, "database")
	must(c.t, err)
	interruptions, err := store.On(c.pool).Interruptions(c.t.Context(), approval.ID)
	must(c.t, err)
	c.application.interrupted = c.gate.interrupted(&work{approval: approval, interruptions: interruptions})
}

// exec changes the database behind the gate's back.
func (c *gateCase) exec(sql string, args ...any) {
	c.t.Helper()
	_, err := c.pool.Exec(c.t.Context(), sql, args...)
	must(c.t, err)
}

// apply hands all items to the gate, as the driver does, and returns the first error.
func (c *gateCase) apply() error {
	for a := c.application; a.next < len(a.items); a.next++ {
		if err := c.gate.apply(c.t.Context(), a); err != nil {
			return err
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGate has a row for each line of the gate, and for what passes although it looks as if a
// line did not hold.
func TestGate(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	tests := map[string]struct {
		items   []string
		prepare func(*gateCase)
		line    Line     // that refuses, empty for none
		applied []string // before that
	}{
		"everything holds": {items: []string{"one", "two"}, applied: []string{"one", "two"}},

		"1: the session lost the lock": {items: []string{"one"}, line: LineHolder, prepare: func(c *gateCase) {
			must(c.t, c.session.Unlock(c.t.Context(), runLock(c.application.run.ID)))
		}},
		"1: the session is gone": {items: []string{"one"}, line: LineHolder, prepare: func(c *gateCase) {
			c.exec(`SELECT pg_terminate_backend($1, 5000)`, c.session.Conn().PgConn().PID())
		}},
		"1: another process holds the lock": {items: []string{"one"}, line: LineHolder, prepare: func(c *gateCase) {
			must(c.t, c.session.Unlock(c.t.Context(), runLock(c.application.run.ID)))
			other, err := locks.Open(c.t.Context(), c.pool)
			must(c.t, err)
			c.t.Cleanup(other.Close)
			must(c.t, other.Lock(c.t.Context(), runLock(c.application.run.ID)))
		}},

		"1: another process has taken over the run": {items: []string{"one"}, line: LineHolder,
			prepare: func(c *gateCase) {
				_, err := store.On(c.pool).NextToken(c.t.Context(), c.application.run.ID)
				must(c.t, err)
			}},

		"2: everything is frozen": {items: []string{"one"}, line: LineFreeze, prepare: func(c *gateCase) {
			must(c.t,
				store.InsertFreeze(c.t.Context(), c.pool, onboarding.Operator{ID: "eve", Name: "Eve"}, "an incident"))
		}},
		"2: what has begun ends although all is frozen": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.application.begun = true
				must(c.t,
					store.InsertFreeze(c.t.Context(), c.pool,
						onboarding.Operator{ID: "eve", Name: "Eve"}, "an incident"))
			}},
		"2: the run was cancelled": {items: []string{"one"}, line: LineRun, prepare: func(c *gateCase) {
			c.exec(`UPDATE runs SET state = 'cancelled'`)
		}},
		"2: the run is done": {items: []string{"one"}, line: LineRun,
			prepare: func(c *gateCase) { c.exec(`UPDATE runs SET state = 'done'`) }},

		"2: another requester was written into the database": {items: []string{"one"}, line: LineRun,
			prepare: func(c *gateCase) {
				c.sign()
				c.application.run.Requester.ID = "zoe" // so ada could approve what she asked for
			}},
		"2: the run began without a signature": {items: []string{"one"}, line: LineRun,
			prepare: func(c *gateCase) {
				c.sign()
				c.application.run.Signature = nil
			}},
		"2: the run and the votes are signed": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) { c.sign() }},
		"3: the approval is open": {items: []string{"one"}, line: LineApproval, prepare: func(c *gateCase) {
			c.exec(`UPDATE approvals SET state = 'open'`)
		}},
		"3: the approval was used": {items: []string{"one"}, line: LineApproval, prepare: func(c *gateCase) {
			c.exec(`UPDATE approvals SET state = 'used'`)
		}},
		"3: the approval was withdrawn": {items: []string{"one"}, line: LineApproval, prepare: func(c *gateCase) {
			c.exec(`UPDATE approvals SET state = 'withdrawn'`)
		}},
		"3: the approval is for another step": {items: []string{"one"}, line: LineApproval, prepare: func(c *gateCase) {
			c.exec(`UPDATE approvals SET step = 'deploy'`)
		}},
		"3: an item is not the approved one": {items: []string{"one",
			"two"}, line: LineApproval, prepare: func(c *gateCase) {
			c.application.items = commands("one", "three")
		}},
		"3: an item is one too many": {items: []string{"one"}, line: LineApproval, prepare: func(c *gateCase) {
			c.application.items = commands("one", "two")
		}},
		"3: the end is not left to do": {items: []string{"one", "two"}, line: LineApproval, prepare: func(c *gateCase) {
			c.application.items = commands("one")
		}},
		"3: the beginning was applied before": {items: []string{"one",
			"two"}, applied: []string{"two"}, prepare: func(c *gateCase) {
			c.application.items = commands("two")
		}},
		"3: the approval expired": {items: []string{"one"}, line: LineApproval, prepare: func(c *gateCase) {
			c.exec(`UPDATE approvals SET expires_at = now() - interval '1 hour'`)
		}},
		"3: an application that began outlives its approval": {items: []string{"one", "two"},
			applied: []string{"one", "two"}, prepare: func(c *gateCase) {
				must(c.t, c.gate.admit(c.t.Context(), c.application))
				c.exec(`UPDATE approvals SET expires_at = now() - interval '1 hour'`)
			}},

		"3: the window is closed": {items: []string{"one"}, line: LineWindow, prepare: func(c *gateCase) {
			c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
		}},
		"3: the window is open": {items: []string{"one"}, applied: []string{"one"}, prepare: func(c *gateCase) {
			c.gate.policy.Calendar.Windows = []windows.Window{closedWindow(), {Rule: "FREQ=DAILY",
				Duration: 48 * time.Hour}}
		}},
		"3: a freeze closes the window": {items: []string{"one"}, line: LineWindow, prepare: func(c *gateCase) {
			c.gate.policy.Calendar.Freezes = []windows.Window{{Hosts: []string{"vps"}, Rule: "FREQ=WEEKLY",
				Duration: 167 * time.Hour}, {Rule: "FREQ=WEEKLY;BYHOUR=12", Duration: 30 * time.Hour}}
		}},
		"3: the window covers another step": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				window := closedWindow()
				window.Kinds = []string{"deploy"}
				c.gate.policy.Calendar.Windows = []windows.Window{window}
			}},
		"3: no window comes": {items: []string{"one"}, line: LineWindow, prepare: func(c *gateCase) {
			c.gate.policy.Calendar.Windows = []windows.Window{{Rule: "FREQ=DAILY;COUNT=1", Duration: time.Hour}}
		}},
		"3: what has begun ends although its window closes": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.application.begun = true
				c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
			}},
		"3: what was interrupted ends although its window closed": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.application.interrupted = true
				c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
			}},
		"3: somebody has it applied outside its window": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
				c.exec(`UPDATE approvals SET apply_now = true`)
			}},
		"3: Apply now is signed": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) { c.applyNow() }},
		"3: Apply now was written into the database": {items: []string{"one"}, line: LineWindow,
			prepare: func(c *gateCase) {
				c.applyNow()
				c.exec(`UPDATE approvals SET apply_now_signature = NULL`)
			}},
		"3: Apply now is of another approval": {items: []string{"one"}, line: LineWindow,
			prepare: func(c *gateCase) {
				press, other := c.applyNow(), *c.application.approval
				other.ID = uuid.New()
				c.exec(`UPDATE approvals SET apply_now_signature = $1`,
					c.gate.signer.SignValues(press.Signed(&other)...))
			}},
		"3: Apply now is of another operator": {items: []string{"one"}, line: LineWindow,
			prepare: func(c *gateCase) {
				c.applyNow()
				c.exec(`UPDATE approvals SET apply_now_by = 'bob'`)
			}},
		"3: Apply now is of another time": {items: []string{"one"}, line: LineWindow,
			prepare: func(c *gateCase) {
				c.applyNow()
				c.exec(`UPDATE approvals SET apply_now_at = apply_now_at + interval '1 second'`)
			}},
		"3: an interruption is signed": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) { c.interrupt(c.application.approval) }},
		"3: an interruption was written into the database": {items: []string{"one"}, line: LineWindow,
			prepare: func(c *gateCase) { c.interrupt(&onboarding.Approval{ID: uuid.New()}) }},
		"3: the time of the request has not come": {items: []string{"one"}, line: LineWindow,
			prepare: func(c *gateCase) {
				c.application.run.Request.At = &onboarding.Moment{Time: time.Now().Add(time.Minute), Zone: "UTC"}
			}},
		"3: it was approved for later": {items: []string{"one"}, line: LineWindow, prepare: func(c *gateCase) {
			c.exec(`UPDATE votes SET not_before = now() + interval '1 minute' WHERE operator = 'eve'`)
		}},
		"3: the glass was broken, and waits for no window": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.gate.policy.Calendar.Windows = []windows.Window{closedWindow()}
				c.exec(`UPDATE votes SET broke_glass = true WHERE operator = 'eve'`)
			}},
		"3: an approval does not expire while it waits": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.exec(`UPDATE approvals SET expires_at = now() - interval '1 hour'`)
				c.exec(`UPDATE votes SET not_before = now() - interval '1 minute' WHERE operator = 'eve'`)
			}},
		"3: an approval that waited expires in the end": {items: []string{"one"}, line: LineApproval,
			prepare: func(c *gateCase) {
				c.exec(`UPDATE approvals SET expires_at = now() - interval '1 hour'`)
				c.exec(`UPDATE votes SET not_before = now() - interval '25 hours' WHERE operator = 'eve'`)
			}},
		"4: a vote was made to wait longer": {items: []string{"one"}, line: LineVotes, prepare: func(c *gateCase) {
			c.sign()
			c.exec(`UPDATE votes SET not_before = now() - interval '1 minute' WHERE operator = 'eve'`)
		}},

		"4: a vote is missing": {items: []string{"one"}, line: LineVotes, prepare: func(c *gateCase) {
			c.exec(`DELETE FROM votes WHERE operator = 'eve'`)
		}},
		"4: a vote is the requester's": {items: []string{"one"}, line: LineVotes, prepare: func(c *gateCase) {
			c.exec(`UPDATE votes SET operator = 'ada' WHERE operator = 'eve'`)
		}},
		"4: a vote is a rejection": {items: []string{"one"}, line: LineVotes, prepare: func(c *gateCase) {
			c.exec(`UPDATE votes SET agrees = false WHERE operator = 'eve'`)
		}},
		"4: a vote was given in no message": {items: []string{"one"}, line: LineVotes, prepare: func(c *gateCase) {
			c.exec(`UPDATE votes SET source = DEFAULT WHERE operator = 'eve'`)
		}},
		"4: every vote is signed": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) { c.sign() }},
		"4: a vote was written into the database": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) {
				c.sign()
				c.exec(`DELETE FROM votes WHERE operator = 'eve'`)
				c.exec(`INSERT INTO votes (approval_id, operator, name, agrees, source, confirmed, signature, at)
					SELECT approval_id, 'eve', 'eve', true, source, confirmed, signature, at FROM votes
					WHERE operator = 'bob'`)
			}},
		"4: an approval was made to need fewer people": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) {
				c.sign()
				c.exec(`DELETE FROM votes WHERE operator = 'eve'`)
				c.exec(`UPDATE approvals SET needs = 1`)
			}},
		"4: an approval was made to last longer": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) {
				c.sign()
				c.exec(`UPDATE approvals SET expires_at = expires_at + interval '1 day'`)
			}},
		"4: a code is needed now, and none was given": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) {
				c.sign()
				c.gate.policy.Rules = map[onboarding.Kind]onboarding.Rule{"database": {Confirm: onboarding.ConfirmTOTP}}
				c.exec(`UPDATE votes SET confirmed = 'totp'`)
			}},
		"4: the requester broke the glass": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.exec(`DELETE FROM votes WHERE operator = 'eve'`)
				c.exec(`UPDATE votes SET operator = 'ada', broke_glass = true`)
			}},
		"4: a voter may no longer decide": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) { c.people.removed = "eve" }},
		"4: a voter became the requester": {items: []string{"one"}, line: LineVotes, prepare: func(c *gateCase) {
			c.application.run.Requester.ID = "eve"
		}},
		"4: a voter stands in, and nothing was escalated": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) { c.people.standsIn = "eve" }},
		"4: a voter stands in after the escalation": {items: []string{"one"}, applied: []string{"one"},
			prepare: func(c *gateCase) {
				c.people.standsIn = "eve"
				c.exec(`UPDATE approvals SET escalate_at = now() - interval '1 minute'`)
			}},
		"4: who broke the glass may do nothing now": {items: []string{"one"}, line: LineVotes,
			prepare: func(c *gateCase) {
				c.people.removed = "eve"
				c.exec(`UPDATE votes SET broke_glass = true WHERE operator = 'eve'`)
			}},
		"4: nobody can be looked up": {items: []string{"one"}, line: LineDirectory,
			prepare: func(c *gateCase) { c.people.err = errors.New("Slack does not answer") }},
		"4: people are looked up once for an application": {items: []string{"one", "two"},
			applied: []string{"one", "two"}, prepare: func(c *gateCase) {
				must(c.t, c.gate.admit(c.t.Context(), c.application))
				c.people.err = errors.New("Slack does not answer")
			}},

		"5: the target changed": {items: []string{"one", "moved", "two"}, line: LineTarget, applied: []string{"one"}},

		"6: the guard refuses the first item": {items: []string{"forbidden"}, line: LineGuard},
		"6: the guard refuses a later item":   {items: []string{"one", "forbidden"}, line: LineGuard},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newGateCase(t, pool, test.items)
			if test.prepare != nil {
				test.prepare(c)
			}
			err := c.apply()
			refusal, refused := errors.AsType[*RefusedError](err)
			switch {
			case test.line == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.line != "" && (!refused || refusal.Line != test.line):
				t.Errorf("got %v, want a refusal of the line %s", err, test.line)
			}
			if !slices.Equal(c.applier.applied, test.applied) {
				t.Errorf("applied %v, want %v", c.applier.applied, test.applied)
			}
		})
	}
}

// TestASlowClockDoesNotProlong has a replica whose clock is an hour behind that of the database,
// and one whose database is behind.
func TestASlowClockDoesNotProlong(t *testing.T) {
	t.Parallel()
	run := &onboarding.Run{ID: uuid.New()}
	for _, c := range []struct {
		left, database time.Duration // from now
		want           error
	}{
		{left: time.Minute, database: 0}, {left: time.Minute, database: time.Hour, want: errExpired},
		{left: -time.Minute, database: -time.Hour, want: errExpired},
	} {
		change := onboarding.Change{Items: commands("one")}
		approval := &onboarding.Approval{RunID: run.ID, State: onboarding.ApprovalApproved, Change: change,
			Expires: time.Now().Add(c.left)}
		gate := &gate{policy: new(onboarding.Policy)}
		got := gate.approves(approval, &application{run: run, items: change.Items}, time.Now().Add(c.database))
		if !errors.Is(got, c.want) {
			t.Errorf("%s left, and the database's clock %s ahead: %v", c.left, c.database, got)
		}
	}
}
