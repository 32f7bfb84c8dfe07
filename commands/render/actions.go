package render

// What a press means. Values of buttons are ids and nothing else: of the approval for those on a question, the slug for those on a
// draft, of the run for the others, whose block id names the step (see [stepID]).
const (
	ActionApprove = "approval.approve"
	ActionReject  = "approval.reject"
	ActionShow    = "approval.show"
	ActionGlass   = "approval.glass"
	ActionRetry   = "step.retry"
	ActionAgain   = "run.retry"
	ActionCheck   = "step.check"
	ActionCancel  = "run.cancel"
	ActionKeep    = "run.keep"
	ActionReview  = "run.review"
	ActionUndo    = "run.undo"
	ActionUndoAll = "run.undo-all"
	ActionLeave   = "run.leave"

	ViewReason = "approval.reason"
	viewChange = "approval.change"
	ViewReview = "run.review"

	// ActionPick is the box at each change of a review.
	ActionPick = "review.pick"
)
