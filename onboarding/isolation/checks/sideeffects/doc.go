// Package sideeffects holds the checks of what a write to one table does in another, by triggers,
// rules and foreign keys, to which policies do not apply.
package sideeffects
