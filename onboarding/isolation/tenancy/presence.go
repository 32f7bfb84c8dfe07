package tenancy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Normalized names and values that say whether a membership is a present one.
var (
	// endColumn matches names of dates after which a membership is over, or at which it was;
	// startColumn those among them that are not.
	endColumn = regexp.MustCompile(`^(member|membership)?(left|leave|leaving|leaves|ended|ends|end|exit|exited|` +
		`departed|removed|deleted|revoked|expires|expired|expiry|valid|active|terminated|deactivated|disabled|` +
		`suspended|banned|blocked|kicked|cancelled|canceled|archived|quit|resigned|withdrawn|withdrew|closed|` +
		`former|gone|fired|dismissed|released|discharged|finished|stopped|dropped|lapsed|voided|invalidated|` +
		`unsubscribed|inactive|to|until)(at|on|date|day|time|ts|until|till|to|since|from)?$`)
	startColumn = regexp.MustCompile(`^(member|membership)?(valid|active)(at|on|date|day|time|ts|since|from)?$`)

	presentFlags = []string{"active", "isactive", "enabled", "isenabled", "present", "ispresent", "current",
		"iscurrent", "accepted",
		"approved"}
	formerFlags = []string{"left", "removed", "isremoved", "deleted", "isdeleted", "hasleft", "isformer", "former",
		"ended", "hasended",
		"blocked", "isblocked", "issuspended", "isbanned", "isinactive", "revoked", "isrevoked", "disabled",
		"isdisabled", "suspended",
		"banned", "inactive", "archived", "isarchived", "pending", "ispending"}
	statusColumns = []string{"status", "state", "membershipstatus", "memberstatus"}
	acceptColumns = []string{"acceptedat", "confirmedat"}
)

const (
	formerStatuses = "'former','left','removed','inactive','revoked','invited','pending','requested','suspended'," +
		"'banned','expired','deactivated','disabled','declined','rejected','ended','deleted','archived','cancelled'," +
		"'terminated','past','ex','lapsed','exited','departed','resigned','quit','gone','kicked','blocked'," +
		"'withdrawn','closed','alumni','previous','old','offboarded'"
	formerRoles = "'former','removed','left','ex','ex-member','alumni','revoked','none','invited','pending'," +
		"'banned','suspended'"
	offeredStatus = "'invited', 'pending', 'requested'"
)

// IsFormerFlag reports whether a column, by its normalized name, is a flag that ends a
// membership or another right.
func IsFormerFlag(name string) bool { return slices.Contains(formerFlags, name) }

// ends reports whether a date with a normalized name is when a membership is over.
func ends(name string) bool { return endColumn.MatchString(name) && !startColumn.MatchString(name) }

// presence derives the condition, under the alias m, for a present member from the columns that
// usually say so.
func presence(r *catalog.Relation) string {
	conditions := []string{"true"}
	for _, c := range r.Columns {
		name, column := catalog.Normalize(c.Name), query.Column("m", c.Name)
		switch {
		case c.Category == catalog.DateTime && ends(name):
			conditions = append(conditions, "("+column+" IS NULL OR "+column+" > now())")
		case c.Category == catalog.DateTime && slices.Contains(acceptColumns, name):
			conditions = append(conditions, column+" IS NOT NULL")
		case c.Category == catalog.Boolean && slices.Contains(presentFlags, name):
			conditions = append(conditions, column)
		case c.Category == catalog.Boolean && slices.Contains(formerFlags, name):
			conditions = append(conditions, "NOT coalesce("+column+", false)")
		case c.IsWord() && slices.Contains(statusColumns, name):
			conditions = append(conditions, "coalesce(lower("+column+"::text), '') NOT IN ("+formerStatuses+")")
		case c.IsWord() && name == "role":
			conditions = append(conditions, "coalesce(lower("+column+"::text), '') NOT IN ("+formerRoles+")")
		case c.Type == "tstzrange":
			conditions = append(conditions, column+" @> now()")
		case c.Type == "daterange":
			conditions = append(conditions, column+" @> current_date")
		}
	}
	return strings.Join(conditions, " AND ")
}

// RejoinSQL renders assignments that would make a membership a present one again, as far as the
// app role may write the columns. It is empty where no such column says that it ended.
func RejoinSQL(r *catalog.Relation) string {
	var sets []string
	for _, c := range r.Columns {
		name, column := catalog.Normalize(c.Name), query.Name(c.Name)
		if !c.Update {
			continue
		}
		switch {
		case c.Category == catalog.DateTime && ends(name):
			sets = append(sets, column+" = NULL")
		case c.Category == catalog.Boolean && slices.Contains(presentFlags, name):
			sets = append(sets, column+" = true")
		case c.Category == catalog.Boolean && slices.Contains(formerFlags, name):
			sets = append(sets, column+" = false")
		case c.IsWord() && slices.Contains(statusColumns, name):
			sets = append(sets, column+" = 'active'")
		}
	}
	return strings.Join(sets, ", ")
}

// OfferedSQL is the condition, on the alias a, that a membership was offered and not yet
// accepted.
func OfferedSQL(r *catalog.Relation) string {
	conditions := []string{"false"}
	for _, c := range r.Columns {
		name, column := catalog.Normalize(c.Name), query.Column("a", c.Name)
		switch {
		case c.IsWord() && slices.Contains(statusColumns, name):
			conditions = append(conditions, "lower("+column+"::text) IN ("+offeredStatus+")")
		case c.Category == catalog.DateTime && slices.Contains(acceptColumns, name):
			conditions = append(conditions, column+" IS NULL")
		}
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}
