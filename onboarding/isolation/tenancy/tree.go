package tenancy

import (
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Near are conditions that a tenant, by an expression for its id, is below, above or beside
// another of its kind, where the row of one names the other, such as a subsidiary its holding.
func (t Tenants) Near(id, other string) []string {
	var found []string
	for _, up := range t.Above("k") {
		self, of := query.Column("k", t.ID), query.Literal(other)+"::"+t.Type
		for _, tree := range [][2]string{{self, up + " = " + of}, {up, self + " = " + of}, {self, fmt.Sprintf(
			"%s = (SELECT %[1]s FROM %s k WHERE %s = %s)", up, t.Table.SQL(), self, of)}} {
			found = append(found, fmt.Sprintf("%s IN (SELECT %s FROM %s k WHERE %s)", id, tree[0], t.Table.SQL(),
				tree[1]))
		}
	}
	return found
}

// Above are the columns, on an alias, in which a tenant's row names another of its kind.
func (t Tenants) Above(alias string) []string {
	var found []string
	for _, fk := range t.Table.ForeignKeys {
		if fk.Target == t.Table.OID && slices.Equal(fk.TargetCols, []string{t.ID}) {
			found = append(found, query.Column(alias, fk.Columns[0]))
		}
	}
	return found
}
