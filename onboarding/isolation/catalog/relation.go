package catalog

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// column is one column of a relation, with what the attacking role may do with it.
type Column struct {
	Name      string
	Type      string // as format_type spells it
	Category  string // pg_type.typcategory
	Element   string // first label of an enum
	NotNull   bool
	Default   bool
	Generated bool // GENERATED ALWAYS, as a value or as an identity
	Select    bool
	Insert    bool
	Update    bool
}

// foreignKey leads from columns of a relation to those of another.
type ForeignKey struct {
	Columns    []string
	Target     uint32
	TargetCols []string
	OnDelete   string // pg_constraint.confdeltype: a, r, c, n or d
}

// relation is a table, partition, view, materialised view or foreign table outside the system's schemas.
type Relation struct {
	OID         uint32
	Schema      string
	Name        string
	Kind        string // pg_class.relkind
	RLS, Forced bool
	Owner       string
	OwnerBypass bool // the owner is a superuser or has BYPASSRLS
	Partition   bool
	Parent      uint32 // in pg_inherits
	Options     []string
	Rows        float64
	Usage       bool // USAGE on the schema
	SelectAll   bool
	Delete      bool
	Truncate    bool
	Trigger     bool
	Definition  string // of a view
	Columns     []*Column
	Key         []string   // primary key
	Unique      [][]string // all unique indexes' columns
	ForeignKeys []ForeignKey
	Policies    []Policy
	Triggers    int
	Rules       int      // beside that of a view for SELECT
	Partitioned []string // the columns that its partition key names
	Elsewhere   bool     // reachable by a role that the role can become, and not by itself
}

func (r *Relation) String() string { return r.Schema + "." + r.Name }

// SQL is the relation's name as a statement spells it.
func (r *Relation) SQL() string { return pgx.Identifier{r.Schema, r.Name}.Sanitize() }

func (r *Relation) Column(name string) *Column {
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (r *Relation) Can(privilege func(*Column) bool) bool {
	return r.Usage && slices.ContainsFunc(r.Columns, privilege)
}

func CanSelect(c *Column) bool { return c.Select }

func CanInsert(c *Column) bool { return c.Insert }

func CanUpdate(c *Column) bool { return c.Update }

// readable reports whether the role may read any column.
func (r *Relation) Readable() bool { return r.Can(CanSelect) }

// reachable reports whether the role may do anything at all with the relation.
func (r *Relation) Reachable() bool {
	return r.Readable() || r.Can(CanInsert) || r.Can(CanUpdate) || r.Usage && (r.Delete || r.Truncate)
}

func (r *Relation) IsView() bool { return r.Kind == "v" || r.Kind == "m" }

// hasRowIDs reports whether rows can be told apart by tableoid and ctid.
func (r *Relation) HasRowIDs() bool { return r.Kind == "r" || r.Kind == "p" || r.Kind == "m" }

func (r *Relation) Option(name string) bool {
	for _, o := range r.Options {
		key, value, _ := strings.Cut(strings.ToLower(o), "=")
		if key == name {
			return value == "true" || value == "on" || value == "1" || value == "yes"
		}
	}
	return false
}

// policy is one row of pg_policy that applies to the attacking role.
type Policy struct {
	Name       string
	Permissive bool
	Command    string // *, r, a, w or d
	Applies    bool   // to the role, by name or through membership
	Using      string
	Check      string
}

func (c *Column) Literal(value *string) string {
	if value == nil {
		return "NULL"
	}
	return query.Literal(*value) + "::" + c.Type
}
