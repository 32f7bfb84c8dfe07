package isolation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// class is what a relation's rows are, as far as isolation goes.
type class string

const (
	classPlatform     class = "platform"     // nobody's
	classTenant       class = "tenant"       // whose a row is stands in its columns, or in its parent's
	classUsers        class = "users"        // each row is a Person
	classOrgs         class = "orgs"         // each row is an Org
	classMembers      class = "members"      // who is in which Org; each row is the Org's
	classUnclassified class = "unclassified" // seems to belong to someone, and nothing says to whom
)

// ownership says whose the rows of one relation are.
type ownership struct {
	Class   class
	User    []string // columns that hold a Person
	Org     []string // columns that hold an Org
	Either  []string // columns that hold the one or the other
	Parents []parentLink
	Why     string // what led to this, for the coverage
}

func (o *ownership) direct() bool { return len(o.User)+len(o.Org)+len(o.Either) > 0 }

// owned reports whether the rows have owners that tenants must respect.
func (o *ownership) owned() bool { return o.Class != classPlatform && o.Class != classUnclassified }

// tenantColumns are the columns of the relation that decide whose a row is.
func (o *ownership) tenantColumns() []string {
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
	Table      *relation
	TargetCols []string
	Cast       bool // the columns' types differ, and are compared as text
	// Where a column says which table a row goes with: its name, and its value for this one.
	Kind, KindValue string
}

func (p parentLink) join(child, parent string) string {
	conditions := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		left, right := field(child, c), field(parent, p.TargetCols[i])
		if p.Cast {
			left, right = left+"::text", right+"::text"
		}
		conditions[i] = left + " = " + right
	}
	if p.Kind != "" {
		conditions = append(conditions, fmt.Sprintf("%s::text = %s", field(child, p.Kind), literal(p.KindValue)))
	}
	return strings.Join(conditions, " AND ")
}

// maxDepth bounds chains of parents; a longer chain, or a ring, counts as leading nowhere.
const maxDepth = 6

// who are SQL expressions for an identity: its Person, the Orgs that it belongs to, and the Persons it shares an Org with.
type who struct{ User, Orgs, Mates string }

// side says from where a condition is asked. The truth sees every row; an attacker sees the parents that policies show it, so
// that a parent out of sight counts as somebody else's until the truth has been asked.
type side bool

const (
	truth    side = true
	attacker side = false
)

// model is what discovery found: the tenants, their memberships and whose every relation's rows are.
type model struct {
	cat                *catalogue
	users, orgs        *relation // orgs is nil on a platform without any
	userID, orgID      string
	userType, orgType  string
	userOID            uint32 // of the type
	userArray          uint32
	orgArray           uint32
	members            *relation // nil if nobody can join an Org
	memberUser         string
	memberOrg          string
	present            string // condition on the membership table, alias m
	ownerColumn        string // of orgs; empty if Orgs have no owner
	homeColumn         string // of users, where it is a column of theirs that says in which Org they are
	rosterColumn       string // of orgs, where it is an array of theirs that says who is in it
	own                map[uint32]*ownership
	notes              []string
	directory          map[uint32]bool // users or orgs whose readable columns are public by nature
	unprotectedTenants bool            // neither users nor orgs has row-level security
}

func field(alias, name string) string { return alias + "." + pgx.Identifier{name}.Sanitize() }

func literal(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

func (m *model) userLiteral(id string) string { return "(" + literal(id) + "::" + m.userType + ")" }

// identity renders an identity as literals.
func (m *model) identity(user *string, orgs, mates []string) who {
	w := who{User: "NULL::" + m.userType, Orgs: "NULL::text[]", Mates: "'{}'::" + m.userType + "[]"}
	if user != nil {
		w.User = m.userLiteral(*user)
	}
	if m.orgs != nil {
		w.Orgs = array(orgs) + "::" + m.orgType + "[]"
	}
	if len(mates) > 0 {
		w.Mates = array(mates) + "::" + m.userType + "[]"
	}
	return w
}

func array(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	}
	return literal("{" + strings.Join(quoted, ",") + "}")
}

func (m *model) isUser(r *relation, alias, name string, w who) string {
	if c := r.column(name); c != nil && c.Type != m.userType {
		return fmt.Sprintf("coalesce(%s::text = %s::text, false)", field(alias, name), w.User)
	}
	return fmt.Sprintf("coalesce(%s = %s, false)", field(alias, name), w.User)
}

func (m *model) isOrg(r *relation, alias, name string, w who) string {
	if m.orgs == nil {
		return "false"
	}
	if c := r.column(name); c != nil && c.Type != m.orgType {
		return fmt.Sprintf("coalesce(%s::text = ANY(%s::text[]), false)", field(alias, name), w.Orgs)
	}
	return fmt.Sprintf("coalesce(%s = ANY(%s), false)", field(alias, name), w.Orgs)
}

