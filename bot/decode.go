package bot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/slack-go/slack"
)

// call is an envelope, decoded and routed.
type call struct {
	// kind labels metrics; subject names it in the log.
	kind, subject string
	// key is the identity under which it is handled once; empty for what may be handled again.
	key   string
	class class
	// run is the handler with its argument; nil when nobody registered one.
	run func(context.Context) (json.RawMessage, error)
	// apology is the acknowledgement when the handler failed.
	apology json.RawMessage
}

// class keeps floods apart: events or suggestions cannot take the place of what people do.
type class int

const (
	people class = iota
	events
	lookups
	classes
)

// errNotUnderstood means an envelope of a type that Slack may have added since.
var errNotUnderstood = errors.New("envelope of an unknown type")

func (r *Router) decode(e envelope) (call, error) {
	switch e.Type {
	case "slash_commands":
		return r.decodeCommand(e)
	case "interactive":
		return r.decodeInteraction(e)
	case "events_api":
		return r.decodeEvent(e)
	default:
		return call{}, fmt.Errorf("%w: %q", errNotUnderstood, e.Type)
	}
}

func (r *Router) decodeCommand(e envelope) (call, error) {
	// Not slack.SlashCommand: its one boolean comes as text, too.
	var p struct {
		TeamID      string `json:"team_id"`
		UserID      string `json:"user_id"`
		ChannelID   string `json:"channel_id"`
		ChannelName string `json:"channel_name"`
		Command     string `json:"command"`
		Text        string `json:"text"`
		TriggerID   string `json:"trigger_id"`
		ResponseURL string `json:"response_url"`
	}
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return call{}, fmt.Errorf("slash command: %w", err)
	}
	c := call{kind: "command", subject: subject("command", p.Command), key: identity(e, "trigger", p.TriggerID), class: people,
		apology: apologize(e)}
	if h, ok := r.commands[p.Command]; ok {
		command := Command{Person: Person{Team: p.TeamID, ID: p.UserID}, Name: p.Command, Text: p.Text, Channel: p.ChannelID,
			ChannelName: p.ChannelName, TriggerID: p.TriggerID, ResponseURL: p.ResponseURL, Envelope: e.ID}
		c.run = func(ctx context.Context) (json.RawMessage, error) {
			reply, err := h(ctx, command)
			if err != nil {
				return nil, err
			}
			return reply.payload()
		}
	}
	return c, nil
}

func (r *Router) decodeEvent(e envelope) (call, error) {
	var p struct {
		TeamID  string          `json:"team_id"`
		EventID string          `json:"event_id"`
		Event   json.RawMessage `json:"event"`
	}
	// user is an object in some events; such events leave it empty.
	var inner struct {
		Type    string          `json:"type"`
		User    json.RawMessage `json:"user"`
		Channel json.RawMessage `json:"channel"`
		Tab     string          `json:"tab"`
	}
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return call{}, fmt.Errorf("event: %w", err)
	}
	if err := json.Unmarshal(p.Event, &inner); err != nil {
		return call{}, fmt.Errorf("event: %w", err)
	}
	c := call{kind: "event", subject: subject("event", inner.Type), key: identity(e, "event", p.EventID), class: events}
	if h, ok := r.events[inner.Type]; ok {
		event := Event{Person: Person{Team: p.TeamID, ID: text(inner.User)}, Type: inner.Type, ID: p.EventID,
			Channel: text(inner.Channel), Tab: inner.Tab, Raw: p.Event, Envelope: e.ID}
		c.run = func(ctx context.Context) (json.RawMessage, error) { return nil, h(ctx, event) }
	}
	return c, nil
}

// text is a JSON string, or "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

