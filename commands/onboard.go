package commands

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/help"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// onboardCommand answers the slash command. It parses what was typed and hands it to the family
// of handlers that it is about.
type onboardCommand struct {
	service     *service.Service
	replies     *responder
	messages    *messenger
	runs        *runFinder
	command     string
	forms       *formHandlers
	plans       *planHandlers
	controls    *controlHandlers
	undos       *undoHandlers
	reviews     *reviewHandlers
	inspections *inspectHandlers
	absences    *absenceHandlers
}

func (h *onboardCommand) handle(ctx context.Context, command bot.Command) (post.Reply, error) {
	return h.replies.replyLater(ctx, command, "One moment…",
		func(ctx context.Context) post.Reply { return h.reply(ctx, command) })
}

func (h *onboardCommand) reply(ctx context.Context, command bot.Command) post.Reply {
	parsed, err := parseCommand(h.command, form.Storable(command.Text))
	if err != nil {
		return h.replies.failure(ctx, err, "command", "")
	}
	switch parsed.word {
	case "":
		return h.forms.start(ctx, command, parsed)
	case render.WordHelp:
		return help.Page(h.command).Reply()
	case render.WordList:
		return h.inspections.list(ctx)
	case render.WordLog:
		return h.inspections.auditLog(ctx, command, parsed.slug)
	case render.WordVerify:
		return h.inspections.verify(ctx, parsed.slug)
	case render.WordUndo:
		return h.undos.ask(ctx, command, parsed)
	case render.WordFreeze:
		return h.controls.freeze(ctx, command.Person, parsed.reason)
	case render.WordThaw:
		return h.controls.thaw(ctx, command.Person)
	case render.WordAway:
		return h.absences.reply(ctx, command.Person.ID, parsed.rest)
	case render.WordStatus:
		if parsed.slug == "" {
			return h.inspections.waiting(ctx, command.Person.ID)
		}
	}
	return h.replyAboutRun(ctx, command, parsed)
}

// replyAboutRun answers the words that are about one Provider's run.
func (h *onboardCommand) replyAboutRun(ctx context.Context, command bot.Command, parsed parsedCommand) post.Reply {
	run, err := h.service.Records.Latest(ctx, parsed.slug)
	active := err == nil && run.State == onboarding.RunActive
	switch {
	case parsed.word == render.WordPlan && err == nil && isLive(run) && len(parsed.inputs.Values) == 0:
		return h.plans.ofRun(ctx, command, run)
	case parsed.word == render.WordPlan && !active:
		return h.forms.gather(ctx, command, parsed, true)
	case err != nil:
		return h.runs.missing(ctx, parsed.slug, err)
	case parsed.word == render.WordStatus:
		return h.inspections.status(ctx, run)
	case !active:
		return post.Reply{Text: fmt.Sprintf("The %s %s has ended%s. %s",
			render.Undertaking(run), blockkit.Code(parsed.slug), h.messages.link(ctx, run), render.Ended(run))}
	case parsed.word == render.WordPlan:
		return h.plans.ofRun(ctx, command, run)
	case parsed.word == render.WordCancel:
		return h.controls.askCancel(ctx, command, run)
	case parsed.word == render.WordReview:
		return h.reviews.reply(ctx, command, run)
	}
	return h.controls.retryCommand(ctx, command.Person, run)
}

// isLive reports whether a run made a Provider live that no later run took back.
func isLive(run *onboarding.Run) bool {
	return run.Kind == onboarding.KindOnboard && run.State == onboarding.RunDone && run.Undo == nil
}

// runFinder says that there is no run of a slug, and which slug was perhaps meant.
type runFinder struct {
	service *service.Service
	replies *responder
	command string
}

// maxSuggested is how many runs are searched for a slug that was perhaps meant.
const maxSuggested = 50

// missing answers with an error of a search for a run.
func (f *runFinder) missing(ctx context.Context, slug string, err error) post.Reply {
	if _, expected := refusal.Text(err); !expected {
		return f.replies.failure(ctx, err, "slug", slug)
	}
	meant := ""
	runs, err := f.service.Records.List(ctx, maxSuggested)
	if err != nil {
		f.replies.log.WarnContext(ctx, "no slug can be suggested", "error", err)
	}
	for _, run := range runs {
		if isOneSlipAway(run.Request.Slug, slug) {
			meant = fmt.Sprintf(" Did you mean %s?", blockkit.Code(run.Request.Slug))
			break
		}
	}
	return post.Reply{Text: fmt.Sprintf("Nobody has onboarded %s yet.%s %s starts it.", blockkit.Code(slug), meant,
		blockkit.Code(f.command+" "+slug))}
}
