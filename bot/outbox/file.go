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
	// Slack shares a completed upload some time later (https://docs.slack.dev/messaging/working-with-files): after shareLook it is
	// looked for, and then waited for this long.
	shareLook = time.Second
	shareWait = 5 * time.Second
	sharePoll = 100 * time.Millisecond
)

// file uploads a file and shares it.
//
// Slack has no key against sharing twice, but one upload can be completed once only. So its id is committed before it is completed,
// and for a row found `sending` Slack is asked: a file that is shown in the conversation is done, one that Slack does not know is
// uploaded anew, and any other is completed again, where a refusal means that it had been completed. What Slack shares later than
// shareWait counts as done, without a timestamp.
func (d *delivery) file(ctx context.Context, m row) error {
	channel, err := d.conversation(ctx, m)
	if err != nil {
		return d.record(ctx, m, "file", err)
	}
	m.ChannelID = channel
	again := false
	if m.SendingHash != nil && m.FileID != "" {
		var ts string
		if ts, again, err = d.shared(ctx, m); err != nil {
			return d.record(ctx, m, "file", err)
		}
		if ts != "" {
			d.outbox.delivered.WithLabelValues("file", "found").Inc()
			return d.delivered(ctx, m, m.Hash, ts)
		}
	}
	if !again {
		if m.FileID, err = d.upload(ctx, m); err != nil {
			return d.record(ctx, m, "file", err)
		}
		_, err = d.conn.Exec(ctx, `
			UPDATE slack_messages SET sending_hash = hash, sending_since = now(), channel_id = $2, file_id = $3 WHERE key = $1`,
			m.Key, m.ChannelID, m.FileID)
		if err != nil {
			return err
		}
	}
	_, err = d.outbox.api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files: []slack.FileSummary{{ID: m.FileID, Title: m.FileTitle}}, Channel: m.ChannelID, ThreadTimestamp: m.ThreadTS})
	if err != nil && (!again || webapi.Code(err) != "file_not_found") {
		return d.record(ctx, m, "file", fmt.Errorf("files.completeUploadExternal: %w", err))
	}
	if m.SendingHash == nil {
		// Nothing waits for Slack to share it; the row stays `sending` until somebody has looked.
		_, err = d.conn.Exec(ctx, `UPDATE slack_messages SET due_at = now() + $2::interval WHERE key = $1`, m.Key, shareLook)
		return err
	}
	ts, _, err := d.shared(ctx, m)
	if err != nil {
		// It was completed, and that alone counts.
		d.outbox.log.Warn("cannot see the share of a file", "message", m.Key, "file", m.FileID, "error", err)
	}
	d.outbox.delivered.WithLabelValues("file", webapi.Succeeded.String()).Inc()
	return d.delivered(ctx, m, m.Hash, ts)
}

func (d *delivery) upload(ctx context.Context, m row) (id string, err error) {
	var body []byte
	if err := d.conn.QueryRow(ctx, `SELECT file_content FROM slack_messages WHERE key = $1`, m.Key).Scan(&body); err != nil {
		return "", err
	}
	api := d.outbox.api
	target, err := api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: m.FileName, FileSize: len(body),
		AltTxt: blockkit.Truncate(m.Text, maxAltText)})
	if err != nil {
		return "", fmt.Errorf("files.getUploadURLExternal: %w", err)
	}
	err = api.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: target.UploadURL, Reader: bytes.NewReader(body), Filename: m.FileName})
	if err != nil {
		return "", fmt.Errorf("upload: %w", webapi.WithoutURL(err))
	}
	return target.FileID, nil
}

// maxAltText is files.getUploadURLExternal's limit of alt_txt.
const maxAltText = 1000

// shared waits until Slack shows a file in its conversation, and returns the timestamp of that message, or "" when it takes longer
// than shareWait. known is false when Slack knows no such file, which is one that was never completed.
func (d *delivery) shared(ctx context.Context, m row) (ts string, known bool, err error) {
	err = retry.Do(ctx, retry.WithMaxDuration(shareWait, retry.NewConstant(sharePoll)), func(ctx context.Context) error {
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

// errNotShared means that Slack has the file and does not show it yet.
var errNotShared = errors.New("the file is not shared yet")

// share asks Slack once for the timestamp of the message that shows a file.
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
