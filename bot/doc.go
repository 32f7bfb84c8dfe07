// Package bot is the transport to Slack: Socket Mode connections, acknowledgements, the envelopes
// that are handled once, routing to handlers, answers to one person, and who a person is.
//
// What Slack shows is built in package blockkit, messages that last leave through package outbox,
// and what errors of the Web API mean is in package webapi. None of them knows the project's
// domain: what commands mean lives in package commands, what a run is in package onboarding.
//
//	router := bot.NewRouter()
//	router.Command("/onboard", onboard)
//	workspace, err := bot.NewWorkspace(log, cfg)
//	slackBot := bot.New(pool, workspace, router, replica)
//	err = slackBot.Run(ctx)
package bot
