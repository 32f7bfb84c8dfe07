package home

import (
	"context"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// maxListed is how many runs and decisions a tab lists.
	maxListed = 15
	// maxLive is how many live Providers it lists.
	maxLive = 50
)

// content gathers what somebody's tab shows.
func (t *Tabs) content(ctx context.Context, person bot.Person) (render.Home, error) {
	if err := t.Gate.RequireOperator(ctx, person); err != nil {
		text, expected := refusal.Text(err)
		if !expected {
			return render.Home{}, err
		}
		return render.Home{Refused: text}, nil
	}
	content, err := t.Waiting(ctx, person.ID)
	if err != nil {
		return render.Home{}, err
	}
	runs, err := t.Service.Records.List(ctx, maxListed)
	if err != nil {
		return render.Home{}, err
	}
	for _, run := range runs {
		if run.State == onboarding.RunActive {
			content.Runs = append(content.Runs, t.listed(ctx, run))
		}
	}
	return content, t.live(ctx, &content)
}

// Waiting gathers what waits for one person.
func (t *Tabs) Waiting(ctx context.Context, person string) (render.Home, error) {
	var content render.Home
	approvals, stuck, err := t.Service.WaitingFor(ctx, person)
	if err != nil {
		return render.Home{}, err
	}
	approvals, content.More = approvals[:min(len(approvals), maxListed)], max(0, len(approvals)-maxListed)
	ids := make([]uuid.UUID, len(approvals))
	for i, approval := range approvals {
		ids[i] = approval.RunID
	}
	runs, err := t.Service.Records.Runs(ctx, ids)
	if err != nil {
		return render.Home{}, err
	}
	for _, approval := range approvals {
		if run := runs[approval.RunID]; run != nil {
			content.Waiting = append(content.Waiting, render.PendingDecision{Approval: approval, Run: run,
				Link: t.address(ctx, render.ApprovalKey(approval))})
		}
	}
	for _, run := range stuck[:min(len(stuck), maxListed)] {
		content.Stuck = append(content.Stuck, t.listed(ctx, run))
	}
	requests, err := t.Risks.WaitingFor(ctx, person)
	if err != nil {
		return render.Home{}, err
	}
	content.More += max(0, len(requests)-maxListed)
	for _, request := range requests[:min(len(requests), maxListed)] {
		content.Others = append(content.Others,
			isolationreport.PendingRisk(request, t.address(ctx, isolationreport.RiskKey(request.ID))))
	}
	content.Freeze, err = t.Service.Records.Frozen(ctx)
	return content, err
}

// live gathers what is known about the live Providers.
func (t *Tabs) live(ctx context.Context, content *render.Home) error {
	runs, err := t.Service.Records.Live(ctx, maxLive)
	if err != nil {
		return err
	}
	content.Live = runs
	content.Links = RelatedLinks(ctx, t.Outbox, runs...)
	// The tab is useful without these reports.
	if content.Expiry, err = t.Reports.Certificates.NotAfter(ctx); err != nil {
		t.Log.WarnContext(ctx, "the Home tab does not show when certificates expire", "error", err)
	}
	if content.Isolation, err = t.Reports.Isolation.LastReport(ctx); err != nil {
		t.Log.WarnContext(ctx, "the Home tab does not show the last isolation report", "error", err)
	}
	return nil
}

func (t *Tabs) listed(ctx context.Context, run *onboarding.Run) render.ListedRun {
	return render.ListedRun{Run: run, Link: t.address(ctx, render.RootKey(run.ID))}
}

// RelatedLinks returns the addresses of the threads of related runs, where they are known (see
// [onboarding.Run.Related]).
func RelatedLinks(ctx context.Context, box *outbox.Outbox, runs ...*onboarding.Run) map[uuid.UUID]string {
	links := map[uuid.UUID]string{}
	for _, run := range runs {
		for _, related := range run.Related() {
			if address, err := box.Permalink(ctx, render.RootKey(related)); err == nil {
				links[related] = address
			}
		}
	}
	return links
}

// address is where Slack shows a message, empty if that is not known yet.
func (t *Tabs) address(ctx context.Context, key string) string {
	address, err := t.Outbox.Permalink(ctx, key)
	if err != nil {
		return ""
	}
	return address
}
