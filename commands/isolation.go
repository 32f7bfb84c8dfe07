package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/risks"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// IsolationHandlers answers the command for a report on isolation, and what is pressed in reports.
type IsolationHandlers struct {
	service *service.Service
	replies *responder
	store   *reports.Store
	risks   *risks.Handlers
}

// NewIsolationHandlers returns the handlers for isolation. [IsolationHandlers.Register] routes to
// them.
func NewIsolationHandlers(h *Handlers, store *reports.Store, requests *service.Risks) *IsolationHandlers {
	host := riskHost{h.decisions.origins, h.replies, h.messages}
	return &IsolationHandlers{service: h.service, replies: h.replies, store: store,
		risks: risks.New(host, requests, store)}
}

// riskHost is what the handlers of all buttons share, as [risks.Host].
type riskHost struct {
	origins  *provenance
	replies  *responder
	messages *messenger
}

func (h riskHost) Require(ctx context.Context, action bot.Action, request uuid.UUID) (string, error) {
	return h.origins.accept(ctx, action, subject{risk: request})
}

func (h riskHost) Open(ctx context.Context, trigger string, modal slack.ModalViewRequest) error {
	return h.origins.open(ctx, trigger, modal)
}

func (h riskHost) Answer(ctx context.Context, action bot.Action, err error) error {
	if err == nil {
		err = h.origins.home.Refresh(ctx, action)
	}
	return h.replies.answer(ctx, action, err)
}

func (h riskHost) Refuse(ctx context.Context, form bot.Submission, about string, err error) bot.Answer {
	return h.replies.refuse(ctx, sentForm{form, "Isolation", "risk", about}, err)
}

func (h riskHost) Address(ctx context.Context, key string) string {
	return h.messages.address(ctx, key)
}

// ask requests a report. The channel gets it when it is made.
func (h *IsolationHandlers) ask(ctx context.Context, command bot.Command) (post.Reply, error) {
	return h.replies.replyLater(ctx, command, "One moment…",
		func(ctx context.Context) post.Reply { return h.reply(ctx, command) })
}

func (h *IsolationHandlers) reply(ctx context.Context, command bot.Command) post.Reply {
	words := strings.Fields(blockkit.Unescape(command.Text))
	if len(words) > 1 || len(words) == 1 && len([]rune(words[0])) > isolationreport.MaxTenant {
		return post.Reply{Text: fmt.Sprintf("Use %s for all tenants, or %s for one tenant against all others.",
			blockkit.Code(render.IsolationCommand), blockkit.Code(render.IsolationCommand+" merche-biche"))}
	}
	request := reports.Request{ID: uuid.New(), By: command.Person.ID, Channel: command.Channel}
	what := "every tenant tries to reach the rows of all others"
	if len(words) == 1 {
		request.Tenant = words[0]
		if h.isUnknown(ctx, request.Tenant) {
			return post.Reply{Text: fmt.Sprintf("The platform has no tenant %s: no Person and no Org has this slug.",
				blockkit.Code(mrkdwn.Shorten(request.Tenant)))}
		}
		what = fmt.Sprintf("%s and all others try to reach each other's rows", blockkit.Code(request.Tenant))
	}
	if err := h.store.Ask(ctx, request); err != nil {
		return h.replies.failure(ctx, err, "report", request.ID.String())
	}
	return post.Reply{Text: fmt.Sprintf("%s Checking: %s, and everything is rolled back. The result is posted here.",
		mrkdwn.MarkBusy, what)}
}

// isUnknown reports whether the platform certainly has no tenant with a slug, so a slip does not
// reach the channel. If the platform does not answer in time, the report will say it.
func (h *IsolationHandlers) isUnknown(ctx context.Context, slug string) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	tenant, err := h.service.Platform.Tenant(ctx, slug)
	if err != nil || tenant != nil {
		return false
	}
	org, err := h.service.Platform.Org(ctx, slug)
	return err == nil && org == nil
}
