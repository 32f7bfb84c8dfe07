// Package checks holds the checks of isolation, in one ordered list, registry. A check is a type
// with the few things that it needs, in a file of its own, and an entry in the list; that is why
// the package has more files and lines than most: no two checks need to be read together.
//
// A check reports a leak only for what it did. It attacks in a transaction of an attacker's
// session, asks the truth what the session saw or wrote, and rolls back. Nothing is ever
// committed.
package checks
