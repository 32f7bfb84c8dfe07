package testbed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// Inputs are what a person enters into the form. An empty field is left as it is.
type Inputs struct {
	Slug, Name, Email string
	// Mode is the text of the option. Org is the slug of the Org to join.
	Mode, OrgSlug, OrgName, Org string
	Domains                     []string
}

// Merche is the Provider of the runbook's example.
var Merche = Inputs{Slug: "merche-biche", Name: "Merche Biche", Email: "merche@example.com", Mode: "Person-only"}

// width is the width at which messages are rendered to find words in them. No line wraps.
const width = 10_000

// Reads returns the text of a message as a person reads it.
func Reads(m workspace.Message) string { return m.Render(width, nil) }

// Ask types the command, fills in the form, submits it, and returns the run's root message.
func (s *Testbed) Ask(ctx context.Context, who string, in Inputs) (workspace.Message, error) {
	form, err := s.Form(ctx, who, in)
	if err != nil {
		return workspace.Message{}, err
	}
	return s.Send(ctx, who, form, in.Slug)
}

// AskInLine types all inputs after the command, presses Start, and returns the run's root message.
// The operating mode is Person-only.
func (s *Testbed) AskInLine(ctx context.Context, who string, in Inputs) (workspace.Message, error) {
	person := s.Person(who)
	typed, err := person.Type(ctx, Channel,
		fmt.Sprintf(`/onboard %s mode=person name="%s" email=%s domains=%s`, in.Slug, in.Name, in.Email,
			strings.Join(in.Domains, ",")))
	if err != nil {
		return workspace.Message{}, err
	}
	if typed.Message == nil {
		return workspace.Message{}, fmt.Errorf("there is nothing to confirm: %+v", typed)
	}
	return s.rootOf(ctx, who, in.Slug, func() error { return s.Press(ctx, who, *typed.Message, "Start") })
}

// Send submits a form and returns the root message of the run that it starts.
func (s *Testbed) Send(ctx context.Context, who string, form *workspace.Form, slug string) (workspace.Message, error) {
	return s.rootOf(ctx, who, slug, func() error {
		sent, err := form.Submit(ctx)
		if err == nil && !sent.Closed {
			err = fmt.Errorf("the form stayed open: %s %v", sent.Error, sent.Errors)
		}
		return err
	})
}

// rootOf calls begin, which starts a run, and returns the run's root message.
func (s *Testbed) rootOf(ctx context.Context, who, slug string, begin func() error) (workspace.Message, error) {
	person := s.Person(who)
	before, err := person.Read(ctx, Channel)
	if err != nil {
		return workspace.Message{}, err
	}
	known := map[string]bool{}
	for _, m := range before {
		known[m.TS] = true
	}
	if err := begin(); err != nil {
		return workspace.Message{}, err
	}
	return person.WaitMessage(ctx, Channel, func(m workspace.Message) bool {
		return !known[m.TS] && m.ThreadTS == "" && m.FromApp && !m.Ephemeral && strings.Contains(Reads(m), slug)
	})
}

// Form types the command and fills in the form that opens.
func (s *Testbed) Form(ctx context.Context, who string, in Inputs) (*workspace.Form, error) {
	person := s.Person(who)
	typed, err := person.Type(ctx, Channel, "/onboard "+in.Slug)
	if err != nil {
		return nil, err
	}
	if typed.Error != "" {
		return nil, errors.New(typed.Error)
	}
	form, err := person.Modal(ctx)
	if err != nil {
		return nil, err
	}
	if in.Mode != "" {
		if _, err := form.Choose(ctx, "Operating mode", in.Mode); err != nil {
			return nil, err
		}
	}
	for _, field := range []struct{ label, text string }{
		{"Display name", in.Name}, {"Email", in.Email}, {"The new Org's slug", in.OrgSlug},
		{"The new Org's name", in.OrgName},
		{"Domains", strings.Join(in.Domains, "\n")},
	} {
		if field.text == "" {
			continue
		}
		if _, err := form.Wait(ctx, has(field.label)); err != nil {
			return nil, err
		}
		if _, err := form.Fill(ctx, field.label, field.text); err != nil {
			return nil, err
		}
	}
	if in.Org != "" {
		if _, err := form.Wait(ctx, has("The Org they join")); err != nil {
			return nil, err
		}
		if _, err := form.Choose(ctx, "The Org they join", in.Org); err != nil {
			return nil, err
		}
	}
	return form, nil
}

func has(label string) func(workspace.Modal) bool {
	return func(m workspace.Modal) bool { return strings.Contains(m.Render(width, nil), label) }
}

// Thread returns the messages of a thread on somebody's screen, oldest first.
func Thread(screen workspace.Screen, root workspace.Message) []workspace.Message {
	conversation, _ := screen.Channel(root.Channel)
	return conversation.Thread(root.TS)
}

// Message waits for a reply in the thread that contains all the words.
func (s *Testbed) Message(ctx context.Context, who string, root workspace.Message,
	words ...string) (workspace.Message, error) {
	var found workspace.Message
	_, err := s.Person(who).WaitFor(ctx, func(screen workspace.Screen) bool {
		for _, m := range Thread(screen, root) {
			if m.TS != root.TS && ContainsAll(Reads(m), words) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// ContainsAll reports whether a text contains all the words.
func ContainsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// Root waits until the root message contains all the words.
func (s *Testbed) Root(ctx context.Context, who string, root workspace.Message,
	words ...string) (workspace.Message, error) {
	return s.Person(who).WaitMessage(ctx, root.Channel, func(m workspace.Message) bool {
		return m.TS == root.TS && ContainsAll(Reads(m), words)
	})
}
