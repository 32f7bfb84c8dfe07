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
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// IsolationHandlers answers those who ask whether tenants reach each other's rows.
type IsolationHandlers struct {
	desk *Handlers
	book *reports.Store
}

// NewIsolationHandlers returns a desk that lists reports in a book. The answer to each comes from [IsolationNews].
func NewIsolationHandlers(desk *Handlers, book *reports.Store) *IsolationHandlers {
	return &IsolationHandlers{desk: desk, book: book}
}

// Register tells the router what the desk answers.
func (d *IsolationHandlers) Register(router *bot.Router) {
	router.Command(render.IsolationCommand, d.ask)
}

// ask lists a report; the channel reads it once it is made.
func (d *IsolationHandlers) ask(ctx context.Context, command bot.Command) (bot.Reply, error) {
	reply, inTime := replyWithin(ctx, d.desk, func(ctx context.Context) bot.Reply { return d.reply(ctx, command) },
		func(ctx context.Context, reply bot.Reply) {
			if err := d.desk.workspace.Respond(ctx, command.ResponseURL, bot.Response{Reply: reply}); err != nil {
				d.desk.log.ErrorContext(ctx, "an operator was not answered", "error", err)
			}
		})
	if !inTime {
		return bot.Reply{Text: mrkdwn.MarkBusy + " One moment…"}, nil
	}
	return reply, nil
}

func (d *IsolationHandlers) reply(ctx context.Context, command bot.Command) bot.Reply {
	if !d.desk.config.allows(command.Channel) {
		return bot.Reply{Text: d.desk.elsewhere()}
	}
	if err := d.desk.requireOperator(ctx, command.Person); err != nil {
		return bot.Reply{Text: d.desk.explain(ctx, err, "person", command.Person.ID)}
	}
	words := strings.Fields(mrkdwn.Unescape(command.Text))
	if len(words) > 1 || len(words) == 1 && len([]rune(words[0])) > isolationreport.MaxTenant {
		return bot.Reply{Text: fmt.Sprintf("Say %s for all tenants, or %s for one against all others.", blockkit.Code(render.IsolationCommand), blockkit.Code(render.IsolationCommand+" merche-biche"))}
	}
	request := reports.Request{ID: uuid.New(), By: command.Person.ID, Channel: command.Channel}
	what := "every tenant tries to reach the rows of all others"
	if len(words) == 1 {
		request.Tenant = words[0]
		if d.unknown(ctx, request.Tenant) {
			return bot.Reply{Text: fmt.Sprintf("The platform has no tenant %s, neither a Person nor an Org.", blockkit.Code(mrkdwn.Shorten(request.Tenant)))}
		}
		what = fmt.Sprintf("%s and all others try to reach each other's rows", blockkit.Code(request.Tenant))
	}
	if err := d.book.Ask(ctx, request); err != nil {
		return bot.Reply{Text: d.desk.explain(ctx, err, "report", request.ID.String())}
	}
	return bot.Reply{Text: fmt.Sprintf("%s Now %s, and all of it is rolled back. What comes of it is said here.", mrkdwn.MarkBusy, what)}
}

// unknown reports that a slug is certainly nobody's: a slip of one person alarms nobody else. Where that cannot be told now, the report
// tells.
func (d *IsolationHandlers) unknown(ctx context.Context, slug string) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	tenant, err := d.desk.service.Platform.Tenant(ctx, slug)
	if err != nil || tenant != nil {
		return false
	}
	org, err := d.desk.service.Platform.Org(ctx, slug)
	return err == nil && org == nil
}

// IsolationAnnouncer says in Slack what reports on isolation say: to the channel where they are wanted, and to the App Home.
type IsolationAnnouncer struct {
	outbox *outbox.Outbox
	book   *reports.Store
	config Config
}

var (
	_ reports.Announcer = (*IsolationAnnouncer)(nil)
	_ Isolation         = (*IsolationAnnouncer)(nil)
)

// NewIsolationAnnouncer returns the news of a book's reports, for the approvers of a configuration.
func NewIsolationAnnouncer(outbox *outbox.Outbox, book *reports.Store, config Config) *IsolationAnnouncer {
	return &IsolationAnnouncer{outbox: outbox, book: book, config: config}
}

// Announce implements [reports.Announcer].
func (n *IsolationAnnouncer) Announce(ctx context.Context, tx pgx.Tx, record reports.Record) error {
	return n.outbox.Put(ctx, tx, isolationreport.Messages(&record, n.config.Approvers, n.config.Command)...)
}

// LastReport implements [Isolation].
func (n *IsolationAnnouncer) LastReport(ctx context.Context) (*render.IsolationReport, error) {
	record, err := n.book.Last(ctx)
	if err != nil || record == nil {
		return nil, err
	}
	report := &render.IsolationReport{At: record.At, Summary: isolationreport.Outcome(record)}
	report.Proven = record.Report != nil && record.Report.Verdict == isolation.Sound
	if report.Link, err = n.outbox.Permalink(ctx, isolationreport.Key(record.ID)); err != nil {
		report.Link = "" // Slack does not show it yet, or no longer
	}
	return report, nil
}