func (r *Router) decodeInteraction(e envelope) (call, error) {
	var p slack.InteractionCallback
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		return call{}, fmt.Errorf("interaction: %w", err)
	}
	person := Person{Team: cmp.Or(p.User.TeamID, p.Team.ID), ID: p.User.ID}
	c := call{kind: string(p.Type), subject: string(p.Type), key: identity(e, "trigger", p.TriggerID), class: people}
	switch p.Type {
	case slack.InteractionTypeBlockActions:
		r.routeAction(&c, e, p, person)
	case slack.InteractionTypeViewSubmission:
		c.subject = subject(c.kind, p.View.CallbackID)
		c.apology = apologizeIn(e, p.View)
		if h, ok := match(r.views, p.View.CallbackID); ok {
			submission := Submission{Person: person, CallbackID: p.View.CallbackID, Metadata: p.View.PrivateMetadata, View: p.View,
				State: state(&p.View), TriggerID: p.TriggerID, Envelope: e.ID}
			c.run = func(ctx context.Context) (json.RawMessage, error) {
				answer, err := h(ctx, submission)
				if err != nil {
					return nil, err
				}
				return answer.payload()
			}
		}
	case slack.InteractionTypeViewClosed:
		c.subject = subject(c.kind, p.View.CallbackID)
		c.key = identity(e, "envelope", "")
		if h, ok := match(r.closed, p.View.CallbackID); ok {
			closed := Closed{Person: person, CallbackID: p.View.CallbackID, Metadata: p.View.PrivateMetadata, View: p.View,
				Cleared: p.IsCleared, Envelope: e.ID}
			c.run = func(ctx context.Context) (json.RawMessage, error) { return nil, h(ctx, closed) }
		}
	case slack.InteractionTypeBlockSuggestion:
		c.subject, c.key, c.class = subject(c.kind, p.ActionID), "", lookups
		if h, ok := match(r.options, p.ActionID); ok {
			suggestion := Suggestion{Person: person, ID: p.ActionID, Block: p.BlockID, Typed: p.Value, View: view(p), Envelope: e.ID}
			c.run = func(ctx context.Context) (json.RawMessage, error) {
				options, err := h(ctx, suggestion)
				if err != nil {
					return nil, err
				}
				return suggestions(options)
			}
		}
	default:
		c.kind = "other"
	}
	return c, nil
}

func (r *Router) routeAction(c *call, e envelope, p slack.InteractionCallback, person Person) {
	// Slack sends one action at a time; bulk actions belong to attachments.
	if len(p.ActionCallback.BlockActions) == 0 || p.ActionCallback.BlockActions[0] == nil {
		return
	}
	raw := *p.ActionCallback.BlockActions[0]
	c.subject = subject(c.kind, raw.ActionID)
	h, ok := match(r.actions, raw.ActionID)
	if !ok {
		return
	}
	action := Action{Person: person, ID: raw.ActionID, Block: raw.BlockID, Value: cmp.Or(raw.Value, raw.SelectedOption.Value), Raw: raw,
		Channel: cmp.Or(p.Container.ChannelID, p.Channel.ID), TS: cmp.Or(p.Container.MessageTs, p.Message.Timestamp),
		Thread: cmp.Or(p.Container.ThreadTs, p.Message.ThreadTimestamp), Ephemeral: p.Container.IsEphemeral, View: view(p),
		TriggerID: p.TriggerID, ResponseURL: p.ResponseURL, Envelope: e.ID}
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

// identity is the key under which an envelope is handled once: Slack's id of the thing itself,
// since a repeat may come in another envelope, or else the envelope's.
func identity(e envelope, kind, id string) string {
	if id == "" {
		return "envelope/" + e.ID
	}
	return kind + "/" + id
}

func apologize(e envelope) json.RawMessage {
	payload, err := Reply{Text: sorry(e)}.payload()
	if err != nil {
		return nil
	}
	return payload
}

// apologizeIn keeps a modal open, with what was typed, by an error at its last input.
func apologizeIn(e envelope, v slack.View) json.RawMessage {
	for _, block := range slices.Backward(v.Blocks.BlockSet) {
		if input, ok := block.(*slack.InputBlock); ok && input.BlockID != "" {
			payload, err := FieldErrors(map[string]string{input.BlockID: sorry(e)}).payload()
			if err != nil {
				return nil
			}
			return payload
		}
	}
	return nil
}

func sorry(e envelope) string {
	return "That did not work, and it is the bot's fault. Try again; the log has it as " + e.ID + "."
}
