package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/inputs"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/timeline"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// CertificateHandlers answers what operators type and press about certificates.
type CertificateHandlers struct {
	service  *service.Service
	replies  *responder
	messages *messenger
	origins  *provenance
	clocks   clocks
	CertificateDependencies
}

// renewBlock begins the block_id of the button that renews a certificate, in a private answer.
const renewBlock = "certificate/"

// CertificateDependencies are what [CertificateHandlers] work with besides the other handlers'
// parts. All are required.
type CertificateDependencies struct {
	Watch   *watch.Watch
	Planner *renewal.Planner
	// Channel is where renewals go that have no thread.
	Channel string
}

// NewCertificateHandlers returns the handlers for certificates. [CertificateHandlers.Register]
// routes to them.
func NewCertificateHandlers(h *Handlers, dependencies CertificateDependencies) *CertificateHandlers {
	return &CertificateHandlers{service: h.service, replies: h.replies, messages: h.messages,
		origins: h.decisions.origins, clocks: h.forms.starter.clocks, CertificateDependencies: dependencies}
}

// certificates answers the slash command: about all sites in the channel, about one site to the
// person who asks.
func (h *CertificateHandlers) certificates(ctx context.Context, command bot.Command) (post.Reply, error) {
	return h.replies.replyLater(ctx, command, "Checking the certificates that visitors get…",
		func(ctx context.Context) post.Reply { return h.reply(ctx, command) })
}

func (h *CertificateHandlers) reply(ctx context.Context, command bot.Command) post.Reply {
	var reply post.Reply
	line, err := parseTimed(render.CertificatesCommand+" merche-biche.com at=02:00", command.Text)
	switch {
	case err != nil:
	case line.Slug == "":
		reply, err = h.aboutAll(ctx, command)
	default:
		question := siteQuestion{person: command.Person, block: renewBlock + command.Envelope, domain: line.Slug}
		if question.at, err = h.clocks.moment(ctx, command.Person, line.Values[inputs.At]); err == nil {
			reply, err = h.aboutSite(ctx, question)
		}
	}
	if err != nil {
		return h.replies.failure(ctx, certificateError(err), "command", "")
	}
	return reply
}

// aboutAll posts the table in the channel, with a timeline in its thread.
func (h *CertificateHandlers) aboutAll(ctx context.Context, command bot.Command) (post.Reply, error) {
	sites, err := h.Planner.Inventory.Sites(ctx)
	if err != nil {
		return post.Reply{}, err
	}
	if len(sites) == 0 {
		return post.Reply{Text: "There is nothing to watch yet: no domain is live, and the configuration names none."},
			nil
	}
	report, err := h.Planner.Sweeper.Sweep(ctx, sites)
	if err != nil {
		return post.Reply{}, err
	}
	h.Planner.Doctor.ExamineTimers(ctx, &report)
	past, err := h.Watch.PastOf(ctx, report)
	if err != nil {
		return post.Reply{}, err
	}
	table := certs.Table(report)
	table.Key, table.Channel = "certificates/"+command.Envelope, command.Channel
	picture, err := certs.Timeline(timeline.Rows(report, h.Planner.Sweeper.Config().Thresholds, past), report.At, table)
	if err != nil {
		return post.Reply{}, err
	}
	if err := h.messages.send(ctx, table, picture); err != nil {
		return post.Reply{}, err
	}
	return post.Reply{Text: fmt.Sprintf("%s Checked %s. The table is in the channel, with a timeline in its thread.",
		mrkdwn.MarkDone, mrkdwn.Count(len(sites), "site"))}, nil
}

// siteQuestion is who asks about which site, with the block_id of the button that renews.
type siteQuestion struct {
	person        bot.Person
	block, domain string
	// at is from when on a renewal may be applied, nil for at once.
	at *onboarding.Moment
}

// aboutSite shows everything about one site to the person who asks.
func (h *CertificateHandlers) aboutSite(ctx context.Context, asked siteQuestion) (post.Reply, error) {
	detail, err := h.detail(ctx, asked.domain)
	if err != nil {
		return post.Reply{}, err
	}
	detail.Block, detail.NotBefore = timedBlock(asked.block, asked.at), asked.at
	if err := h.origins.ask(ctx, asked.person, detail.Block, detail.Domain); err != nil {
		return post.Reply{}, err
	}
	return certs.Page(detail).Reply(), nil
}

