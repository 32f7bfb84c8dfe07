// Package checks runs the checks of isolation in order, and makes the report of what they found.
// registry lists them. Each is a type in the room of its kind, made of a setup.Setup:
//
//   - rights: what the app role is, owns and may do, and what policies trust
//   - reading: every table as everybody, copies and large objects
//   - writing: the rows of others, and one's own
//   - views: what they pass on, and writes through them
//   - sideeffects: triggers, rules and foreign keys
//   - functions: calls, definitions and temporary tables in the place of those that they name
//   - interference: whether what tenants observe depends on what others do
//
// A check reports a leak only for what it did. It attacks in a transaction of an attacker's
// session, asks the truth what the session saw or wrote, and rolls back. Nothing is ever
// committed.
package checks
