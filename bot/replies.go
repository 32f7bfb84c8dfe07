package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// Ephemeral shows a message to one person in a channel, or in a thread when thread is the
// timestamp of its root. Slack keeps no such message, and shows it only to someone who is in the
// channel and looking.
func (w *Workspace) Ephemeral(ctx context.Context, channel, thread, user string, reply Reply) error {
	options := []slack.MsgOption{slack.MsgOptionText(blockkit.Truncate(reply.Text, blockkit.MaxText), false)}
	if len(reply.Blocks) > 0 {
		options = append(options, slack.MsgOptionBlocks(reply.Blocks...))
	}
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	// Seeing a sentence twice is better than not at all.
	err := webapi.RetryBriefly(ctx, true, func() error {
		_, err := w.api.PostEphemeralContext(ctx, channel, user, options...)
		return err
	})
	if err != nil {
		return fmt.Errorf("chat.postEphemeral: %w", err)
	}
	return nil
}

// Response is an answer through a response_url.
type Response struct {
	Reply
	// Replace puts it in the place of the message that was clicked, Delete removes that message.
	// Neither works on a command.
	Replace, Delete bool
	// Thread answers in a thread; Slack wants InChannel with it.
	Thread string
}

// Respond answers through a response_url, which Slack takes five times within 30 minutes. An
// answer that may have arrived is not repeated unless it replaces or deletes.
func (w *Workspace) Respond(ctx context.Context, responseURL string, response Response) error {
	body := map[string]any{"replace_original": response.Replace, "delete_original": response.Delete}
	if !response.Delete {
		body["text"] = blockkit.Truncate(response.Text, blockkit.MaxText)
	}
	if len(response.Blocks) > 0 {
		body["blocks"] = response.Blocks
	}
	if response.InChannel {
		body["response_type"] = "in_channel"
	} else {
		body["response_type"] = "ephemeral"
	}
	if response.Thread != "" {
		body["thread_ts"] = response.Thread
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("response_url: %w", err)
	}
	err = webapi.RetryBriefly(ctx, response.Replace || response.Delete, func() error { return w.postResponse(ctx, responseURL, encoded) })
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
		if failed, ok := err.(*url.Error); ok {
			return failed.Err
		}
		return err
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

// OpenView opens a modal with the trigger_id of a command or a click. It is not repeated when it
// may have opened: the trigger is spent then.
func (w *Workspace) OpenView(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.View, error) {
	return w.view(ctx, "views.open", false, func() (*slack.ViewResponse, error) { return w.api.OpenViewContext(ctx, trigger, view) })
}

// StackView puts a modal on top of the one that was clicked in.
func (w *Workspace) StackView(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.View, error) {
	return w.view(ctx, "views.push", false, func() (*slack.ViewResponse, error) { return w.api.PushViewContext(ctx, trigger, view) })
}

// UpdateView replaces an open modal by its id. With the hash of the view that was looked at, Slack
// refuses (hash_conflict) to overwrite a newer one.
func (w *Workspace) UpdateView(ctx context.Context, viewID, hash string, view slack.ModalViewRequest) (*slack.View, error) {
	return w.view(ctx, "views.update", hash == "", func() (*slack.ViewResponse, error) {
		return w.api.UpdateViewContext(ctx, view, "", hash, viewID)
	})
}

// PublishHome replaces one person's Home tab.
func (w *Workspace) PublishHome(ctx context.Context, user string, view slack.HomeTabViewRequest) (*slack.View, error) {
	return w.view(ctx, "views.publish", true, func() (*slack.ViewResponse, error) {
		return w.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: view})
	})
}

func (w *Workspace) view(ctx context.Context, name string, again bool, call func() (*slack.ViewResponse, error)) (*slack.View, error) {
	var view *slack.View
	err := webapi.RetryBriefly(ctx, again, func() error {
		answer, err := call()
		if err == nil {
			view = &answer.View
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, webapi.Detailed(err))
	}
	return view, nil
}
