package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// gate is the one place through which the items of a change reach the outside. It alone knows the
// applier; a test holds that no other code of the product calls it.
type gate struct {
	applier   onboarding.Applier
	directory onboarding.Directory
	holder    *holder
	signer    onboarding.Signer
	policy    *onboarding.Policy
}

// Line names what must hold before an item is applied.
type Line string

// The lines of the gate, in the order in which they are checked.
const (
	LineHolder    Line = "holder"    // this process is the newest holder of the run, and can ask the database
	LineFreeze    Line = "freeze"    // nothing is frozen
	LineRun       Line = "run"       // the run is active, and its requester is the one that was signed
	LineApproval  Line = "approval"  // the step's approval is for this change, approved, not expired and not used
	LineWindow    Line = "window"    // the change's window is open
	LineDirectory Line = "directory" // the directory says what those who voted may do now
	LineVotes     Line = "votes"     // enough people agreed who may decide now
	LineTarget    Line = "target"    // the target is the one that was approved
	LineGuard     Line = "guard"     // the step may do this at all
)

// RefusedError says that the gate refused to apply an item, and which line did not hold.
type RefusedError struct {
	Line Line
	Err  error
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// application is one application of an approved change, or of what is left of it.
type application struct {
	run      *onboarding.Run
	step     onboarding.Key
	approval *onboarding.Approval
	items    []onboarding.Item
	// next is the index of the item that is to be applied, and begun says that one was handed to
	// the applier.
	next  int
	begun bool
	// admitted says that the gate has let the application begin, after it asked who may decide
	// now.
	admitted bool
	// interrupted says that an earlier application under the approval was interrupted, so this one
	// applies the rest, see [gate.interrupted].
	interrupted bool
	// output takes what the items print, show makes it visible while they run, and attempt records
	// it and how the application ended.
	output  *recorder
	show    func()
	attempt *onboarding.Attempt
}

// left is what is still to be applied.
func (a *application) left() []onboarding.Item { return a.items[a.next:] }

// admit checks every line before an application begins, so nothing is recorded of one that the
// gate refuses. It returns a [RefusedError] if a line does not hold.
func (g *gate) admit(ctx context.Context, a *application) error {
	_, err := g.authorize(ctx, a)
	return err
}

// apply applies the next item of an application if every line holds, and returns a [RefusedError]
// if one does not. The lines are judged against all that is left of the application, so a change
// with an item that is refused is refused before its first item.
func (g *gate) apply(ctx context.Context, a *application) error {
	auth, err := g.authorize(ctx, a)
	if err != nil {
		return err
	}
	a.begun = true
	err = g.holder.attend(ctx, func(ctx context.Context) error {
		return g.applier.ApplyItem(ctx, auth, a.items[a.next], a.output)
	}, a.show)
	switch {
	case errors.Is(err, onboarding.ErrNotHolder):
		return &RefusedError{LineHolder, err}
	case errors.Is(err, onboarding.ErrTargetChanged):
		return &RefusedError{LineTarget, err}
	}
	return err
}

// authorize checks the lines in their order, each against what the database says now, and returns
// in whose name the next item is applied.
func (g *gate) authorize(ctx context.Context, a *application) (onboarding.Authorization, error) {
	var none onboarding.Authorization
	if err := ctx.Err(); err != nil {
		return none, err
	}
	lookup := ctx
	// A statement that is cancelled breaks the session, which later items and the outcome need.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	db := g.holder.session

	// 1. This process is still the run's newest holder: it has the lock, and no token is greater. The
	// applier has the target refuse a lower token than it has seen.
	run, err := g.holder.standing(ctx)
	if err != nil {
		return none, &RefusedError{LineHolder, err}
	}

	// 2. Nothing is frozen, the run is active, and its requester is the one that was signed.
	freeze, err := db.Frozen(ctx)
	if err != nil {
		return none, &RefusedError{LineHolder, err}
	}
	if err := notFrozen(a, freeze); err != nil {
		return none, &RefusedError{LineFreeze, err}
	}
	if run.State != onboarding.RunActive {
		return none, &RefusedError{LineRun, fmt.Errorf("the run is %s", run.State)}
	}
	if err := g.signer.VerifyRun(a.run); err != nil {
		return none, &RefusedError{LineRun, err}
	}

	// 3. The approval is the step's, approved, for this change or for one that contains what is
	// left of it, unexpired and not used. Its window is open.
	approval, err := db.LoadApproval(ctx, a.approval.ID)
	if err != nil {
		return none, &RefusedError{LineHolder, err}
	}
	if err := g.approves(approval, a, run.Now); err != nil {
		return none, &RefusedError{LineApproval, err}
	}
	if err := g.inWindow(a, approval); err != nil {
		return none, &RefusedError{LineWindow, err}
	}

	// 4. Enough distinct people agreed who may decide now, each in a message that was delivered for
	// the approval, and none of them the requester unless the glass was broken.
	if err := g.verifyVotes(approval); err != nil {
		return none, &RefusedError{LineVotes, err}
	}
	if err := enoughVotes(approval, a.run); err != nil {
		return none, &RefusedError{LineVotes, err}
	}
	if !a.admitted {
		if err := g.mayDecideNow(lookup, approval, a.run); err != nil {
			return none, err
		}
	}

	// 5. The target is the one that was approved. The applier finds that out where it writes, and
	// fails with [onboarding.ErrTargetChanged], see [gate.apply].

	// 6. The guard of the step allows all that is left to do.
	auth := g.authorization(a.run, approval)
	for _, item := range a.left() {
		if err := g.applier.Authorize(auth, item); err != nil {
			return none, &RefusedError{LineGuard, err}
		}
	}
	a.admitted = true
	return auth, nil
}

// authorization says for which run, and by whose approval, a change is carried out.
func (g *gate) authorization(run *onboarding.Run, approval *onboarding.Approval) onboarding.Authorization {
	return onboarding.Authorization{Run: run, Step: approval.Step, Approval: approval.ID.String(),
		Digest: approval.Digest, Approvers: approval.Approvers(), Holder: g.holder.identity()}
}

// inWindow lets an application that has begun come to its end, also after an interruption.
func (g *gate) inWindow(a *application, approval *onboarding.Approval) error {
	if a.begun || a.interrupted {
		return nil
	}
	now := time.Now()
	opens, ok, note := g.opens(a.run, approval, now)
	switch {
	case !ok:
		return errors.New(neverOpens + note)
	case opens.After(now):
		return errors.New("its window opens " + windows.Text(opens) + note)
	}
	return nil
}

// opens returns what [onboarding.Policy.Opens] does. An Apply now that the service did not sign
// does not count, and the note says so.
func (g *gate) opens(
	run *onboarding.Run, approval *onboarding.Approval, now time.Time,
) (opens time.Time, ok bool, note string) {
	press := approval.ApplyNow
	if press != nil && !onboarding.Signed(g.signer, press.Signature, press.Signed(approval)) {
		waiting := *approval
		waiting.ApplyNow, approval = nil, &waiting
		note = "; Apply now does not count: the bot did not sign it"
	}
	opens, ok = g.policy.Opens(run, approval, now)
	return opens, ok, note
}

// interrupted reports whether an application under the approval was interrupted that the gate let
// begin. Whoever writes to the database can interrupt one that never began.
func (g *gate) interrupted(w *work) bool {
	return slices.ContainsFunc(w.interruptions, func(attempt onboarding.Attempt) bool {
		return onboarding.Signed(g.signer, attempt.Signature, attempt.Signed(w.approval))
	})
}

// notFrozen lets an application that has begun come to its end: half a change is worse than a
// whole one.
func notFrozen(a *application, freeze *onboarding.Freeze) error {
	if freeze == nil || a.begun {
		return nil
	}
	return fmt.Errorf("%s froze all steps that change something: %s", freeze.By.Name, freeze.Reason)
}
