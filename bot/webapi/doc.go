// Package webapi tells what the errors of Slack's Web API mean: whether a call took effect,
// whether it may be repeated and when, and which errors only a changed configuration can end. It
// makes no call itself.
package webapi
