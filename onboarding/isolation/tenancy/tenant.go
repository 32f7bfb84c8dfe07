package tenancy

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// tenantID finds a tenant by its slug; the columns are named slug or handle.
func (m *Model) TenantID(ctx context.Context, q query.Querier, slug string) (string, error) {
	var parts []string
	for _, t := range []struct {
		r  *catalog.Relation
		id string
	}{{m.Users, m.UserID}, {m.Orgs, m.OrgID}} {
		if t.r == nil {
			continue
		}
		for _, c := range t.r.Columns {
			if n := catalog.Normal(c.Name); n == "slug" || n == "handle" || n == "username" {
				parts = append(parts, fmt.Sprintf("SELECT %s::text FROM %s t WHERE %s::text = $1", query.Column("t", t.id), t.r.SQL(), query.Column("t", c.Name)))
				break
			}
		}
	}
	if len(parts) == 0 {
		return "", fmt.Errorf("neither users nor orgs has a column slug to find tenant %q by", slug)
	}
	var id string
	if err := query.One(ctx, q, strings.Join(parts, " UNION ALL "), []any{slug}, &id); err != nil {
		return "", fmt.Errorf("tenant %q: %w", slug, err)
	}
	return id, nil
}

// victim is a tenant whose rows the sample of attackers goes for; one of the two is set.
type Tenant struct{ Person, Org string }

func (v Tenant) String() string {
	if v.Org != "" {
		return "Org " + v.Org
	}
	return "Person " + v.Person
}

func TenantOf(owner string) Tenant {
	kind, id, _ := strings.Cut(owner, " ")
	if kind == "Org" {
		return Tenant{Org: id}
	}
	return Tenant{Person: id}
}
