package commands

// What a press means. Values of buttons are ids and nothing else: of the approval for those on a question, the slug for those on a
// draft, of the run for the others, whose block id names the step (see [stepID]).
const (
	actionApprove = "approval.approve"
	actionReject  = "approval.reject"
	actionShow    = "approval.show"
	actionGlass   = "approval.glass"
	actionRetry   = "step.retry"
	actionAgain   = "run.retry"
	actionCheck   = "step.check"
	actionCancel  = "run.cancel"
	actionKeep    = "run.keep"
	actionReview  = "run.review"
	actionUndo    = "run.undo"
	actionUndoAll = "run.undo-all"
	actionLeave   = "run.leave"
	actionStart   = "draft.start"
	actionChange  = "draft.change"
	actionDiscard = "draft.discard"

	viewReason = "approval.reason"
	viewChange = "approval.change"
	viewForm   = "onboard.form"
	viewReview = "run.review"

	// actionPick is the box at each change of a review.
	actionPick = "review.pick"
)
