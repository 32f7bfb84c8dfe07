package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// reviewItems is how many changes one page of a review shows. With headers, buttons and boxes
// they stay below Slack's 100 blocks, and with their excerpts below its 250 KB.
const reviewItems = 16

// Review is everything that a run has still to do, as far as it is known now, for one person.
type Review struct {
	renderer Renderer
	view     *onboarding.View
	// Items are the newest approvals of steps that are not done, grouped by domain.
	Items []*onboarding.Approval
	// later are the steps whose change is not known yet, each with the reason where that is
	// known.
	later []string
	// Why says why this person cannot decide, empty if they can.
	Why string
	// person is the id of who reads the review.
	person string
}

// Review returns what one person can review of a run. The preapprovals are the steps that were
// just observed, empty for a page that is only turned.
func (r Renderer) Review(view *onboarding.View, ahead []onboarding.Preapproval, person string) Review {
	review := Review{renderer: r, view: view, person: person}
	newest := map[onboarding.Key]*onboarding.Approval{}
	for _, approval := range view.Approvals {
		switch approval.State {
		case onboarding.ApprovalOpen, onboarding.ApprovalAhead, onboarding.ApprovalAheadApproved,
			onboarding.ApprovalApproved:
			newest[approval.Step] = approval
		}
	}
	for i := range view.Steps {
		step := &view.Steps[i]
		switch {
		case step.State == onboarding.StepDone || !step.Destructive:
		case newest[step.Key] != nil:
			review.Items = append(review.Items, newest[step.Key])
		default:
			review.later = append(review.later, laterText(step, ahead))
		}
	}
	slices.SortStableFunc(review.Items, func(a, b *onboarding.Approval) int {
		return slices.Index(domains(view), a.Step.Domain()) - slices.Index(domains(view), b.Step.Domain())
	})
	return review
}

// domains returns the domains of a run's steps in their order. Steps of the whole run come first,
// as the empty domain.
func domains(view *onboarding.View) []string {
	names := []string{""}
	for i := range view.Steps {
		if domain := view.Steps[i].Key.Domain(); !slices.Contains(names, domain) {
			names = append(names, domain)
		}
	}
	return names
}

// laterText says why the change of a step is not known yet.
func laterText(step *onboarding.Step, ahead []onboarding.Preapproval) string {
	line := "*" + mrkdwn.Inline(title(step.Definition)) + "*"
	if step.State.Stuck() {
		return line + " is stuck: press Retry in the thread to request approval again"
	}
	for _, each := range ahead {
		switch {
		case each.Key != step.Key:
		case each.Later != "":
			return line + ": " + mrkdwn.Inline(mrkdwn.Summary(each.Later))
		case each.Problem != "":
			return line + " cannot be checked yet: " + mrkdwn.Inline(mrkdwn.Summary(each.Problem))
		case each.Waiting != "":
			return line + " would wait: " + mrkdwn.Inline(mrkdwn.Summary(each.Waiting))
		case each.Done:
			return line + " has nothing to do at the moment"
		}
	}
	return line
}

// Page shows one page of a review, the nearest one if there is none with that number. Each change
// has a box of its own, which shows the digest that an approval is bound to.
func (r Review) Page(number int) slack.ModalViewRequest {
	count := max(1, (len(r.Items)+reviewItems-1)/reviewItems)
	number = max(0, min(number, count-1))
	var page mrkdwn.Builder
	page.Say(r.renderer.headline(r.view))
	if r.Why != "" {
		page.Note(r.Why)
	}
	var reason bool
	var open int
	last := "-"
	for _, approval := range r.Items[min(number*reviewItems, len(r.Items)):min((number+1)*reviewItems,
		len(r.Items))] {
		if domain := approval.Step.Domain(); domain != last {
			last = domain
			if domain == "" {
				domain = r.view.Request.DisplayName
			}
			page.Blocks = append(page.Blocks, blockkit.Header(mrkdwn.OneLine(domain)))
		}
		if r.writeItem(&page, approval) {
			open++
			reason = reason || approval.ReasonNeeded
		}
	}
	if reason {
		input := slack.NewInputBlock(BlockReason, blockkit.Plain("Why?", blockkit.MaxInputLabel), nil, reasonInput())
		input.Optional = true
		page.Blocks = append(page.Blocks, input)
	}
	if number == count-1 {
		r.writeRest(&page)
	}
	page.PageButtons(ActionReviewPage, r.view.ID.String(), number, count)
	modal := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewReview,
		PrivateMetadata: ReviewMeta{Run: r.view.ID, Page: number}.encode(),
		Title:           blockkit.Plain("Review all", blockkit.MaxViewTitle),
		Close:           blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks:          slack.Blocks{BlockSet: page.Blocks},
	}
	if open > 0 {
		modal.Submit = blockkit.Plain("Approve selected", blockkit.MaxViewTitle)
	}
	return modal
}

