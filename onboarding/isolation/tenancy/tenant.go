package tenancy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// OwnerKind is the kind of tenant that owns a row. It is the first word of an owner as
// [Model.Owner] renders it.
type OwnerKind string

// The kinds of tenants.
const (
	Person OwnerKind = "Person"
	Org    OwnerKind = "Org"
)

// Tenant is a Person or an Org. The zero Tenant is an owner that the database could not name.
type Tenant struct {
	Kind OwnerKind
	ID   string
}

// String is an owner as [Model.Owner] renders it, such as "Person 7".
func (t Tenant) String() string { return string(t.Kind) + " " + t.ID }

// IsOrg reports whether the tenant is an Org.
func (t Tenant) IsOrg() bool { return t.Kind == Org }

// ParseOwner returns the tenant of an owner that the database rendered.
func ParseOwner(owner string) Tenant {
	kind, id, _ := strings.Cut(owner, " ")
	if k := OwnerKind(kind); k == Person || k == Org {
		return Tenant{Kind: k, ID: id}
	}
	return Tenant{}
}

// Identity is who somebody really is: a Person, the Orgs that they belong to, and the Persons
// that they share an Org with. Nobody has no Person.
type Identity struct {
	Person    *string
	Orgs      []string
	CoMembers []string
}

// Is reports whether a tenant is the identity's own Person, or an Org that it belongs to.
func (i Identity) Is(t Tenant) bool {
	if t.IsOrg() {
		return slices.Contains(i.Orgs, t.ID)
	}
	return t.ID != "" && i.Person != nil && *i.Person == t.ID
}

// Tenants are a table each of whose rows is a tenant.
type Tenants struct {
	Table    *catalog.Relation // nil on a platform without Orgs
	ID       string            // the column whose value the identity settings hold
	Type     string            // of that column
	OID      uint32            // of the type
	ArrayOID uint32            // of the type's array
}

var slugColumns = []string{"slug", "handle", "username"}

// TenantID finds a tenant by the value of a column that is named slug, handle or username. It
// returns an error that wraps pgx.ErrNoRows when there is none.
func (m *Model) TenantID(ctx context.Context, q query.Querier, slug string) (string, error) {
	var parts []string
	for _, t := range []Tenants{m.Users, m.Orgs} {
		if t.Table == nil {
			continue
		}
		for _, c := range t.Table.Columns {
			if slices.Contains(slugColumns, catalog.Normalize(c.Name)) {
				parts = append(parts, fmt.Sprintf("SELECT %s::text FROM %s t WHERE %s::text = $1",
					query.Column("t", t.ID), t.Table.SQL(), query.Column("t", c.Name)))
				break
			}
		}
	}
	if len(parts) == 0 {
		return "", fmt.Errorf("neither users nor orgs has a column slug to find tenant %q by", slug)
	}
	var id string
	if err := q.QueryRow(ctx, strings.Join(parts, " UNION ALL "), slug).Scan(&id); err != nil {
		return "", fmt.Errorf("tenant %q: %w", slug, err)
	}
	return id, nil
}
