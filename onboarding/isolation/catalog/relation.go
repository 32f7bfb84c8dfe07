package catalog

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// RelationKind is pg_class.relkind.
type RelationKind string

// The kinds of relations that a catalog holds.
const (
	Table            RelationKind = "r"
	PartitionedTable RelationKind = "p"
	View             RelationKind = "v"
	MaterializedView RelationKind = "m"
	ForeignTable     RelationKind = "f"
)

// Relation is a table, partition, view, materialized view or foreign table outside the system's
// schemas.
type Relation struct {
	OID         uint32
	Schema      string
	Name        string
	Kind        RelationKind
	RLS, Forced bool // pg_class.relrowsecurity and relforcerowsecurity
	Owner       string
	Partition   bool
	Parent      uint32 // in pg_inherits, 0 for none
	Options     []string
	// What the role may do. Usage is on the schema; columns say the rest.
	Usage     bool
	SelectAll bool
	Delete    bool
	Truncate  bool
	Trigger   bool
	// Elsewhere says that a role that the role can become may use the relation, and the role
	// itself may not. Further are the commands that such a role may send and the role itself may
	// not.
	Elsewhere   bool
	Further     []Command
	Definition  string // of a view
	Columns     []*Column
	Key         []string   // primary key
	Unique      [][]string // columns of each unique index, the primary key among them
	ForeignKeys []ForeignKey
	Policies    []Policy
	Triggers    []uint32 // by the oids of the functions that they call
	Rules       int      // beside the one for SELECT that makes a view
	Partitioned []string // columns of the partition key
	Code        []Code   // triggers and rules among it
	Children    []*Relation
}

// String is "schema.name".
func (r *Relation) String() string { return r.Schema + "." + r.Name }

// SQL is the relation's name as a statement spells it.
func (r *Relation) SQL() string { return query.Name(r.Schema, r.Name) }

// ColumnNames are the names of all columns.
func (r *Relation) ColumnNames() []string {
	names := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		names[i] = c.Name
	}
	return names
}

// ReadableSQL lists the columns that the role may read, qualified by an alias.
func (r *Relation) ReadableSQL(alias string) string {
	var readable []string
	for _, c := range r.Columns {
		if c.Select {
			readable = append(readable, c.Name)
		}
	}
	return query.Columns(alias, readable)
}

