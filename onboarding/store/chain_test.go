package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/audit"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func newPool(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	must(t, err)
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	store.ReadAhead(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// audited is a database with one run that was approved, applied and finished, one that was frozen
// and waits for its votes, and one that was rejected.
type audited struct {
	*testing.T
	pool     *pgxpool.Pool
	run      *onboarding.Run
	approval *onboarding.Approval
	open     *onboarding.Approval
	rejected *onboarding.Approval
	attempt  *onboarding.Attempt
}

func newAudited(t *testing.T) *audited {
	a := &audited{T: t, pool: newPool(t, postgres.Database(t))}
	must(t, store.Migrate(t.Context(), a.pool, "onboarding"))
	a.live()
	return a
}

// live makes the three runs.
func (a *audited) live() {
	t := a.T
	a.run, a.approval = a.ask("database")
	a.vote(a.approval, "eve", true)
	must(t, store.On(a.pool).SetApprovalState(t.Context(), a.approval, onboarding.ApprovalApproved))
	a.attempt = &onboarding.Attempt{ID: uuid.New(), RunID: a.run.ID, Step: "database", Approval: a.approval.ID}
	must(t, store.On(a.pool).InsertAttempt(t.Context(), a.attempt))
	a.attempt.Outcome, a.attempt.Tail, a.attempt.Lines = onboarding.OutcomeDone, []string{"one", "two"}, 2
	must(t, store.On(a.pool).FinishAttempt(t.Context(), a.attempt, "one\ntwo \"\\\x01é\u2028<&>\n"))
	must(t, store.On(a.pool).CloseApproval(t.Context(), a.approval, onboarding.ApprovalUsed))
	a.run.State = onboarding.RunDone
	must(t, store.On(a.pool).EndRun(t.Context(), a.run))
	must(t, store.On(a.pool).AddEvent(t.Context(), onboarding.Event{RunID: a.run.ID, Kind: onboarding.EventFinished,
		Text: "\"\\\x01é\u2028<&>\n", Took: time.Second}))
	_, a.open = a.ask("database")
	must(t, store.InsertFreeze(t.Context(), a.pool, onboarding.Operator{ID: "bob"}, "Friday"))
	must(t, store.Thaw(t.Context(), a.pool, onboarding.Operator{ID: "bob"}))
	asked := &risk.Request{ID: uuid.New(), Object: "public.f", Until: "2027-01-31", Needs: 1, Asked: time.Now(),
		Expires: time.Now(), By: onboarding.Operator{ID: "ada"}}
	must(t, store.InsertRisk(t.Context(), a.pool, asked))
	must(t, store.InsertRiskVote(t.Context(), a.pool, asked, risk.Vote{Act: risk.Accept,
		By: onboarding.Operator{ID: "eve"}, At: time.Now()}))
	_, a.rejected = a.ask("database")
	a.vote(a.rejected, "eve", false)
	must(t, store.On(a.pool).CloseApproval(t.Context(), a.rejected, onboarding.ApprovalRejected))
}

// ask begins a run that asks for the approval of a step.
func (a *audited) ask(step onboarding.Key) (*onboarding.Run, *onboarding.Approval) {
	a.Helper()
	policy := onboarding.Policy{}
	policy.Defaults()
	run := newRun()
	must(a, store.InsertRun(a.Context(), a.pool, run, run.ID.String()))
	must(a, store.On(a.pool).AddEvent(a.Context(), onboarding.Event{RunID: run.ID, Kind: onboarding.EventRequested,
		Actor: run.Requester}))
	approval, err := policy.NewApproval(run, step, onboarding.Change{Summary: "make " + run.ID.String()}, time.Now())
	must(a, err)
	must(a, store.On(a.pool).InsertApproval(a.Context(), approval))
	return run, approval
}

func (a *audited) vote(approval *onboarding.Approval, who string, agrees bool) {
	a.Helper()
	must(a, store.InsertVote(a.Context(), a.pool, approval,
		onboarding.Vote{By: onboarding.Operator{ID: who, Name: who}, Agrees: agrees, Reason: "because"}))
}

// exec changes the database behind the product's back, with or without its triggers.
func (a *audited) exec(triggers bool, sql string) {
	a.Helper()
	role := "replica"
	if triggers {
		role = "origin"
	}
	must(a, pgx.BeginFunc(a.Context(), a.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(a.Context(), `SET LOCAL session_replication_role = `+role+`; `+sql)
		return err
	}))
}

