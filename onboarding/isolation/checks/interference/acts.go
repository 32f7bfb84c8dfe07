package interference

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// pair is an attacker who observes and a victim who acts.
type pair struct {
	*tester
	attacker session.Session
	victim   tenancy.Tenant
	// tables are those in which the victim has rows that are not the attacker's too. inserts are
	// statements, the first of which that works adds a row of the victim's.
	tables       []*catalog.Relation
	inserts      map[*catalog.Relation][]string
	observations []observation
}

// deed does something with a victim's own rows of a table, and returns how many there were.
type deed func(ctx context.Context, tx *session.Tx, t *catalog.Relation) (rows int, err error)

// act is a deed, and how it is told.
type act struct {
	verb string
	do   deed
}

func (p *pair) acts() []act {
	change := func(how proof.Changing) deed {
		return func(ctx context.Context, tx *session.Tx, t *catalog.Relation) (int, error) {
			rows := proof.VictimRows{Victim: p.victim, Table: t, Only: p.apart(t, tenancy.Attacker)}
			return p.Prover.ChangeOwn(ctx, tx, rows, how)
		}
	}
	return []act{{"inserted", p.insert}, {"changed", change(proof.Contents)}, {"deleted", change(proof.Existence)}}
}

// apart is the condition, on the alias a, that a row is not the attacker's too and does not name
// them, as one that they wrote for an Org before they left it.
func (p *pair) apart(t *catalog.Relation, side tenancy.Side) string {
	identity := p.attacker.Identity
	return fmt.Sprintf("%s AND NOT (%s)", p.Model.Foreign(t, "a", p.Model.IdentitySQL(identity), side),
		p.Model.Names(t, identity))
}

// insert adds a row like one of the victim's.
func (p *pair) insert(ctx context.Context, tx *session.Tx, t *catalog.Relation) (rows int, err error) {
	err = p.Victims.Observe(ctx, tx, p.victim, func() error {
		for _, sql := range p.inserts[t] {
			if rows, err = tx.Change(ctx, sql); err != nil || rows > 0 {
				return err
			}
		}
		return nil
	})
	return rows, err
}

// scene is what a victim does where, and what the attacker then looks at.
type scene struct {
	act          act
	tables       []*catalog.Relation
	observations []observation
}

// around lets the victim act and observes what it did, then takes it back. It returns nil where
// there was nothing that the victim could do.
func (p *pair) around(ctx context.Context, tx *session.Tx, s scene) ([]string, error) {
	if err := tx.Exec(ctx, "SAVEPOINT act"); err != nil {
		return nil, err
	}
	done := 0
	for _, t := range s.tables {
		rows, err := s.act.do(ctx, tx, t)
		if err != nil {
			return nil, err
		}
		done += rows
	}
	var after []string
	if done > 0 {
		var err error
		if after, err = p.observe(ctx, tx, s.observations); err != nil {
			return nil, err
		}
	}
	return after, tx.Exec(ctx, "ROLLBACK TO act")
}

// prepare finds the tables that the victim can change, and what the attacker observes.
func (p *pair) prepare(ctx context.Context) error {
	p.inserts = map[*catalog.Relation][]string{}
	for _, t := range p.Model.Catalog.Relations {
		if !t.IsTable() || t.Partition || p.Model.Of(t).Class != tenancy.ClassTenant || p.Scope.WritesExcluded(t) {
			continue
		}
		if !p.Config.Deep && len(p.trails[t]) == 0 {
			continue
		}
		condition := p.Model.OwnedBy(t, p.victim) + " AND " + p.apart(t, tenancy.Truth)
		rows, err := p.Rows.Matching(ctx, t, condition, 1)
		if query.Lost(err) != nil {
			return err
		}
		if len(rows) > 0 {
			p.tables = append(p.tables, t)
			for _, keys := range []victims.Keys{victims.ServerKeys, victims.NewKeys} {
				if sql := p.Rows.Insert(t, rows[0].Values, keys).SQL; sql != "" {
					p.inserts[t] = append(p.inserts[t], sql)
				}
			}
			if p.Config.Deep {
				p.addConstraints(t, rows[0].Values)
			}
		}
	}
	if p.Config.Deep {
		p.addReads()
		p.addCalls()
	}
	return nil
}
