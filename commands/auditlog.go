package commands

import (
	"context"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// trail answers with the audit trail of a slug: the newest run as a message, all of its runs as a file.
func (d *Handlers) trail(ctx context.Context, person, slug, asking string) bot.Reply {
	runs, err := d.service.Records.History(ctx, slug)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "slug", slug)}
	}
	if len(runs) == 0 {
		return bot.Reply{Text: d.noRun(ctx, slug, onboarding.ErrNotFound)}
	}
	var view *onboarding.View
	var file strings.Builder
	for _, run := range runs {
		if view, err = d.service.Records.View(ctx, run.ID); err != nil {
			return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
		}
		file.WriteString(render.AuditLogText(view))
	}
	page := d.renderer.AuditLog(view)
	page.Note("The whole trail, with every change that was applied, is a file in your messages with me.")
	name := "log-" + slug
	err = d.send(ctx, outbox.Message{Key: "trail/" + person + "/" + asking, Channel: person, Text: blockkit.Escape(name),
		File: &outbox.File{Name: name + ".txt", Title: name, Content: []byte(file.String())}})
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "slug", slug)}
	}
	return page.Reply()
}
