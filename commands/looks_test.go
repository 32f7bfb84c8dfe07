package commands_test

import (
	"context"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// handled are the statements of handlers. Those of jobs in the background are not among them.
type handled struct {
	mu   sync.Mutex
	list []string
}

func (h *handled) TraceQueryStart(ctx context.Context, _ *pgx.Conn, query pgx.TraceQueryStartData) context.Context {
	h.add(query.SQL)
	return ctx
}

func (*handled) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (*handled) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (h *handled) TraceBatchQuery(_ context.Context, _ *pgx.Conn, query pgx.TraceBatchQueryData) {
	h.add(query.SQL)
}

func (*handled) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (h *handled) add(sql string) {
	if strings.Contains(string(debug.Stack()), "/onboardbot/commands.(") {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.list = append(h.list, sql)
	}
}

// take returns the statements since the last call. Those that look for the message of a press are
// left out: there are more while its delivery is being recorded.
func (h *handled) take() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, sql := range h.list {
		if !strings.Contains(sql, "FROM slack_messages") {
			list = append(list, strings.Join(strings.Fields(sql), " "))
		}
	}
	h.list = nil
	return list
}

// A press loads the run and the approval once, in few statements.
func TestOneLookPerPress(t *testing.T) {
	t.Parallel()
	r := twoApprovers(t, false)
	question := r.read(r.bo, "Database: approval needed")
	r.made.statements.take()
	r.press(r.bo, question, "Approve")
	r.read(r.bo, "Database: approval needed", "1 of 2")
	r.looked("a press", 14)
}

// A press that needs a reason, and the form with it, do so each. Slack is asked once who somebody
// is.
func TestOneLookPerForm(t *testing.T) {
	t.Parallel()
	r := twoApprovers(t, true)
	question := r.read(r.bo, "Database: approval needed")
	asked := r.asked()
	r.made.statements.take()
	r.press(r.bo, question, "Approve")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	r.looked("a press that needs a reason", 9)
	_, err = form.Fill(r.ctx(), "Why?", "Seen with Merche")
	must(t, err)
	r.submit(form)
	r.looked("a form with the reason", 15)
	if asked = r.asked() - asked; asked != 1 {
		t.Errorf("Slack was asked %d times who Bo is", asked)
	}
}

// twoApprovers is a bot with a run whose first approval one person cannot give alone, so nothing
// is applied meanwhile.
func twoApprovers(t *testing.T, reason bool) *botFixture {
	r := newFixture(t, func(_ *workspace.Config, domain *onboarding.Policy, _ *access.Config) {
		domain.Rules = map[onboarding.Kind]onboarding.Rule{"database": {Approvers: 2, Reason: reason}}
	})
	r.begin("merche-biche")
	return r
}

// looked fails unless a handler read its run and its approval once, in so many statements.
func (r *botFixture) looked(what string, want int) {
	r.t.Helper()
	list := r.made.statements.take()
	if len(list) != want {
		r.t.Errorf("%s took %d statements, not %d:\n%s", what, len(list), want, strings.Join(list, "\n"))
	}
	all := strings.Join(list, "\n")
	for _, table := range strings.Fields("runs steps approvals votes") {
		read := regexp.MustCompile(`(?m)^SELECT \w+, .* FROM ` + table + ` WHERE .*`)
		if reads := read.FindAllString(all, -1); len(reads) != 1 {
			r.t.Errorf("%s read %s %d times: %q", what, table, len(reads), reads)
		}
	}
}

// asked is how often Slack was asked who somebody is.
func (r *botFixture) asked() (times int) {
	r.t.Helper()
	events, err := r.Transcript(r.t.Context(), 0)
	must(r.t, err)
	for _, event := range events {
		if event.Kind == workspace.KindAPI && event.Name == "users.info" {
			times++
		}
	}
	return times
}