// detail gathers everything that is known about one site.
func (h *CertificateHandlers) detail(ctx context.Context, domain string) (*certs.SiteDetail, error) {
	site, err := h.Planner.Site(ctx, domain)
	if err != nil {
		return nil, err
	}
	report, err := h.Planner.Observe(ctx, site)
	if err != nil {
		return nil, err
	}
	seen := &certs.SiteDetail{SiteReport: report, At: time.Now()}
	if len(report.Certificates) > 0 {
		first := report.Certificates[0]
		seen.Due = h.Planner.Sweeper.Config().Thresholds.RenewalDue(first, report.RenewBefore(first))
	}
	if seen.Past, err = h.Watch.Past(ctx, site.Domain); err != nil {
		return nil, err
	}
	seen.Why = h.Planner.Doctor.Diagnose(ctx, report, seen.At)
	if len(seen.Why.Reasons) > 0 {
		seen.Severity = max(seen.Severity, certificates.Attention)
	}
	if seen.Renewal, err = h.Planner.Outstanding(ctx, report, seen.At); err != nil {
		seen.Refused = err.Error()
	}
	return seen, nil
}

// certificateError turns errors about certificates into what people read.
func certificateError(err error) error {
	if refused, ok := errors.AsType[*certificates.UnrenewableError](err); ok {
		return refusal.Sentence(blockkit.Escape(refused.Sentence))
	}
	if limit, ok := errors.AsType[*certificates.LimitError](err); ok {
		return refusal.Sentence(blockkit.Escape("Not now: " + limit.Error() + "."))
	}
	switch {
	case errors.Is(err, renewal.ErrUnwatched):
		return refusal.Sentence(fmt.Sprintf(
			"This domain is not watched. %s lists the domains that are. "+
				"Add others to certificates.extra in the configuration.", blockkit.Code(render.CertificatesCommand)))
	case errors.Is(err, onboarding.ErrBusy):
		return refusal.Sentence("A renewal is already in progress; see its thread.")
	}
	return err
}

// renew begins a renewal, or says why there is nothing to renew. The thread shows what comes of
// it.
func (h *CertificateHandlers) renew(ctx context.Context, action bot.Action) error {
	return h.pressed(ctx, action, func(ctx context.Context) (post.Reply, error) {
		if _, err := h.origins.require(ctx, action, subject{domain: action.Value}); err != nil {
			return post.Reply{}, err
		}
		at, err := blockTime(action.Block)
		if err != nil {
			return post.Reply{}, err
		}
		site, err := h.Planner.Site(ctx, action.Value)
		if err != nil {
			return post.Reply{}, err
		}
		report, err := h.Planner.Observe(ctx, site)
		if err != nil {
			return post.Reply{}, err
		}
		renewal, err := h.Planner.Outstanding(ctx, report, time.Now())
		switch {
		case err != nil:
			return post.Reply{}, err
		case renewal.None():
			return post.Reply{Text: fmt.Sprintf("%s There is nothing to renew: %s.", mrkdwn.MarkDone,
				blockkit.Escape(report.Line(time.Now())))}, nil
		}
		domain := onboarding.Domain{Name: site.Domain, Host: site.Host}
		if _, err := h.service.Renew(ctx, domain, service.Asked{Operator: action.Person.ID, Channel: h.Channel,
			Submission: "press/" + action.Envelope, At: at}); err != nil {
			return post.Reply{}, err
		}
		if action.Ephemeral {
			return post.Reply{Text: fmt.Sprintf("%s Approval by a second operator was requested in the thread of %s.",
				mrkdwn.MarkAsk, blockkit.Escape(report.Shown()))}, nil
		}
		return post.Reply{}, nil
	})
}

// why shows somebody why a certificate is not renewed.
func (h *CertificateHandlers) why(ctx context.Context, action bot.Action) error {
	return h.pressed(ctx, action,
		func(ctx context.Context) (post.Reply, error) {
			return h.aboutSite(ctx, siteQuestion{person: action.Person, block: renewBlock + action.Envelope,
				domain: action.Value})
		})
}

// pressed answers a press of an operator. Work that takes long answers later.
func (h *CertificateHandlers) pressed(
	ctx context.Context, action bot.Action, work func(context.Context) (post.Reply, error),
) error {
	answer := func(ctx context.Context) error {
		if err := h.origins.admit(ctx, action.Person, subject{}); err != nil {
			return h.replies.answer(ctx, action, err)
		}
		reply, err := work(ctx)
		if err != nil || reply.Text == "" {
			return h.replies.answer(ctx, action, certificateError(err))
		}
		if action.Channel == "" {
			return h.replies.tell(ctx, action, reply.Text)
		}
		return h.replies.workspace.Ephemeral(ctx, bot.Recipient{Channel: action.Channel, Thread: action.Thread,
			User: action.Person.ID}, reply)
	}
	err, inTime := replyWithin(ctx, h.replies, answer, func(ctx context.Context, err error) {
		if err != nil {
			h.replies.log.ErrorContext(ctx, "an operator got no answer to a press", "error", err)
		}
	})
	if !inTime {
		return nil
	}
	return err
}
