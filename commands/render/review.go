package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/commands/render/schedule"
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
	// Selected are the approvals that this person selected so far.
	Selected map[uuid.UUID]bool
	// Later has what is selected and has a window wait for the next one.
	Later bool
	// Turn is that of [ReviewMeta].
	Turn int
}

// Review returns what one person can review of a run. The preapprovals are the steps that were
// just observed, empty for a page that is only turned.
func (r Renderer) Review(view *onboarding.View, ahead []onboarding.Preapproval, person string) Review {
	review := Review{renderer: r, view: view, person: person, Selected: map[uuid.UUID]bool{}}
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
	count, number := r.pages(number)
	meta := ReviewMeta{Run: r.view.ID, Page: number, Turn: r.Turn}
	var page mrkdwn.Builder
	page.Say(r.renderer.headline(r.view))
	if r.Why != "" {
		page.Note(r.Why)
	}
	shown := r.page(number)
	open := slices.DeleteFunc(slices.Clone(shown),
		func(approval *onboarding.Approval) bool { return !r.selectable(approval) })
	if len(open) > 1 {
		page.Buttons("select", blockkit.Button(ActionReviewSelect+strconv.Itoa(number), meta.Run.String(),
			"Select all on this page", ""))
	}
	last := "-"
	for _, approval := range shown {
		if domain := approval.Step.Domain(); domain != last {
			last = domain
			r.writeDomain(&page, domain)
		}
		r.writeItem(&page, approval)
	}
	if slices.ContainsFunc(open, func(approval *onboarding.Approval) bool { return approval.ReasonNeeded }) {
		input := refusal.ReasonInput("Why?", "requester", false)
		input.Optional = true
		page.Blocks = append(page.Blocks, input)
	}
	r.writeLater(&page)
	if number == count-1 {
		r.writeRest(&page)
	}
	elsewhere := r.elsewhere(shown)
	if len(elsewhere) > 0 {
		names := make([]string, len(elsewhere))
		for i, approval := range elsewhere {
			names[i] = StepName(r.view.Run, approval.Step)
			meta.Elsewhere = append(meta.Elsewhere, approval.ID[:]...)
		}
		page.Say(fmt.Sprintf("%s *Also selected, on other pages*: %s", mrkdwn.MarkDone,
			blockkit.Truncate(mrkdwn.Inline(strings.Join(names, ", ")), blockkit.MaxSectionText/2)))
	}
	page.PageButtons(ActionReviewPage, r.view.ID.String(), number, count)
	modal := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewReview, PrivateMetadata: meta.encode(),
		Title:  blockkit.Plain("Review all", blockkit.MaxViewTitle),
		Close:  blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.Blocks},
	}
	if len(open)+len(elsewhere) > 0 {
		modal.Submit = blockkit.Plain("Approve selected", blockkit.MaxViewTitle)
	}
	return modal
}

// writeDomain begins the changes of a domain, and offers to select them if there are several.
func (r Review) writeDomain(page *mrkdwn.Builder, domain string) {
	name := domain
	if domain == "" {
		name = r.view.Request.DisplayName
	}
	page.Blocks = append(page.Blocks, blockkit.Header(mrkdwn.OneLine(name)))
	several := 0
	for _, approval := range r.Items {
		if approval.Step.Domain() == domain && r.selectable(approval) {
			several++
		}
	}
	if number := slices.Index(domains(r.view), domain); several > 1 && domain != "" {
		page.Buttons("domain/"+strconv.Itoa(number), blockkit.Button(ActionReviewDomain+strconv.Itoa(number),
			r.view.ID.String(), "Select all of "+domain, ""))
	}
}

// writeItem shows one change, with a box if this person can select it.
func (r Review) writeItem(page *mrkdwn.Builder, approval *onboarding.Approval) {
	name := StepName(r.view.Run, approval.Step)
	shown, hidden := changes.Excerpt(changes.PartsOf(approval.Change), changes.Glance)
	text := fmt.Sprintf("*%s*\n%s", mrkdwn.Inline(name), mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary)))
	if approval.State.Decidable() && r.renderer.windowed(r.view.Run, approval) {
		text += "\n" + schedule.OnlyInWindow
	}
	if hidden > 0 {
		section := blockkit.Section(text)
		section.Accessory = slack.NewAccessory(blockkit.About(
			blockkit.Button(ActionShow, approval.ID.String(), "Show all", ""), name))
		page.Blocks = append(page.Blocks, section)
	} else {
		page.Say(text)
	}
	writeAlarms(page, approval)
	page.Parts(shown...)
	switch {
	case !approval.State.Decidable():
		page.Note(mrkdwn.MarkDone + " Approved by " + mrkdwn.MentionAny(approverIDs(approval)) + " · digest " +
			blockkit.Code(approval.Digest.Short()))
	case r.voted(approval):
		page.Note(fmt.Sprintf("%s You approved this, %d of %d · digest %s", mrkdwn.MarkDone, len(approverIDs(approval)),
			approval.Needs, blockkit.Code(approval.Digest.Short())))
	case r.Why != "":
		page.Note("Digest " + blockkit.Code(approval.Digest.Short()))
	case !r.selectable(approval):
		page.Note("Digest " + blockkit.Code(approval.Digest.Short()) + " · must be approved on its own")
		id := approval.ID.String()
		page.Buttons("approve/"+id, blockkit.About(blockkit.Button(ActionApprove, id, "Approve…", ""), name))
	default:
		// A screen reader reads the label and the option, and nothing else of the change.
		option := blockkit.Option(approval.ID.String(), "Approve · digest "+approval.Digest.Short(), "")
		box := slack.NewCheckboxGroupsBlockElement(ActionPick, option)
		if r.Selected[approval.ID] {
			box.InitialOptions = []*slack.OptionBlockObject{option}
		}
		input := slack.NewInputBlock(boxID(approval, r.Turn), blockkit.Plain(name, blockkit.MaxInputLabel), nil, box)
		input.Optional = true
		page.Blocks = append(page.Blocks, input)
	}
}

// writeLater offers to approve for the next window if a change that can be selected has one, on
// whatever page.
func (r Review) writeLater(page *mrkdwn.Builder) {
	if !slices.ContainsFunc(r.Items, func(approval *onboarding.Approval) bool {
		return r.selectable(approval) && r.renderer.windowed(r.view.Run, approval)
	}) {
		return
	}
	option := blockkit.Option("later", "Approve for the next window",
		"Selected changes that have a window wait for the next one.")
	box := slack.NewCheckboxGroupsBlockElement(ActionPick, option)
	if r.Later {
		box.InitialOptions = []*slack.OptionBlockObject{option}
	}
	input := slack.NewInputBlock(blockLater+strconv.Itoa(r.Turn), blockkit.Plain("When", blockkit.MaxInputLabel), nil,
		box)
	input.Optional = true
	page.Blocks = append(page.Blocks, input)
}

// writeRest lists the steps that cannot be reviewed yet.
func (r Review) writeRest(page *mrkdwn.Builder) {
	if len(r.Items)+len(r.later) == 0 {
		page.Say("Nothing is left to decide.")
	}
	if len(r.later) > 0 {
		lines := "*Not known yet*: each is requested when its turn comes"
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
