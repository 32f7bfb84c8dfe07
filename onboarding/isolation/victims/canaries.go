package victims

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// canaryRows is how many rows of each victim and table give canaries.
	canaryRows = 20
	// distinctive is the length of the shortest text that one tenant has and no other by chance.
	distinctive = 12
	// uuidLength is the length of the text of a uuid, and maxUUIDs how many of them in one text
	// are looked up.
	uuidLength, maxUUIDs = 36, 50
)

// Canary is a value that only one tenant's row holds.
type Canary struct {
	Table *catalog.Relation
	Key   string // of the row, for people
	Owner tenancy.Tenant

	account bool // in a tenant's own row
	isKey   bool
	// coOwner is the Person who owns the row beside its Org. nil: the row has one owner.
	coOwner *string
	readers []string // Persons with whom the row is shared
}

// knownTo reports whether an identity may know the value: it is its own, of a row that is shared
// with it, or the account of somebody whom it shares an Org with.
func (c Canary) knownTo(i tenancy.Identity) bool {
	reads := i.Person != nil && slices.Contains(c.readers, *i.Person)
	shared := c.account && c.Owner.Kind == tenancy.Person && slices.Contains(i.CoMembers, c.Owner.ID)
	owns := i.Is(c.Owner) || c.coOwner != nil && i.Is(tenancy.Tenant{Kind: tenancy.Person, ID: *c.coOwner})
	return owns || reads || shared
}

// Canaries are values that nobody but one victim should see. Found in an answer, one proves a
// leak whatever the answer's shape.
type Canaries struct {
	model   *tenancy.Model
	source  *Rows
	byValue map[string]Canary
	shared  map[string]bool // values that several tenants hold
	rows    map[tenancy.Tenant]map[*catalog.Relation]Values
	// others are rows that something sets apart from the first, such as one that is deleted, and
	// memberships.
	others  map[tenancy.Tenant]map[*catalog.Relation][]Values
	tenants map[tenancy.Tenant]Values
}

// Row returns what an attacker may know of one row of a victim's in a table, or nil.
func (c *Canaries) Row(v tenancy.Tenant, t *catalog.Relation) Values { return c.rows[v][t] }

// ValueOf returns the longest of what victims' rows hold in a column, or "" where they hold
// nothing.
func (c *Canaries) ValueOf(t *catalog.Relation, column string) string {
	longest := ""
	for _, rows := range c.rows {
		value := rows[t][column]
		if value != nil && cmp.Or(cmp.Compare(len(*value), len(longest)), cmp.Compare(*value, longest)) > 0 {
			longest = *value
		}
	}
	return longest
}

// Tenant returns what an attacker may know of the victim's row in the table of its kind, or nil.
func (c *Canaries) Tenant(v tenancy.Tenant) Values { return c.tenants[v] }

// ReadCanaries reads the ids of the victims' rows, and texts that no other tenant holds.
func (r *Rows) ReadCanaries(ctx context.Context) (*Canaries, error) {
	m := r.config.Model
	found := &Canaries{
		model: m, source: r, byValue: map[string]Canary{}, shared: map[string]bool{},
		rows: map[tenancy.Tenant]map[*catalog.Relation]Values{}, tenants: map[tenancy.Tenant]Values{},
		others: map[tenancy.Tenant]map[*catalog.Relation][]Values{},
	}
	for _, v := range r.victims.list {
		found.rows[v], found.others[v] = map[*catalog.Relation]Values{}, map[*catalog.Relation][]Values{}
		for _, t := range m.Catalog.Relations {
			o := m.Of(t)
			if !o.Owned() || !t.IsTable() {
				continue
			}
			rows, err := r.Matching(ctx, t, m.OwnedBy(t, v)+" AND NOT "+m.Public(t, "a"), canaryRows)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				r.config.Results.LeaveOut("%s: %s", t, query.Describe(err))
				continue
			}
			found.others[v][t] = found.apart(t, rows)
			if o.Class != tenancy.ClassMembers {
				found.add(t, o, rows, o.AreTenants() || m.IsProfile(t))
			}
		}
	}
	return found, r.dropReusedIDs(ctx, found)
}

// maxApart is how many rows of a table are kept for what sets them apart.
const maxApart = 3

// apart are rows that differ in a flag or in whether a time is set, then those that differ in a
// word. Rows that somebody owns beside the victim are left out: they may read these.
func (c *Canaries) apart(t *catalog.Relation, rows []Target) []Values {
	kinds := map[string]bool{}
	var found []Values
	for _, words := range []bool{false, true} {
		for _, row := range rows {
			kind := ""
			for _, column := range t.Columns {
				switch value := row.Values[column.Name]; {
				case column.Category == catalog.DateTime:
					kind += fmt.Sprintf(" %t", value == nil)
				case value != nil && (words || column.Category == catalog.Boolean) && trait(t, column):
					kind += " " + *value
				}
			}
			if row.CoOwner == nil && len(row.Readers) == 0 && !kinds[kind] && len(found) < maxApart {
				kinds[kind] = true
				found = append(found, c.known(t, row.Values))
			}
		}
	}
	return found
}

