// Package bot is Slack itself: Socket Mode connections and their acknowledgements, dispatch to
// handlers, the envelopes handled once, the outbox through which every message leaves, Block Kit's
// limits, and who a person is.
//
// It knows no runbook and imports nothing of the project's domain; what commands mean lives in
// package commands, what a run is in package onboarding.
//
//	router := bot.NewRouter()
//	router.Command("/onboard", onboard)
//	workspace, err := bot.NewWorkspace(log, cfg)
//	outbox, err := bot.NewOutbox(pool, workspace)
//	outbox.AddWorkers(workers)
//	slackBot, err := bot.New(pool, workspace, router)
//	go outbox.Run(ctx)
//	err = slackBot.Run(ctx)
package bot
