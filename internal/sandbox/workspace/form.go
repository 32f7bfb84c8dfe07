package workspace

import "context"

// Form is a modal or Home tab in a person's hands. Elements are named by what the person reads at
// them, such as an input's label; "block_id/action_id", an action_id or a block_id work too.
type Form struct {
	p *Person
	// ID is the view's id; it stays the same over updates.
	ID string
}

// Fill enters text into an input, replacing what was there. Several lines are several values.
func (f *Form) Fill(ctx context.Context, label string, lines ...string) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoFill, View: f.ID, Target: label, Values: lines})
}

// Choose picks options by their text, which must be offered; for people, channels and dates it is
// the id or the date. External selects are typed into first. No option at all deselects.
func (f *Form) Choose(ctx context.Context, label string, options ...string) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoFill, View: f.ID, Target: label, Values: options})
}

// Offered types a query into an external select, or reads a static one, and returns the texts on
// offer.
func (f *Form) Offered(ctx context.Context, label, query string) ([]string, error) {
	out, err := f.p.act(ctx, Action{Do: DoSuggest, View: f.ID, Target: label, Values: []string{query}})
	return out.Options, err
}

// Attach puts files into a file input.
func (f *Form) Attach(ctx context.Context, label string, files ...File) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoFill, View: f.ID, Target: label, Files: files})
}

// Press presses a button.
func (f *Form) Press(ctx context.Context, button string) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoPress, View: f.ID, Target: button})
}

// PressAndDecline presses a button and says no to its confirmation dialog.
func (f *Form) PressAndDecline(ctx context.Context, button string) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoPress, View: f.ID, Target: button, Decline: true})
}

// Submit presses the submit button, and returns when the app has acknowledged it or was too late:
// Errors at fields, the Modal that is in front then, or Closed.
func (f *Form) Submit(ctx context.Context) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoSubmit, View: f.ID})
}

// Cancel presses the close button of this modal, Dismiss the ✕ that closes all of them.
func (f *Form) Cancel(ctx context.Context) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoClose, View: f.ID})
}

// Dismiss presses ✕, which closes the whole stack.
func (f *Form) Dismiss(ctx context.Context) (Outcome, error) {
	return f.p.act(ctx, Action{Do: DoClose, View: f.ID, All: true})
}

// Read returns the view as it is now.
func (f *Form) Read(ctx context.Context) (Modal, error) {
	return f.Wait(ctx, func(Modal) bool { return true })
}

// Wait waits until the view is as wanted. It fails at once if the view is not open.
func (f *Form) Wait(ctx context.Context, wanted func(Modal) bool) (Modal, error) {
	var found Modal
	open := true
	_, err := f.p.WaitFor(ctx, func(s Screen) bool {
		open = false
		all := s.Modals
		if s.Home != nil {
			all = append(all, *s.Home)
		}
		for _, m := range all {
			if m.ID == f.ID {
				open = true
				found = m
				return wanted(m)
			}
		}
		return true
	})
	if err == nil && !open {
		err = cannot("the view %s is not open", f.ID)
	}
	return found, err
}
