package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// The beginnings of the action ids of a review's buttons. The number of a page follows, or of a
// domain in the order of the run.
const (
	ActionReviewPage   = "review.page."
	ActionReviewSelect = "review.select." // selects all changes of a page
	ActionReviewDomain = "review.domain." // selects all changes of a domain, on every page
)

// ReviewMeta is the private metadata of a review.
type ReviewMeta struct {
	Run  uuid.UUID `json:"run"`
	Page int       `json:"page"`
	// Turn counts how often the modal was shown. It is part of the block ids, since Slack keeps
	// the ticks of a box whose block id stays the same.
	Turn int `json:"turn,omitempty"`
	// Elsewhere are the selected changes of other pages, the ids of their approvals one after the
	// other.
	Elsewhere []byte `json:"elsewhere,omitempty"`
}

// DecodeReview reads the private metadata of a review.
func DecodeReview(metadata string) (meta ReviewMeta, err error) {
	if err := json.Unmarshal([]byte(metadata), &meta); err != nil {
		return ReviewMeta{}, fmt.Errorf("review: %w", err)
	}
	if len(meta.Elsewhere)%len(uuid.UUID{}) != 0 {
		return ReviewMeta{}, fmt.Errorf("review: %d bytes of ids", len(meta.Elsewhere))
	}
	return meta, nil
}

func (m ReviewMeta) encode() string {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // ids and numbers always encode
	}
	return string(encoded)
}

// Selected returns the approvals that are selected in a review: those of other pages, and those
// whose boxes are ticked in the state of the modal.
func (m ReviewMeta) Selected(state map[string]map[string]slack.BlockAction) []uuid.UUID {
	var selected []uuid.UUID
	for id := range slices.Chunk(m.Elsewhere, len(uuid.UUID{})) {
		selected = append(selected, uuid.UUID(id))
	}
	for block, elements := range state {
		if id, ok := ReviewBox(block); ok && len(elements[ActionPick].SelectedOptions) > 0 {
			selected = append(selected, id)
		}
	}
	return selected
}

// blockLater begins the block id of the box that has changes wait for their next window. The turn
// follows.
const blockLater = "later/"

// ReviewLater reports whether that box is ticked.
func ReviewLater(state map[string]map[string]slack.BlockAction) bool {
	for block, elements := range state {
		if strings.HasPrefix(block, blockLater) && len(elements[ActionPick].SelectedOptions) > 0 {
			return true
		}
	}
	return false
}

// boxID is the block id of the box at a change.
func boxID(approval *onboarding.Approval, turn int) string {
	return approval.ID.String() + "/" + strconv.Itoa(turn)
}

// ReviewBox returns the approval whose box a block is, and false for any other block.
func ReviewBox(block string) (uuid.UUID, bool) {
	id, _, _ := strings.Cut(block, "/")
	approval, err := uuid.Parse(id)
	return approval, err == nil
}

// ReviewDone says how many approvals were counted, and leads back to the review. With later, those
// that have a window wait for the next one.
func ReviewDone(meta ReviewMeta, counted, picked int, later bool) slack.ModalViewRequest {
	text := fmt.Sprintf("%s %d of %d changes are approved.", mrkdwn.MarkDone, counted, picked)
	if later {
		text += " Those that have a window wait for the next one."
	}
	if counted < picked {
		text += " The others were decided or have changed while you read."
	}
	view := mrkdwn.Notice("Review all", text+"\nA change that is different when its turn comes needs a new approval.")
	meta.Elsewhere = nil
	view.PrivateMetadata = meta.encode()
	back := blockkit.Button(ActionReviewPage+strconv.Itoa(meta.Page), meta.Run.String(), "Back to the review", "")
	view.Blocks.BlockSet = append(view.Blocks.BlockSet, slack.NewActionBlock("pages", back))
	return view
}

// pages returns the number of pages, and the nearest one to a number.
func (r Review) pages(number int) (count, nearest int) {
	count = max(1, (len(r.Items)+reviewItems-1)/reviewItems)
	return count, max(0, min(number, count-1))
}

// page returns the changes on a page.
func (r Review) page(number int) []*onboarding.Approval {
	return r.Items[min(number*reviewItems, len(r.Items)):min((number+1)*reviewItems, len(r.Items))]
}

// SelectPage selects every change on a page that this person can decide on.
func (r Review) SelectPage(number int) {
	_, number = r.pages(number)
	for _, approval := range r.page(number) {
		r.Selected[approval.ID] = r.Selected[approval.ID] || r.selectable(approval)
	}
}

// SelectDomain selects every change of a domain, on whatever page, that this person can decide on.
// The number is the domain's in the order of the run.
func (r Review) SelectDomain(number int) {
	names := domains(r.view)
	if number < 0 || number >= len(names) {
		return
	}
	for _, approval := range r.Items {
		if approval.Step.Domain() == names[number] && r.selectable(approval) {
			r.Selected[approval.ID] = true
		}
	}
}

// selectable reports whether this person can decide on a change here: not on one of which they
// must be shown lines that a review leaves out, or that needs a code.
func (r Review) selectable(approval *onboarding.Approval) bool {
	return r.Why == "" && approval.State.Decidable() && !r.voted(approval) &&
		approval.Confirm == onboarding.ConfirmNone && (!approval.NeedsWhole(r.view.Run) || ShownInReview(approval))
}

// ShownInReview reports whether a review shows every line of a change.
func ShownInReview(approval *onboarding.Approval) bool {
	_, hidden := changes.Excerpt(changes.PartsOf(approval.Change), changes.Glance)
	return hidden == 0
}

// voted reports whether this person has voted on a change.
func (r Review) voted(approval *onboarding.Approval) bool {
	return slices.ContainsFunc(approval.Votes, func(vote onboarding.Vote) bool { return vote.By.ID == r.person })
}

// elsewhere returns the selected changes that a page does not show.
func (r Review) elsewhere(shown []*onboarding.Approval) []*onboarding.Approval {
	var others []*onboarding.Approval
	for _, approval := range r.Items {
		if r.Selected[approval.ID] && r.selectable(approval) && !slices.Contains(shown, approval) {
			others = append(others, approval)
		}
	}
	return others
}
