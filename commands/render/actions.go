package render

// The action ids of buttons. The value of a button is an id and nothing else: that of the
// approval for buttons on a request for approval, that of the run for the others. The block id
// then names the step (see [stepID]).
const (
	ActionApprove = "approval.approve"
	ActionReject  = "approval.reject"
	ActionShow    = "approval.show"
	ActionGlass   = "approval.glass"
	ActionRetry   = "step.retry"
	ActionAgain   = "run.retry"
	ActionCheck   = "step.check"
	// ActionFindings shows all findings of a step.
	ActionFindings = "step.findings"
	// ActionEdit opens the request of a run, to correct it and ask again.
	ActionEdit    = "run.edit"
	ActionCancel  = "run.cancel"
	ActionKeep    = "run.keep"
	ActionReview  = "run.review"
	ActionUndo    = "run.undo"
	ActionUndoAll = "run.undo-all"
	ActionLeave   = "run.leave"

	ViewConfirm = "approval.reason"
	viewChange  = "approval.change"
	ViewReview  = "run.review"

	// ActionPick is the action id of the box at each change of a review.
	ActionPick = "review.pick"
)
