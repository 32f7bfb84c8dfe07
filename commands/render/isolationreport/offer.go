package isolationreport

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports/record"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

// The button of a risk in a report, and the form that it opens.
const (
	ActionOffer = "isolation.offer"
	ViewOffer   = "isolation.offer"
)

// The block ids of the form's inputs are [BlockUntil] and [refusal.BlockReason].
const (
	BlockUntil  = "until"
	ActionUntil = "until"
)

const (
	// maxOffered is how many risks of a report have a button.
	maxOffered = 10
	// usualDays is for how many days the form proposes to accept a risk.
	usualDays = 90
)

// Place says where a finding is: in which report, and at which place among its findings. It is the
// value of a button, and the private metadata of a form.
type Place struct {
	Report uuid.UUID `json:"report"`
	Number int       `json:"number"`
}

// ParsePlace reads the value of a button.
func ParsePlace(value string) (place Place, err error) {
	report, number, _ := strings.Cut(value, "/")
	if place.Report, err = uuid.Parse(report); err == nil {
		place.Number, err = strconv.Atoi(number)
	}
	return place, err
}

// Risk returns the risk at a place of a report that can be accepted, nil if there is none.
func (p Place) Risk(record *record.Record) *results.Finding {
	if record == nil || record.Report == nil || p.Number < 0 || p.Number >= len(record.Report.Findings) {
		return nil
	}
	if found := &record.Report.Findings[p.Number]; found.Kind == results.Risk && found.Definition != "" {
		return found
	}
	return nil
}

// riskName is what a risk is about.
func riskName(operation, object string) string {
	return fmt.Sprintf("*%s* of %s", mrkdwn.Inline(operation), blockkit.Code(cell(object)))
}

// offerRisks shows the risks with a button each.
func (p reportText) offerRisks(page *mrkdwn.Builder) {
	offered := 0
	for number := range p.Report.Findings {
		found := Place{p.ID, number}.Risk(p.Record)
		if found == nil {
			continue
		}
		if offered++; offered > maxOffered {
			page.Note("Once these are accepted, the next report offers the others.")
			return
		}
		name := riskName(string(found.Operation), found.Table)
		button := blockkit.Button(ActionOffer, fmt.Sprintf("%s/%d", p.ID, number), "Accept this risk…", "")
		button.AccessibilityLabel = blockkit.Truncate("Accept this risk: "+blockkit.Unmarked(name),
			blockkit.MaxButtonText)
		page.Beside("Risk: "+name, button)
	}
}

// listAccepted shows the accepted risks to whoever asked for the report, with a button for those
// that operators accepted.
func (p reportText) listAccepted(page *mrkdwn.Builder) {
	if p.By == "" || p.Report == nil {
		return
	}
	for i, accepted := range p.Report.Accepted {
		if i == maxOffered {
			page.Note(fmt.Sprintf("… and %d more accepted risks in the report.", len(p.Report.Accepted)-i))
			return
		}
		a := accepted.Acceptance
		said := fmt.Sprintf("Accepted until %s: %s\n>%s\n%s", mrkdwn.Inline(a.Until),
			riskName(string(accepted.Operation), accepted.Table), mrkdwn.Inline(mrkdwn.Summary(a.Reason)),
			mrkdwn.Inline(mrkdwn.Summary(a.Who)))
		if a.Request == "" {
			page.Say(said + " (in the configuration)")
			continue
		}
		page.Beside(said, withdrawButton(a.Request))
	}
}

// OfferForm asks why a risk of a report is to be accepted, and until when.
func OfferForm(place Place, found *results.Finding, now time.Time) slack.ModalViewRequest {
	meta, err := json.Marshal(place)
	if err != nil {
		panic(err) // an id and a number always encode
	}
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("%s\n%s", riskName(string(found.Operation), found.Table),
		mrkdwn.Inline(mrkdwn.Summary(sentence(found)))))
	page.Note(fmt.Sprintf("Another operator decides, in the thread of the report. The risk counts again after the "+
		"last day, or when %s changes. Its definition now: %s", blockkit.Code(cell(found.Table)),
		blockkit.Code(found.Definition)))
	until := slack.NewDatePickerBlockElement(ActionUntil)
	until.InitialDate = now.UTC().AddDate(0, 0, usualDays).Format(time.DateOnly)
	page.Blocks = append(page.Blocks, refusal.ReasonInput("Why can it be accepted?", "approver", true),
		slack.NewInputBlock(BlockUntil, blockkit.Plain("Last day (UTC)", blockkit.MaxInputLabel), nil, until))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewOffer, PrivateMetadata: string(meta),
		Title:  blockkit.Plain("Accept a risk", blockkit.MaxViewTitle),
		Submit: blockkit.Plain("Ask", blockkit.MaxViewTitle), Close: blockkit.Plain("Back", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.Blocks},
	}
}

// Request is the request to accept a risk of a report until a day, nil for what is no risk. Who
// asks and why is for the caller.
func Request(place Place, record *record.Record, until string) *risk.Request {
	found := place.Risk(record)
	if found == nil {
		return nil
	}
	return &risk.Request{Object: found.Table, Operation: string(found.Operation), Definition: found.Definition,
		Finding: sentence(found), Until: until, Report: record.ID, Channel: record.Channel}
}

// sentence is what a report says about a risk.
func sentence(found *results.Finding) string { return found.As + ": " + found.Evidence }

// UntilText says which days can be the last one.
func UntilText(err *risk.UntilError) string {
	return fmt.Sprintf("Choose a day from %s to %s.", err.First, err.Last)
}
