package onboarding

import "fmt"

// Passed is the finding of a check that passed. The format says what was seen.
func Passed(name, format string, args ...any) Finding {
	return Finding{Level: OK, Name: name, Detail: fmt.Sprintf(format, args...)}
}

// Failing is the finding of a check that failed. The fix says what a person can do; the format
// says what was seen.
func Failing(name, fix, format string, args ...any) Finding {
	return Finding{Level: Failed, Name: name, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// Doubtful is the finding of a check that passed with a reservation, which stops no run.
func Doubtful(name, fix, format string, args ...any) Finding {
	return Finding{Level: Warning, Name: name, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// Conflictf returns a [*ConflictError]. The format says what is in the way; the fix says what a
// person can do.
func Conflictf(fix, format string, args ...any) error {
	return &ConflictError{What: fmt.Sprintf(format, args...), Fix: fix}
}
