package engine

import (
	"context"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// neverOpens says that no window will open for a change with the configuration as it is now.
const neverOpens = "no window will open for it: correct onboarding.windows in the configuration"

// holds are the approved steps of a run that were found to wait for their windows.
type holds map[onboarding.Key]held

type held struct {
	changed time.Time // when the step was changed last, before it was found to wait
	until   time.Time
}

// has reports whether a step waits, and was not changed since that was found.
func (h holds) has(step *onboarding.Step) bool {
	held := h[step.Key]
	return held.changed.Equal(step.Changed) && time.Now().Before(held.until)
}

// hold reports whether an approved change waits for its window. If it does, its step says until
// when, and the run is advanced then. A change that was interrupted waits for none.
func (d *driver) hold(ctx context.Context, w *work) (bool, error) {
	now := time.Now()
	if w.approval == nil || w.interrupted {
		return false, nil
	}
	opens, ok, note := d.gate.opens(w.run, w.approval, now)
	if ok && !opens.After(now) {
		return false, nil
	}
	detail := "waits until " + windows.Text(opens)
	if !ok { // another configuration may have one
		opens, detail = now.Truncate(24*time.Hour).Add(24*time.Hour), neverOpens
	}
	detail += note
	d.holds[w.step.Key] = held{changed: w.step.Changed, until: opens}
	if w.step.Due.Equal(opens) && w.step.Detail == detail {
		return true, nil
	}
	w.step.Due, w.step.Detail = opens, detail
	d.engine.log.InfoContext(ctx, "a change waits for its window", "run", w.run.ID, "step", w.step.Key,
		"opens", opens)
	return true, d.save(ctx, w, func(tx Tx) error {
		// It is looked at again when the window opens, and when the approval ends.
		for _, at := range []time.Time{opens, d.engine.policy.ValidUntil(w.approval)} {
			if err := tx.Wake(ctx, w.run.ID, at); err != nil {
				return err
			}
		}
		event := w.event(onboarding.EventScheduled)
		event.Text = detail
		return tx.AddEvent(ctx, event)
	})
}

// untilNext returns the time until the first window opens, 0 if that is more than a minute. The job
// that is due then may come a little early, since another clock decides when it is due.
func (h holds) untilNext() (next time.Duration) {
	for _, held := range h {
		if left := time.Until(held.until); left < time.Minute && (next == 0 || left < next) {
			next = max(left, time.Millisecond)
		}
	}
	return next
}