// Column returns a column by name, or nil.
func (r *Relation) Column(name string) *Column {
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Readable reports whether the role may read any column.
func (r *Relation) Readable() bool { return r.may(func(c *Column) bool { return c.Select }) }

// CanRead reports whether all columns exist and the role may read them.
func (r *Relation) CanRead(columns ...string) bool {
	return !slices.ContainsFunc(columns, func(name string) bool {
		c := r.Column(name)
		return c == nil || !c.Select
	})
}

// Insertable reports whether the role may insert into any column.
func (r *Relation) Insertable() bool { return r.may(func(c *Column) bool { return c.Insert }) }

// Updatable reports whether the role may update any column.
func (r *Relation) Updatable() bool { return r.may(func(c *Column) bool { return c.Update }) }

func (r *Relation) may(privilege func(*Column) bool) bool {
	return r.Usage && slices.ContainsFunc(r.Columns, privilege)
}

// Deletable reports whether the role may delete rows.
func (r *Relation) Deletable() bool { return r.Usage && r.Delete }

// MayElsewhere reports whether only a role that the role can become may send a command.
func (r *Relation) MayElsewhere(c Command) bool { return r.Elsewhere || slices.Contains(r.Further, c) }

// Reachable reports whether the role may do anything at all with the relation.
func (r *Relation) Reachable() bool {
	return r.Readable() || r.Insertable() || r.Updatable() || r.Usage && (r.Delete || r.Truncate)
}

// IsView reports whether the relation is a view, materialized or not.
func (r *Relation) IsView() bool { return r.Kind == View || r.Kind == MaterializedView }

// IsTable reports whether the relation is an ordinary or a partitioned table, and no partition.
func (r *Relation) IsTable() bool {
	return (r.Kind == Table || r.Kind == PartitionedTable) && !r.Partition
}

// HasRowIDs reports whether tableoid and ctid tell the relation's rows apart.
func (r *Relation) HasRowIDs() bool {
	return r.Kind == Table || r.Kind == PartitionedTable || r.Kind == MaterializedView
}

// Option reports whether a storage parameter, such as security_barrier, is on.
func (r *Relation) Option(name string) bool {
	for _, o := range r.Options {
		key, value, _ := strings.Cut(strings.ToLower(o), "=")
		if key == name {
			return value == "true" || value == "on" || value == "1" || value == "yes"
		}
	}
	return false
}

// InForeignKey reports whether a column is part of a foreign key.
func (r *Relation) InForeignKey(column string) bool {
	return slices.ContainsFunc(r.ForeignKeys, func(fk ForeignKey) bool { return slices.Contains(fk.Columns, column) })
}

// SingleKey returns the column of a primary key that has one column, or nil.
func (r *Relation) SingleKey() *Column {
	if len(r.Key) != 1 {
		return nil
	}
	return r.Column(r.Key[0])
}

// IsKey reports whether a column alone is unique.
func (r *Relation) IsKey(column string) bool {
	return slices.ContainsFunc(r.Unique, func(key []string) bool { return len(key) == 1 && key[0] == column })
}

// IsRowType reports whether a type, as PostgreSQL spells it, is that of the relation's rows.
func (r *Relation) IsRowType(typ string) bool {
	return typ == r.Name || typ == r.String() || typ == r.SQL()
}

// Opens reports whether a permissive policy lets the role run a command on some rows.
func (r *Relation) Opens(command Command) bool {
	return slices.ContainsFunc(r.Policies, func(p Policy) bool {
		return p.Permissive && p.Applies && (p.Command == ForAll || p.Command == command)
	})
}

// OpensByRow is [Relation.Opens] for policies that ask for a column of the row. Others let a
// session run a command on everybody's rows or on nobody's.
func (r *Relation) OpensByRow(command Command) bool {
	return slices.ContainsFunc(r.Policies, func(p Policy) bool {
		return p.Permissive && p.Applies && (p.Command == ForAll || p.Command == command) &&
			Names(p.Using+" "+p.Check, r.ColumnNames()...)
	})
}

// PolicyNames reports whether a policy of the relation names any of the words.
func (r *Relation) PolicyNames(words ...string) bool {
	return slices.ContainsFunc(r.Policies, func(p Policy) bool { return Names(p.Using+" "+p.Check, words...) })
}

// DefinedOn reports whether the definition of a view contains the name of another relation.
func (r *Relation) DefinedOn(base *Relation) bool { return containsWord(r.Definition, base.Name) }

// Action is pg_constraint.confdeltype or confupdtype: what deleting a row, or changing its key,
// does to the rows that refer to it.
type Action string

// The actions that change rows.
const (
	Cascade    Action = "c"
	SetNull    Action = "n"
	SetDefault Action = "d"
)

// ForeignKey leads from columns of a relation to columns of another.
type ForeignKey struct {
	Columns    []string
	Target     uint32
	TargetCols []string
	OnDelete   Action
	OnUpdate   Action
	// Period says that the last columns are ranges of time, of which the targets' together cover
	// the row's (PostgreSQL 18, CREATE TABLE, PERIOD).
	Period bool
}

// JoinSQL is the condition that joins a referring row with its target.
func (fk ForeignKey) JoinSQL(child, target string) string {
	return JoinSQL(Join{Columns: fk.Columns, TargetCols: fk.TargetCols, Period: fk.Period}, child, target)
}

// Join says which columns of a row lead to which of another.
type Join struct {
	Columns, TargetCols []string
	// Cast says that the columns' types differ, so they are compared as text.
	Cast bool
	// Period says that the last columns are ranges that overlap.
	Period bool
}

// JoinSQL is the condition that joins two rows, by their aliases.
func JoinSQL(j Join, child, target string) string {
	conditions := make([]string, len(j.Columns))
	for i, c := range j.Columns {
		left, operator, right := query.Column(child, c), " = ", query.Column(target, j.TargetCols[i])
		switch {
		case j.Cast:
			left, right = left+"::text", right+"::text"
		case j.Period && i == len(j.Columns)-1:
			operator = " && "
		}
		conditions[i] = left + operator + right
	}
	return strings.Join(conditions, " AND ")
}

// Command is pg_policy.polcmd: the statements that a policy is for.
type Command string

// The commands of policies.
const (
	ForAll    Command = "*"
	ForSelect Command = "r"
	ForInsert Command = "a"
	ForUpdate Command = "w"
	ForDelete Command = "d"
)

// Policy is a row of pg_policy.
type Policy struct {
	Name       string
	Permissive bool
	Command    Command
	Applies    bool // to the role, by name or through membership
	Using      string
	Check      string
}
