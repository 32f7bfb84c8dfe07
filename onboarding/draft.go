package onboarding

import (
	"encoding/json"
	"time"
)

// Draft is what somebody typed about a Provider and has not submitted. Its inputs are the chat
// side's and opaque here.
type Draft struct {
	Slug   string
	By     Operator
	Inputs json.RawMessage
	// Updated is when it was typed. Zero, when it is saved, means now.
	Updated time.Time
}
