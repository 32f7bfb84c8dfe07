package form

// The action ids of buttons on a draft. The value of a button is the slug, or the id of the
// confirmation.
const (
	ActionStart   = "draft.start"
	ActionChange  = "draft.change"
	ActionDiscard = "draft.discard"

	ViewForm = "onboard.form"
)
