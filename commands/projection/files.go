package projection

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// putFiles puts the files of a run into the outbox: the logs of its attempts and the picture of
// its brand. Files never change, so each is put once, without a lock. What Slack has already is
// not read again.
func (p *Projector) putFiles(ctx context.Context, view *onboarding.View) error {
	preview, failure := p.preview(ctx, view) // a picture that cannot be drawn delays no log
	logs, err := p.logs(ctx, view)
	if files := append(preview, logs...); err == nil && len(files) > 0 {
		err = pgx.BeginFunc(ctx, p.Pool,
			func(tx pgx.Tx) error { return p.Outbox.PutStorable(ctx, tx, render.Placed(view, files)...) })
	}
	return errors.Join(failure, err)
}

// logs returns the logs that Slack does not have yet.
func (p *Projector) logs(ctx context.Context, view *onboarding.View) ([]post.Message, error) {
	logged := render.Logged(view)
	keys := make([]string, len(logged))
	for i, attempt := range logged {
		keys[i] = render.LogKey(attempt)
	}
	posted, err := p.Outbox.Posted(ctx, p.Pool, keys...)
	if err != nil {
		return nil, err
	}
	var files []post.Message
	for i, attempt := range logged {
		if _, found := posted[keys[i]]; found {
			continue
		}
		content, err := p.Records.Log(ctx, attempt.ID)
		if err != nil {
			return nil, err
		}
		if content != "" {
			files = append(files, render.LogFile(view, attempt, content))
		}
	}
	return files, nil
}

// preview returns a picture of the sites of the run's Org, unless Slack has it already or there
// is no brand.
func (p *Projector) preview(ctx context.Context, view *onboarding.View) ([]post.Message, error) {
	wanted := view.Request.Brand
	if wanted == nil || view.Kind != onboarding.KindOnboard {
		return nil, nil
	}
	if posted, err := p.Outbox.Posted(ctx, p.Pool, render.PreviewKey(view.ID)); err != nil || len(posted) > 0 {
		return nil, err
	}
	look := brand.Brand{Name: view.Request.Org.Name, Copy: wanted.Copy, Palette: wanted.Palette}
	if wanted.Logo != "" {
		content, err := p.assets.Get(ctx, wanted.Logo)
		if err != nil {
			return nil, fmt.Errorf("preview: %w", err)
		}
		logo, problem := brand.CheckLogo(ctx, "logo", content)
		if problem != "" {
			return nil, fmt.Errorf("preview: %s", problem)
		}
		look.Logo = &logo
	}
	picture, err := brand.Preview(ctx, look)
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	return []post.Message{render.Preview(view, picture)}, nil
}
