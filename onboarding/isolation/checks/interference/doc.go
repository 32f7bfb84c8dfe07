// Package interference tests whether what one tenant observes depends on what another does. In one
// transaction an attacker looks, a victim who acts as itself inserts, changes and deletes its own
// rows, the attacker looks again, and everything is rolled back. What differs needs no key of a
// row to be a leak: a sum, a count or a date is one.
//
// Without a deep check, the attacker observes only the tables that the triggers of the victim's
// table name, and in these the rows that are nobody's or another's, and views that are made of the
// table's rows and do not say whose they are.
//
// In a deep check, the attacker observes every relation that it may read, the answers, errors and
// notices of the functions that it may call, the last value of sequences, and how inserts of its
// own end. It does not see how long something takes, what a function does outside of the database,
// or what depends on a victim that was not sampled.
package interference
