package tenancy

import (
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// publicColumns are normalized names of columns of users and orgs that strangers may read: who
// exists, and by which name.
var publicColumns = []string{"id", "uuid", "userid", "orgid", "personid", "slug", "handle", "username", "displayname",
	"name", "avatar",
	"avatarurl", "logo", "logourl", "kind", "type", "verified", "createdat", "bio", "headline"}

// IsPublicColumn reports whether strangers may read a column of users or orgs, by its name.
func IsPublicColumn(name string) bool { return slices.Contains(publicColumns, catalog.Normalize(name)) }

// PrivateColumns returns the columns of a table of tenants that the app role can read and that
// are not public by nature.
func PrivateColumns(t *catalog.Relation) []string {
	var names []string
	for _, c := range t.Columns {
		if c.Select && !IsPublicColumn(c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// MarkDirectories marks users, orgs and views of them as public directories where every column
// that the app role can read is public by nature.
func (m *Model) MarkDirectories() {
	for _, t := range m.Catalog.Relations {
		o := m.Of(t)
		if !listsTenants(m, o) || !t.Readable() || len(t.ForeignKeys) > 0 && o.Class == ClassTenant {
			continue
		}
		private := PrivateColumns(t)
		if t == m.Orgs.Table {
			// Who owns an Org is public.
			private = slices.DeleteFunc(private, func(c string) bool { return c == m.Membership.OwnerColumn })
		}
		if len(private) > 0 {
			continue
		}
		m.directory[t.OID] = true
	}
	for oid := range m.directory {
		if o := m.own[oid]; o != nil && o.Class == ClassTenant {
			m.own[oid] = &Ownership{Class: ClassPlatform, Why: "a directory of public names"}
		}
	}
	m.UnprotectedTenants = !m.Users.Table.RLS && (!m.HasOrgs() || !m.Orgs.Table.RLS)
}

// listsTenants reports whether each row is a tenant, or a view of one.
func listsTenants(m *Model, o *Ownership) bool {
	if o.AreTenants() {
		return true
	}
	return o.Class == ClassTenant && !o.Direct() && !slices.ContainsFunc(o.Parents, func(p ParentLink) bool {
		return !m.Of(p.Table).AreTenants()
	})
}
