package tenancy

import (
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// followTables corrects the owners of views. A view has no foreign keys, so its columns were
// classified by their names alone. Where it shows the columns by which Orgs own the rows of its
// tables, these decide, and not a column of authors. Where nothing is known of it and only Persons
// own rows of its tables, their columns decide.
func (d *discovery) followTables() {
	for _, r := range d.m.Catalog.Relations {
		o := d.m.own[r.OID]
		if !r.IsView() || o != nil && (o.Configured || o.Class != ClassTenant && o.Class != ClassUnclassified) {
			continue
		}
		like := d.likeTables(r, o)
		if like == nil && o == nil {
			like = d.likePersons(r)
		}
		if like != nil {
			d.m.own[r.OID] = like
		}
	}
}

// likeTables returns the owners of a view's rows by the columns of Orgs that say so in its tables.
// It returns nil where the tables do not agree, where the view does not show these columns, or
// where the names of its columns say no less. o is what these say, or nil.
func (d *discovery) likeTables(view *catalog.Relation, o *Ownership) *Ownership {
	like := &Ownership{Class: ClassTenant}
	for _, t := range d.m.Catalog.TablesOf(view) {
		own := d.m.own[t.OID]
		if own == nil || own.Class != ClassTenant || !own.Direct() {
			continue
		}
		orgs, persons := shown(view, t, own.Orgs), shown(view, t, own.Persons)
		both := own.Both && len(persons) > 0
		switch {
		case len(orgs)+len(persons) == 0:
			continue
		case len(orgs) == 0 || len(orgs) < len(own.Orgs) || own.Both && !both,
			len(like.Orgs) > 0 && (!slices.Equal(like.Orgs, orgs) || like.Both != both):
			return nil
		}
		like.Orgs, like.Both = orgs, both
		like.addPersons(persons, t)
	}
	if len(like.Orgs) == 0 || o != nil && slices.Equal(like.Orgs, o.Orgs) && !like.Both {
		return nil
	}
	return like
}

// likePersons returns the owners of a view's rows by the columns of Persons in its tables. It
// returns nil where an Org or a parent owns rows of one.
func (d *discovery) likePersons(view *catalog.Relation) *Ownership {
	like := &Ownership{Class: ClassTenant}
	for _, t := range d.m.Catalog.TablesOf(view) {
		own := d.m.own[t.OID]
		switch {
		case own == nil || own.Class != ClassTenant:
			continue
		case !own.Direct() && len(own.Parents) > 0:
			return nil
		}
		persons := shown(view, t, own.Persons)
		if len(own.Orgs) > 0 && len(persons)+len(shown(view, t, own.Orgs)) > 0 {
			return nil
		}
		if len(persons) > 0 {
			like.addPersons(persons, t)
		}
	}
	if len(like.Persons) == 0 {
		return nil
	}
	return like
}

// addPersons adds the columns that name the owners of a table's rows to those of a view.
func (o *Ownership) addPersons(columns []string, t *catalog.Relation) {
	for _, column := range columns {
		if !slices.Contains(o.Persons, column) {
			o.Persons = append(o.Persons, column)
		}
	}
	o.explain("as in %s", t)
}

// misnamed returns which parents do not say whose the rows of a view are, where its columns were
// misleading: of rows that are a Person's and an Org's alike it shows the column of only one of
// them, or it shows the authors of rows that others own. Such a view is classified again, by the
// keys of the rows. It returns nil for other relations.
func (d *discovery) misnamed(r *catalog.Relation) (drop func(ParentLink) bool) {
	o := d.m.own[r.OID]
	if !r.IsView() || o == nil || o.Class != ClassTenant || o.Configured || o.Both || !o.Direct() {
		return nil
	}
	for _, t := range d.m.Catalog.TablesOf(r) {
		if CoOwner(d.m, t, "t") != "" {
			return func(p ParentLink) bool { return CoOwner(d.m, p.Table, "p") == "" }
		}
	}
	if len(o.Orgs) == 0 && slices.ContainsFunc(d.m.Catalog.TablesOf(r), func(t *catalog.Relation) bool {
		own := d.m.own[t.OID]
		return own != nil && own.Class == ClassTenant && slices.ContainsFunc(o.Persons, func(name string) bool {
			owns := len(own.Orgs)+len(own.Parents) == 0 && slices.Contains(own.Persons, name)
			return shows(r, t, name) && !owns
		})
	}) {
		return func(p ParentLink) bool { return p.Table == d.m.Users.Table }
	}
	return nil
}

// shown are the columns of a table that a view shows.
func shown(view, t *catalog.Relation, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !shows(view, t, name) })
}

// shows reports whether a column of a view is that of the same name of a table, as far as its type
// says.
func shows(view, t *catalog.Relation, name string) bool {
	c, of := view.Column(name), t.Column(name)
	return c != nil && of != nil && c.Type == of.Type
}
