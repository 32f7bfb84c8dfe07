package refusal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	const when = "<!date^1795426200^{date_short_pretty} {time}|2026-11-23 09:30 UTC>"
	for _, c := range []struct {
		err      error
		want     string
		expected bool
	}{
		{onboarding.ErrOwnRequest,
			"This is your own request, so someone else must decide. To stop it, type `/onboard cancel` and its " +
				"slug.", true},
		{&onboarding.PermissionError{Because: "guests are not allowed to", Err: onboarding.ErrNotOperator},
			"You cannot do this: guests are not allowed to.", true},
		{&onboarding.PermissionError{Because: "only people on the list of approvers can",
			Err: onboarding.ErrNotApprover},
			"You cannot decide on this: only people on the list of approvers can.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalUsed, By: "U0BO", At: at},
			"<@U0BO> already approved this " + when + ". Your press changed nothing.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalRejected, By: "U0BO", At: at},
			"<@U0BO> already rejected this " + when + ". Your press changed nothing.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalOpen, By: "U0BO", At: at}, "Your vote was counted " +
			when + ". Another operator must approve as well.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalLapsed},
			"The target changed after this was requested, so this request is no longer valid. The new approval " +
				"request is below in the thread.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalRevoked},
			"This approval is no longer valid, and nothing more was applied under it. The new approval request is " +
				"below in the thread.", true},
		{&onboarding.HeldRunError{Slug: "merche-biche"},
			"Your own run `merche-biche` has approved changes that the freeze holds, so somebody else must thaw. " +
				"To thaw it yourself, cancel your run first.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalExpired, At: at},
			"Nobody decided in time, so this request expired " + when +
				". Press Retry in the thread to request approval again.", true},
		{&onboarding.DecidedError{State: onboarding.ApprovalWithdrawn, At: at}, "The run was cancelled " + when +
			", and this approval request with it.", true},
		{fmt.Errorf("step database: %w", onboarding.ErrBusy),
			"A change is being applied right now, and its outcome would be lost. Cancel the run when it has finished.",
			true},
		{fmt.Errorf("run %s: %w", uuid.Nil, onboarding.ErrNotFound),
			"There is no such run or approval request. The name may be mistyped, or the button may be " +
				"outdated. `/onboard list` shows the runs.",
			true},
		{onboarding.Problems{"slug": "<!channel> is taken.", "email": "No."}, "No.\n&lt;!channel&gt; is taken.",
			true},
		{&onboarding.ConflictError{What: "A row <is> there.", Fix: "Look."}, "A row &lt;is&gt; there. Look.", true},
		{errors.New("dial tcp 10.0.0.1:5432: secret"),
			"Something went wrong in the bot, and nothing was changed. Try again in a moment. If it persists, check " +
				"the bot's log.", false},
	} {
		if got, expected := Text(c.err); got != c.want || expected != c.expected {
			t.Errorf("%v:\n got %q, %t\nwant %q, %t", c.err, got, expected, c.want, c.expected)
		}
	}
}
