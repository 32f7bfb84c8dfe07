package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// ErrorText says an error to the person who caused it, as mrkdwn: what is the matter and what to do next. It is the one place
// that does. The second value is false for what is not the person's doing; that also belongs into the log.
func ErrorText(err error) (text string, expected bool) {
	var worded interface{ Mrkdwn() string }
	var problems onboarding.Problems
	var standing *onboarding.PermissionError
	var decided *onboarding.DecidedError
	var conflict *onboarding.ConflictError
	switch {
	case errors.As(err, &worded):
		return worded.Mrkdwn(), true
	case errors.As(err, &problems):
		return problemLines(problems), true
	case errors.As(err, &standing):
		return refused(standing), true
	case errors.As(err, &decided):
		return decidedAlready(decided), true
	case errors.As(err, &conflict):
		return blockkit.Escape(conflict.Error()), true
	case errors.Is(err, onboarding.ErrOwnRequest):
		return "This is your own request, so that a second operator has to decide.", true
	case errors.Is(err, onboarding.ErrRunEnded):
		return "This run has ended. Nothing was changed.", true
	case errors.Is(err, onboarding.ErrNotRetry):
		return "There is nothing to retry: somebody was faster, or it went on by itself.", true
	case errors.Is(err, onboarding.ErrNotWaiting):
		return "This does not wait any more: it went on meanwhile.", true
	case errors.Is(err, onboarding.ErrBusy):
		return "A step is being applied right now, and its outcome would be lost. Cancel once it has ended.", true
	case errors.Is(err, onboarding.ErrNoReason):
		return "Give a reason: whoever reads this later wants to know.", true
	case errors.Is(err, onboarding.ErrFrozen):
		return "Everything that changes something is frozen already.", true
	case errors.Is(err, onboarding.ErrNotFrozen):
		return "Nothing is frozen.", true
	case errors.Is(err, onboarding.ErrNothing):
		return "Nothing was applied, so that there is nothing to take back.", true
	case errors.Is(err, onboarding.ErrNoGlass):
		return "Breaking the glass is switched off in the configuration.", true
	case errors.Is(err, onboarding.ErrNotFound):
		return "There is no such run or question. Perhaps its name is mistyped, or the button is an old one.", true
	}
	return "Something went wrong on my side, and nothing was changed by this. Try again in a moment; if it stays so, look into my log.", false
}

func refused(standing *onboarding.PermissionError) string {
	because := blockkit.Escape(standing.Because)
	if errors.Is(standing, onboarding.ErrNotApprover) {
		return fmt.Sprintf("You cannot decide on this: %s.", because)
	}
	return fmt.Sprintf("You cannot do this: %s.", because)
}

func decidedAlready(decided *onboarding.DecidedError) string {
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
		return "Your vote is counted already" + when + ". Another operator has to agree as well."
	case onboarding.ApprovalApproved, onboarding.ApprovalUsed, onboarding.ApprovalAheadApproved:
		return fmt.Sprintf("%s approved this already%s. Nothing was changed by your click.", by, when)
	case onboarding.ApprovalRejected:
		return fmt.Sprintf("%s rejected this already%s. Nothing was changed by your click.", by, when)
	case onboarding.ApprovalLapsed:
		return "The world moved since this was asked, so it does not count any more. The new question is below in the thread."
	case onboarding.ApprovalExpired:
		return "Nobody decided in time, so this question has expired" + when + ". Retry in the thread asks again."
	}
	return "The run was cancelled, and this question with it" + when + "."
}

// problemLines lists what is wrong with a request, in the order of the form.
func problemLines(problems onboarding.Problems) string {
	lines := make([]string, 0, len(problems))
	for _, field := range slices.Sorted(maps.Keys(problems)) {
		lines = append(lines, blockkit.Escape(problems[field]))
	}
	return strings.Join(lines, "\n")
}
