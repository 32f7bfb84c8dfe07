package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// home is what somebody sees in the App Home.
type home struct {
	// Refused says why there is nothing to see, empty for operators.
	Refused string
	// Waiting are the questions that this person can decide, Stuck their own runs that need them.
	Waiting []waiting
	More    int // questions that are not listed
	Stuck   []listed
	Runs    []listed
	// Live are the requests of the Providers that are live, Expiry when the certificates of their domains end, as far as known.
	Live   []onboarding.Request
	Expiry map[string]time.Time
	// Isolation is the last report, nil where there is none. Freeze holds every change, nil where nothing does.
	Isolation *IsolationReport
	Freeze    *onboarding.Freeze
}

// maxLive is how many live Providers the Home tab lists.
const maxLive = 50

// waiting is a question with the run that it is about, and where it is asked.
type waiting struct {
	Approval *onboarding.Approval
	Run      *onboarding.Run
	Link     string
}

// listed is a run and where its thread is.
type listed struct {
	Run  *onboarding.Run
	Link string
}

func (d *Handlers) homeOpened(ctx context.Context, event bot.Event) error {
	if event.Tab != "home" {
		return nil
	}
	return d.publishHome(ctx, event.Person)
}

// refreshHome shows the Home tab anew to somebody who pressed something in it.
func (d *Handlers) refreshHome(ctx context.Context, action bot.Action) error {
	if action.View == nil || action.View.Type != slack.VTHomeTab {
		return nil
	}
	return d.publishHome(ctx, action.Person)
}

func (d *Handlers) publishHome(ctx context.Context, person bot.Person) error {
	blocks, err := d.homeBlocks(ctx, person)
	if err != nil {
		return err
	}
	return d.publish(ctx, person, blocks, true)
}

func (d *Handlers) homeBlocks(ctx context.Context, person bot.Person) ([]slack.Block, error) {
	content, err := d.homeFor(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("home of %s: %w", person.ID, err)
	}
	return d.scribe.home(content, time.Now()), nil
}

func (d *Handlers) homeFor(ctx context.Context, person bot.Person) (home, error) {
	if err := d.operator(ctx, person); err != nil {
		text, expected := sentence(err)
		if !expected {
			return home{}, err
		}
		return home{Refused: text}, nil
	}
	content, err := d.waiting(ctx, person.ID)
	if err != nil {
		return home{}, err
	}
	runs, err := d.service.List(ctx, maxListed)
	if err != nil {
		return home{}, err
	}
	for _, run := range runs {
		if run.State == onboarding.RunActive {
			content.Runs = append(content.Runs, listed{Run: run, Link: d.address(ctx, rootKey(run.ID))})
		}
	}
	return content, d.live(ctx, &content)
}

// waiting gathers what waits for one person.
func (d *Handlers) waiting(ctx context.Context, person string) (home, error) {
	var content home
	approvals, stuck, err := d.service.WaitingFor(ctx, person)
	if err != nil {
		return home{}, err
	}
	for _, approval := range approvals[:min(len(approvals), maxListed)] {
		view, err := d.service.View(ctx, approval.RunID)
		if err != nil {
			return home{}, err
		}
		content.Waiting = append(content.Waiting, waiting{Approval: approval, Run: view.Run, Link: d.address(ctx, approvalKey(approval))})
	}
	content.More = len(approvals) - len(content.Waiting)
	for _, run := range stuck[:min(len(stuck), maxListed)] {
		content.Stuck = append(content.Stuck, listed{Run: run, Link: d.address(ctx, rootKey(run.ID))})
	}
	content.Freeze, err = d.service.Frozen(ctx)
	return content, err
}

// live gathers what is known of the Providers that are live.
func (d *Handlers) live(ctx context.Context, content *home) error {
	runs, err := d.service.Live(ctx, maxLive)
	if err != nil {
		return err
	}
	for _, run := range runs {
		content.Live = append(content.Live, run.Request)
	}
	// What is said beside the runs may be missing without them being wrong.
	if content.Expiry, err = d.reports.Certificates.NotAfter(ctx); err != nil {
		d.log.WarnContext(ctx, "the expiry of certificates is not known", "error", err)
	}
	report, err := d.reports.Isolation.LastReport(ctx)
	if err != nil {
		d.log.WarnContext(ctx, "the last isolation report is not known", "error", err)
	}
	content.Isolation = report
	return nil
}

// address is where Slack shows a message, empty while it does not.
func (d *Handlers) address(ctx context.Context, key string) string {
	address, err := d.outbox.Permalink(ctx, key)
	if err != nil {
		return ""
	}
	return address
}

