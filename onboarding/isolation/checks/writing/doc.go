// Package writing holds the checks that write to tables: attackers to the rows of victims, and
// victims to their own.
package writing
