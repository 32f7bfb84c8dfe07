package tenancy

import (
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// publicNames are columns of users and orgs that strangers may know: who exists, and by which name.
var PublicNames = []string{"id", "uuid", "userid", "orgid", "personid", "slug", "handle", "username", "displayname", "name", "avatar", "avatarurl", "logo", "logourl", "kind", "type",
	"verified", "createdat", "bio", "headline"}

// markDirectories turns users, orgs and views of them into the platform's where all that the app role can read is public by nature.
func (m *Model) MarkDirectories() {
	for _, t := range m.Cat.Relations {
		o := m.Of(t)
		listing := o.Class == ClassUsers || o.Class == ClassOrgs || o.Class == ClassTenant && !o.Direct() && !slices.ContainsFunc(o.Parents, func(p parentLink) bool {
			return m.Of(p.Table).Class != ClassUsers && m.Of(p.Table).Class != ClassOrgs
		})
		if !listing || !t.Readable() || len(t.ForeignKeys) > 0 && o.Class == ClassTenant {
			continue
		}
		secrets := SecretColumns(t)
		if t == m.Orgs {
			// Whose an Org is stands on its page.
			secrets = slices.DeleteFunc(secrets, func(c string) bool { return c == m.OwnerColumn })
		}
		if len(secrets) == 0 {
			m.Directory[t.OID] = true
		}
	}
	for oid := range m.Directory {
		t := m.Cat.ByOID[oid]
		if o := m.Of(t); o.Class == ClassTenant {
			m.own[oid] = &Ownership{Class: classPlatform, Why: "a directory of public names"}
		}
	}
	m.UnprotectedTenants = !m.Users.RLS && (m.Orgs == nil || !m.Orgs.RLS)
}

// secretColumns are the columns that the app role can read and that are not public by nature.
func SecretColumns(t *catalog.Relation) []string {
	var names []string
	for _, c := range t.Columns {
		if c.Select && !slices.Contains(PublicNames, catalog.Normal(c.Name)) {
			names = append(names, c.Name)
		}
	}
	return names
}
