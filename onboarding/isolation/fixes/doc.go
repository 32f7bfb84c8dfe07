// Package fixes writes the SQL that closes what a check found. An operator reads it before
// running it.
package fixes