func (a *audited) verify(heads ...audit.Head) audit.Report {
	a.Helper()
	report, err := store.VerifyChain(a.Context(), a.pool, heads...)
	must(a, err)
	return report
}

const chainedTables = `runs events approvals votes attempts freezes risks risk_votes chain`

// Whatever a superuser does to the rows or to the chain is found and named.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.exec(true, `INSERT INTO events (run_id, kind, at) SELECT '`+a.run.ID.String()+`', 'asked', at::timestamptz
		FROM unnest(ARRAY['1999-12-31 23:59:59.5+00', '2000-01-01+00', '2024-02-29 00:00:00.000001+00',
			'2400-12-31 23:59:59.99999+00']) at`)
	before := a.verify()
	if len(before.Problems) > 0 || before.Entries < 15 {
		t.Fatalf("%+v", before)
	}
	must(t, store.On(a.pool).AddEvent(t.Context(), onboarding.Event{RunID: a.run.ID, Kind: onboarding.EventForged}))
	head := a.verify(before.Head).Head
	for _, table := range strings.Fields(chainedTables) {
		a.exec(false, `CREATE TABLE kept_`+table+` AS TABLE `+table)
	}
	ofApproval, ofRun := ` = '`+a.approval.ID.String()+`'`, ` = '`+a.run.ID.String()+`'`
	ofOpen := ` = '` + a.open.ID.String() + `'`
	const again = `; DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM kept_chain WHERE seq > 9 AND kind <> 'vote'
		ORDER BY seq LOOP PERFORM chain_append(r.kind, r.run_id, r.row_id, r.record); END LOOP; END $$`
	for _, c := range []struct {
		name, sql string
		triggers  bool // the tampering leaves the triggers on
		want      string
	}{
		{"an event is edited", `UPDATE events SET text = 'nothing happened' WHERE kind = 'finished'`, false,
			`^event \d+ differs from its entry \d+: it was edited$`},
		{"an event has another actor",
			`UPDATE events SET actor = '{"id": "eve", "name": "ada"}' WHERE actor IS NOT NULL`,
			false, `event \d+ differs`},
		{"an event is removed", `DELETE FROM events WHERE kind = 'finished'`, false,
			`^event \d+ of entry \d+ was removed$`},
		{"an event is inserted", `INSERT INTO events (run_id, kind) VALUES ('` + a.run.ID.String() + `', 'approved')`,
			false, `^event \d+ is in no entry: it was inserted`},
		{"a vote has another reason", `UPDATE votes SET reason = 'why not'`, true,
			`^vote \S+/eve differs from its entry`},
		{"a vote is somebody else's", `UPDATE votes SET operator = 'bob'`, true,
			`^vote \S+/bob is in no entry[\s\S]*vote \S+/eve of entry \d+ was removed$`},
		{"a vote is removed", `DELETE FROM votes WHERE agrees`, true, `vote \S+/eve of entry \d+ was removed`},
		{"a vote is inserted", `INSERT INTO votes SELECT id, 'zoe', 'zoe', true FROM approvals WHERE id` + ofOpen,
			false, `^vote \S+/zoe is in no entry`},
		{"a rejection becomes an agreement", `UPDATE votes SET agrees = true WHERE NOT agrees`, true,
			`vote \S+/eve differs`},
		{"an approval without votes", `UPDATE approvals SET state = 'approved' WHERE id` + ofOpen, true,
			`^approval \S+ is approved, and its votes do not say so$`},
		{"an approval is opened again",
			`UPDATE approvals SET state = 'approved', closed_at = NULL WHERE id` + ofApproval,
			true, `^approval \S+ differs from its entry`},
		{"an approval lives longer", `UPDATE approvals SET expires_at = now() + interval '1 year' WHERE id` + ofOpen,
			true, `^approval \S+ differs`},
		{"an approval needs fewer", `UPDATE approvals SET needs = 0 WHERE id` + ofOpen, true, `^approval \S+ differs`},
		{"another change", `UPDATE approvals SET change = '{"items":[],"summary":""}' WHERE id` + ofApproval, true,
			`^approval \S+ differs`},
		{"another change with its digest", `UPDATE approvals SET change = '{}', digest = encode(sha256('{}'), 'hex')
			WHERE id` + ofApproval, true, `approval \S+ differs`},
		{"another digest", `UPDATE approvals SET digest = repeat('0', 64) WHERE id` + ofApproval, true,
			`approval \S+ differs`},
		{"a change waits for no window", `UPDATE approvals SET apply_now = true WHERE id` + ofOpen, true,
			`^approval \S+ waits for no window, and no event says who pressed Apply now$`},
		{"an approval is removed", `DELETE FROM approvals WHERE id` + ofOpen, true,
			`^approval \S+ of entry \d+ was removed$`},
		{"an attempt worked", `UPDATE attempts SET outcome = 'failed', error = 'no'`, true, `^attempt \S+ differs`},
		{"another output", `UPDATE attempts SET log = 'one'`, true, `^attempt \S+ differs`},
		{"an attempt is removed", `DELETE FROM attempts`, true, `^attempt \S+ of entry \d+ was removed$`},
		{"another requester", `UPDATE runs SET requester = '{"id": "zoe"}' WHERE id` + ofRun, true, `^run \S+ differs`},
		{"another request", `UPDATE runs SET request = '{"slug": "x"}' WHERE id` + ofRun, true, `^run \S+ differs`},
		{"a run goes on", `UPDATE runs SET state = 'active' WHERE id` + ofRun, true, `^run \S+ differs`},
		{"a run is removed", `DELETE FROM runs WHERE id` + ofRun, false, `run \S+ of entry \d+ was removed`},
		{"a freeze is removed", `DELETE FROM freezes`, true, `^freeze 1 of entry \d+ was removed$`},
		{"a risk is accepted for longer", `UPDATE risks SET until = '2099-12-31'`, true, `^risk \S+ differs`},
		{"a risk is accepted by somebody else", `UPDATE risk_votes SET operator = 'bob'`, true,
			`^risk_vote accept/bob/\S+ is in no entry[\s\S]*risk_vote accept/eve/\S+ of entry \d+ was removed$`},

		{"an entry is edited", `UPDATE chain SET record = replace(record, 'because', 'whatever') WHERE kind = 'vote'`,
			true, `entry \d+ \(vote \S+/eve\) does not match its hash[\s\S]*vote \S+/eve differs from its entry`},
		{"an entry is edited with its row", `UPDATE chain SET record = replace(record, 'because', 'whatever');
			UPDATE votes SET reason = 'whatever'`, true, `^entry \d+ \(vote \S+/eve\) does not match its hash`},
		{"an entry is edited with its row and hash", `UPDATE votes SET reason = 'whatever';
			UPDATE chain c SET record = replace(c.record, 'because', 'whatever'), hash = sha256(convert_to(
				concat('{"kind":"vote","prev":"', encode(p.hash, 'hex'), '","record":',
				replace(c.record, 'because', 'whatever'), ',"row":"', c.row_id, '","run":"', c.run_id,
				'","run_prev":"', encode(p.hash, 'hex'), '","seq":', c.seq, '}'), 'UTF8'))
			FROM chain p WHERE p.seq = c.seq - 1 AND c.kind = 'vote'`, true,
			`^entry \d+ \(attempt \S+\) does not match its hash`},
		{"an entry is removed", `DELETE FROM chain WHERE kind = 'vote' AND seq < 9`, true, `^entry \d+ was removed\n`},
		{"a vote is removed with its entry",
			`DELETE FROM chain WHERE kind = 'vote' AND seq < 9; DELETE FROM votes WHERE agrees`,
			true, `^entry \d+ was removed\n`},
		{"entries are closed up", `DELETE FROM chain WHERE seq = 5; UPDATE chain SET seq = -seq WHERE seq > 5;
			UPDATE chain SET seq = -seq - 1 WHERE seq < 0`, true,
			`^entry 5 \(\S+ \S+\) does not match its hash`},
		{"entries change places",
			`UPDATE chain SET seq = -seq WHERE seq IN (5, 6); UPDATE chain SET seq = 11 + seq WHERE seq < 0`,
			true, `^entry 5 \(\S+ \S+\) does not match its hash`},
		{"an entry is inserted", `INSERT INTO chain SELECT seq + 1, run_id, kind, row_id, record, hash FROM chain
			ORDER BY seq DESC LIMIT 1`, true, `^entry \d+ \(event \d+\) does not match its hash`},
		{"an entry is far ahead", `INSERT INTO chain SELECT 1000000000000, run_id, kind, row_id, record, hash FROM chain
			LIMIT 1`, true, `^entries \d+ to 999999999999 were removed`},
		{"the last entries are cut off", `DELETE FROM chain WHERE seq > 12`, true,
			`is in no entry[\s\S]*head \S+ is missing: the chain ends at entry 12`},
		{"the last event is cut off with its entry", `DELETE FROM events WHERE id = (SELECT max(id) FROM events);
			DELETE FROM chain WHERE seq = (SELECT max(seq) FROM chain)`, false,
			`^head \S+ is missing: the chain ends at entry \d+, so its last entries were cut off$`},
		{"all is written anew without a vote", `DELETE FROM votes; DELETE FROM chain WHERE seq > 9;` + again, false,
			`head \S+ is missing`},
		{"all is removed",
			`TRUNCATE chain, ` + strings.ReplaceAll(strings.TrimSuffix(chainedTables, " chain"), " ", ", ") +
				` CASCADE`, false, `head \S+ is missing[\s\S]*the chain has no entries`},
	} {
		a.exec(c.triggers, c.sql)
		got := strings.Join(a.verify(head).Problems, "\n")
		if !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
		for _, table := range strings.Fields(chainedTables) {
			a.exec(false, `DELETE FROM `+table+`; INSERT INTO `+table+` OVERRIDING SYSTEM VALUE TABLE kept_`+table)
		}
	}
	if report := a.verify(before.Head, head); len(report.Problems) > 0 {
		t.Errorf("put back: %v", report.Problems)
	}
}

// What is exported of a run is verified without the bot, by the script of the document.
func TestExport(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	file, err := store.ExportChain(t.Context(), a.pool, a.run.ID)
	must(t, err)
	head, err := store.On(a.pool).HeadOf(t.Context(), a.run.ID)
	must(t, err)
	var text bytes.Buffer
	must(t, file.Write(&text))
	script := documented(t)
	for _, c := range []struct{ name, old, new, want string }{
		{"untouched", "", "", ""},
		{"a vote is edited", `"because"`, `"why not"`, "it was edited"},
		{"a change is edited", `\"make`, `\"unmake`, "the change"},
		{"another run", `"run": "` + a.run.ID.String(), `"run": "` + uuid.NewString(), "does not follow"},
	} {
		edited := strings.Replace(text.String(), c.old, c.new, 1)
		read, err := audit.ReadFile(strings.NewReader(edited))
		must(t, err)
		report, err := read.Verify(head)
		must(t, err)
		if got := strings.Join(report.Problems, "\n"); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
		cmd := exec.CommandContext(t.Context(), "python3", "-c", script, "/dev/stdin", head.Short())
		cmd.Stdin = strings.NewReader(edited)
		if out, err := cmd.CombinedOutput(); (err == nil) != (c.want == "") {
			t.Errorf("%s: the documented script says %v, %s", c.name, err, out)
		}
	}
	cut := *file
	cut.Entries = cut.Entries[:len(cut.Entries)-1]
	if report, err := cut.Verify(head); err != nil || len(report.Problems) != 1 {
		t.Errorf("cut off: %v, %v", report.Problems, err)
	}
	gap := *file
	gap.Entries = append(gap.Entries[:3:3], gap.Entries[4:]...)
	if report, err := gap.Verify(head); err != nil || len(report.Problems) != 1 {
		t.Errorf("one is removed: %v, %v", report.Problems, err)
	}
	if _, err := store.ExportChain(t.Context(), a.pool, uuid.New()); !errors.Is(err, onboarding.ErrNotFound) {
		t.Errorf("no run: %v", err)
	}
	if !json.Valid(text.Bytes()) {
		t.Error("the file is not JSON")
	}
}

