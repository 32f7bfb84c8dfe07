package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// preyRows is how many rows of each victim and table are known by heart.
	preyRows = 20
	// telling is the shortest text that one tenant has and no other by chance.
	telling = 12
)

// secret is a value that only one tenant's row holds.
type secret struct {
	table   *catalog.Relation
	key     string
	owner   string
	account bool // in a tenant's own row
	isKey   bool
}

// prey is what victims have that nobody else should be shown: found in an answer, it proves a leak whatever the answer's shape.
type canaries struct {
	secrets map[string]secret
	rows    map[tenancy.Tenant]map[*catalog.Relation]map[string]*string // one row of each table
	tenants map[tenancy.Tenant]map[string]*string                       // the tenant's own row
}

var anyUUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// distinctive learns the victims' secrets: ids of their rows, and texts that no other tenant shares.
func (r *Run) distinctive(ctx context.Context) (*canaries, error) {
	p := &canaries{secrets: map[string]secret{}, rows: map[tenancy.Tenant]map[*catalog.Relation]map[string]*string{}, tenants: map[tenancy.Tenant]map[string]*string{}}
	shared := map[string]bool{}
	for _, v := range r.victims {
		p.rows[v] = map[*catalog.Relation]map[string]*string{}
		for _, t := range r.m.Cat.Relations {
			o := r.m.Of(t)
			if !o.Owned() || t.IsView() || t.Kind == "f" || t.Partition || o.Class == tenancy.ClassMembers {
				continue
			}
			condition := fmt.Sprintf("%s = %s", r.m.Owner(t, "a"), query.Literal(v.String()))
			if o.Direct() {
				condition = r.m.OwnedBy(t, v)
			}
			rows, err := r.rowsMatching(ctx, t, condition, preyRows)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				r.LeaveOut("%s: %s", t, query.Describe(err))
				continue
			}
			for i, row := range rows {
				if i == 0 {
					p.rows[v][t] = row.values
				}
				if o.Class == tenancy.ClassUsers || o.Class == tenancy.ClassOrgs {
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
func (r *Run) forgetShared(ctx context.Context, p *canaries) error {
	var ids []string
	for value, s := range p.secrets {
		if anyUUID.MatchString(value) && len(value) == 36 && !tenancy.Random(value) && s.isKey {
			ids = append(ids, value)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	for _, t := range r.m.Cat.Relations {
		if t.IsView() || t.Kind == "f" || t.Partition || len(t.Key) != 1 || t.Column(t.Key[0]).Type != "uuid" {
			continue
		}
		key := query.Column("a", t.Key[0])
		found, err := query.Strings(ctx, r.admin, fmt.Sprintf("SELECT %s::text FROM %s a WHERE %s = ANY(%s::uuid[])", key, t.SQL(), key, query.Array(ids)))
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

func (p *canaries) learn(t *catalog.Relation, c *catalog.Column, o *tenancy.Ownership, row target, shared map[string]bool) {
	value := row.values[c.Name]
	if value == nil || shared[*value] {
		return
	}
	tenants := o.Class == tenancy.ClassUsers || o.Class == tenancy.ClassOrgs
	isKey := slices.Contains(t.Key, c.Name)
	switch {
	case tenants && slices.Contains(tenancy.PublicNames, catalog.Normal(c.Name)):
		return
	case isKey && c.Type == "uuid" && !slices.Contains(o.TenantColumns(), c.Name):
	case c.Category == "S" && len(*value) >= telling && !slices.Contains(o.TenantColumns(), c.Name) && !slices.ContainsFunc(t.ForeignKeys, func(fk catalog.ForeignKey) bool { return slices.Contains(fk.Columns, c.Name) }):
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
func (p *canaries) find(document string, s session.Session, given []string) *secret {
	var value any
	if json.Unmarshal([]byte(document), &value) != nil {
		return nil
	}
	return p.findIn(value, s, given)
}

func (p *canaries) findIn(value any, s session.Session, given []string) *secret {
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
			if found, ok := p.secrets[c]; ok && !slices.Contains(given, c) && !s.Owns(found.owner) && !shares(s, found) {
				return &found
			}
		}
	}
	return nil
}

// shares reports whether a secret is of the account of somebody whom the session shares an Org with.
func shares(s session.Session, found secret) bool {
	v := tenancy.TenantOf(found.owner)
	return found.account && slices.Contains(s.CoMembers, v.Person)
}
