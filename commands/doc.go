// Package commands is what operators can say and press: the /onboard command, its modal, the buttons in a run's thread, the
// App Home, and what a run looks like in Slack.
//
// What Slack shows of a run is a projection of [onboarding.View]: pure functions from the view to messages, put under stable
// keys into the outbox, so that rendering again is always safe. States, policy and errors belong to package onboarding; how
// Slack is reached belongs to package bot. Nothing here decides who may do what, and nothing here is kept in memory between
// two calls: what somebody typed is a draft in the domain's keeping, and who looks at the Home tab is a table.
package commands
