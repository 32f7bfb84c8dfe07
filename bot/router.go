package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/post"
)

// A handler runs once for what a person did, on one replica, with a deadline in its context. The
// acknowledgement leaves when it returns, or after Config.AckWithin without its answer; it may
// then go on until the deadline. What must survive a crash is committed before it returns.
//
// An error, like a panic, is logged once and acknowledged, and the person reads a sentence that
// names the envelope. A sentence that is meant for the person is an answer, not an error.
type (
	// CommandHandler answers a slash command. After AckWithin its Reply is lost: it answers with
	// [Workspace.Respond].
	CommandHandler func(context.Context, Command) (post.Reply, error)
	// ActionHandler handles a click, whose acknowledgement shows nothing.
	ActionHandler func(context.Context, Action) error
	// ViewHandler handles a submission. After AckWithin its Answer goes to the router's
	// [LateForms]; without them the modal has closed as if all were well. On an error in time the
	// modal stays open, with what was typed, and a sentence at its last input.
	ViewHandler func(context.Context, Submission) (Answer, error)
	// OptionsHandler returns at most [blockkit.MaxSelectOptions] options. It may run more than
	// once for what was typed.
	OptionsHandler func(context.Context, Suggestion) ([]*slack.OptionBlockObject, error)
	// EventHandler handles an event. Its errors are only logged.
	EventHandler func(context.Context, Event) error
)

// Router holds the handlers. Fill it before the bot runs. A pattern is an id, or a prefix that
// ends with *; an exact id wins over a prefix, a longer prefix over a shorter one.
type Router struct {
	commands map[string]CommandHandler
	actions  map[string]ActionHandler
	views    map[string]ViewHandler
	options  map[string]OptionsHandler
	events   map[string]EventHandler
	late     LateForms
}

// LateForms answers forms whose handlers outlast Config.AckWithin. All are required.
type LateForms struct {
	// Waiting takes the form's place at AckWithin.
	Waiting func(Submission) Answer
	// Show shows the outcome there when the handler has ended. For an error it is a field error
	// that names the envelope.
	Show func(context.Context, Submission, Answer)
	// Timeout is the deadline of the handlers of forms, instead of Config.HandlerTimeout.
	Timeout time.Duration
}

// NewRouter returns a router without handlers.
func NewRouter() *Router {
	return &Router{
		commands: map[string]CommandHandler{}, actions: map[string]ActionHandler{}, views: map[string]ViewHandler{},
		options: map[string]OptionsHandler{}, events: map[string]EventHandler{},
	}
}

// Command registers the handler of a slash command, named with its slash. Like every registration
// it panics when the pattern is empty or taken, as http.ServeMux does: that is a mistake of the
// program.
func (r *Router) Command(name string, h CommandHandler) { register(r.commands, "command", name, h) }

// Action registers the handler of an action_id or a prefix.
func (r *Router) Action(pattern string, h ActionHandler) { register(r.actions, "action", pattern, h) }

// View registers the handler of a submitted view's callback_id or a prefix.
func (r *Router) View(pattern string, h ViewHandler) { register(r.views, "view", pattern, h) }

// Late sets what answers all forms that take long, whoever registers them.
func (r *Router) Late(forms LateForms) { r.late = forms }

// Options registers the handler that suggests options for an action_id or a prefix.
func (r *Router) Options(pattern string, h OptionsHandler) {
	register(r.options, "options", pattern, h)
}

// Event registers the handler of an event type.
func (r *Router) Event(eventType string, h EventHandler) { register(r.events, "event", eventType, h) }

// Commands are the slash commands that have a handler, in order.
func (r *Router) Commands() []string { return slices.Sorted(maps.Keys(r.commands)) }

// Events are the types of events that have a handler, in order.
func (r *Router) Events() []string { return slices.Sorted(maps.Keys(r.events)) }

func register[H any](handlers map[string]H, kind, pattern string, h H) {
	if pattern == "" {
		panic("bot: empty pattern for " + kind)
	}
	if _, taken := handlers[pattern]; taken {
		panic(fmt.Sprintf("bot: %s %q registered twice", kind, pattern))
	}
	handlers[pattern] = h
}

func match[H any](handlers map[string]H, id string) (H, bool) {
	if h, ok := handlers[id]; ok {
		return h, true
	}
	for end := len(id); end >= 0; end-- {
		if h, ok := handlers[id[:end]+"*"]; ok {
			return h, true
		}
	}
	var none H
	return none, false
}

// subject names an envelope in the log, without what a person typed.
func subject(kind, id string) string { return strings.TrimSpace(kind + " " + id) }
