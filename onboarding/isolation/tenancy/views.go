package tenancy

import (
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// followTables corrects the owners of views. A view has no foreign keys, so its columns were
// classified by their names alone. Where it shows the columns by which Orgs own the rows of its
// tables, these decide, and not a column of authors.
func (d *discovery) followTables() {
	for _, r := range d.m.Catalog.Relations {
		o := d.m.own[r.OID]
		if !r.IsView() || o == nil || o.Configured || o.Class != ClassTenant && o.Class != ClassUnclassified {
			continue
		}
		if like := d.likeTables(r, o); like != nil {
			d.m.own[r.OID] = like
		}
	}
}

// likeTables returns the owners of a view's rows by the columns that say so in its tables. It
// returns nil where the tables do not agree, or where the view does not show the columns of Orgs.
func (d *discovery) likeTables(view *catalog.Relation, o *Ownership) *Ownership {
	like := &Ownership{Class: ClassTenant}
	for _, t := range d.m.Catalog.TablesOf(view) {
		own := d.m.own[t.OID]
		if own == nil || own.Class != ClassTenant || !own.Direct() {
			continue
		}
		hidden := func(name string) bool {
			c := view.Column(name)
			return c == nil || c.Type != t.Column(name).Type
		}
		orgs := slices.DeleteFunc(slices.Clone(own.Orgs), hidden)
		persons := slices.DeleteFunc(slices.Clone(own.Persons), hidden)
		both := own.Both && len(persons) > 0
		switch {
		case len(orgs)+len(persons) == 0:
			continue
		case len(orgs) == 0 || len(orgs) < len(own.Orgs) || own.Both && !both,
			len(like.Orgs) > 0 && (!slices.Equal(like.Orgs, orgs) || like.Both != both):
			return nil
		}
		like.Orgs, like.Both = orgs, both
		like.Persons = append(like.Persons, slices.DeleteFunc(persons, func(c string) bool {
			return slices.Contains(like.Persons, c)
		})...)
		like.explain("as in %s", t)
	}
	if len(like.Orgs) == 0 || slices.Equal(like.Orgs, o.Orgs) && !like.Both {
		return nil
	}
	return like
}

// showsOneSide reports whether a view of rows that are a Person's and an Org's alike was classified
// by the column of only one of them. Such a view is classified again, by the keys of the rows.
func (d *discovery) showsOneSide(r *catalog.Relation) bool {
	o := d.m.own[r.OID]
	if !r.IsView() || o == nil || o.Class != ClassTenant || o.Configured || o.Both || !o.Direct() {
		return false
	}
	return slices.ContainsFunc(d.m.Catalog.TablesOf(r), func(t *catalog.Relation) bool {
		return CoOwner(d.m, t, "t") != ""
	})
}
