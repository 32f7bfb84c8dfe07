package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// OpenView opens a modal with the trigger_id of a command or a click. A call that may have opened
// it is not repeated, since that spent the trigger.
func (w *Workspace) OpenView(
	ctx context.Context, trigger string, view slack.ModalViewRequest,
) (*slack.View, error) {
	return callView(ctx, "views.open", false, func() (*slack.ViewResponse, error) {
		return w.api.OpenViewContext(ctx, trigger, view)
	})
}

// StackView puts a modal on top of the one that was clicked in.
func (w *Workspace) StackView(
	ctx context.Context, trigger string, view slack.ModalViewRequest,
) (*slack.View, error) {
	return callView(ctx, "views.push", false, func() (*slack.ViewResponse, error) {
		return w.api.PushViewContext(ctx, trigger, view)
	})
}

// UpdateView replaces an open modal by its id. With the hash of the view that was looked at,
// Slack refuses (hash_conflict) to overwrite a newer one.
func (w *Workspace) UpdateView(
	ctx context.Context, viewID, hash string, view slack.ModalViewRequest,
) (*slack.View, error) {
	return callView(ctx, "views.update", hash == "", func() (*slack.ViewResponse, error) {
		return w.api.UpdateViewContext(ctx, view, "", hash, viewID)
	})
}

// PublishHome replaces one person's Home tab. It returns the fingerprint of what Slack says that
// the tab shows now.
func (w *Workspace) PublishHome(
	ctx context.Context, user string, view slack.HomeTabViewRequest,
) (shown []byte, err error) {
	calling, answer := webapi.Capture(ctx)
	_, err = callView(ctx, "views.publish", true, func() (*slack.ViewResponse, error) {
		return w.api.PublishViewContext(calling, slack.PublishViewContextRequest{UserID: user, View: view})
	})
	if err != nil {
		return nil, err
	}
	var body struct {
		View json.RawMessage `json:"view"`
	}
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		return nil, fmt.Errorf("views.publish: %w", err)
	}
	return blockkit.Fingerprint(body.View), nil
}

// callView calls a method of views.*, again after an unknown outcome when it is repeatable.
func callView(
	ctx context.Context, name string, repeatable bool, call func() (*slack.ViewResponse, error),
) (*slack.View, error) {
	var view *slack.View
	err := webapi.RetryBriefly(ctx, repeatable, func() error {
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
