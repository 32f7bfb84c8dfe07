// Package results holds what a check of isolation says: findings, what the check covered, and
// the report made of both. It imports no other package of isolation, so the checks that make
// findings and the callers that read reports share its types without an import cycle; package
// isolation exports them under the same names.
package results

import "fmt"

// Kind tells proof from suspicion.
type Kind string

const (
	// Leak is a finding that a session proved: it reached another tenant's row, and the
	// transaction was rolled back.
	Leak Kind = "leak"
	// Risk is a finding that the catalog shows and nothing proved. Its evidence says why it
	// matters.
	Risk Kind = "risk"
)

// Operation is what a session did to another tenant's rows or, for some risks, what makes it
// possible.
type Operation string

// The operations of leaks, and of risks that a policy or a grant allows them.
const (
	Read     Operation = "read"
	Insert   Operation = "insert"
	Update   Operation = "update"
	Delete   Operation = "delete"
	Truncate Operation = "truncate"
	Listen   Operation = "listen" // to what a trigger sends of rows
)

// The other operations of risks.
const (
	RowSecurity Operation = "row-level security" // it is off
	Owner       Operation = "owner"              // the app role owns what protects rows
	Trigger     Operation = "trigger"            // the app role may create triggers
	Execute     Operation = "execute"            // a function that was not, or could not be, called
	SearchPath  Operation = "search_path"        // a function looks names up where a session may create
	Leakproof   Operation = "leakproof"          // a function runs before policies
	RoleChange  Operation = "role change"        // a function gives up the session's role
	Around      Operation = "beside policies"    // rights to what holds rows beside their tables
	Superuser   Operation = "superuser"
	BypassRLS   Operation = "bypassrls"
	Replication Operation = "replication"
	CreateRole  Operation = "createrole"
)

// SetRole is the operation of a risk that the app role can become another role.
func SetRole(role string) Operation { return Operation("set role " + role) }

// AnySession is the session of a finding that is the same for all sessions.
const AnySession = "any session"

// Finding is one thing that a tenant can do to others, or might.
type Finding struct {
	Kind      Kind      `json:"kind"`
	Operation Operation `json:"operation"`
	// Table is "schema.name" of the table, view or function.
	Table string `json:"table"`
	// As is the session that did it, by ids.
	As string `json:"as"`
	// Evidence says what happened to whose row, by ids and never by contents.
	Evidence string `json:"evidence"`
	// Proof is SQL that shows a leak to whoever pastes it into a new psql session of the app role.
	// It is rolled back. "…" stands for what a row contains. Empty for a risk, and where a leak
	// took more statements than anybody reads.
	Proof string `json:"proof,omitempty"`
	// Script is the proof with what rows contain, or empty where it takes more than one
	// transaction.
	Script string `json:"-"`
	// Fix is SQL that closes it. An operator reads it before running it. Trial says what came of
	// trying it; nil: nobody has.
	Fix   string `json:"fix"`
	Trial *Trial `json:"fix_trial,omitempty"`
	// Deep says that only a deep check finds it.
	Deep bool `json:"deep,omitempty"`
	// Definition identifies how the object of a risk is defined, for whoever accepts it.
	Definition string `json:"definition,omitempty"`
	// Functions are the functions, "schema.name", that let it happen. The evidence names them,
	// so the JSON does not.
	Functions []string `json:"-"`
}

// Key identifies a finding across reports.
func (f Finding) Key() string { return fmt.Sprintf("%s %s %s", f.Kind, f.Operation, f.Table) }
