// Package taint follows the values of settings through policies, views and functions to what they
// are compared with. Settings are the session's to choose, so whatever a source compares one with is
// worth trying.
//
// It reads parse trees, without regard to types or to the order of statements: what might reach a
// comparison counts as reaching it. A value that was tried in vain costs a read; one that was not
// tried may be the hole.
package taint
