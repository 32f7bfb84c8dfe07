package isolation

import (
	"slices"
	"strings"
)

var (
	endColumns = []string{"leftat", "lefton", "endedat", "endsat", "enddate", "removedat", "deletedat", "revokedat", "expiresat", "expiredat", "validuntil", "validto",
		"until", "archivedat", "terminatedat", "deactivatedat", "disabledat", "suspendedat", "bannedat", "cancelledat", "quitat"}
	presentFlags = []string{"active", "isactive", "enabled", "isenabled", "present", "ispresent", "current", "iscurrent", "accepted", "approved"}
	formerFlags  = []string{"removed", "isremoved", "deleted", "isdeleted", "hasleft", "isformer", "former", "revoked", "isrevoked", "disabled", "isdisabled", "suspended",
		"banned", "inactive", "archived", "isarchived", "pending", "ispending"}
	statusColumns  = []string{"status", "state", "membershipstatus", "memberstatus"}
	acceptColumns  = []string{"acceptedat", "confirmedat"}
	formerStatuses = "'former','left','removed','inactive','revoked','invited','pending','requested','suspended','banned','expired','deactivated','disabled','declined','rejected','ended','deleted','archived','cancelled','terminated','past','ex'"
	formerRoles    = "'former','removed','left','ex','ex-member','alumni','revoked','none','invited','pending','banned','suspended'"
)

// findMembers finds the table that says who is in which Org, and the condition for being in it still.
func (m *model) findMembers(cfg Config) {
	if m.orgs == nil {
		return
	}
	best, rank := (*relation)(nil), 0
	for _, r := range m.cat.Relations {
		o := m.own[r.OID]
		if o == nil || len(o.User) == 0 || len(o.Org) != 1 || r.isView() || r.Partition {
			continue
		}
		score := 0
		if strings.Contains(normal(r.Name), "member") || strings.Contains(normal(r.Name), "affiliat") {
			score = 2
		}
		if score > 0 && slices.ContainsFunc(r.Unique, func(key []string) bool {
			return len(key) == 2 && slices.Contains(key, o.User[0]) && slices.Contains(key, o.Org[0])
		}) {
			score++
		}
		if r.String() == cfg.Membership.Table {
			score = 9
		}
		if score > rank {
			best, rank = r, score
		}
	}
	if best == nil {
		best = m.loneMembership()
	}
	if best == nil {
		m.notes = append(m.notes, "no membership table found: only owners count as members of an Org")
		return
	}
	o := m.own[best.OID]
	m.members, m.memberUser, m.memberOrg = best, o.User[0], o.Org[0]
	m.own[best.OID] = &ownership{Class: classMembers, User: o.User[:1], Org: o.Org, Why: "who is in which Org"}
	if m.present = cfg.Membership.Present; m.present == "" {
		m.present = presence(best)
	}
}

// loneMembership is the only table that pairs each Person with each Org at most once, if there is one.
func (m *model) loneMembership() *relation {
	var found []*relation
	for _, r := range m.cat.Relations {
		o := m.own[r.OID]
		if o == nil || len(o.User) != 1 || len(o.Org) != 1 || r.isView() {
			continue
		}
		if len(r.Key) == 2 && slices.Contains(r.Key, o.User[0]) && slices.Contains(r.Key, o.Org[0]) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// presence derives the condition for a present member from columns that usually say so.
func presence(r *relation) string {
	conditions := []string{"true"}
	for _, c := range r.Columns {
		name, f := normal(c.Name), field("m", c.Name)
		switch {
		case c.Category == "D" && slices.Contains(endColumns, name):
			conditions = append(conditions, "("+f+" IS NULL OR "+f+" > now())")
		case c.Category == "D" && slices.Contains(acceptColumns, name):
			conditions = append(conditions, f+" IS NOT NULL")
		case c.Category == "B" && slices.Contains(presentFlags, name):
			conditions = append(conditions, f)
		case c.Category == "B" && slices.Contains(formerFlags, name):
			conditions = append(conditions, "NOT coalesce("+f+", false)")
		case (c.Category == "S" || c.Category == "E") && slices.Contains(statusColumns, name):
			conditions = append(conditions, "coalesce(lower("+f+"::text), '') NOT IN ("+formerStatuses+")")
		case (c.Category == "S" || c.Category == "E") && name == "role":
			conditions = append(conditions, "coalesce(lower("+f+"::text), '') NOT IN ("+formerRoles+")")
		case c.Type == "tstzrange":
			conditions = append(conditions, f+" @> now()")
		case c.Type == "daterange":
			conditions = append(conditions, f+" @> current_date")
		}
	}
	return strings.Join(conditions, " AND ")
}
