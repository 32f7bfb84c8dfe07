package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// Home is what somebody's Home tab shows.
type Home struct {
	// Refused says why somebody sees nothing, empty for operators.
	Refused string
	// Waiting are the approvals that this person can decide, Stuck their own runs that need them.
	Waiting []PendingDecision
	More    int // requests that are not listed
	// Others are the requests about other things than runs that this person can decide.
	Others []PendingItem
	Stuck  []ListedRun
	Runs   []ListedRun
	// Live are the onboardings of live Providers. Expiry says when the certificates of their
	// domains end, where known.
	Live   []*onboarding.Run
	Expiry map[string]time.Time
	// Links are the addresses of the threads of runs that are related to those in Live.
	Links map[uuid.UUID]string
	// Isolation is the last report, nil if there is none. Freeze is the freeze that holds, nil if
	// none does.
	Isolation *IsolationReport
	Freeze    *onboarding.Freeze
}

// PendingDecision is an approval that somebody can decide, with its run and the address of its
// message.
type PendingDecision struct {
	Approval *onboarding.Approval
	Run      *onboarding.Run
	Link     string
}

// PendingItem is a request about something else than a run, in one line, and whole with its
// buttons.
type PendingItem struct {
	Line   string
	Blocks []slack.Block
}

// ListedRun is a run with the address of its thread.
type ListedRun struct {
	Run  *onboarding.Run
	Link string
}

// Home writes the App Home.
func (r Renderer) Home(content Home, now time.Time) []slack.Block {
	if content.Refused != "" {
		return []slack.Block{blockkit.Section(content.Refused)}
	}
	var blocks []slack.Block
	if content.Freeze != nil {
		blocks = append(blocks, blockkit.Section(schedule.FreezeNotice(content.Freeze)))
	}
	blocks = append(blocks, blockkit.Header("Waiting for you"))
	for _, each := range content.Waiting {
		blocks = append(blocks, pendingBlocks(each)...)
	}
	for _, each := range content.Others {
		blocks = append(blocks, each.Blocks...)
	}
	if content.More > 0 {
		blocks = append(blocks, blockkit.Context(fmt.Sprintf("… and %d more requests in their threads.",
			content.More)))
	}
	for _, each := range content.Stuck {
		blocks = append(blocks,
			blockkit.Section("Your run is stuck: "+r.line(each.Run, content.Freeze)+ThreadLink(each.Link)))
	}
	if len(content.Waiting)+len(content.Others)+len(content.Stuck) == 0 {
		blocks = append(blocks, blockkit.Section(nothingWaits))
	}
	lines := make([]string, len(content.Runs))
	for i, each := range content.Runs {
		lines[i] = r.line(each.Run, content.Freeze) + ThreadLink(each.Link)
	}
	if len(lines) == 0 {
		lines = []string{fmt.Sprintf("None. Type %s in a channel to start one.",
			blockkit.Code(r.Command+" merche-biche"))}
	}
	blocks = append(blocks, slack.NewDividerBlock(), blockkit.Header("In progress"))
	blocks = append(blocks, blockkit.Sections(strings.Join(lines, "\n"))...)
	if len(content.Live) > 0 {
		blocks = append(blocks, slack.NewDividerBlock(), blockkit.Header("Live"))
		blocks = append(blocks, blockkit.Sections(strings.Join(liveLines(content, now), "\n"))...)
	}
	if report := content.Isolation; report != nil {
		blocks = append(blocks, slack.NewDividerBlock(), blockkit.Header("Isolation"),
			blockkit.Section(isolationLine(report)))
	}
	blocks, _ = blockkit.Fit(blocks, blockkit.InHome,
		blockkit.Context("There is more than fits here. See "+blockkit.Code(r.Command+" list")))
	return blocks
}

