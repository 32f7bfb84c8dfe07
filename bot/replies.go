package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// Recipient is one person in one conversation.
type Recipient struct {
	Channel string
	// Thread is the timestamp of the thread's root; empty for the top level of the channel.
	Thread string
	// User is the person's id.
	User string
}

// Ephemeral shows a message to one person only. Slack keeps no such message, and shows it only to
// somebody who is in the channel and looking.
func (w *Workspace) Ephemeral(ctx context.Context, to Recipient, reply post.Reply) error {
	options := []slack.MsgOption{slack.MsgOptionText(blockkit.Truncate(reply.Text, blockkit.MaxText), false)}
	if len(reply.Blocks) > 0 {
		options = append(options, slack.MsgOptionBlocks(reply.Blocks...))
	}
	if to.Thread != "" {
		options = append(options, slack.MsgOptionTS(to.Thread))
	}
	// Seeing a sentence twice is better than not at all.
	err := webapi.RetryBriefly(ctx, true, func() error {
		_, err := w.api.PostEphemeralContext(ctx, to.Channel, to.User, options...)
		return err
	})
	if err != nil {
		return fmt.Errorf("chat.postEphemeral: %w", err)
	}
	return nil
}

// Response is an answer through a response_url.
type Response struct {
	post.Reply
	// Replace puts the answer in the place of the message that was clicked. It has no effect on a
	// command.
	Replace bool
}

// Respond answers through a response_url, which Slack takes five times within 30 minutes. An
// answer that may have arrived is not repeated unless it replaces a message.
func (w *Workspace) Respond(ctx context.Context, responseURL string, response Response) error {
	body := map[string]any{
		"text":             blockkit.Truncate(response.Text, blockkit.MaxText),
		"response_type":    "ephemeral",
		"replace_original": response.Replace,
	}
	if len(response.Blocks) > 0 {
		body["blocks"] = response.Blocks
	}
	if response.InChannel {
		body["response_type"] = "in_channel"
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("response_url: %w", err)
	}
	err = webapi.RetryBriefly(ctx, response.Replace, func() error {
		return w.postResponse(ctx, responseURL, encoded)
	})
	if err != nil {
		return fmt.Errorf("response_url: %w", err)
	}
	return nil
}

// postResponse posts to a response_url. The address lets anyone answer in the bot's name, so it
// appears in no error.
func (w *Workspace) postResponse(ctx context.Context, responseURL string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, responseURL, bytes.NewReader(body))
	if err != nil {
		return ErrBadResponseURL
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.http.Do(req)
	if err != nil {
		return webapi.WithoutURL(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	var answer slack.SlackResponse
	if json.Unmarshal(text, &answer) == nil && answer.Error != "" {
		return slack.SlackErrorResponse{Err: answer.Error, ResponseMetadata: answer.ResponseMetadata}
	}
	if resp.StatusCode != http.StatusOK {
		return slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status}
	}
	return nil
}
