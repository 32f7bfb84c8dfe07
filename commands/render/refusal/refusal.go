// Package refusal says to a person why something did not happen, and asks in forms for what was
// missing: a reason, or a code.
package refusal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// Sentence is an error that the person who caused it reads as it is, as mrkdwn.
type Sentence string

func (s Sentence) Error() string { return string(s) }

// Mrkdwn is the sentence.
func (s Sentence) Mrkdwn() string { return string(s) }

// Text explains an error to the person who caused it, as mrkdwn: what is wrong, and what to do
// next. The second value is false if the person did not cause it; such an error must be logged.
func Text(err error) (text string, expected bool) {
	var worded interface{ Mrkdwn() string }
	var problems onboarding.Problems
	var denied *onboarding.PermissionError
	var decided *onboarding.DecidedError
	var held *onboarding.HeldRunError
	var conflict *onboarding.ConflictError
	var code *onboarding.CodeError
	var needed *onboarding.ConfirmationNeededError
	switch {
	case errors.As(err, &worded):
		return worded.Mrkdwn(), true
	case errors.As(err, &problems):
		return problemLines(problems), true
	case errors.As(err, &denied):
		return permissionText(denied), true
	case errors.As(err, &decided):
		return decidedText(decided), true
	case errors.As(err, &code):
		return codeText(code), true
	case errors.As(err, &needed) && !needed.Reason:
		return "This change must be approved on its own: press *Approve* at its request in the thread.", true
	case errors.As(err, &held):
		return fmt.Sprintf("Your own run %s has approved changes that the freeze holds, so somebody else must thaw. "+
			"To thaw it yourself, cancel your run first.", blockkit.Code(held.Slug)), true
	case errors.As(err, &conflict):
		return blockkit.Escape(conflict.Error()), true
	case errors.Is(err, onboarding.ErrOwnRequest):
		return "This is your own request, so someone else must decide. " +
			"To stop it, type `/onboard cancel` and its slug.", true
	case errors.Is(err, onboarding.ErrRunEnded):
		return "This run has ended, so nothing was changed. To start again, type `/onboard` and its slug.", true
	case errors.Is(err, onboarding.ErrNotRetry):
		return "Nothing has failed in this run.", true
	case errors.Is(err, onboarding.ErrNotWaiting):
		return "This step is no longer waiting. Its message in the thread says where it stands.", true
	case errors.Is(err, onboarding.ErrBusy):
		return "A change is being applied right now, and its outcome would be lost. " +
			"Cancel the run when it has finished.", true
	case errors.Is(err, onboarding.ErrNoReason):
		return "Give a reason. It is kept in the audit log.", true
	case errors.Is(err, onboarding.ErrFrozen):
		return "Runs are already frozen.", true
	case errors.Is(err, onboarding.ErrNotFrozen):
		return "Nothing is frozen.", true
	case errors.Is(err, onboarding.ErrNoWindow):
		return "No later window is configured for this change, so nothing was approved. " +
			"Press *Approve* instead, or reject it.", true
	case errors.Is(err, onboarding.ErrNothing):
		return "Nothing was applied, so there is nothing to undo.", true
	case errors.Is(err, onboarding.ErrNoGlass):
		return "Breaking the glass is disabled in the configuration. Another operator must approve.", true
	case errors.Is(err, onboarding.ErrOtherChange):
		return "The form showed a change other than the one that is stored, so nothing was approved. " +
			"Somebody may be writing to the bot's database: tell an administrator.", true
	case errors.Is(err, onboarding.ErrNotFound):
		return "There is no such run or approval request. The name may be mistyped, or the button may be outdated. " +
			"`/onboard list` shows the runs.", true
	}
	return "Something went wrong in the bot, and nothing was changed. " +
		"Try again in a moment. If it persists, check the bot's log.", false
}

func codeText(code *onboarding.CodeError) string {
	switch code.Reason {
	case onboarding.CodeNotEnrolled:
		return "This needs a code from your authenticator app, and the bot does not know yours. Ask an " +
			"administrator to run " + blockkit.Code("onboardbot totp enroll -operator "+code.Operator)
	case onboarding.CodeLocked:
		return "You are locked out after too many wrong codes. If they were not yours, somebody is using your Slack " +
			"account: say so at once. An administrator lets you in again with " +
			blockkit.Code("onboardbot totp unlock -operator "+code.Operator)
	}
	left := fmt.Sprintf("%d tries are left.", code.Left)
	if code.Left == 1 {
		left = "One try is left."
	}
	return "This code is wrong, expired, or was used before. Wait for the next one. " + left
}

func permissionText(denied *onboarding.PermissionError) string {
	because := blockkit.Escape(denied.Because)
	if errors.Is(denied, onboarding.ErrNotApprover) {
		return fmt.Sprintf("You cannot decide on this: %s.", because)
	}
	return fmt.Sprintf("You cannot do this: %s.", because)
}

func decidedText(decided *onboarding.DecidedError) string {
	by := "Somebody"
	if decided.By != "" {
		by = blockkit.User(decided.By)
	}
	when := ""
	if !decided.At.IsZero() {
		when = " " + blockkit.Date(decided.At)
	}
	switch decided.State {
	case onboarding.ApprovalOpen, onboarding.ApprovalAhead:
		return "Your vote was counted" + when + ". Another operator must approve as well."
	case onboarding.ApprovalApproved, onboarding.ApprovalUsed, onboarding.ApprovalAheadApproved:
		return fmt.Sprintf("%s already approved this%s. Your press changed nothing.", by, when)
	case onboarding.ApprovalRejected:
		return fmt.Sprintf("%s already rejected this%s. Your press changed nothing.", by, when)
	case onboarding.ApprovalLapsed:
		return "The target changed after this was requested, so this request is no longer valid. " +
			"The new approval request is below in the thread."
	case onboarding.ApprovalRevoked:
		return "This approval is no longer valid, and nothing more was applied under it. " +
			"The new approval request is below in the thread."
	case onboarding.ApprovalExpired:
		return "Nobody decided in time, so this request expired" + when +
			". Press Retry in the thread to request approval again."
	}
	return "The run was cancelled" + when + ", and this approval request with it."
}

// problemLines lists what is wrong with a request, in the order of the form.
func problemLines(problems onboarding.Problems) string {
	lines := make([]string, 0, len(problems))
	for _, field := range slices.Sorted(maps.Keys(problems)) {
		lines = append(lines, blockkit.Escape(problems[field]))
	}
	return strings.Join(lines, "\n")
}
