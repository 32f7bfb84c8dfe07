// Package blockkit builds what Slack shows: blocks and their elements, mrkdwn with text from
// people escaped, and Slack's limits in one place.
//
// Builders never exceed a limit: text that is too long is cut, or split where that is said.
// Builders that take mrkdwn expect text from people to be escaped with [Escape] before; builders
// that take plain text escape it themselves.
//
// The package knows no workspace and makes no call.
package blockkit
