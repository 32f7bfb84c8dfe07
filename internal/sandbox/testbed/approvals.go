package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

const (
	// actionApprove is the action_id of the buttons that approve.
	actionApprove = "approval.approve"
	// viewConfirm is the callback_id of the form that confirms a decision.
	viewConfirm = "approval.reason"
)

// ApprovalRequest waits for the approval request of a step, and returns it.
func (s *Testbed) ApprovalRequest(ctx context.Context, who string, root workspace.Message,
	step string) (workspace.Message, error) {
	return s.Message(ctx, who, root, step, "[Approve]")
}

// Approve waits for the approval request of a step and presses Approve. If a form asks to have read
// the whole change, it turns its pages and sends it.
func (s *Testbed) Approve(ctx context.Context, who string, root workspace.Message, step string) error {
	request, err := s.ApprovalRequest(ctx, who, root, step)
	if err != nil {
		return err
	}
	target := func(m workspace.Message) string {
		return approveButton(m, func(b button) bool { return strings.HasPrefix(b.Label, "Approve "+step) })
	}
	if err := s.Press(ctx, who, request, target(request)); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, pressAgain)
	defer cancel()
	screen, err := s.Person(who).WaitFor(within, func(screen workspace.Screen) bool {
		return confirms(screen) || !slices.ContainsFunc(Thread(screen, root), func(m workspace.Message) bool {
			return m.TS == request.TS && target(m) != ""
		})
	})
	switch {
	case err != nil && within.Err() != nil && ctx.Err() == nil:
		return nil // the request is still open: one vote was not enough for it
	case err != nil:
		return err
	case confirms(screen):
		return s.readLate(ctx, who)
	}
	return nil
}

// Press presses a button, and sends the form that asks to have read the whole change. It fails if
// Slack would show the person an error. One press comes after the other: a person has one screen.
func (s *Testbed) Press(ctx context.Context, who string, m workspace.Message, button string) error {
	s.pressing.Lock()
	defer s.pressing.Unlock()
	if err := s.readOpen(ctx, who); err != nil {
		return err
	}
	pressed, err := s.Person(who).Press(ctx, m, button)
	if err != nil {
		return err
	}
	if pressed.Error != "" {
		return fmt.Errorf("%s presses %s: %s", who, button, pressed.Error)
	}
	if button == "Approve" || strings.HasSuffix(button, "/"+actionApprove) {
		return s.readOpen(ctx, who)
	}
	return nil
}

// readLate sends the form that confirms a decision, if one came after the press.
func (s *Testbed) readLate(ctx context.Context, who string) error {
	s.pressing.Lock()
	defer s.pressing.Unlock()
	return s.readOpen(ctx, who)
}

// readOpen sends the form that confirms a decision, if one is in front. The caller holds pressing.
func (s *Testbed) readOpen(ctx context.Context, who string) error {
	screen, err := s.Person(who).Screen(ctx)
	if err == nil && confirms(screen) {
		err = s.readAll(ctx, who)
	}
	return err
}

// confirms reports whether a form that confirms a decision is in front.
func confirms(screen workspace.Screen) bool {
	top, open := screen.Top()
	return open && top.CallbackID == viewConfirm
}

// readAll turns the pages of a form that asks to have read the whole change, and sends it.
func (s *Testbed) readAll(ctx context.Context, who string) error {
	form, err := s.Person(who).Modal(ctx)
	if err != nil {
		return err
	}
	for page := 1; ; page++ {
		shown, err := form.Wait(ctx, has(fmt.Sprintf("page %d of", page)))
		if err != nil {
			return err
		}
		if shown.Submit != "" {
			sent, err := form.Submit(ctx)
			// The form of another request may be below.
			if err == nil && !sent.Closed && (sent.Modal == nil || sent.Modal.ID == form.ID ||
				sent.Modal.CallbackID != viewConfirm) {
				err = fmt.Errorf("%s approves: %s%v", who, sent.Error, sent.Errors)
			}
			return err
		}
		if _, err := form.Press(ctx, fmt.Sprintf("Page %d →", page+1)); err != nil {
			return err
		}
	}
}