// known are the values of a row that an attacker may know.
func (c *Canaries) known(t *catalog.Relation, values Values) Values {
	values = maps.Clone(values)
	maps.DeleteFunc(values, func(column string, _ *string) bool { return c.model.IsSecret(t, column) })
	return values
}

// account says that the rows are accounts, which people who share an Org may read.
func (c *Canaries) add(t *catalog.Relation, o *tenancy.Ownership, rows []Target, account bool) {
	for i, row := range rows {
		if i == 0 {
			c.rows[row.Victim][t] = c.known(t, row.Values)
		}
		if o.AreTenants() {
			c.tenants[row.Victim] = c.known(t, row.Values)
		}
		for _, column := range t.Columns {
			value := row.Values[column.Name]
			if value == nil || c.shared[*value] || !isDistinctive(t, o, column, *value) {
				continue
			}
			if known, seen := c.byValue[*value]; seen && known.Owner != row.Victim {
				delete(c.byValue, *value)
				c.shared[*value] = true
				continue
			}
			isKey := slices.Contains(t.Key, column.Name)
			c.byValue[*value] = Canary{Table: t, Key: row.Key, Owner: row.Victim, account: account,
				isKey: isKey, coOwner: row.CoOwner, readers: row.Readers}
		}
	}
}

// isDistinctive reports whether a value identifies its row: the uuid of a key, or a long text
// that does not refer to another row.
func isDistinctive(t *catalog.Relation, o *tenancy.Ownership, c *catalog.Column, value string) bool {
	if o.AreTenants() && tenancy.IsPublicColumn(c.Name) || slices.Contains(o.Columns(), c.Name) {
		return false
	}
	if slices.Contains(t.Key, c.Name) && c.Type == "uuid" {
		return true
	}
	return c.Category == catalog.String && len(value) >= distinctive && !t.InForeignKey(c.Name)
}

// dropReusedIDs drops ids that rows of several tables have, as happens where people number rows
// by hand.
func (r *Rows) dropReusedIDs(ctx context.Context, c *Canaries) error {
	var ids []string
	for value, canary := range c.byValue {
		if canary.isKey && tenancy.IsUUID(value) && !tenancy.IsRandom(value) {
			ids = append(ids, value)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for _, t := range r.config.Model.Catalog.Relations {
		if key := t.SingleKey(); !t.IsTable() || key == nil || key.Type != "uuid" {
			continue
		}
		key := query.Column("a", t.Key[0])
		found, err := query.Strings(ctx, r.config.Truth,
			fmt.Sprintf("SELECT %[1]s::text FROM %[2]s a WHERE %[1]s = ANY(%[3]s::uuid[])",
				key, t.SQL(), query.Array(ids)))
		if err != nil {
			return err
		}
		for _, id := range found {
			if canary, known := c.byValue[id]; known && canary.Table != t {
				delete(c.byValue, id)
			}
		}
	}
	return nil
}

// Find looks in a JSON document for a canary that a session may not know. given are values that
// the attacker brought along. It returns nil if there is none.
func (c *Canaries) Find(document string, s session.Session, given []string) *Canary {
	var value any
	if json.Unmarshal([]byte(document), &value) != nil {
		return nil
	}
	return c.find(value, s, given)
}

var anyUUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

func (c *Canaries) find(value any, s session.Session, given []string) *Canary {
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			if found := c.find(v, s, given); found != nil {
				return found
			}
		}
	case []any:
		for _, v := range value {
			if found := c.find(v, s, given); found != nil {
				return found
			}
		}
	case string:
		for _, text := range parts(value) {
			if found, ok := c.byValue[text]; ok && !slices.Contains(given, text) && !found.knownTo(s.Identity) {
				return &found
			}
		}
	}
	return nil
}

// FindIn looks anywhere in a text, such as an error message, for a canary that a session may not
// know. A value that is also in the call that led to the text proves nothing.
func (c *Canaries) FindIn(text string, s session.Session, call string) *Canary {
	var first string
	for value, canary := range c.byValue {
		if len(value) >= distinctive && (first == "" || value < first) && strings.Contains(text, value) &&
			!strings.Contains(call, value) && !canary.knownTo(s.Identity) {
			first = value
		}
	}
	if first == "" {
		return nil
	}
	found := c.byValue[first]
	return &found
}

// parts are the texts that a text holds: uuids, itself, and the parts of a composite value or an
// array.
func parts(value string) []string {
	separator := func(r rune) bool { return strings.ContainsRune("(),{}\"", r) }
	return slices.Concat(anyUUID.FindAllString(value, maxUUIDs), []string{value}, strings.FieldsFunc(value, separator))
}
