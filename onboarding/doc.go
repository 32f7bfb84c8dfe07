// Package onboarding has the nouns and rules of the domain, without any I/O: what a request is,
// the steps of a run, the changes that they propose, who may approve them, and the record of what
// happened. It owns the states, the policy and the errors.
//
// A step is observed before anything is applied: the [Observation] has the change that is still
// missing, and an empty change means done. An approval is bound to the digest of one change. Just
// before the change is applied, the step is observed again. A step therefore converges instead of
// remembering, and running it again is always safe.
//
// Runs are rows in PostgreSQL (package store), driven by River jobs (package engine), so they
// outlive a release of the bot. Package service is what operators can do. This package declares
// the small interfaces that the outside implements ([Runbook], [Applier], [Directory],
// [Platform], [Repository]). Nothing below this folder knows Slack.
package onboarding
