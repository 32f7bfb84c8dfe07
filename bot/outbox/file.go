package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sethvargo/go-retry"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

const (
	// Slack shares a completed upload some time later
	// (https://docs.slack.dev/messaging/working-with-files). After shareDelay the next delivery
	// looks for the share, every sharePoll for shareTimeout.
	shareDelay   = time.Second
	sharePoll    = 100 * time.Millisecond
	shareTimeout = 5 * time.Second

	// maxAltText is the limit of alt_txt
	// (https://docs.slack.dev/reference/methods/files.getUploadURLExternal).
	maxAltText = 1000
)

// sendFile uploads a file and shares it.
//
// Slack has no key against sharing twice, but one upload can be completed only once. So the
// upload's id is committed before it is completed, and for a row that is found so Slack is asked:
// a file that is shown in the conversation is done; one that Slack does not know is uploaded anew;
// any other is completed again, where a refusal means that it had been completed. What Slack
// shares later than shareTimeout counts as done, without a timestamp.
func (d *delivery) sendFile(ctx context.Context, m row) (err error) {
	if m.ChannelID, err = d.conversation(ctx, m); err != nil {
		return d.failed(ctx, m, fileAttempt, err)
	}
	uploaded := false
	if m.SendingHash != nil && m.FileID != "" {
		var ts string
		if ts, uploaded, err = d.awaitShare(ctx, m); err != nil {
			return d.failed(ctx, m, fileAttempt, err)
		}
		if ts != "" {
			d.count(fileAttempt, resultFound)
			return d.delivered(ctx, m, shows{hash: m.Hash, ts: ts})
		}
	}
	if !uploaded {
		if m.FileID, err = d.upload(ctx, m); err != nil {
			return d.failed(ctx, m, fileAttempt, err)
		}
		if err := d.exec(ctx, startShare, m.Key, m.ChannelID, m.FileID); err != nil {
			return err
		}
	}
	_, err = d.outbox.api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files:           []slack.FileSummary{{ID: m.FileID, Title: m.FileTitle}},
		Channel:         m.ChannelID,
		ThreadTimestamp: m.ParentTS,
	})
	if err != nil && (!uploaded || webapi.Code(err) != "file_not_found") {
		return d.failed(ctx, m, fileAttempt, fmt.Errorf("files.completeUploadExternal: %w", err))
	}
	if m.SendingHash == nil {
		// The row goes on saying that it is being sent until the next delivery has looked for the
		// share.
		return d.exec(ctx, postponeShare, m.Key, shareDelay)
	}
	ts, _, err := d.awaitShare(ctx, m)
	if err != nil {
		// The upload was completed, which is what counts.
		d.outbox.log.Warn("a file was sent, but slack did not say where it shows it", "message", m.Key, "file",
			m.FileID, "error", err)
	}
	d.count(fileAttempt, webapi.Succeeded.String())
	return d.delivered(ctx, m, shows{hash: m.Hash, ts: ts})
}

// upload sends the content to Slack, which shows it to nobody yet.
func (d *delivery) upload(ctx context.Context, m row) (id string, err error) {
	var body []byte
	if err := d.session.Conn().QueryRow(ctx, selectFileContent, m.Key).Scan(&body); err != nil {
		return "", err
	}
	target, err := d.outbox.api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
		FileName: m.FileName,
		FileSize: len(body),
		AltTxt:   blockkit.Truncate(blockkit.Unmarked(m.Text), maxAltText),
	})
	if err != nil {
		return "", fmt.Errorf("files.getUploadURLExternal: %w", err)
	}
	err = d.outbox.api.UploadToURL(ctx, slack.UploadToURLParameters{
		UploadURL: target.UploadURL,
		Reader:    bytes.NewReader(body),
		Filename:  m.FileName,
	})
	if err != nil {
		return "", fmt.Errorf("upload: %w", webapi.WithoutURL(err))
	}
	return target.FileID, nil
}

// errNotShared means that Slack has the file and does not show it yet.
var errNotShared = errors.New("the file is not shared yet")

// awaitShare waits until Slack shows a file in its conversation, and returns the timestamp of that
// message, "" after shareTimeout. known is false when Slack knows no such file, which is one that
// was never completed.
func (d *delivery) awaitShare(ctx context.Context, m row) (ts string, known bool, err error) {
	pause := retry.WithMaxDuration(shareTimeout, retry.NewConstant(sharePoll))
	err = retry.Do(ctx, pause, func(ctx context.Context) (err error) {
		ts, known, err = d.share(ctx, m)
		if err == nil && known && ts == "" {
			return retry.RetryableError(errNotShared)
		}
		return err
	})
	if errors.Is(err, errNotShared) {
		err = nil
	}
	return ts, known, err
}

// share asks Slack once for the message that shows a file.
func (d *delivery) share(ctx context.Context, m row) (ts string, known bool, err error) {
	file, _, _, err := d.outbox.api.GetFileInfoContext(ctx, m.FileID, 0, 0)
	if webapi.Code(err) == "file_not_found" {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("files.info: %w", err)
	}
	for _, shares := range []map[string][]slack.ShareFileInfo{file.Shares.Public, file.Shares.Private} {
		for _, share := range shares[m.ChannelID] {
			return share.Ts, true, nil
		}
	}
	return "", true, nil
}
