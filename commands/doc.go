// Package commands answers what operators type and press: the slash commands, the modal, the
// buttons in a run's thread and the App Home. It also keeps the messages about a run up to date
// in Slack.
//
// Package form reads what people enter; package render shows what the domain holds. Both are
// pure. The handlers here connect them with the domain and with Slack. States, policy and errors
// belong to package onboarding; nothing here decides who may do what. Nothing is kept in memory
// between two calls: a draft is a row of the domain, and so is who looks at the Home tab.
package commands