// ErrStuck means that a run needs a person for more than an approval.
var ErrStuck = errors.New("the run needs a person")

// Finish approves all requests of a run until the Provider is live. It fails with [ErrStuck] if a
// step fails. listen is called with the first line of each approval request.
func (s *Testbed) Finish(
	ctx context.Context, who string, root workspace.Message, listen ...func(request string),
) error {
	return s.approveUntil(ctx, who, root, "Live", listen...)
}

// FinishUndo is [Testbed.Finish] for an undo.
func (s *Testbed) FinishUndo(ctx context.Context, who string, root workspace.Message) error {
	return s.approveUntil(ctx, who, root, "Undone")
}

// pages cache the rendered texts of messages by their timestamps. A thread is read after each
// change, and most of its messages have not changed.
type pages map[string]struct{ of, says string }

func (p pages) reads(m workspace.Message) string {
	page := p[m.TS]
	if of := m.Text + string(m.Blocks); page.of != of || len(m.Files)+len(m.Attachments) > 0 {
		page.of, page.says = of, Reads(m)
		p[m.TS] = page
	}
	return page.says
}

// pressAgain is after how long without anything to press a button is pressed again: a press does not
// count in a message that changed at the same moment.
const pressAgain = 5 * time.Second

// approveUntil approves all requests of a run until a message in its thread contains the word.
func (s *Testbed) approveUntil(ctx context.Context, who string, root workspace.Message, word string,
	listen ...func(request string)) error {
	pressed, page := map[string]bool{}, pages{}
	for {
		var request workspace.Message
		ended, stuck, target := false, "", ""
		within, cancel := context.WithTimeout(ctx, pressAgain)
		_, err := s.Person(who).WaitFor(within, func(screen workspace.Screen) bool {
			request = workspace.Message{}
			if confirms(screen) {
				return true
			}
			for _, m := range Thread(screen, root) {
				text := page.reads(m)
				switch {
				case strings.Contains(text, word):
					ended = true
				case strings.Contains(text, "[Retry]"):
					stuck = text
				case strings.Contains(text, "[Approve]") && request.TS == "":
					if target = nextApproval(m, pressed); target != "" {
						request = m
					}
				}
			}
			return ended || stuck != "" || request.TS != ""
		})
		cancel()
		switch {
		case err != nil && within.Err() != nil && ctx.Err() == nil:
			clear(pressed)
			continue
		case err != nil:
			return err
		case ended:
			return nil
		case stuck != "":
			return fmt.Errorf("%w: %s", ErrStuck, stuck)
		case request.TS == "": // a form came late
			if err := s.readLate(ctx, who); err != nil {
				return err
			}
			continue
		}
		head, _, _ := strings.Cut(Reads(request), "\n")
		for _, each := range listen {
			each(head)
		}
		// A request that was decided in the meantime has no buttons any more.
		if err := s.Press(ctx, who, request, target); err != nil && !errors.Is(err, workspace.ErrCannot) {
			return err
		}
	}
}

// nextApproval returns the first button of a message that approves and was not pressed, as Press
// takes it, empty if there is none. A message can hold several requests.
func nextApproval(m workspace.Message, pressed map[string]bool) string {
	return approveButton(m, func(b button) bool {
		fresh := !pressed[b.Value]
		pressed[b.Value] = true
		return fresh
	})
}

// button is a button of a message.
type button struct {
	Action string `json:"action_id"`
	Value  string `json:"value"`
	Label  string `json:"accessibility_label"`
}

// approveButton returns the first button of a message that approves and fits, as Press takes it, empty
// if there is none.
func approveButton(m workspace.Message, fits func(button) bool) string {
	var blocks []struct {
		ID       string   `json:"block_id"`
		Elements []button `json:"elements"`
	}
	if json.Unmarshal(m.Blocks, &blocks) != nil {
		return ""
	}
	for _, block := range blocks {
		for _, element := range block.Elements {
			if element.Action == actionApprove && fits(element) {
				return block.ID + "/" + element.Action
			}
		}
	}
	return ""
}
