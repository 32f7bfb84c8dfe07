package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/timeline"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
)

// IsChannel says whether an id has the form of a channel's.
func IsChannel(id string) bool { return channelForm.MatchString(id) }

// CertificateHandlers answers what operators type and press about certificates.
type CertificateHandlers struct {
	*Handlers
	watch   *watch.Watch
	planner *renewal.Planner
	channel string
}

// NewCertificateHandlers returns a desk. The channel is where what has no thread goes.
func NewCertificateHandlers(desk *Handlers, watch *watch.Watch, planner *renewal.Planner, channel string) *CertificateHandlers {
	return &CertificateHandlers{desk, watch, planner, channel}
}

// Register tells the router what the desk answers.
func (d *CertificateHandlers) Register(router *bot.Router) {
	router.Command(render.CertificatesCommand, d.certificates)
	router.Action(certs.ActionRenew, d.renew)
	router.Action(certs.ActionWhy, d.why)
}

// certificates answers the slash command: about all sites in the channel, about one to who asks.
func (d *CertificateHandlers) certificates(ctx context.Context, command bot.Command) (bot.Reply, error) {
	reply, inTime := replyWithin(ctx, d.Handlers, func(ctx context.Context) bot.Reply { return d.reply(ctx, command) },
		func(ctx context.Context, reply bot.Reply) {
			if err := d.workspace.Respond(ctx, command.ResponseURL, bot.Response{Reply: reply}); err != nil {
				d.log.ErrorContext(ctx, "an operator was not answered", "error", err)
			}
		})
	if !inTime {
		return bot.Reply{Text: mrkdwn.MarkBusy + " Looking at what visitors get…"}, nil
	}
	return reply, nil
}

func (d *CertificateHandlers) reply(ctx context.Context, command bot.Command) bot.Reply {
	if !d.config.allows(command.Channel) {
		return bot.Reply{Text: d.elsewhere()}
	}
	if err := d.requireOperator(ctx, command.Person); err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", command.Person.ID)}
	}
	var reply bot.Reply
	var err error
	if domain := strings.TrimSpace(mrkdwn.Unescape(command.Text)); domain != "" {
		reply, err = d.aboutSite(ctx, domain)
	} else {
		reply, err = d.aboutAll(ctx, command)
	}
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, speakable(err), "command", "")}
	}
	return reply
}

// aboutAll puts the table into the channel, and the pictures below it.
func (d *CertificateHandlers) aboutAll(ctx context.Context, command bot.Command) (bot.Reply, error) {
	sites, err := d.planner.Inventory.Sites(ctx)
	if err != nil {
		return bot.Reply{}, err
	}
	if len(sites) == 0 {
		return bot.Reply{Text: "There is nothing to watch yet: no run has made a domain live, and the configuration names none."}, nil
	}
	report, err := d.planner.Sweeper.Sweep(ctx, sites)
	if err != nil {
		return bot.Reply{}, err
	}
	past, err := d.watch.PastOf(ctx, report)
	if err != nil {
		return bot.Reply{}, err
	}
	table := certs.Table(report)
	table.Key, table.Channel = "certificates/"+command.Envelope, command.Channel
	pictures, err := certs.Timelines(timeline.Rows(report, d.planner.Sweeper.Config().Thresholds, past), report.At, table)
	if err != nil {
		return bot.Reply{}, err
	}
	if err := d.send(ctx, append([]outbox.Message{table}, pictures...)...); err != nil {
		return bot.Reply{}, err
	}
	return bot.Reply{Text: fmt.Sprintf("%s Looked at %s. The table is in the channel, with pictures in its thread.", mrkdwn.MarkDone, mrkdwn.Count(len(sites), "site"))}, nil
}

// aboutSite says everything about one site, to who asks.
func (d *CertificateHandlers) aboutSite(ctx context.Context, domain string) (bot.Reply, error) {
	seen, err := d.see(ctx, domain)
	if err != nil {
		return bot.Reply{}, err
	}
	page := certs.Page(seen)
	return page.Reply(), nil
}

func (d *CertificateHandlers) see(ctx context.Context, domain string) (*certs.SiteDetail, error) {
	site, err := d.planner.Site(ctx, domain)
	if err != nil {
		return nil, err
	}
	report, err := d.planner.Observe(ctx, site)
	if err != nil {
		return nil, err
	}
	seen := &certs.SiteDetail{SiteReport: report, At: time.Now()}
	if len(report.Certificates) > 0 {
		first := report.Certificates[0]
		seen.Due = d.planner.Sweeper.Config().Thresholds.RenewalDue(first, report.RenewBefore(first))
	}
	if seen.Past, err = d.watch.Past(ctx, site.Domain); err != nil {
		return nil, err
	}
	seen.Why = d.planner.Doctor.Diagnose(ctx, report, seen.At)
	if seen.Renewal, err = d.planner.Outstanding(ctx, report, seen.At); err != nil {
		seen.Refused = err.Error()
	}
	return seen, nil
}

// speakable turns the errors about certificates into what a person reads.
func speakable(err error) error {
	if refused, ok := errors.AsType[*certificates.UnrenewableError](err); ok {
		return userError(blockkit.Escape(refused.Sentence))
	}
	if limit, ok := errors.AsType[*certificates.LimitError](err); ok {
		return userError(blockkit.Escape("Not now: " + limit.Error() + "."))
	}
	switch {
	case errors.Is(err, renewal.ErrUnwatched):
		return userError(fmt.Sprintf("I do not watch that domain. %s lists those that I do; others belong under certificates.extra in my configuration.", blockkit.Code(render.CertificatesCommand)))
	case errors.Is(err, onboarding.ErrBusy):
		return userError("Somebody is at it already: look for a question in the thread.")
	}
	return err
}
