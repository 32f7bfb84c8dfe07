package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// namedOf is how many rows of a table are looked at for whom they name.
const namedOf = 2000

// NamedBy is the condition that rows of a tenant's name a Person, by the id or by another unique
// text of theirs, such as the address that an invitation was sent to. Such a Person has to do with
// the tenant, though they may be no member.
func NamedBy(m *Model, v Tenant, id string) string {
	names := []string{"SELECT NULL::text WHERE false"}
	users := m.Users.Table
	for _, t := range m.Catalog.Relations {
		if !t.IsTable() || t.Partition || m.Of(t).Class != ClassTenant || CoOwner(m, t, "a") != "" {
			continue
		}
		rows := fmt.Sprintf("(SELECT * FROM %s LIMIT %d) a", t.SQL(), namedOf)
		for _, name := range m.Holding(t, Person) {
			names = append(names, fmt.Sprintf("SELECT %s::text FROM %s WHERE %s", query.Column("a", name), rows,
				m.OwnedBy(t, v)))
		}
		for _, c := range t.Columns {
			for _, u := range users.Columns {
				texts := c.Category == catalog.String && u.Category == catalog.String && u.Name != m.Users.ID
				if texts && users.IsKey(u.Name) && !t.InForeignKey(c.Name) &&
					strings.Contains(catalog.Normalize(c.Name), catalog.Normalize(u.Name)) {
					names = append(names, fmt.Sprintf("SELECT %s::text FROM %s JOIN %s u ON lower(%s::text) = "+
						"lower(%s::text) WHERE %s", query.Column("u", m.Users.ID), rows, users.SQL(),
						query.Column("u", u.Name), query.Column("a", c.Name), m.OwnedBy(t, v)))
				}
			}
		}
	}
	return fmt.Sprintf("%s::text IN (%s)", id, strings.Join(names, " UNION ALL "))
}

// Near are conditions that a tenant, by its id, is below, above or beside another of its kind,
// where the row of one names the other, such as a subsidiary its holding.
func Near(tenants Tenants, id, other string) []string {
	var found []string
	for _, up := range SelfReferences(tenants) {
		self, of := query.Column("k", tenants.ID), query.Literal(other)+"::"+tenants.Type
		for _, tree := range [][2]string{{self, up + " = " + of}, {up, self + " = " + of}, {self, fmt.Sprintf(
			"%s = (SELECT %[1]s FROM %s k WHERE %s = %s)", up, tenants.Table.SQL(), self, of)}} {
			found = append(found, fmt.Sprintf("%s IN (SELECT %s FROM %s k WHERE %s)", id, tree[0],
				tenants.Table.SQL(), tree[1]))
		}
	}
	return found
}

// SelfReferences are the columns, on the alias k, in which a tenant's row names another of its
// kind.
func SelfReferences(tenants Tenants) []string {
	var found []string
	for _, fk := range tenants.Table.ForeignKeys {
		if fk.Target == tenants.Table.OID && slices.Equal(fk.TargetCols, []string{tenants.ID}) {
			found = append(found, query.Column("k", fk.Columns[0]))
		}
	}
	return found
}
