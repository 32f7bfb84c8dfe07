package isolation

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// preyRows is how many rows of each victim and table are known by heart.
	preyRows = 20
	// telling is the shortest text that one tenant has and no other by chance.
	telling = 12
)

// secret is a value that only one tenant's row holds.
type secret struct {
	table   *relation
	key     string
	owner   string
	account bool // in a tenant's own row
	isKey   bool
}

// prey is what victims have that nobody else should be shown: found in an answer, it proves a leak whatever the answer's shape.
type prey struct {
	secrets map[string]secret
	rows    map[victim]map[*relation]map[string]*string // one row of each table
	tenants map[victim]map[string]*string               // the tenant's own row
}

var anyUUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// distinctive learns the victims' secrets: ids of their rows, and texts that no other tenant shares.
func (r *run) distinctive(ctx context.Context) (*prey, error) {
	p := &prey{secrets: map[string]secret{}, rows: map[victim]map[*relation]map[string]*string{}, tenants: map[victim]map[string]*string{}}
	shared := map[string]bool{}
	for _, v := range r.victims {
		p.rows[v] = map[*relation]map[string]*string{}
		for _, t := range r.m.cat.Relations {
			o := r.m.of(t)
			if !o.owned() || t.isView() || t.Kind == "f" || t.Partition || o.Class == classMembers {
				continue
			}
			condition := fmt.Sprintf("%s = %s", r.m.owner(t, "a"), literal(v.String()))
			if o.direct() {
				condition = r.m.ownedBy(t, v)
			}
			rows, err := r.rowsMatching(ctx, t, condition, preyRows)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				r.leaveOut("%s: %s", t, describe(err))
				continue
			}
			for i, row := range rows {
				if i == 0 {
					p.rows[v][t] = row.values
				}
				if o.Class == classUsers || o.Class == classOrgs {
					p.tenants[v] = row.values
				}
				for _, c := range t.Columns {
					p.learn(t, c, o, row, shared)
				}
			}
		}
	}
	return p, r.forgetShared(ctx, p)
}

// forgetShared drops the ids that rows of several tables have, as happens where people number rows by hand.
func (r *run) forgetShared(ctx context.Context, p *prey) error {
	var ids []string
	for value, s := range p.secrets {
		if anyUUID.MatchString(value) && len(value) == 36 && !random(value) && s.isKey {
			ids = append(ids, value)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for _, t := range r.m.cat.Relations {
		if t.isView() || t.Kind == "f" || t.Partition || len(t.Key) != 1 || t.column(t.Key[0]).Type != "uuid" {
			continue
		}
		key := field("a", t.Key[0])
		found, err := texts(ctx, r.admin, fmt.Sprintf("SELECT %s::text FROM %s a WHERE %s = ANY(%s::uuid[])", key, t.SQL(), key, array(ids)))
		if err != nil {
			return err
		}
		for _, id := range found {
			if s, known := p.secrets[id]; known && s.table != t {
				delete(p.secrets, id)
			}
		}
	}
	return nil
}

// ownedBy is a condition that indexes serve better than comparing the whole owner.
func (m *model) ownedBy(t *relation, v victim) string {
	o := m.of(t)
	quick := "true"
	switch {
	case v.Person != "" && len(o.User) == 1 && len(o.Either) == 0:
		quick = fmt.Sprintf("%s::text = %s", field("a", o.User[0]), literal(v.Person))
	case v.Org != "" && len(o.Org) == 1:
		quick = fmt.Sprintf("%s::text = %s", field("a", o.Org[0]), literal(v.Org))
	}
	return fmt.Sprintf("%s AND %s = %s", quick, m.owner(t, "a"), literal(v.String()))
}

func (p *prey) learn(t *relation, c *column, o *ownership, row target, shared map[string]bool) {
	value := row.values[c.Name]
	if value == nil || shared[*value] {
		return
	}
	tenants := o.Class == classUsers || o.Class == classOrgs
	isKey := slices.Contains(t.Key, c.Name)
	switch {
	case tenants && slices.Contains(publicNames, normal(c.Name)):
		return
	case isKey && c.Type == "uuid" && !slices.Contains(o.tenantColumns(), c.Name):
	case c.Category == "S" && len(*value) >= telling && !slices.Contains(o.tenantColumns(), c.Name) && !slices.ContainsFunc(t.ForeignKeys, func(fk foreignKey) bool { return slices.Contains(fk.Columns, c.Name) }):
	default:
		return
	}
	known, seen := p.secrets[*value]
	if seen && known.owner != row.victim.String() {
		delete(p.secrets, *value)
		shared[*value] = true
		return
	}
	p.secrets[*value] = secret{t, row.key, row.victim.String(), tenants, isKey}
}

// find looks for a secret of anybody but the session's own Person and Orgs in a JSON document; given are values that the attacker brought along.
func (p *prey) find(document string, s session, given []string) *secret {
	var value any
	if json.Unmarshal([]byte(document), &value) != nil {
		return nil
	}
	return p.findIn(value, s, given)
}

func (p *prey) findIn(value any, s session, given []string) *secret {
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			if found := p.findIn(v, s, given); found != nil {
				return found
			}
		}
	case []any:
		for _, v := range value {
			if found := p.findIn(v, s, given); found != nil {
				return found
			}
		}
	case string:
		candidates := append(anyUUID.FindAllString(value, 50), value)
		// Composite values and arrays print their parts between commas.
		candidates = append(candidates, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("(),{}\"", r) })...)
		for _, c := range candidates {
			if found, ok := p.secrets[c]; ok && !slices.Contains(given, c) && !s.owns(found.owner) && !s.shares(found) {
				return &found
			}
		}
	}
	return nil
}

// shares reports whether a secret is of the account of somebody whom the session shares an Org with.
func (s session) shares(found secret) bool {
	v := victimOf(found.owner)
	return found.account && slices.Contains(s.Mates, v.Person)
}

// owns reports whether an owner is the session's own tenant.
func (s session) owns(owner string) bool {
	v := victimOf(owner)
	return v.Person != "" && s.Person != nil && *s.Person == v.Person || v.Org != "" && slices.Contains(s.Orgs, v.Org)
}
