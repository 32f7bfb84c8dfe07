package writing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// inserts inserts rows that would be the victim's.
type inserts struct {
	w        *writer
	wordings map[*catalog.Relation][]victims.Wording
	asked    map[*catalog.Relation]catalog.Asked
}

func newInserts(w *writer) *inserts {
	return &inserts{w, map[*catalog.Relation][]victims.Wording{}, map[*catalog.Relation]catalog.Asked{}}
}

// variant is one row to insert.
type variant struct {
	values victims.Values
	// below says that the row names the attacker and refers to a row of the victim's.
	below bool
	// hidden is a parent of the victim's, which the session must not see, or nil.
	hidden *tenancy.ParentLink
	// kept is a column whose value stays where new keys are made, or empty.
	kept string
	row  victims.Insertion
}

func (i *inserts) try(ctx context.Context, a attempt) error {
	if i.w.model.Of(a.table).AreTenants() {
		return nil // everybody may sign up and found an Org
	}
	variants := i.variants(a)
	worded, err := i.worded(ctx, a, variants)
	if err != nil {
		return err
	}
	naming, err := i.naming(ctx, a, variants)
	if err != nil {
		return err
	}
	variants = append(variants, worded...)
	if !a.outcome.proven {
		mixed, err := i.mixed(ctx, a, variants)
		if err != nil {
			return err
		}
		variants = append(variants, mixed...)
	}
	for _, v := range slices.Concat(variants, naming) {
		v.row = i.w.rows.Insert(a.table, v.values, victims.NewKeys, v.kept)
		if v.row.SQL == "" {
			continue
		}
		err := i.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error { return i.insert(ctx, tx, a, v) })
		// A row that names the attacker is proven by what the victim sees alone.
		if !v.below && held(err) && !i.w.judgeTaken(ctx, a, results.Insert, err) && a.target.Place != "" {
			a.outcome.sort(err)
			v.row = i.w.rows.Insert(a.table, v.values, victims.SameKeys)
			err = i.w.attempts.Write(ctx, a.session, func(tx *session.Tx) error { return i.insert(ctx, tx, a, v) })
			i.w.judgeTaken(ctx, a, results.Insert, err)
		}
		if err != nil && !a.outcome.sort(err) {
			return err
		}
		if a.outcome.proven {
			return i.w.readJoined(ctx, a, v.row.SQL)
		}
	}
	return nil
}

// variants are the rows to insert: the victim's own and, of memberships, those of other Persons;
// at last one that names the attacker and refers to a row of the victim's.
func (i *inserts) variants(a attempt) []variant {
	m := i.w.model
	o, me := m.Of(a.table), a.session.Identity.Person
	values := maps.Clone(a.target.Values)
	ofOrg := a.target.Victim.IsOrg() && len(o.Orgs) > 0 && !o.Both
	if (ofOrg || o.Class == tenancy.ClassMembers) && me != nil {
		for _, c := range o.Persons {
			values[c] = me // the author of a row that is the Org's
		}
	}
	var variants []variant
	if !i.w.named(a.table, a.target, a.session) {
		variants = append(variants, variant{values: values})
	}
	if o.Class == tenancy.ClassMembers {
		// A former member has a row already, and can only let others in.
		for _, other := range i.w.victims.Persons() {
			if me == nil || other != *me {
				guest := maps.Clone(values)
				guest[m.Membership.Person] = &other
				variants = append(variants, variant{values: guest})
			}
		}
	}
	authors := m.Holding(a.table, tenancy.Person)
	if from := i.fromMine(a, values); from != nil {
		variants = append(variants, variant{values: from})
	}
	if me == nil || len(authors) == 0 || o.Class != tenancy.ClassTenant || o.Both ||
		victims.Equal(a.target.CoOwner, me) {
		return variants
	}
	mine := maps.Clone(values)
	for _, c := range authors {
		mine[c] = me
	}
	// Where the row's other columns say whose it is, everybody named may be the attacker.
	if len(o.Orgs) == 0 && len(o.Parents) > 0 && m.PublicRows(a.table) == "" {
		variants = append(variants, variant{values: mine, below: true})
	} else if a.target.Victim.IsOrg() && (len(o.Orgs) > 0 && len(authors) > len(o.Persons) || o.OrgSQL != "") {
		variants = append(variants, variant{values: mine})
	}
	return variants
}

// worded are rows like the first with other words, as policies may let nobody but an owner insert
// an owner.
func (i *inserts) worded(ctx context.Context, a attempt, like []variant) ([]variant, error) {
	wordings, known := i.wordings[a.table]
	if !known {
		var err error
		if wordings, err = i.w.rows.Wordings(ctx, a.table); err != nil {
			return nil, err
		}
		wordings = append(wordings, i.w.stated(a.table)...)
		i.wordings[a.table] = wordings
	}
	var found []variant
	for _, words := range wordings {
		for _, first := range like[:min(1, len(like))] {
			other := words(first.values)
			if !maps.EqualFunc(other, first.values, victims.Equal) {
				first.values = other
				found = append(found, first)
			}
		}
	}
	return found, nil
}

