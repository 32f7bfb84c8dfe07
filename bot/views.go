package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/webapi"
)

// OpenView opens a modal with the trigger_id of a command or a click. A call that may have opened
// it is not repeated, since that spent the trigger. It returns a [LateError] for a trigger that is
// no longer valid. As in all views, blocks that the workspace refuses are replaced by simpler
// ones.
func (w *Workspace) OpenView(
	ctx context.Context, trigger string, view slack.ModalViewRequest, announce ...Announce,
) (ShownView, error) {
	return w.callView(ctx, viewCall{"views.open", false, &view, &view.Blocks.BlockSet, announce,
		func(ctx context.Context) (*slack.ViewResponse, error) {
			return w.api.OpenViewContext(ctx, trigger, view)
		}})
}

// StackView puts a modal on top of the one that was clicked in. It returns the errors of
// [Workspace.OpenView].
func (w *Workspace) StackView(
	ctx context.Context, trigger string, view slack.ModalViewRequest, announce ...Announce,
) (ShownView, error) {
	return w.callView(ctx, viewCall{"views.push", false, &view, &view.Blocks.BlockSet, announce,
		func(ctx context.Context) (*slack.ViewResponse, error) {
			return w.api.PushViewContext(ctx, trigger, view)
		}})
}

// OpenModal is a modal that somebody has open.
type OpenModal struct {
	ID string
	// Hash is that of what it showed when it was looked at. Empty: whatever it shows by now.
	Hash string
}

// UpdateView replaces an open modal. With a hash, Slack refuses (hash_conflict) to overwrite a
// newer version.
func (w *Workspace) UpdateView(
	ctx context.Context, open OpenModal, view slack.ModalViewRequest, announce ...Announce,
) (ShownView, error) {
	return w.callView(ctx, viewCall{"views.update", open.Hash == "", &view, &view.Blocks.BlockSet, announce,
		func(ctx context.Context) (*slack.ViewResponse, error) {
			return w.api.UpdateViewContext(ctx, view, "", open.Hash, open.ID)
		}})
}

// PublishHome replaces one person's Home tab. It returns the fingerprint of what Slack says that
// the tab shows now.
func (w *Workspace) PublishHome(
	ctx context.Context, user string, view slack.HomeTabViewRequest, announce ...Announce,
) (shown []byte, err error) {
	published, err := w.callView(ctx, viewCall{"views.publish", true, &view, &view.Blocks.BlockSet, announce,
		func(ctx context.Context) (*slack.ViewResponse, error) {
			return w.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: view})
		}})
	return published.Shown, err
}

// Announce is called with the [blockkit.Fingerprint] of a view before a call that makes Slack show
// it: the process may die after Slack took the view and before anything else is recorded. After an
// error the call is not made.
type Announce func(ctx context.Context, sent []byte) error

// ShownView is a view after Slack took it.
type ShownView struct {
	ID string
	// Shown is the [blockkit.Fingerprint] of what Slack says that it shows.
	Shown []byte
}

// viewCall is a call of a method of views.*.
type viewCall struct {
	name string
	// repeatable allows another call after an unknown outcome.
	repeatable bool
	// view is what send sends, and blocks are those of view.
	view     any
	blocks   *[]slack.Block
	announce []Announce
	send     func(context.Context) (*slack.ViewResponse, error)
}

// callView sends a view; where the workspace refuses its blocks, with simpler ones.
func (w *Workspace) callView(ctx context.Context, call viewCall) (view ShownView, err error) {
	whole := *call.blocks
	var sent []slack.MessageBlockType
	for level := w.refusedBlocks.level(); level <= blockkit.OldestBlocks; level++ {
		*call.blocks = blockkit.Simplify(whole, level)
		types := typesOf(*call.blocks)
		again := sent != nil
		if again && slices.Equal(types, sent) {
			continue
		}
		sent = types
		var failure error
		view, failure = attemptView(ctx, call)
		late := slices.Contains(lateTriggers, webapi.Code(failure))
		if again && (failure == nil || late) {
			// The refusal may have used up the trigger, so the next view starts with simpler
			// blocks.
			w.refusedBlocks.remember(level, w.cfg.RefusalMemory)
		}
		if failure == nil {
			return view, nil
		}
		if !again || late {
			err = failure
		}
		if !blocksOfViewRefused(failure) {
			break
		}
		w.log.WarnContext(ctx, "slack refuses the blocks of a view; simpler ones are sent if there are any",
			"method", call.name, "error", webapi.Detailed(failure))
	}
	err = fmt.Errorf("%s: %w", call.name, webapi.Detailed(err))
	if slices.Contains(lateTriggers, webapi.Code(err)) {
		return ShownView{}, &LateError{err}
	}
	return ShownView{}, err
}

func typesOf(blocks []slack.Block) []slack.MessageBlockType {
	types := make([]slack.MessageBlockType, len(blocks))
	for i, block := range blocks {
		types[i] = block.BlockType()
	}
	return types
}

func attemptView(ctx context.Context, call viewCall) (view ShownView, err error) {
	encoded, err := json.Marshal(call.view)
	if err != nil {
		return ShownView{}, err
	}
	for _, announce := range call.announce {
		if err := announce(ctx, blockkit.Fingerprint(encoded)); err != nil {
			return ShownView{}, err
		}
	}
	ctx, captured := webapi.Capture(ctx)
	err = webapi.RetryBriefly(ctx, call.repeatable, func() error {
		answer, err := call.send(ctx)
		if err == nil {
			view.ID = answer.View.ID
		}
		return err
	})
	if err != nil {
		return ShownView{}, err
	}
	var body struct {
		View json.RawMessage `json:"view"`
	}
	if err := json.Unmarshal(captured.Body, &body); err != nil {
		return ShownView{}, err
	}
	view.Shown = blockkit.Fingerprint(body.View)
	return view, nil
}

// blocksOfViewRefused reports whether Slack refused the content of a view. Its code for that is
// invalid_arguments, which has other reasons too.
func blocksOfViewRefused(err error) bool {
	return slices.Contains([]string{"invalid_arguments", "invalid_blocks", "invalid_blocks_format"}, webapi.Code(err))
}

// refusedBlocks remembers which blocks the workspace refused in views, so people do not wait for
// another refusal each time.
type refusedBlocks struct {
	mu    sync.Mutex
	known blockkit.Simplicity
	until time.Time
}

func (r *refusedBlocks) level() blockkit.Simplicity {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().After(r.until) {
		return blockkit.AnyBlocks
	}
	return r.known
}

func (r *refusedBlocks) remember(level blockkit.Simplicity, memory time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known, r.until = level, time.Now().Add(memory)
}
