package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// class is what a relation's rows are, as far as isolation goes.
type class string

const (
	classPlatform     class = "platform"     // nobody's
	ClassTenant       class = "tenant"       // whose a row is stands in its columns, or in its parent's
	ClassUsers        class = "users"        // each row is a Person
	ClassOrgs         class = "orgs"         // each row is an Org
	ClassMembers      class = "members"      // who is in which Org; each row is the Org's
	ClassUnclassified class = "unclassified" // seems to belong to someone, and nothing says to whom
)

// ownership says whose the rows of one relation are.
type Ownership struct {
	Class   class
	User    []string // columns that hold a Person
	Org     []string // columns that hold an Org
	Either  []string // columns that hold the one or the other
	Parents []parentLink
	Why     string // what led to this, for the coverage
}

func (o *Ownership) Direct() bool { return len(o.User)+len(o.Org)+len(o.Either) > 0 }

// owned reports whether the rows have owners that tenants must respect.
func (o *Ownership) Owned() bool { return o.Class != classPlatform && o.Class != ClassUnclassified }

// tenantColumns are the columns of the relation that decide whose a row is.
func (o *Ownership) TenantColumns() []string {
	all := slices.Concat(o.Org, o.User, o.Either)
	for _, p := range o.Parents {
		all = append(all, p.Columns...)
		if p.Kind != "" {
			all = append(all, p.Kind)
		}
	}
	var distinct []string
	for _, c := range all {
		if !slices.Contains(distinct, c) {
			distinct = append(distinct, c)
		}
	}
	return distinct
}

// parentLink leads from columns of a row to the row that it goes with.
type parentLink struct {
	Columns    []string
	Table      *catalog.Relation
	TargetCols []string
	Cast       bool // the columns' types differ, and are compared as text
	// Where a column says which table a row goes with: its name, and its value for this one.
	Kind, KindValue string
}

func (p parentLink) Join(child, parent string) string {
	conditions := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		left, right := query.Column(child, c), query.Column(parent, p.TargetCols[i])
		if p.Cast {
			left, right = left+"::text", right+"::text"
		}
		conditions[i] = left + " = " + right
	}
	if p.Kind != "" {
		conditions = append(conditions, fmt.Sprintf("%s::text = %s", query.Column(child, p.Kind), query.Literal(p.KindValue)))
	}
	return strings.Join(conditions, " AND ")
}

// maxDepth bounds chains of parents; a longer chain, or a ring, counts as leading nowhere.
const maxDepth = 6
