package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// decodeInteraction decodes what people do in messages and views.
func (r *Router) decodeInteraction(e envelope) (call, error) {
	var p slack.InteractionCallback
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return call{}, fmt.Errorf("interaction: %w", err)
	}
	c := call{
		kind:        string(p.Type),
		subject:     string(p.Type),
		key:         identity(e, "trigger", p.TriggerID),
		responseURL: p.ResponseURL,
		class:       people,
	}
	person := Person{Team: cmp.Or(p.User.TeamID, p.Team.ID), ID: p.User.ID}
	switch p.Type {
	case slack.InteractionTypeBlockActions:
		r.routeAction(&c, e, p, person)
	case slack.InteractionTypeViewSubmission:
		r.routeSubmission(&c, e, p, person)
	case slack.InteractionTypeBlockSuggestion:
		r.routeSuggestion(&c, e, p, person)
	default:
		c.kind = "other"
	}
	return c, nil
}

func (r *Router) routeAction(c *call, e envelope, p slack.InteractionCallback, person Person) {
	// Slack sends one action at a time; several at once belong to attachments.
	if len(p.ActionCallback.BlockActions) == 0 || p.ActionCallback.BlockActions[0] == nil {
		return
	}
	raw := *p.ActionCallback.BlockActions[0]
	c.subject = subject(c.kind, raw.ActionID)
	h, ok := match(r.actions, raw.ActionID)
	if !ok {
		return
	}
	action := Action{
		Person:      person,
		ID:          raw.ActionID,
		Block:       raw.BlockID,
		Value:       cmp.Or(raw.Value, raw.SelectedOption.Value),
		Raw:         raw,
		Channel:     cmp.Or(p.Container.ChannelID, p.Channel.ID),
		TS:          cmp.Or(p.Container.MessageTs, p.Message.Timestamp),
		Thread:      cmp.Or(p.Container.ThreadTs, p.Message.ThreadTimestamp),
		Ephemeral:   p.Container.IsEphemeral,
		View:        view(p),
		TriggerID:   p.TriggerID,
		ResponseURL: p.ResponseURL,
		Envelope:    e.ID,
	}
	action.Message, action.Shown = shown(e.Payload)
	switch {
	case action.View != nil:
		action.State = state(action.View)
	case p.BlockActionState != nil:
		action.State = p.BlockActionState.Values
	}
	if action.Thread == action.TS {
		// Slack names the root as its own thread once it has replies.
		action.Thread = ""
	}
	c.run = func(ctx context.Context) (json.RawMessage, error) { return nil, h(ctx, action) }
}

func (r *Router) routeSubmission(c *call, e envelope, p slack.InteractionCallback, person Person) {
	c.subject = subject(c.kind, p.View.CallbackID)
	c.errorReply = submissionError(e, p.View)
	h, ok := match(r.views, p.View.CallbackID)
	if !ok {
		return
	}
	_, fingerprint := shown(e.Payload)
	submission := Submission{
		Person:     person,
		CallbackID: p.View.CallbackID,
		Metadata:   p.View.PrivateMetadata,
		View:       p.View,
		Shown:      fingerprint,
		State:      state(&p.View),
		TriggerID:  p.TriggerID,
		Envelope:   e.ID,
	}
	var answer Answer
	c.run = func(ctx context.Context) (_ json.RawMessage, err error) {
		if answer, err = h(ctx, submission); err != nil {
			return nil, err
		}
		return answer.payload()
	}
	if r.late.Show == nil {
		return
	}
	c.timeout = r.late.Timeout
	if waiting, err := r.late.Waiting(submission).payload(); err == nil {
		c.waiting = waiting
	}
	c.showLate = func(ctx context.Context, failed bool) {
		if failed {
			answer = FieldErrors(map[string]string{"": errorText(e)})
		}
		r.late.Show(ctx, submission, answer)
	}
}

func (r *Router) routeSuggestion(c *call, e envelope, p slack.InteractionCallback, person Person) {
	c.subject, c.key, c.class = subject(c.kind, p.ActionID), "", lookups
	h, ok := match(r.options, p.ActionID)
	if !ok {
		return
	}
	suggestion := Suggestion{
		Person:   person,
		ID:       p.ActionID,
		Block:    p.BlockID,
		Typed:    p.Value,
		View:     view(p),
		Envelope: e.ID,
	}
	c.run = func(ctx context.Context) (json.RawMessage, error) {
		options, err := h(ctx, suggestion)
		if err != nil {
			return nil, err
		}
		return suggestions(options)
	}
}

// shown returns the message in which somebody did something, nil for a view, and the fingerprint
// of the message or view.
func shown(payload json.RawMessage) (message json.RawMessage, fingerprint []byte) {
	var in struct{ Message, View json.RawMessage }
	if json.Unmarshal(payload, &in) != nil {
		return nil, nil
	}
	if in.View != nil {
		return nil, blockkit.Fingerprint(in.View)
	}
	return in.Message, blockkit.Fingerprint(in.Message)
}

// view is the view in which something happened, nil for a message.
func view(p slack.InteractionCallback) *slack.View {
	if p.View.ID == "" {
		return nil
	}
	return &p.View
}

func state(v *slack.View) map[string]map[string]slack.BlockAction {
	if v.State == nil {
		return nil
	}
	return v.State.Values
}