// mixed are rows below one of the victim's that otherwise lead to rows of the attacker's, as
// policies may ask for one of several parents.
func (i *inserts) mixed(ctx context.Context, a attempt, like []variant) ([]variant, error) {
	m, t := i.w.model, a.table
	o := m.Of(t)
	if o.Class != tenancy.ClassTenant || len(o.Orgs) > 0 || o.Derived() || o.Both || m.PublicRows(t) != "" ||
		a.session.Identity.Person == nil || a.target.Place == "" || len(like) == 0 {
		return nil, nil
	}
	var found []variant
	for _, p := range o.Parents {
		if p.Kind != "" || p.Period || m.PublicRows(p.Table) != "" {
			continue
		}
		values, changed := maps.Clone(like[len(like)-1].values), false
		for _, fk := range t.ForeignKeys {
			target := m.Catalog.Relation(fk.Target)
			if slices.ContainsFunc(fk.Columns, func(c string) bool { return slices.Contains(p.Columns, c) }) ||
				target == nil || m.Of(target).Class != tenancy.ClassTenant {
				continue
			}
			row, err := i.w.ownKey(ctx, a, target, fk.TargetCols)
			if err != nil {
				return nil, err
			}
			for n, name := range fk.Columns {
				if row != nil && !victims.Equal(values[name], row[n]) {
					values[name], changed = row[n], true
				}
			}
		}
		if changed {
			found = append(found, variant{values: values, below: true, hidden: &p})
		}
	}
	return found, nil
}

// ownKey reads columns of a row that is the session's own, or returns nil.
func (w *writer) ownKey(ctx context.Context, a attempt, t *catalog.Relation, columns []string) ([]*string, error) {
	return w.rows.Any(ctx, t, columns, fmt.Sprintf("%s IS NOT NULL AND NOT %s", w.model.Owner(t, "a"),
		w.model.Foreign(t, "a", w.model.IdentitySQL(a.session.Identity), tenancy.Truth)))
}

// sees reports whether a session sees the parent that a row names. It may add to what it sees.
func (w *writer) sees(ctx context.Context, tx *session.Tx, p *tenancy.ParentLink, row victims.Values) (bool, error) {
	if !p.Table.Readable() || !p.Table.CanRead(p.TargetCols...) {
		return false, nil
	}
	conditions := make([]string, len(p.Columns))
	for i, name := range p.Columns {
		conditions[i] = query.Column("a", p.TargetCols[i]) + " = " + p.Table.Column(p.TargetCols[i]).Literal(row[name])
	}
	var sees bool
	err := tx.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s)", p.Table.SQL(),
		strings.Join(conditions, " AND "))).Scan(&sees)
	return sees, err
}

// fromMine is a row of the victim's that leads to it from an Org of the attacker's, such as from a
// parent to its subsidiary. It is nil where a row leads to no further Org.
func (i *inserts) fromMine(a attempt, values victims.Values) victims.Values {
	orgs := a.session.Identity.Orgs
	if !a.target.Victim.IsOrg() || len(orgs) == 0 {
		return nil
	}
	var from victims.Values
	for _, c := range i.w.model.Holding(a.table, tenancy.Org) {
		if slices.Contains(i.w.model.Of(a.table).Columns(), c) {
			continue
		}
		if from == nil {
			from = maps.Clone(values)
		}
		from[c] = &orgs[0]
	}
	return from
}

func (i *inserts) insert(ctx context.Context, tx *session.Tx, a attempt, v variant) error {
	if v.hidden != nil {
		if sees, err := i.w.sees(ctx, tx, v.hidden, v.values); sees || err != nil {
			return err
		}
	}
	if _, err := tx.Affected(ctx, v.row.SQL); err != nil {
		return err
	}
	a.outcome.tried++
	if v.below {
		return i.landed(ctx, tx, a, v.row)
	}
	written := proof.Write{
		Victim: a.target.Victim, Table: a.table, By: tenancy.Placed, Stated: i.w.scope.StatesOwner(a.table),
	}
	if v.row.Identified() {
		written.Condition = v.row.Condition
	}
	found, err := i.w.prover.Written(ctx, tx, written)
	if found != nil {
		i.w.leak(ctx, a, results.Insert, fmt.Sprintf("inserted a row that belongs to %s", found.Owner))
	}
	return err
}

// landed proves an insert below a victim's row by what the victim sees: a row that names the
// attacker, among the victim's own.
func (i *inserts) landed(ctx context.Context, tx *session.Tx, a attempt, row victims.Insertion) error {
	own, err := i.w.victims.Own(ctx, a.target.Victim)
	if err != nil || !row.Identified() {
		return err
	}
	if err := tx.Enter(ctx, own); err != nil {
		return err
	}
	var seen int
	if err := tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", a.table.SQL(),
		row.Condition)).Scan(&seen); err != nil {
		return err
	}
	if seen > 0 {
		i.w.leak(ctx, a, results.Insert, fmt.Sprintf("inserted a row below one of %s, who sees it among their own",
			a.target.Victim))
	}
	return nil
}
