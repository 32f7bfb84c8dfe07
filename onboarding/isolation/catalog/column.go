package catalog

import "github.com/atlilith/onboardbot/onboarding/isolation/query"

// Category is pg_type.typcategory.
type Category string

// The categories that checks tell apart (PostgreSQL manual, pg_type).
const (
	Boolean  Category = "B"
	DateTime Category = "D"
	Enum     Category = "E"
	Network  Category = "I"
	Numeric  Category = "N"
	String   Category = "S"
	Timespan Category = "T"
	User     Category = "U"
)

// Column is one column of a relation, with what the role may do with it.
type Column struct {
	Name      string
	Type      string // as format_type spells it, of a domain the type below
	Domain    string // or empty
	Category  Category
	Label     string // first label of an enum
	NotNull   bool
	Generated bool // GENERATED ALWAYS, as a value or as an identity
	Select    bool
	Insert    bool
	Update    bool
}

// IsWord reports whether the column holds text or a label of an enum.
func (c *Column) IsWord() bool { return c.Category == String || c.Category == Enum }

// Literal is a value of the column as a statement spells it; nil is NULL.
func (c *Column) Literal(value *string) string {
	if value == nil {
		return "NULL"
	}
	return query.Literal(*value) + "::" + c.Type
}

// Assign is the assignment of a value to the column in an UPDATE.
func (c *Column) Assign(value *string) string { return query.Name(c.Name) + " = " + c.Literal(value) }
