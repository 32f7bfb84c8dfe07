package isolation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNoTenants means that no table of Persons was found, so that nothing can be said about whose a row is.
var ErrNoTenants = errors.New("no table of users found: name it in users.table")

var (
	userTables = []string{"users", "user", "people", "persons", "person", "accounts", "profiles", "app_users"}
	orgTables  = []string{"orgs", "org", "organizations", "organisations", "organization", "organisation", "workspaces", "teams", "companies", "agencies"}

	userNames = []string{"userid", "personid", "useruuid", "personuuid", "userref", "user", "person", "ownerid", "owneruserid", "ownerpersonid", "profileid", "accountid", "uid",
		"createdby", "createdbyid", "authorid", "author", "creatorid", "owner"}
	orgNames    = []string{"orgid", "organizationid", "organisationid", "orguuid", "workspaceid", "teamid", "companyid", "agencyid", "org", "organization", "ownerorgid"}
	eitherNames = []string{"tenantid", "tenant", "tenantuuid", "ownerid", "subjectid", "principalid"}

	// looksOwned matches normalised column names that promise a tenant.
	looksOwned = regexp.MustCompile(`^(user|person|org|organi[sz]ation|tenant|account|owner|customer|member|workspace|team|profile|principal|subject)(id|uuid|slug|ref|key)?$`)
)

// vagueNames are those among them that, as the name of a text, promise too little: no value led to a tenant.
var vagueNames = regexp.MustCompile(`^(account|owner|customer|member|team|profile|principal|subject)$`)

// madeBy matches normalised names of columns that say who made or changed a row.
var madeBy = regexp.MustCompile(`^(created|updated|modified|changed|deleted|approved|reviewed|inserted|added|edited|published|verified)by(id|userid|user)?$`)

