package workspace

import (
	"context"
	"errors"
	"fmt"
)

// Action is one thing that a person does. Person has a method for each; the struct is what
// travels.
type Action struct {
	// Do is one of the verbs below.
	Do   Verb   `json:"do"`
	User string `json:"user"`
	// Channel is an id or a name without #; empty is the direct message with the app.
	Channel string `json:"channel,omitempty"`
	// Thread is the ts of the thread that is written in.
	Thread string `json:"thread,omitempty"`
	Text   string `json:"text,omitempty"`
	// Message is the ts of the message, or View the id of the modal or Home tab, that holds the
	// Target.
	Message string `json:"message,omitempty"`
	View    string `json:"view,omitempty"`
	// Target is what a person reads: the text of a button, the label of an input. A block_id, an
	// action_id or "block_id/action_id" work too.
	Target string `json:"target,omitempty"`
	// Values are what is entered: a text, option texts, user ids, a date.
	Values []string `json:"values,omitempty"`
	Files  []File   `json:"files,omitempty"`
	// Decline answers a confirmation dialog with its deny button; All closes a whole stack of
	// modals, as ✕ does.
	Decline bool `json:"decline,omitempty"`
	All     bool `json:"all,omitempty"`
}

// Verb is what a person can do.
type Verb string

// The verbs.
const (
	DoType    Verb = "type"
	DoPress   Verb = "press"
	DoFill    Verb = "fill"
	DoSuggest Verb = "suggest"
	DoSubmit  Verb = "submit"
	DoClose   Verb = "close"
	DoHome    Verb = "home"
	DoInvite  Verb = "invite"
	DoRemove  Verb = "remove"
	// What administrators do: archive a channel and take that back, and deactivate the person whose id
	// is the Target.
	DoArchive    Verb = "archive"
	DoUnarchive  Verb = "unarchive"
	DoDeactivate Verb = "deactivate"
)

// Outcome is what a person gets to see at once.
type Outcome struct {
	// Error is what Slack shows in place of the app: operation_timeout, dispatch_failed, "We had
	// some trouble connecting. Try again?" or a word on a command that does not exist. Empty when
	// all went well.
	Error string `json:"error,omitempty"`
	// Message is what was written, or what the app acknowledged a command with.
	Message *Message `json:"message,omitempty"`
	// Errors are what is wrong with the form, by block_id. They are Slack's own if the form never
	// reached the app.
	Errors map[string]string `json:"errors,omitempty"`
	// Modal is the modal in front afterwards; Closed says that a submission or ✕ left none open.
	Modal  *Modal `json:"modal,omitempty"`
	Closed bool   `json:"closed,omitempty"`
	// Confirm is the dialog that had to be answered first.
	Confirm *Confirm `json:"confirm,omitempty"`
	// URL is the page that a button opened.
	URL string `json:"url,omitempty"`
	// Options are the texts that a select offers.
	Options []string `json:"options,omitempty"`
}

// Confirm is a confirmation dialog.
type Confirm struct{ Title, Text, Confirm, Deny string }

// ErrCannot is wrapped by every error of an action that a person cannot do: no such button, not
// in the channel, refused by Slack before the app hears of it.
var ErrCannot = errors.New("a person cannot do this")

func cannot(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCannot, fmt.Sprintf(format, args...))
}

func errNoUser(id string) error { return cannot("no user %q", id) }

// Act lets a person do something and returns what they see at once: after the app's
// acknowledgement, or Slack's deadline.
func (w *Workspace) Act(ctx context.Context, a Action) (Outcome, error) {
	w.mu.Lock()
	u := w.users[a.User]
	w.mu.Unlock()
	switch {
	case u == nil:
		return Outcome{}, errNoUser(a.User)
	case u.Deleted:
		return Outcome{}, cannot("%s is deactivated", u.Name)
	case u.IsBot:
		return Outcome{}, cannot("%s is a bot", u.Name)
	}
	act, ok := map[Verb]func(*User, Action) (Outcome, error){
		DoType:    w.people.typeText,
		DoPress:   w.people.press,
		DoFill:    w.people.fill,
		DoSuggest: w.people.readOptions,
		DoSubmit:  w.people.submit,
		DoClose:   w.people.closeView,
		DoHome:    w.people.openHome,
		DoInvite:  w.people.inviteBot,
		DoRemove:  w.people.removeBot,

		DoArchive:    w.people.archive,
		DoUnarchive:  w.people.archive,
		DoDeactivate: w.people.deactivate,
	}[a.Do]
	if !ok {
		return Outcome{}, fmt.Errorf("unknown verb %q", a.Do)
	}
	done := make(chan struct{})
	var (
		out Outcome
		err error
	)
	go func() {
		defer close(done)
		out, err = act(u, a)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e := Event{
		Kind:    KindPerson,
		Name:    string(a.Do),
		User:    a.User,
		Channel: a.Channel,
		TS:      a.Message,
		Detail:  a.Target + a.Text,
		Error:   out.Error,
	}
	if err != nil {
		e.Error = err.Error()
	}
	w.record(e)
	return out, err
}

// people does what a person does in Slack's client, and asks the app where Slack would ask it.
type people struct{ w *Workspace }

// findConversation finds a conversation that a person is in. The caller holds mu.
func (ps *people) findConversation(u *User, name string) (*conversation, error) {
	for _, id := range ps.w.channels.order {
		cv := ps.w.channels.byID[id]
		if cv.ID != name && (cv.Name == "" || cv.Name != name) && (name != "" || cv.With != u.ID) {
			continue
		}
		if !cv.has(u.ID) {
			return nil, cannot("%s is not in #%s", u.Name, name)
		}
		return cv, nil
	}
	if name == "" {
		if !ps.w.cfg.App.MessagesTab {
			return nil, cannot("the app's messages tab is off")
		}
		cv, err := ps.w.channels.openDM(u.ID)
		if err != nil {
			return nil, cannot("no direct message between %s and the app", u.Name)
		}
		return cv, nil
	}
	return nil, cannot("no channel %q", name)
}

// inviteBot puts the app's bot into a channel.
func (ps *people) inviteBot(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	cv, err := ps.findConversation(u, a.Channel)
	if err == nil && !cv.has(ps.w.cfg.App.BotUserID) {
		cv.Members = append(cv.Members, ps.w.cfg.App.BotUserID)
		ps.w.touch()
	}
	return Outcome{}, err
}

// removeBot takes the app's bot out of a channel.
func (ps *people) removeBot(u *User, a Action) (Outcome, error) {
	ps.w.mu.Lock()
	defer ps.w.mu.Unlock()
	cv, err := ps.findConversation(u, a.Channel)
	if err != nil {
		return Outcome{}, err
	}
	var rest []string
	for _, m := range cv.Members {
		if m != ps.w.cfg.App.BotUserID {
			rest = append(rest, m)
		}
	}
	cv.Members = rest
	ps.w.touch()
	return Outcome{}, nil
}
