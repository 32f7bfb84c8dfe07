// Package escalation runs statements that a session is allowed, and then reads and writes as that
// session: whatever it reaches that it did not reach before, the statements opened. Checks of
// several rooms use it.
package escalation