// writeItem shows one change, and reports whether this person can select it.
func (r Review) writeItem(page *mrkdwn.Builder, approval *onboarding.Approval) bool {
	name := StepName(r.view, approval.Step)
	shown, hidden := changes.Excerpt(changes.PartsOf(approval.Change), changes.Glance)
	text := fmt.Sprintf("*%s*\n%s", mrkdwn.Inline(name), mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary)))
	if hidden > 0 {
		section := blockkit.Section(text)
		section.Accessory = slack.NewAccessory(blockkit.Button(ActionShow, approval.ID.String(), "Show all", ""))
		page.Blocks = append(page.Blocks, section)
	} else {
		page.Say(text)
	}
	page.Parts(shown...)
	voted := slices.ContainsFunc(approval.Votes, func(vote onboarding.Vote) bool { return vote.By.ID == r.person })
	undecided := approval.State == onboarding.ApprovalOpen || approval.State == onboarding.ApprovalAhead
	switch {
	case !undecided:
		page.Note(mrkdwn.MarkDone + " Approved by " + mrkdwn.MentionAny(approverIDs(approval)) + " · digest " +
			blockkit.Code(approval.Digest.Short()))
	case voted:
		page.Note(fmt.Sprintf("%s You approved this, %d of %d · digest %s", mrkdwn.MarkDone, len(approverIDs(approval)),
			approval.Needs, blockkit.Code(approval.Digest.Short())))
	case r.Why != "":
		page.Note("Digest " + blockkit.Code(approval.Digest.Short()))
	default:
		box := slack.NewCheckboxGroupsBlockElement(ActionPick,
			blockkit.Option(approval.ID.String(), "Approve · digest "+approval.Digest.Short(), ""))
		input := slack.NewInputBlock(approval.ID.String(), blockkit.Plain("Your decision", blockkit.MaxInputLabel),
			nil, box)
		input.Optional = true
		page.Blocks = append(page.Blocks, input)
		return true
	}
	return false
}

// writeRest lists the steps that cannot be reviewed yet.
func (r Review) writeRest(page *mrkdwn.Builder) {
	if len(r.Items)+len(r.later) == 0 {
		page.Say("Nothing is left to decide.")
	}
	if len(r.later) > 0 {
		lines := "*Not known yet*: approval is requested when the turn of each comes"
		for _, line := range r.later {
			lines += "\n" + mrkdwn.MarkPending + " " + line
		}
		for _, block := range mrkdwn.Chunks(lines, blockkit.MaxSectionText)[:1] {
			page.Say(block)
		}
	}
}

// approverIDs returns the ids of those who approved.
func approverIDs(approval *onboarding.Approval) []string {
	var ids []string
	for _, vote := range approval.Votes {
		if vote.Agrees {
			ids = append(ids, vote.By.ID)
		}
	}
	return ids
}

// aheadMessage shows what an operator approved before its turn. The votes of one submission share one
// message.
func aheadMessage(view *onboarding.View, events []onboarding.Event) post.Message {
	var page mrkdwn.Builder
	first := events[0]
	what := fmt.Sprintf("%d changes", len(events))
	if len(events) == 1 {
		what = "a change"
	}
	text := fmt.Sprintf("%s %s approved %s ahead %s.", mrkdwn.MarkDone, mrkdwn.Mention(first.Actor), what,
		blockkit.Date(first.At))
	if first.Text != "" {
		text += " " + mrkdwn.Inline(mrkdwn.Summary(first.Text))
	}
	page.Say(text)
	lines := make([]string, len(events))
	for i, event := range events {
		lines[i] = mrkdwn.Inline(StepName(view, event.Step)) + " · " + blockkit.Code(event.Digest.Short())
	}
	const limit = 30
	if more := len(lines) - limit; more > 0 {
		lines = append(lines[:limit], fmt.Sprintf("… and %d more", more))
	}
	page.Say(strings.Join(lines, "\n"))
	page.Note("Each approval is bound to the digest of its change. " +
		"A change that is different when its turn comes needs a new approval.")
	return post.Message{Key: RootKey(view.ID) + "/ahead/" + fmt.Sprint(first.ID), Channel: view.Channel,
		Thread: RootKey(view.ID), Text: page.Text(), Blocks: page.Blocks}
}

// aheadVotes returns the early votes of one submission, beginning with this event. It returns nil if
// the event is not an early vote.
func aheadVotes(view *onboarding.View, at int, asked map[uuid.UUID]bool) []onboarding.Event {
	first := view.Events[at]
	asked = maps.Clone(asked)
	var votes []onboarding.Event
	for _, event := range view.Events[at:] {
		switch {
		case event.At.Sub(first.At) > burstWindow:
			return votes
		case event.Kind == onboarding.EventAsked:
			asked[event.Approval] = true
		case event.Kind == onboarding.EventApproved && !asked[event.Approval] && event.Actor.ID == first.Actor.ID &&
			event.Text == first.Text:
			votes = append(votes, event)
		}
		if event.ID == first.ID && len(votes) == 0 {
			return nil
		}
	}
	return votes
}

// ActionReviewPage begins the action ids of the buttons that turn the pages of a review. The
// number of the page follows.
const ActionReviewPage = "review.page."

// ReviewMeta is the private metadata of a review.
type ReviewMeta struct {
	Run  uuid.UUID `json:"run"`
	Page int       `json:"page"`
}

func (m ReviewMeta) encode() string {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // an id and a number always encode
	}
	return string(encoded)
}

// ReviewDone says how many approvals were counted, and leads back to the review.
func ReviewDone(meta ReviewMeta, counted, picked int) slack.ModalViewRequest {
	text := fmt.Sprintf("%s %d of %d changes are approved.", mrkdwn.MarkDone, counted, picked)
	if counted < picked {
		text += " The others were decided or changed while you read."
	}
	view := mrkdwn.Notice("Review all", text+"\nA change that is different when its turn comes needs a new approval.")
	back := blockkit.Button(ActionReviewPage+strconv.Itoa(meta.Page), meta.Run.String(), "Back to the review", "")
	view.Blocks.BlockSet = append(view.Blocks.BlockSet, slack.NewActionBlock("pages", back))
	return view
}
