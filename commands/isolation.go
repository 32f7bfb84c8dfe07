package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// isolationCommand asks for a report on isolation.
const isolationCommand = "/isolation-report"

// maxTenant bounds a slug that is only looked up. The platform may have older ones than onboarding would give.
const maxTenant = 100

// IsolationDesk answers those who ask whether tenants reach each other's rows.
type IsolationDesk struct {
	desk *Handlers
	book *reports.Store
}

// NewIsolationDesk returns a desk that lists reports in a book. The answer to each comes from [IsolationNews].
func NewIsolationDesk(desk *Handlers, book *reports.Store) *IsolationDesk {
	return &IsolationDesk{desk: desk, book: book}
}

// Register tells the router what the desk answers.
func (d *IsolationDesk) Register(router *bot.Router) {
	router.Command(isolationCommand, d.ask)
}

// ask lists a report; the channel reads it once it is made.
func (d *IsolationDesk) ask(ctx context.Context, command bot.Command) (bot.Reply, error) {
	reply, inTime := soon(ctx, d.desk, func(ctx context.Context) bot.Reply { return d.reply(ctx, command) },
		func(ctx context.Context, reply bot.Reply) {
			if err := d.desk.workspace.Respond(ctx, command.ResponseURL, bot.Response{Reply: reply}); err != nil {
				d.desk.log.ErrorContext(ctx, "an operator was not answered", "error", err)
			}
		})
	if !inTime {
		return bot.Reply{Text: markBusy + " One moment…"}, nil
	}
	return reply, nil
}

func (d *IsolationDesk) reply(ctx context.Context, command bot.Command) bot.Reply {
	if !d.desk.config.allows(command.Channel) {
		return bot.Reply{Text: d.desk.elsewhere()}
	}
	if err := d.desk.operator(ctx, command.Person); err != nil {
		return bot.Reply{Text: d.desk.explain(ctx, err, "person", command.Person.ID)}
	}
	words := strings.Fields(unescape(command.Text))
	if len(words) > 1 || len(words) == 1 && len([]rune(words[0])) > maxTenant {
		return bot.Reply{Text: fmt.Sprintf("Say %s for all tenants, or %s for one against all others.", blockkit.Code(isolationCommand), blockkit.Code(isolationCommand+" merche-biche"))}
	}
	request := reports.Request{ID: uuid.New(), By: command.Person.ID, Channel: command.Channel}
	what := "every tenant tries to reach the rows of all others"
	if len(words) == 1 {
		request.Tenant = words[0]
		if d.unknown(ctx, request.Tenant) {
			return bot.Reply{Text: fmt.Sprintf("The platform has no tenant %s, neither a Person nor an Org.", blockkit.Code(shorten(request.Tenant)))}
		}
		what = fmt.Sprintf("%s and all others try to reach each other's rows", blockkit.Code(request.Tenant))
	}
	if err := d.book.Ask(ctx, request); err != nil {
		return bot.Reply{Text: d.desk.explain(ctx, err, "report", request.ID.String())}
	}
	return bot.Reply{Text: fmt.Sprintf("%s Now %s, and all of it is rolled back. What comes of it is said here.", markBusy, what)}
}

// unknown reports that a slug is certainly nobody's: a slip of one person alarms nobody else. Where that cannot be told now, the report
// tells.
func (d *IsolationDesk) unknown(ctx context.Context, slug string) bool {
	ctx, cancel := context.WithTimeout(ctx, quickly)
	defer cancel()
	tenant, err := d.desk.service.Platform.Tenant(ctx, slug)
	if err != nil || tenant != nil {
		return false
	}
	org, err := d.desk.service.Platform.Org(ctx, slug)
	return err == nil && org == nil
}

// IsolationNews says in Slack what reports on isolation say: to the channel where they are wanted, and to the App Home.
type IsolationNews struct {
	outbox *outbox.Outbox
	book   *reports.Store
	scribe scribe
}

var (
	_ reports.Announcer = (*IsolationNews)(nil)
	_ Isolation         = (*IsolationNews)(nil)
)

// NewIsolationNews returns the news of a book's reports, for the approvers of a configuration.
func NewIsolationNews(outbox *outbox.Outbox, book *reports.Store, config Config) *IsolationNews {
	return &IsolationNews{outbox: outbox, book: book, scribe: newScribe(config, false)}
}

// Announce implements [reports.Announcer].
func (n *IsolationNews) Announce(ctx context.Context, tx pgx.Tx, record reports.Record) error {
	return n.outbox.Put(ctx, tx, n.scribe.isolation(&record)...)
}

// LastReport implements [Isolation].
func (n *IsolationNews) LastReport(ctx context.Context) (*IsolationReport, error) {
	record, err := n.book.Last(ctx)
	if err != nil || record == nil {
		return nil, err
	}
	report := &IsolationReport{At: record.At, Summary: proof{record}.outcome()}
	report.Proven = record.Report != nil && record.Report.Verdict == isolation.Sound
	if report.Link, err = n.outbox.Permalink(ctx, isolationKey(record.ID)); err != nil {
		report.Link = "" // Slack does not show it yet, or no longer
	}
	return report, nil
}
