package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Client is how a test reaches a workspace: in process as *Workspace, or from another process as
// *Remote.
type Client interface {
	// Act lets a person do something.
	Act(ctx context.Context, a Action) (Outcome, error)
	// Look returns what a person sees once the version is above after.
	Look(ctx context.Context, user string, after uint64) (Screen, error)
	// Order makes something go wrong.
	Order(ctx context.Context, f Fault) error
	// Transcript returns the events after the given number.
	Transcript(ctx context.Context, after int) ([]Event, error)
}

var (
	_ Client = (*Workspace)(nil)
	_ Client = (*Remote)(nil)
)

// Person acts and reads as one user. Errors are what a person cannot do (ErrCannot); what Slack
// shows in place of the app's answer is in Outcome.Error.
type Person struct {
	client Client
	user   string
}

// As returns a person of the workspace behind door.
func As(client Client, user string) *Person { return &Person{client: client, user: user} }

// ID is the person's user id.
func (p *Person) ID() string { return p.user }

func (p *Person) act(ctx context.Context, a Action) (Outcome, error) {
	a.User = p.user
	out, err := p.client.Act(ctx, a)
	if err != nil {
		return out, fmt.Errorf("%s, %s: %w", p.user, a.Do, err)
	}
	return out, nil
}

// Type writes a message into a channel, or runs the slash command that the text begins with, and
// returns when the app has acknowledged it or was too late. A modal that the command opens may
// come later: see Modal.
func (p *Person) Type(ctx context.Context, channel, text string) (Outcome, error) {
	return p.act(ctx, Action{Do: DoType, Channel: channel, Text: text})
}

// Reply writes into a thread. Slash commands are refused there.
func (p *Person) Reply(ctx context.Context, channel, thread, text string) (Outcome, error) {
	return p.act(ctx, Action{Do: DoType, Channel: channel, Thread: thread, Text: text})
}

// Press presses a button of a message by its text. A confirmation dialog is confirmed, and
// returned in the outcome.
func (p *Person) Press(ctx context.Context, m Message, button string) (Outcome, error) {
	return p.act(ctx, Action{Do: DoPress, Channel: m.Channel, Message: m.TS, Target: button})
}

// PressAndDecline presses a button and says no to its confirmation dialog.
func (p *Person) PressAndDecline(ctx context.Context, m Message, button string) (Outcome, error) {
	return p.act(ctx, Action{Do: DoPress, Channel: m.Channel, Message: m.TS, Target: button, Decline: true})
}

// Choose picks options, by their text, in a select, overflow menu, radio buttons or checkboxes of
// a message.
func (p *Person) Choose(ctx context.Context, m Message, target string, options ...string) (Outcome, error) {
	return p.act(ctx, Action{Do: DoFill, Channel: m.Channel, Message: m.TS, Target: target, Values: options})
}

// OpenHome opens the app's Home tab, and tells the app. What it publishes then shows up in the
// screen: see Home.
func (p *Person) OpenHome(ctx context.Context) error {
	_, err := p.act(ctx, Action{Do: DoHome})
	return err
}

// Invite puts the app's bot into a channel, Remove takes it out.
func (p *Person) Invite(ctx context.Context, channel string) error {
	_, err := p.act(ctx, Action{Do: DoInvite, Channel: channel})
	return err
}

// Remove takes the app's bot out of a channel.
func (p *Person) Remove(ctx context.Context, channel string) error {
	_, err := p.act(ctx, Action{Do: DoRemove, Channel: channel})
	return err
}

// Screen is what the person sees now.
func (p *Person) Screen(ctx context.Context) (Screen, error) { return p.client.Look(ctx, p.user, 0) }

// Read returns the messages of a channel, replies among them; "" is the direct message with the
// app.
func (p *Person) Read(ctx context.Context, channel string) ([]Message, error) {
	s, err := p.Screen(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := s.Channel(channel)
	if !ok {
		return nil, cannot("%s sees no channel %q", p.user, channel)
	}
	return c.Messages, nil
}

// WaitFor returns the first screen that is as wanted. It is told of every change and never polls.
// On the context's end it says what the person saw last.
func (p *Person) WaitFor(ctx context.Context, wanted func(Screen) bool) (Screen, error) {
	var s Screen
	for after := uint64(0); ; after = s.Version {
		next, err := p.client.Look(ctx, p.user, after)
		if err != nil {
			if ctx.Err() != nil {
				return s, fmt.Errorf(
					"%w; %s sees:\n%s",
					errors.Join(ctx.Err(), context.Cause(ctx)),
					p.user,
					s.Text(100),
				)
			}
			return s, err
		}
		if s = next; wanted(s) {
			return s, nil
		}
	}
}

// WaitMessage waits for a message in a channel, "" being the direct message with the app.
func (p *Person) WaitMessage(ctx context.Context, channel string, wanted func(Message) bool) (Message, error) {
	var found Message
	_, err := p.WaitFor(ctx, func(s Screen) bool {
		c, _ := s.Channel(channel)
		for _, m := range c.Messages {
			if wanted(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// WaitText waits for a message whose text rendering contains all the given words.
func (p *Person) WaitText(ctx context.Context, channel string, words ...string) (Message, error) {
	var found Message
	_, err := p.WaitFor(ctx, func(s Screen) bool {
		c, _ := s.Channel(channel)
	next:
		for _, m := range c.Messages {
			text := m.Render(200, s.Names)
			for _, word := range words {
				if !strings.Contains(text, word) {
					continue next
				}
			}
			found = m
			return true
		}
		return false
	})
	return found, err
}

// Modal waits until a modal is in front, and takes hold of it.
func (p *Person) Modal(ctx context.Context) (*Form, error) {
	s, err := p.WaitFor(ctx, func(s Screen) bool { return len(s.Modals) > 0 })
	if err != nil {
		return nil, err
	}
	top, _ := s.Top()
	return &Form{p: p, ID: top.ID}, nil
}

// Home waits until the app has published the person's Home tab, and takes hold of it.
func (p *Person) Home(ctx context.Context) (*Form, error) {
	s, err := p.WaitFor(ctx, func(s Screen) bool { return s.Home != nil })
	if err != nil {
		return nil, err
	}
	return &Form{p: p, ID: s.Home.ID}, nil
}
