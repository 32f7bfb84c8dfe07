// Package onboarding is the domain: what a request is, the steps of a run, the changes they
// propose, who may approve them, and the record of what happened. It owns the states, the policy
// and the errors.
//
// A step looks before it acts: it answers with the change that is still missing, and an empty
// change means done. An approval is bound to the digest of one change; just before applying, the
// step looks again. So a step converges instead of remembering, and running one again is always
// safe. Looks go on beside each other and beside what is applied; the changes of a run are
// applied one at a time.
//
// Runs are explicit rows in Postgres, driven by River jobs, so that they outlive a release of the
// bot. The package declares the small interfaces that the outside implements ([Runbook],
// [Directory], [Platform], [Repository], [Notifier]) and knows no Slack: nothing below this
// folder imports slack-go.
package onboarding