// home writes the App Home.
func (s scribe) home(content home, now time.Time) []slack.Block {
	if content.Refused != "" {
		return []slack.Block{blockkit.Section(content.Refused)}
	}
	var blocks []slack.Block
	if content.Freeze != nil {
		blocks = append(blocks, blockkit.Section(held(content.Freeze)))
	}
	blocks = append(blocks, blockkit.Header("Waiting for you"))
	for _, each := range content.Waiting {
		blocks = append(blocks, s.homeQuestion(each)...)
	}
	if content.More > 0 {
		blocks = append(blocks, blockkit.Context(fmt.Sprintf("… and %d more questions in their threads.", content.More)))
	}
	for _, each := range content.Stuck {
		blocks = append(blocks, blockkit.Section("Your run needs you: "+s.line(each.Run)+behind(each.Link)))
	}
	if len(content.Waiting)+len(content.Stuck) == 0 {
		blocks = append(blocks, blockkit.Section("Nothing. Well done."))
	}
	lines := make([]string, len(content.Runs))
	for i, each := range content.Runs {
		lines[i] = s.line(each.Run) + behind(each.Link)
	}
	if len(lines) == 0 {
		lines = []string{fmt.Sprintf("None. %s in a channel begins one.", blockkit.Code(s.command+" merche-biche"))}
	}
	blocks = append(blocks, slack.NewDividerBlock(), blockkit.Header("Under way"))
	blocks = append(blocks, blockkit.Sections(strings.Join(lines, "\n"))...)
	if len(content.Live) > 0 {
		blocks = append(blocks, slack.NewDividerBlock(), blockkit.Header("Live"))
		blocks = append(blocks, blockkit.Sections(strings.Join(liveLines(content, now), "\n"))...)
	}
	if report := content.Isolation; report != nil {
		blocks = append(blocks, slack.NewDividerBlock(), blockkit.Header("Isolation"), blockkit.Section(isolationLine(report)))
	}
	blocks, _ = blockkit.Fit(blocks, blockkit.InHome, blockkit.Context("There is more than fits here: "+blockkit.Code(s.command+" list")))
	return blocks
}

// liveLines are the Providers that are live, each with its domains and how long their certificates last.
func liveLines(content home, now time.Time) []string {
	var lines []string
	for _, request := range content.Live {
		domains := make([]string, len(request.Domains))
		for i, domain := range request.Domains {
			domains[i] = blockkit.Link("https://"+domain.Name+"/", domain.Name)
			if end, known := content.Expiry[domain.Name]; known {
				domains[i] += expiry(end.Sub(now))
			}
		}
		lines = append(lines, fmt.Sprintf("%s *%s* %s", markLive, inline(request.DisplayName), strings.Join(domains, ", ")))
	}
	return lines
}

// expiry says how long a certificate lasts, louder as its end comes near.
func expiry(left time.Duration) string {
	const soon = 21 * 24 * time.Hour
	switch {
	case left <= 0:
		return " " + markFailed + " certificate expired"
	case left < soon:
		return fmt.Sprintf(" %s %s left", markWarning, certificates.Span(left))
	}
	return fmt.Sprintf(" (%d days)", int(left.Hours()/24))
}

func isolationLine(report *IsolationReport) string {
	mark := markDone
	if !report.Proven {
		mark = markFailed
	}
	return fmt.Sprintf("%s %s %s%s", mark, inline(cause(report.Summary)), blockkit.Date(report.At), behind(report.Link))
}

// asks is a question in one line.
func (s scribe) asks(each waiting) string {
	name := each.Approval.Step.Kind()
	if step := each.Run.Step(each.Approval.Step); step != nil {
		name = title(step.Definition)
	}
	return fmt.Sprintf("%s *%s* for %s, asked by %s%s", markAsk, blockkit.Escape(name), inline(each.Run.Request.DisplayName), mention(each.Run.Requester), behind(each.Link))
}

// homeQuestion is a question with buttons that work where it stands.
func (s scribe) homeQuestion(each waiting) []slack.Block {
	approval := each.Approval
	id := approval.ID.String()
	return []slack.Block{
		blockkit.Section(s.asks(each) + "\n" + inline(cause(approval.Change.Summary))),
		slack.NewActionBlock("home/"+id, blockkit.Button(actionShow, id, "Show the change", ""),
			blockkit.Button(actionApprove, id, "Approve", slack.StylePrimary), blockkit.Button(actionReject, id, "Reject…", slack.StyleDanger)),
		blockkit.Context(fmt.Sprintf("Digest %s · expires %s", blockkit.Code(approval.Digest.Short()), blockkit.Date(approval.Expires))),
	}
}

// behind puts a link behind a line.
func behind(address string) string {
	if address == "" {
		return ""
	}
	return " (" + blockkit.Link(address, "thread") + ")"
}
