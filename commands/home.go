package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// maxLive is how many live Providers the Home tab lists.
const maxLive = 50

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
	return d.renderer.Home(content, time.Now()), nil
}

func (d *Handlers) homeFor(ctx context.Context, person bot.Person) (render.Home, error) {
	if err := d.requireOperator(ctx, person); err != nil {
		text, expected := render.ErrorText(err)
		if !expected {
			return render.Home{}, err
		}
		return render.Home{Refused: text}, nil
	}
	content, err := d.waiting(ctx, person.ID)
	if err != nil {
		return render.Home{}, err
	}
	runs, err := d.service.Records.List(ctx, maxListed)
	if err != nil {
		return render.Home{}, err
	}
	for _, run := range runs {
		if run.State == onboarding.RunActive {
			content.Runs = append(content.Runs, render.ListedRun{Run: run, Link: d.address(ctx, render.RootKey(run.ID))})
		}
	}
	return content, d.live(ctx, &content)
}

// waiting gathers what waits for one person.
func (d *Handlers) waiting(ctx context.Context, person string) (render.Home, error) {
	var content render.Home
	approvals, stuck, err := d.service.WaitingFor(ctx, person)
	if err != nil {
		return render.Home{}, err
	}
	for _, approval := range approvals[:min(len(approvals), maxListed)] {
		view, err := d.service.Records.View(ctx, approval.RunID)
		if err != nil {
			return render.Home{}, err
		}
		content.Waiting = append(content.Waiting, render.PendingDecision{Approval: approval, Run: view.Run, Link: d.address(ctx, render.ApprovalKey(approval))})
	}
	content.More = len(approvals) - len(content.Waiting)
	for _, run := range stuck[:min(len(stuck), maxListed)] {
		content.Stuck = append(content.Stuck, render.ListedRun{Run: run, Link: d.address(ctx, render.RootKey(run.ID))})
	}
	content.Freeze, err = d.service.Records.Frozen(ctx)
	return content, err
}

// live gathers what is known of the Providers that are live.
func (d *Handlers) live(ctx context.Context, content *render.Home) error {
	runs, err := d.service.Records.Live(ctx, maxLive)
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
