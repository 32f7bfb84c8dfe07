// Package tenancy finds out whose the rows of a schema are that it has never seen, and renders
// that as SQL.
//
// Where a table has a column for Orgs that is set, a row is the Org's, and so its present
// members' and its owner's. Otherwise it is the Person's in the column for Persons. A row
// without either goes with its parent; the rest is the platform's. A row that names a Person and
// refers to a parent is foreign only if both are.
package tenancy