// liveLines lists the live Providers with their domains, and how long the certificates are valid.
func liveLines(content Home, now time.Time) []string {
	var lines []string
	links := threadLinks(content.Links)
	for _, run := range content.Live {
		request := run.Request
		domains := make([]string, len(request.Domains))
		for i, domain := range request.Domains {
			domains[i] = blockkit.Link("https://"+domain.Name+"/", domain.Name)
			if end, known := certificateEnd(run, domain.Name, content.Expiry); known {
				domains[i] += expiryText(end.Sub(now))
			}
		}
		mark, undo := mrkdwn.MarkLive, ""
		if run.Undo != nil {
			mark, undo = links.undoState(run)
			undo = " " + undo
		}
		lines = append(lines, fmt.Sprintf("%s *%s* %s%s", mark, mrkdwn.Inline(request.DisplayName),
			strings.Join(domains, ", "), undo))
	}
	return lines
}

// certificateEnd returns when the certificate of a domain ends: as the watch saw it last or, until
// it has seen the site, as the run did.
func certificateEnd(run *onboarding.Run, domain string, seen map[string]time.Time) (time.Time, bool) {
	if end, known := seen[domain]; known {
		return end, true
	}
	end, err := time.Parse(time.RFC3339, run.Facts[onboarding.CertificateFact(domain)])
	return end, err == nil
}

// expiryText says how long a certificate is valid, with a mark when it ends soon.
func expiryText(left time.Duration) string {
	const soon = 21 * 24 * time.Hour
	switch {
	case left <= 0:
		return " " + mrkdwn.MarkFailed + " certificate expired"
	case left < soon:
		return fmt.Sprintf(" %s %s left", mrkdwn.MarkWarning, certificates.Span(left))
	}
	return fmt.Sprintf(" (%d days)", int(left.Hours()/24))
}

func isolationLine(report *IsolationReport) string {
	return fmt.Sprintf("%s %s · %s%s", report.Mark, mrkdwn.Inline(mrkdwn.Summary(report.Summary)),
		blockkit.Date(report.At), ThreadLink(report.Link))
}

// pendingLine is a pending decision in one line.
func pendingLine(each PendingDecision) string {
	name := StepName(each.Run, each.Approval.Step)
	return fmt.Sprintf("%s *%s* for %s, requested by %s%s", mrkdwn.MarkAsk, blockkit.Escape(name),
		mrkdwn.Inline(each.Run.Request.DisplayName), mrkdwn.Mention(each.Run.Requester), ThreadLink(each.Link))
}

// pendingBlocks shows a pending decision with its buttons.
func pendingBlocks(each PendingDecision) []slack.Block {
	approval := each.Approval
	id := approval.ID.String()
	lines := append([]string{pendingLine(each), mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary))},
		changes.Alarms(approval)...)
	about := StepName(each.Run, approval.Step) + " for " + mrkdwn.OneLine(each.Run.Request.DisplayName)
	return []slack.Block{
		blockkit.Section(mrkdwn.JoinWithin(lines, blockkit.MaxSectionText)),
		slack.NewActionBlock("home/"+id,
			blockkit.About(blockkit.Button(ActionShow, id, "Show the change", ""), about),
			blockkit.About(blockkit.Button(ActionApprove, id, "Approve", slack.StylePrimary), about),
			blockkit.About(blockkit.Button(ActionReject, id, "Reject…", slack.StyleDanger), about)),
		blockkit.Context(fmt.Sprintf("Digest %s · expires %s", blockkit.Code(approval.Digest.Short()),
			blockkit.Date(approval.Expires))),
	}
}

// ThreadLink returns a link in parentheses, to stand behind a sentence. It is empty for an empty
// address.
func ThreadLink(address string) string { return linkInParentheses(address, "thread") }

func linkInParentheses(address, label string) string {
	if address == "" {
		return ""
	}
	return " (" + blockkit.Link(address, label) + ")"
}

// IsolationReport is the newest report on isolation, in short.
type IsolationReport struct {
	At time.Time
	// Mark is that of the report, and Summary says in one sentence without a full stop what it
	// found.
	Mark, Summary string
	// Link is the address of the whole report in Slack, empty if there is none.
	Link string
}
