// Package logo fetches the logo that an operator chose in a form.
package logo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding/brand"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// errTooLarge ends a download at its limit.
var errTooLarge = errors.New("the file is too large")

// limitedBuffer is a buffer that takes no more than a logo may have.
type limitedBuffer struct{ bytes.Buffer }

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.Len()+len(p) > brand.MaxLogoSize+1 {
		return 0, errTooLarge
	}
	return l.Buffer.Write(p)
}

// Fetcher downloads logos from Slack. All fields are required.
type Fetcher struct {
	Workspace *bot.Workspace
	Assets    *store.Assets
	Log       *slog.Logger
}

// Fetch downloads the file that an operator chose in a form, checks it and keeps it. It returns
// the digest of its content, or without a file that of the logo which was kept before. What is
// wrong with a logo is a [form.FieldErrors].
func (f *Fetcher) Fetch(ctx context.Context, sent bot.Submission, kept string) (digest string, err error) {
	files := sent.State[form.BlockLogo][form.ActionInput].Files
	if len(files) == 0 {
		return kept, nil
	}
	// The address comes from Slack and not from the form, so the token goes nowhere else.
	file, _, _, err := f.Workspace.API().GetFileInfoContext(ctx, files[0].ID, 0, 0)
	if err != nil {
		return "", f.notDownloaded(ctx, err)
	}
	name := blockkit.Truncate(mrkdwn.OneLine(file.Name), 80)
	var downloaded limitedBuffer
	err = errTooLarge
	if file.Size <= brand.MaxLogoSize {
		err = f.Workspace.API().GetFileContext(ctx, file.URLPrivateDownload, &downloaded)
	}
	if errors.Is(err, errTooLarge) {
		return "", form.FieldErrors{form.BlockLogo: fmt.Sprintf("A logo has at most %d MB; %s is larger.",
			brand.MaxLogoSize>>20, name)}
	}
	if err != nil {
		return "", f.notDownloaded(ctx,
			errors.New(strings.ReplaceAll(err.Error(), file.URLPrivateDownload, "the file's address")))
	}
	logo, problem := brand.CheckLogo(ctx, name, downloaded.Bytes())
	if problem != "" {
		return "", form.FieldErrors{form.BlockLogo: problem}
	}
	if digest, err = f.Assets.Keep(ctx, logo.Content); err != nil {
		return "", fmt.Errorf("logo: %w", err)
	}
	return digest, nil
}

// notDownloaded logs why Slack did not hand out a logo, and tells the person at the logo.
func (f *Fetcher) notDownloaded(ctx context.Context, err error) error {
	f.Log.WarnContext(ctx, "a logo could not be downloaded from slack", "error", err)
	return form.FieldErrors{form.BlockLogo: "Slack did not hand out this file. Send the form again, or remove the " +
		"file and send the logo later."}
}