// documented returns the script of docs/audit.md.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/audit.md")
	must(t, err)
	script := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(text)
	if script == nil {
		t.Fatal("docs/audit.md has no script")
	}
	return string(script[1])
}

// A role that another one owns the tables for can append to the audit trail, and not edit it.
func TestAServingRoleOnlyAppends(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	role := "server_" + strings.ToLower(rand.Text())
	database := a.pool.Config().ConnConfig.Database
	a.exec(true, `CREATE ROLE `+role+` LOGIN; GRANT TEMPORARY ON DATABASE `+database+` TO `+role)
	t.Cleanup(func() { _, _ = a.pool.Exec(context.Background(), `DROP OWNED BY `+role+`; DROP ROLE `+role) })
	must(t, store.Restrict(t.Context(), a.pool, "onboarding", role))
	must(t, store.Restrict(t.Context(), a.pool, "onboarding", role)) // each start does it
	config := a.pool.Config()
	config.ConnConfig.User = role
	server, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	defer server.Close()
	for pool, want := range map[*pgxpool.Pool]bool{server: true, a.pool: false} {
		if only, err := store.AppendsOnly(t.Context(), pool, "onboarding"); err != nil || only != want {
			t.Errorf("only appends: %t, %v", only, err)
		}
	}
	for _, sql := range []string{`UPDATE events SET text = ''`, `DELETE FROM events`, `TRUNCATE events`,
		`UPDATE votes SET agrees = true`, `DELETE FROM votes`, `UPDATE approvals SET change = ''`,
		`UPDATE approvals SET expires_at = now()`, `DELETE FROM approvals`, `UPDATE attempts SET started_at = now()`,
		`DELETE FROM attempts`, `UPDATE runs SET requester = '{}'`, `DELETE FROM runs`,
		`UPDATE freezes SET reason = ''`, `UPDATE risks SET until = '2099-12-31'`, `DELETE FROM risk_votes`,
		`INSERT INTO chain VALUES (99, NULL, 'event', '1', '{}', sha256(''))`, `UPDATE chain SET record = ''`,
		`DELETE FROM chain`, `SELECT chain_append('event', NULL, '1', '{}')`,
		`ALTER TABLE votes DISABLE TRIGGER ALL`, `SET session_replication_role = replica`,
		`CREATE TEMP TABLE t (id int); CREATE TRIGGER t AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION chain_row()`,
	} {
		_, err := server.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		const insufficientPrivilege = "42501"
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != insufficientPrivilege {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// It does everything that the bot does, and a table of its own does not stand in the chain's
	// way.
	served := &audited{T: t, pool: server}
	_, err = server.Exec(t.Context(), `CREATE TEMP TABLE chain (LIKE onboarding.chain)`)
	must(t, err)
	served.live()
	if report := a.verify(); len(report.Problems) > 0 || report.Runs != 6 {
		t.Errorf("%+v", report)
	}
	// Nor do tables, functions and types of its own in the place of those that make an entry, or
	// in that of the catalog.
	_, err = server.Exec(t.Context(), `CREATE TEMP TABLE approvals (id uuid, run_id uuid, digest text);
		CREATE TEMP TABLE votes (LIKE onboarding.votes);
		CREATE FUNCTION pg_temp.chain_append(text, uuid, text, text) RETURNS void LANGUAGE sql AS 'SELECT';
		CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1';
		SET search_path = pg_temp, onboarding;
		INSERT INTO onboarding.votes (approval_id, operator, name, agrees)
			VALUES ('`+a.open.ID.String()+`', 'zoe', 'Zoe', true)`, pgx.QueryExecModeSimpleProtocol)
	must(t, err)
	if report := a.verify(); len(report.Problems) > 0 {
		t.Errorf("with shadows: %+v", report)
	}
}
