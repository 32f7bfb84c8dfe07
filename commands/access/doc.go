// Package access says who may use the bot and where: the configured lists of operators, approvers
// and channels, what Slack says about people, and the gate in front of the handlers.
package access