func anyOf(conditions []string) string {
	if len(conditions) == 0 {
		return "false"
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

func (m *model) of(r *relation) *ownership {
	if o := m.own[r.OID]; o != nil {
		return o
	}
	return &ownership{Class: classPlatform}
}

// foreign is a condition on a row of r that holds when the row is another tenant's.
func (m *model) foreign(r *relation, alias string, w who, from side) string {
	return m.foreignAt(r, alias, w, from, 0)
}

func (m *model) foreignAt(r *relation, alias string, w who, from side, depth int) string {
	o := m.of(r)
	if depth > maxDepth {
		return "false"
	}
	switch o.Class {
	case classUsers:
		return fmt.Sprintf("(NOT %s AND NOT coalesce(%s = ANY(%s), false))", m.isUser(r, alias, m.userID, w), field(alias, m.userID), w.Mates)
	case classOrgs:
		return "NOT " + m.isOrg(r, alias, m.orgID, w)
	case classMembers:
		// Whoever a membership names may know of it.
		return fmt.Sprintf("(%s IS NOT NULL AND NOT %s AND NOT %s)", field(alias, m.memberOrg), m.isOrg(r, alias, m.memberOrg, w), m.isUser(r, alias, m.memberUser, w))
	case classTenant:
	default:
		return "false"
	}
	var set, mine []string
	for _, c := range o.User {
		set, mine = append(set, field(alias, c)+" IS NOT NULL"), append(mine, m.isUser(r, alias, c, w))
	}
	for _, c := range o.Either {
		set, mine = append(set, field(alias, c)+" IS NOT NULL"), append(mine, m.isUser(r, alias, c, w), m.isOrg(r, alias, c, w))
	}
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		// The parent's columns are the child's to name in a join, and FK types match.
		exists := func(condition string) string {
			return fmt.Sprintf("EXISTS (SELECT FROM %s %s WHERE %s AND %s)", p.Table.SQL(), up, p.join(alias, up), condition)
		}
		foreign := m.foreignAt(p.Table, up, w, from, depth+1)
		mine = append(mine, exists("NOT "+foreign))
		if from == truth {
			set = append(set, exists(foreign))
		} else {
			set = append(set, field(alias, p.Columns[0])+" IS NOT NULL")
		}
	}
	rest := "false"
	if len(set) > 0 {
		rest = fmt.Sprintf("(%s AND NOT %s)", anyOf(set), anyOf(mine))
	}
	if len(o.Org) == 0 {
		return rest
	}
	var orgSet, orgMine []string
	for _, c := range o.Org {
		orgSet, orgMine = append(orgSet, field(alias, c)+" IS NOT NULL"), append(orgMine, m.isOrg(r, alias, c, w))
	}
	return fmt.Sprintf("CASE WHEN %s THEN NOT %s ELSE %s END", anyOf(orgSet), anyOf(orgMine), rest)
}

// owner is an expression for whose a row is: "Person ID", "Org ID" or NULL for nobody's.
func (m *model) owner(r *relation, alias string) string { return m.ownerAt(r, alias, 0) }

func (m *model) ownerAt(r *relation, alias string, depth int) string {
	o := m.of(r)
	label := func(kind, name string) string { return fmt.Sprintf("'%s ' || %s::text", kind, field(alias, name)) }
	switch {
	case depth > maxDepth:
		return "NULL"
	case o.Class == classUsers:
		return label("Person", m.userID)
	case o.Class == classOrgs:
		return label("Org", m.orgID)
	case o.Class == classMembers:
		return label("Org", m.memberOrg)
	case o.Class != classTenant:
		return "NULL"
	}
	parts := []string{"NULL"}
	for _, c := range o.Org {
		parts = append(parts, label("Org", c))
	}
	// A child row goes with its parent; the Person it also names is its author.
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s %s WHERE %s LIMIT 1)", m.ownerAt(p.Table, up, depth+1), p.Table.SQL(), up, p.join(alias, up)))
	}
	for _, c := range o.User {
		parts = append(parts, label("Person", c))
	}
	for _, c := range o.Either {
		if m.orgs == nil {
			parts = append(parts, label("Person", c))
			continue
		}
		parts = append(parts, fmt.Sprintf("(SELECT 'Org ' || x.%s::text FROM %s x WHERE x.%s::text = %s::text)",
			pgx.Identifier{m.orgID}.Sanitize(), m.orgs.SQL(), pgx.Identifier{m.orgID}.Sanitize(), field(alias, c)), label("Person", c))
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")"
}

// membersSQL lists (org, person) pairs, present or former, with whether they are present.
func (m *model) membersSQL() string {
	var parts []string
	if m.members != nil {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, %s AS person, coalesce(%s, false) AS present FROM %s m WHERE %s IS NOT NULL AND %s IS NOT NULL",
			field("m", m.memberOrg), field("m", m.memberUser), m.present, m.members.SQL(), field("m", m.memberOrg), field("m", m.memberUser)))
	}
	if m.ownerColumn != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, %s AS person, true AS present FROM %s o WHERE %s IS NOT NULL",
			field("o", m.orgID), field("o", m.ownerColumn), m.orgs.SQL(), field("o", m.ownerColumn)))
	}
	if m.homeColumn != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, %s AS person, true AS present FROM %s u WHERE %s IS NOT NULL",
			field("u", m.homeColumn), field("u", m.userID), m.users.SQL(), field("u", m.homeColumn)))
	}
	if m.rosterColumn != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, r.person AS person, true AS present FROM %s o, unnest(%s) r(person) WHERE r.person IS NOT NULL",
			field("o", m.orgID), m.orgs.SQL(), field("o", m.rosterColumn)))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("SELECT NULL::%s AS org, NULL::%s AS person, false AS present WHERE false", m.orgType, m.userType)
	}
	return strings.Join(parts, " UNION ALL ")
}
