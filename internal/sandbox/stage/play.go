package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// Inputs are what somebody enters into the form. What is empty is left as the form has it.
type Inputs struct {
	Slug, Name, Email string
	// Mode is the text of the option; Org is the slug of the one to join.
	Mode, OrgSlug, OrgName, Org string
	Domains                     []string
}

// Merche is the Provider of the runbook.
var Merche = Inputs{Slug: "merche-biche", Name: "Merche Biche", Email: "merche@example.com", Mode: "Person-only"}

// width is how wide messages are read when words are looked for in them: nothing wraps.
const width = 10_000

// Reads is what a message says, for looking for words in it.
func Reads(m workspace.Message) string { return m.Render(width, nil) }

// Ask types the command, fills in the form and sends it, and returns the run's root message.
func (s *Stage) Ask(ctx context.Context, who string, in Inputs) (workspace.Message, error) {
	form, err := s.Form(ctx, who, in)
	if err != nil {
		return workspace.Message{}, err
	}
	return s.Send(ctx, who, form, in.Slug)
}

// AskInLine types everything behind the command, presses Start, and returns the run's root
// message. It is for a Person.
func (s *Stage) AskInLine(ctx context.Context, who string, in Inputs) (workspace.Message, error) {
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
	return s.begun(ctx, who, in.Slug, func() error { return s.Press(ctx, who, *typed.Message, "Start") })
}

// Send sends a form and returns the root message of the run that it begins.
func (s *Stage) Send(ctx context.Context, who string, form *workspace.Form, slug string) (workspace.Message, error) {
	return s.begun(ctx, who, slug, func() error {
		sent, err := form.Submit(ctx)
		if err == nil && !sent.Closed {
			err = fmt.Errorf("the form stayed open: %s %v", sent.Error, sent.Errors)
		}
		return err
	})
}

// begun returns the root message of the run that somebody begins.
func (s *Stage) begun(ctx context.Context, who, slug string, begin func() error) (workspace.Message, error) {
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

// Form types the command and fills in the form.
func (s *Stage) Form(ctx context.Context, who string, in Inputs) (*workspace.Form, error) {
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

// Thread is what somebody reads below a root message, oldest first.
func Thread(screen workspace.Screen, root workspace.Message) []workspace.Message {
	conversation, _ := screen.Channel(root.Channel)
	return conversation.Thread(root.TS)
}

// Question waits for a message in the thread that asks about a step, and returns it.
func (s *Stage) Question(ctx context.Context, who string, root workspace.Message,
	step string) (workspace.Message, error) {
	return s.Message(ctx, who, root, step, "[Approve]")
}

// Message waits for a message in the thread with all the words in it.
func (s *Stage) Message(ctx context.Context, who string, root workspace.Message,
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

// ContainsAll reports whether a text has all the words in it.
func ContainsAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// Approve waits for the question about a step and agrees.
func (s *Stage) Approve(ctx context.Context, who string, root workspace.Message, step string) error {
	question, err := s.Question(ctx, who, root, step)
	if err != nil {
		return err
	}
	return s.Press(ctx, who, question, "Approve")
}

// Press presses a button; what Slack shows in place of the product's answer is an error.
func (s *Stage) Press(ctx context.Context, who string, m workspace.Message, button string) error {
	pressed, err := s.Person(who).Press(ctx, m, button)
	if err != nil {
		return err
	}
	if pressed.Error != "" {
		return fmt.Errorf("%s presses %s: %s", who, button, pressed.Error)
	}
	return nil
}

// Root waits until the root message says all the words.
func (s *Stage) Root(ctx context.Context, who string, root workspace.Message,
	words ...string) (workspace.Message, error) {
	return s.Person(who).WaitMessage(ctx, root.Channel, func(m workspace.Message) bool {
		return m.TS == root.TS && ContainsAll(Reads(m), words)
	})
}

// ErrStuck is what [Stage.Finish] returns when a run needs somebody for more than an approval.
var ErrStuck = errors.New("the run needs somebody")

// Finish approves whatever the run asks until it says that all checks passed, or fails with what
// the thread says. Those who listen hear the first line of each question.
func (s *Stage) Finish(ctx context.Context, who string, root workspace.Message, listen ...func(question string)) error {
	return s.approveUntil(ctx, who, root, "Live", listen...)
}

// FinishUndo is [Stage.Finish] for a run that takes another one back.
func (s *Stage) FinishUndo(ctx context.Context, who string, root workspace.Message) error {
	return s.approveUntil(ctx, who, root, "Undone")
}

// pages are what messages said when they were last read, by their time: a thread is read at each
// change, and most of it is as it was.
type pages map[string]struct{ of, says string }

func (p pages) reads(m workspace.Message) string {
	page := p[m.TS]
	if of := m.Text + string(m.Blocks); page.of != of || len(m.Files)+len(m.Attachments) > 0 {
		page.of, page.says = of, Reads(m)
		p[m.TS] = page
	}
	return page.says
}

// approveUntil approves whatever a run asks until a message in its thread has the word.
func (s *Stage) approveUntil(ctx context.Context, who string, root workspace.Message, word string,
	listen ...func(question string)) error {
	pressed, page := map[string]bool{}, pages{}
	for {
		var question workspace.Message
		ended, stuck := false, ""
		_, err := s.Person(who).WaitFor(ctx, func(screen workspace.Screen) bool {
			question = workspace.Message{}
			for _, m := range Thread(screen, root) {
				text := page.reads(m)
				switch {
				case strings.Contains(text, word):
					ended = true
				case strings.Contains(text, "[Retry]"):
					stuck = text
				case strings.Contains(text, "[Approve]") && !pressed[m.TS] && question.TS == "":
					question = m
				}
			}
			return ended || stuck != "" || question.TS != ""
		})
		switch {
		case err != nil:
			return err
		case ended:
			return nil
		case stuck != "":
			return fmt.Errorf("%w: %s", ErrStuck, stuck)
		}
		pressed[question.TS] = true
		head, _, _ := strings.Cut(Reads(question), "\n")
		for _, hear := range listen {
			hear(head)
		}
		// A question that somebody answered meanwhile has lost its buttons between the look and
		// the press.
		if err := s.Press(ctx, who, question, "Approve"); err != nil && !errors.Is(err, workspace.ErrCannot) {
			return err
		}
	}
}
