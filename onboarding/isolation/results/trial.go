package results

// Trial is what came of trying a fix: it was applied in a transaction, looked at, and rolled back.
type Trial struct {
	Outcome Outcome `json:"outcome"`
	// Why is the reason why it was not tried, why it is no fix, or what tenants lose by it.
	Why string `json:"why,omitempty"`
}

// Outcome is how a trial ended.
type Outcome string

// The outcomes of trials.
const (
	// Closes means that the leak was shown before and not after, and tenants reached their own rows
	// as before.
	Closes Outcome = "closes"
	// Together is [Closes] once the fixes of the other findings are in place too.
	Together Outcome = "closes together"
	// Applies is [Closes] for a risk, of which nothing was shown.
	Applies Outcome = "applies"
	// Costs is [Closes] or [Applies] where tenants lost what they could do.
	Costs Outcome = "costs"
	// Fails means that the fix was refused, or that the leak was still there.
	Fails Outcome = "fails"
	// Untried means that it could not be tried.
	Untried Outcome = "not tried"
)

// FixTitle says what is known of the finding's fix.
func (f Finding) FixTitle() string {
	if f.Trial == nil {
		return "fix, not tried"
	}
	switch why := f.Trial.Why; f.Trial.Outcome {
	case Closes:
		return "fix, tried: the leak is gone, and tenants reach their own rows as before"
	case Together:
		return "fix, tried: with the fixes of the other findings, the leak is gone, and tenants reach their own rows " +
			"as before"
	case Applies:
		return "fix, tried: tenants reach their own rows as before"
	case Costs:
		return "fix, tried, but tenants lose something: " + why
	case Fails:
		return "no fix: this was tried, and " + why
	default:
		return "fix, not tried: " + why
	}
}
