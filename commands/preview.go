package commands

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// preview is the picture of how an Org's sites look, unless Slack has it already or there is none.
func (r *Projector) preview(ctx context.Context, tx pgx.Tx, view *onboarding.View) ([]outbox.Message, error) {
	wanted := view.Request.Brand
	if wanted == nil || view.Kind != onboarding.KindOnboard {
		return nil, nil
	}
	key := render.RootKey(view.ID) + "/brand"
	if posted, err := r.outbox.Posted(ctx, tx, key); err != nil || len(posted) > 0 {
		return nil, err
	}
	look := brand.Brand{Name: view.Request.Org.Name, Copy: wanted.Copy, Palette: wanted.Palette}
	if wanted.Logo != "" {
		content, err := r.assets.Get(ctx, wanted.Logo)
		if err != nil {
			return nil, fmt.Errorf("preview: %w", err)
		}
		logo, problem := brand.CheckLogo("logo", content)
		if problem != "" {
			return nil, fmt.Errorf("preview: %s", problem)
		}
		look.Logo = &logo
	}
	picture, err := brand.Preview(look)
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	name := "How the sites of " + mrkdwn.OneLine(look.Name) + " look"
	return []outbox.Message{{Key: key, Channel: view.Channel, Thread: render.RootKey(view.ID), Text: mrkdwn.Inline(name + ": " + render.BrandWords(wanted)),
		File: &outbox.File{Name: "preview.png", Title: name, Content: picture}}}, nil
}