// normal folds the spellings user_id, userId and "User ID" into one.
func normal(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// discover finds the tenants and whose every relation's rows are.
func discover(ctx context.Context, q querier, cat *catalogue, cfg Config) (*model, error) {
	m := &model{cat: cat, own: map[uint32]*ownership{}, directory: map[uint32]bool{}}
	if err := m.findTenants(ctx, q, cfg); err != nil {
		return nil, err
	}
	m.own[m.users.OID] = &ownership{Class: classUsers, Why: "the Persons themselves"}
	if m.orgs != nil {
		m.own[m.orgs.OID] = &ownership{Class: classOrgs, Why: "the Orgs themselves"}
	}
	for _, r := range cat.Relations {
		if m.own[r.OID] == nil {
			if o := m.fromColumns(r, cfg); o != nil {
				m.own[r.OID] = o
			}
		}
	}
	m.findMembers(cfg)
	m.followParents(cfg)
	if err := m.followData(ctx, q); err != nil {
		return nil, err
	}
	m.followParents(cfg)
	m.inherit()
	m.markUnclassified(cfg)
	return m, nil
}

func (m *model) findTenants(ctx context.Context, q querier, cfg Config) error {
	var err error
	if m.users, err = m.tenants(cfg.Users.Table, "users.table", userTables); err != nil {
		return err
	}
	if m.users == nil {
		return ErrNoTenants
	}
	if m.orgs, err = m.tenants(cfg.Orgs.Table, "orgs.table", orgTables); err != nil {
		return err
	}
	if m.userID, err = identityColumn(m.users, cfg.Users.ID, "users.id"); err != nil {
		return err
	}
	m.userType = m.users.column(m.userID).Type
	m.orgType = "text"
	if m.orgs != nil {
		if m.orgID, err = identityColumn(m.orgs, cfg.Orgs.ID, "orgs.id"); err != nil {
			return err
		}
		m.orgType = m.orgs.column(m.orgID).Type
		for _, fk := range m.orgs.ForeignKeys {
			// Who made an Org owns it where policies, or what they ask, say so.
			author := len(fk.Columns) == 1 && madeBy.MatchString(normal(fk.Columns[0])) && !m.cat.asksFor(fk.Columns[0])
			if fk.Target == m.users.OID && len(fk.Columns) == 1 && !author && (m.ownerColumn == "" || strings.Contains(normal(fk.Columns[0]), "owner")) {
				m.ownerColumn = fk.Columns[0]
			}
		}
		for _, c := range m.orgs.Columns {
			if m.ownerColumn == "" && c.Type == m.userType && slices.Contains([]string{"ownerid", "owner", "owneruserid"}, normal(c.Name)) {
				m.ownerColumn = c.Name
			}
		}
	}
	return one(ctx, q, "SELECT to_regtype($1)::oid, coalesce(to_regtype($1 || '[]')::oid, 0), coalesce(to_regtype($2 || '[]')::oid, 0)",
		[]any{m.userType, m.orgType}, &m.userOID, &m.userArray, &m.orgArray)
}

func (m *model) tenants(named, key string, names []string) (*relation, error) {
	if named != "" {
		r := m.cat.named(named)
		if r == nil {
			return nil, fmt.Errorf("%s: no table %s", key, named)
		}
		return r, nil
	}
	for _, name := range names {
		if r := m.cat.named("public." + name); r != nil && len(r.Key) == 1 {
			return r, nil
		}
		for _, r := range m.cat.Relations {
			if strings.EqualFold(r.Name, name) && len(r.Key) == 1 && !r.isView() {
				return r, nil
			}
		}
	}
	return nil, nil
}

func identityColumn(r *relation, named, key string) (string, error) {
	if named != "" {
		if r.column(named) == nil {
			return "", fmt.Errorf("%s: %s has no column %s", key, r, named)
		}
		return named, nil
	}
	if len(r.Key) != 1 {
		return "", fmt.Errorf("%s: %s has no primary key of one column: name the column", key, r)
	}
	return r.Key[0], nil
}

// fromColumns classifies a relation by what its own columns and foreign keys say.
func (m *model) fromColumns(r *relation, cfg Config) *ownership {
	if t, ok := cfg.Tables[r.String()]; ok {
		switch {
		case t.Platform:
			return &ownership{Class: classPlatform, Why: "configured"}
		case t.User != "" || t.Org != "":
			o := &ownership{Class: classTenant, Why: "configured"}
			if t.User != "" {
				o.User = []string{t.User}
			}
			if t.Org != "" {
				o.Org = []string{t.Org}
			}
			return o
		case t.Parent != "":
			if parent := m.cat.named(t.ParentTable); parent != nil && len(parent.Key) == 1 {
				return &ownership{Class: classTenant, Why: "configured", Parents: []parentLink{{Columns: []string{t.Parent}, Table: parent, TargetCols: parent.Key}}}
			}
		}
	}
	o := &ownership{Class: classTenant}
	o.User = m.leading(r, m.users, m.userID, m.userType, userNames)
	if m.orgs != nil {
		o.Org = m.leading(r, m.orgs, m.orgID, m.orgType, orgNames)
		if m.userType == m.orgType && len(o.Org) == 0 {
			o.Either = m.either(r)
			o.User = slices.DeleteFunc(o.User, func(c string) bool { return slices.Contains(o.Either, c) })
		}
	}
	if !o.direct() {
		return nil
	}
	if len(o.Org)+len(o.Either) == 0 && !r.RLS && !slices.ContainsFunc(o.User, func(c string) bool { return !madeBy.MatchString(normal(c)) }) {
		// Who entered a lookup does not own it, and who made a draft does.
		return &ownership{Class: classUnclassified, Why: fmt.Sprintf("%s says who made a row, which need not be whose it is", strings.Join(o.User, ", "))}
	}
	o.Why = strings.Join(o.tenantColumns(), ", ")
	return o
}

// leading returns the columns of r that hold tenants of one kind: the one with the canonical name, else all that a foreign key leads
// from, else the best name of the right type.
func (m *model) leading(r, tenants *relation, id, idType string, names []string) []string {
	keyed := map[string]bool{} // has a foreign key, and to these tenants
	for _, fk := range r.ForeignKeys {
		if i := slices.Index(fk.TargetCols, id); fk.Target == tenants.OID && i >= 0 {
			keyed[fk.Columns[i]] = true
		} else {
			for _, c := range fk.Columns {
				if _, seen := keyed[c]; !seen {
					keyed[c] = false
				}
			}
		}
	}
	for _, name := range names[:2] {
		for _, c := range r.Columns {
			if leads, hasKey := keyed[c.Name]; normal(c.Name) == name && (c.Type == idType || c.spells()) && (leads || !hasKey) {
				return []string{c.Name}
			}
		}
	}
	var byKey []string
	for _, c := range r.Columns {
		if keyed[c.Name] {
			byKey = append(byKey, c.Name)
		}
	}
	if len(byKey) > 0 {
		// Who owns a row says so; who made it is its author.
		for _, c := range byKey {
			if strings.Contains(normal(c), "owner") {
				return []string{c}
			}
		}
		return byKey
	}
	for _, name := range names {
		for _, c := range r.Columns {
			if _, hasKey := keyed[c.Name]; normal(c.Name) == name && c.Type == idType && !hasKey && !slices.Contains(r.Key, c.Name) {
				return []string{c.Name}
			}
		}
	}
	return nil
}

// spells reports whether a column can hold ids in another type than the tenants' own, such as text for uuid or integer for bigint.
func (c *column) spells() bool {
	return c.Category == "S" || c.Category == "N" || c.Category == "U" && c.Type == "uuid"
}

// either returns columns that may hold a Person or an Org, beside a column that says which.
func (m *model) either(r *relation) []string {
	for _, c := range r.Columns {
		if !slices.Contains(eitherNames, normal(c.Name)) || c.Type != m.userType {
			continue
		}
		if slices.ContainsFunc(r.ForeignKeys, func(fk foreignKey) bool { return slices.Contains(fk.Columns, c.Name) }) {
			continue
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(normal(c.Name), "id"), "uuid")
		discriminated := slices.ContainsFunc(r.Columns, func(d *column) bool {
			return slices.Contains([]string{stem + "type", stem + "kind"}, normal(d.Name))
		})
		if discriminated || strings.HasPrefix(normal(c.Name), "tenant") {
			return []string{c.Name}
		}
	}
	return nil
}

// followParents gives relations without tenant columns of their own the owners of the rows that they go with, and notes the parents
// of those that name only a Person.
func (m *model) followParents(cfg Config) {
	for changed := true; changed; {
		changed = false
		for _, r := range m.cat.Relations {
			o := m.own[r.OID]
			if o != nil && (o.Class != classTenant || o.Why == "configured" || len(o.Org) > 0 || len(o.Either) > 0) {
				continue
			}
			for _, fk := range r.ForeignKeys {
				parent := m.cat.byOID[fk.Target]
				po := m.own[parent.OID]
				if parent == r || po == nil || !po.owned() || (o != nil && (o.linked(fk.Columns) || po.Class != classTenant)) {
					continue
				}
				if po.Class == classUsers && slices.Contains(fk.TargetCols, m.userID) {
					continue
				}
				if o == nil {
					o = &ownership{Class: classTenant}
					m.own[r.OID] = o
				}
				o.Parents = append(o.Parents, parentLink{Columns: fk.Columns, Table: parent, TargetCols: fk.TargetCols})
				o.Why = strings.Trim(o.Why+", "+strings.Join(fk.Columns, "+")+" → "+parent.String(), ", ")
				changed = true
			}
		}
	}
}

func (o *ownership) linked(columns []string) bool {
	return slices.ContainsFunc(o.Parents, func(p parentLink) bool { return slices.Equal(p.Columns, columns) }) ||
		slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(o.User, c) })
}

