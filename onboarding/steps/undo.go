package steps

import "github.com/atlilith/onboardbot/onboarding"

// UndoSteps lists the steps that take a run back.
func (b *Runbook) UndoSteps(*onboarding.Run) []onboarding.Definition { return nil }
