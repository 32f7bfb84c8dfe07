package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/post"
)

// call is an envelope, decoded and routed.
type call struct {
	// kind labels metrics; subject names it in the log.
	kind, subject string
	// key is the identity under which it is handled once; empty for what may be handled again.
	key   string
	class class
	// run is the handler with its argument; nil when none is registered.
	run func(context.Context) (json.RawMessage, error)
	// errorReply is the acknowledgement when the handler failed.
	errorReply json.RawMessage
	// responseURL answers the person, empty where Slack gives none.
	responseURL string
	// timeout replaces Config.HandlerTimeout unless it is 0.
	timeout time.Duration
	// waiting is the acknowledgement while run goes on, and showLate then shows what came of it;
	// nil where Slack shows nothing.
	waiting  json.RawMessage
	showLate func(ctx context.Context, failed bool)
}

// class keeps floods apart: events or suggestions cannot take the handlers of what people do.
type class int

const (
	people class = iota
	events
	lookups
	classes
)

// errUnknownType means an envelope of a type that Slack may have added since.
var errUnknownType = errors.New("envelope of an unknown type")

func (r *Router) decode(e envelope) (call, error) {
	switch e.Type {
	case "slash_commands":
		return r.decodeCommand(e)
	case "interactive":
		return r.decodeInteraction(e)
	case "events_api":
		return r.decodeEvent(e)
	default:
		return call{}, fmt.Errorf("%w: %q", errUnknownType, e.Type)
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
	c := call{
		kind:        "command",
		subject:     subject("command", p.Command),
		key:         identity(e, "trigger", p.TriggerID),
		class:       people,
		errorReply:  commandError(e),
		responseURL: p.ResponseURL,
	}
	if h, ok := r.commands[p.Command]; ok {
		command := Command{
			Person:      Person{Team: p.TeamID, ID: p.UserID},
			Name:        p.Command,
			Text:        p.Text,
			Channel:     p.ChannelID,
			ChannelName: p.ChannelName,
			TriggerID:   p.TriggerID,
			ResponseURL: p.ResponseURL,
			Envelope:    e.ID,
		}
		c.run = func(ctx context.Context) (json.RawMessage, error) {
			reply, err := h(ctx, command)
			if err != nil {
				return nil, err
			}
			return replyPayload(reply)
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
	// user and channel are objects in some events, in which they are left out here.
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
	c := call{
		kind:    "event",
		subject: subject("event", inner.Type),
		key:     identity(e, "event", p.EventID),
		class:   events,
	}
	if h, ok := r.events[inner.Type]; ok {
		event := Event{
			Person:   Person{Team: p.TeamID, ID: text(inner.User)},
			Type:     inner.Type,
			ID:       p.EventID,
			Channel:  text(inner.Channel),
			Tab:      inner.Tab,
			Raw:      p.Event,
			Envelope: e.ID,
		}
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

// identity is the key under which an envelope is handled once: Slack's id of what happened, since
// a repeat may come in another envelope, or else the envelope's.
func identity(e envelope, kind, id string) string {
	if id == "" {
		return "envelope/" + e.ID
	}
	return kind + "/" + id
}

// commandError is the answer to a command whose handler failed.
func commandError(e envelope) json.RawMessage {
	payload, err := replyPayload(post.Reply{Text: errorText(e)})
	if err != nil {
		return nil
	}
	return payload
}

// submissionError keeps a modal open, with what was typed, by an error at its last input.
func submissionError(e envelope, v slack.View) json.RawMessage {
	for _, block := range slices.Backward(v.Blocks.BlockSet) {
		if input, ok := block.(*slack.InputBlock); ok && input.BlockID != "" {
			payload, err := FieldErrors(map[string]string{input.BlockID: errorText(e)}).payload()
			if err != nil {
				return nil
			}
			return payload
		}
	}
	return nil
}

func errorText(e envelope) string {
	return "That did not work: the bot failed. Try again. If it persists, look for " + e.ID + " in the bot's log."
}
