package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

// lookupTimeout bounds what the gate asks the directory before an application.
const lookupTimeout = 30 * time.Second

// approves reports why an approval does not cover what is left of an application. One that expires
// during an application lets it come to its end. It is expired if it is by the clock of the
// database, or of this machine: one of them may be slow.
func (g *gate) approves(approval *onboarding.Approval, a *application, now time.Time) error {
	left, until := onboarding.Change{Items: a.left()}, g.policy.ValidUntil(approval)
	switch {
	case approval.RunID != a.run.ID || approval.Step != a.step:
		return errors.New("the approval is for another step")
	case approval.State != onboarding.ApprovalApproved:
		return fmt.Errorf("the approval is %s", approval.State)
	case !a.admitted && !(now.Before(until) && time.Now().Before(until)):
		return errExpired
	case !left.RestOf(approval.Change):
		return errors.New("what is left to do is not part of the change that was approved")
	}
	return nil
}

// errExpired says that an approval was given in time, and that its time ended before its change
// could be applied.
var errExpired = errors.New("the approval expired before the change could be applied")

// mayDecideNow asks the directory what those who agreed may do now. It returns a [RefusedError]
// if too few of them may decide, or if the directory cannot say.
func (g *gate) mayDecideNow(ctx context.Context, approval *onboarding.Approval, run *onboarding.Run) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	counted := 0
	var gone []string
	for _, vote := range approval.Votes {
		permissions, err := g.directory.PermissionsNow(ctx, vote.By.ID)
		if err != nil {
			return &RefusedError{LineDirectory,
				fmt.Errorf("the bot cannot find out whether %s may still decide: %w", vote.By.Name, err)}
		}
		if vote.BrokeGlass && permissions.MayOperate() == nil {
			return nil
		}
		if vote.BrokeGlass || permissions.MayDecideOn(approval, run, time.Now()) != nil {
			gone = append(gone, vote.By.Name)
			continue
		}
		counted++
	}
	if counted < approval.Needs {
		return &RefusedError{LineVotes, fmt.Errorf("%s, who approved it, may no longer decide",
			strings.Join(gone, ", "))}
	}
	return nil
}

// verifyVotes reports a vote that the service did not sign, or that lacks the second factor that
// the configuration asks for now.
func (g *gate) verifyVotes(approval *onboarding.Approval) error {
	confirm := g.policy.Rule(approval.Step.Kind()).Confirm
	for _, vote := range approval.Votes {
		if err := g.signer.Verify(approval, vote); err != nil {
			return fmt.Errorf("the vote of %s %w", vote.By.Name, err)
		}
		if confirm != onboarding.ConfirmNone && vote.Confirmed != confirm {
			return fmt.Errorf("%s approved the change without a code from an authenticator app", vote.By.Name)
		}
	}
	return nil
}

// enoughVotes reports why the votes of an approval do not carry it.
func enoughVotes(approval *onboarding.Approval, run *onboarding.Run) error {
	agreed := map[string]bool{}
	for _, vote := range approval.Votes {
		switch {
		case !vote.Agrees:
			return fmt.Errorf("%s rejected the change", vote.By.Name)
		case vote.Source == "":
			return fmt.Errorf("no message is recorded in which %s approved the change", vote.By.Name)
		case vote.BrokeGlass:
			return nil
		case vote.By.ID == run.Requester.ID:
			return fmt.Errorf("%s requested the run and cannot approve its changes", vote.By.Name)
		}
		agreed[vote.By.ID] = true
	}
	if len(agreed) < approval.Needs {
		return fmt.Errorf("%d of %d approvers agreed", len(agreed), approval.Needs)
	}
	return nil
}