// inherit gives partitions and children of a table its owners, where they found none by themselves.
func (m *model) inherit() {
	for range maxDepth {
		for _, r := range m.cat.Relations {
			parent := m.cat.byOID[r.Parent]
			if parent == nil || m.own[parent.OID] == nil {
				continue
			}
			if own := m.own[r.OID]; own == nil || own.Class == classPlatform || r.Partition {
				m.own[r.OID] = m.own[parent.OID]
			}
		}
	}
}

// markUnclassified finds what promises an owner and leads to none.
func (m *model) markUnclassified(cfg Config) {
	for _, r := range m.cat.Relations {
		if m.own[r.OID] != nil {
			continue
		}
		for _, c := range r.Columns {
			keyed := slices.ContainsFunc(r.ForeignKeys, func(fk foreignKey) bool { return slices.Contains(fk.Columns, c.Name) })
			vague := c.Category == "S" && vagueNames.MatchString(normal(c.Name))
			if looksOwned.MatchString(normal(c.Name)) && !vague && !keyed && !slices.Contains(r.Key, c.Name) && c.Category != "B" {
				m.own[r.OID] = &ownership{Class: classUnclassified, Why: fmt.Sprintf("column %s leads to no tenant", pgx.Identifier{c.Name}.Sanitize())}
			}
		}
	}
}
