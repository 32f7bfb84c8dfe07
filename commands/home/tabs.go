// Package home keeps the App Home current: for whoever opens it, and for those who opened it
// lately while runs change. Who looks is a table, so any replica can update any tab.
package home

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// Dependencies are what [Tabs] work with. All are required.
type Dependencies struct {
	Service   *service.Service
	Risks     *service.Risks
	Workspace *bot.Workspace
	Outbox    *outbox.Outbox
	Gate      *access.Gate
	Viewers   *Viewers
	Reports   Reports
	Renderer  render.Renderer
	Log       *slog.Logger
}

// Tabs shows people their Home tab.
type Tabs struct{ Dependencies }

// New returns the tabs. [Tabs.AddWorkers] registers their job.
func New(dependencies Dependencies) *Tabs { return &Tabs{dependencies} }

// Opened publishes the tab of somebody who opened it.
func (t *Tabs) Opened(ctx context.Context, event bot.Event) error {
	if event.Tab != "home" {
		return nil
	}
	return t.publishNow(ctx, event.Person)
}

// Refresh publishes the tab of somebody who pressed a button in it. It does nothing about other
// presses.
func (t *Tabs) Refresh(ctx context.Context, action bot.Action) error {
	if action.View == nil || action.View.Type != slack.VTHomeTab {
		return nil
	}
	return t.publishNow(ctx, action.Person)
}

func (t *Tabs) publishNow(ctx context.Context, person bot.Person) error {
	blocks, err := t.blocks(ctx, person)
	if err != nil {
		return err
	}
	published, err := t.publish(ctx, person, blocks)
	if err != nil {
		return err
	}
	return t.Viewers.opened(ctx, person, digest(blocks), published)
}

// RefreshViewers publishes the tabs of those who look, where they would show something else. It
// reports whether a tab was left for later: one that changed a moment ago, or that another sweep
// is busy with. No transaction is open while Slack is called.
func (t *Tabs) RefreshViewers(ctx context.Context) (left bool, err error) {
	claimed, left, err := t.Viewers.claim(ctx)
	if err != nil {
		return false, err
	}
	var failures []error
	for _, v := range claimed {
		later, err := t.refresh(ctx, v)
		left = left || later
		failures = append(failures, err)
	}
	return left, errors.Join(failures...)
}

// refresh publishes one tab if it would show something else, unless it changed a moment ago, and
// ends the claim.
func (t *Tabs) refresh(ctx context.Context, v viewer) (left bool, err error) {
	blocks, err := t.blocks(ctx, v.Person)
	if err != nil || digest(blocks) == v.shown || v.early {
		left = err == nil && digest(blocks) != v.shown
		return left, errors.Join(err, t.Viewers.release(ctx, v.Person))
	}
	published, err := t.publish(ctx, v.Person, blocks)
	if err != nil {
		return false, errors.Join(err, t.Viewers.release(ctx, v.Person))
	}
	return false, t.Viewers.updated(ctx, v.Person, digest(blocks), published)
}

func (t *Tabs) blocks(ctx context.Context, person bot.Person) ([]slack.Block, error) {
	content, err := t.content(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("home of %s: %w", person.ID, err)
	}
	return t.Renderer.Home(content, time.Now()), nil
}

// publish shows somebody a tab, and returns the fingerprint of what Slack shows. What it is about to show is
// recorded first, since this process may die before it records Slack's answer.
func (t *Tabs) publish(ctx context.Context, person bot.Person, blocks []slack.Block) ([]byte, error) {
	view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: blocks}}
	published, err := t.Workspace.PublishHome(ctx, person.ID, view, func(ctx context.Context, sent []byte) error {
		return t.Viewers.announce(ctx, person, sent)
	})
	if err != nil {
		return nil, fmt.Errorf("home of %s: %w", person.ID, err)
	}
	return published, nil
}
