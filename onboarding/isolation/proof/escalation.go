package proof

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Exposed is a relation of which a session saw a foreign row.
type Exposed struct {
	Table *catalog.Relation
	Proof *Proof
}

// observation is what a session saw of a relation: the places of rows that seem foreign or, where
// it cannot tell their places, how many rows there are.
type observation struct {
	table   *catalog.Relation
	places  []string
	visible int
	proof   *Proof // of a view, whose rows say whose they are
}

// ReadAfter reads relations after a session has run statements, and returns those of which it
// saw foreign rows. The statements may lock the relations, so the truth is asked after the
// rollback. What is returned beside an error was seen before it.
func (p *Prover) ReadAfter(
	ctx context.Context, s session.Session, sql string, tables []*catalog.Relation,
) ([]Exposed, error) {
	var observed []observation
	failure := p.Attempts.Write(ctx, s, func(tx *session.Tx) error {
		if err := tx.Exec(ctx, sql); err != nil {
			return err
		}
		for _, t := range tables {
			if err := tx.Exec(ctx, "SAVEPOINT attempt"); err != nil {
				return err
			}
			seen, err := p.observe(ctx, tx, t)
			if err == nil {
				observed = append(observed, seen)
				continue
			}
			if query.Lost(err) != nil {
				return err
			}
			if err := tx.Exec(ctx, "ROLLBACK TO attempt"); err != nil {
				return err
			}
		}
		return nil
	})
	var exposed []Exposed
	for _, seen := range observed {
		found, err := p.judge(ctx, s.Identity, seen)
		if err != nil {
			return exposed, err
		}
		if found != nil {
			exposed = append(exposed, Exposed{seen.table, found})
		}
	}
	return exposed, failure
}

func (p *Prover) observe(ctx context.Context, tx *session.Tx, t *catalog.Relation) (observation, error) {
	m := p.Model
	seen := observation{table: t}
	var err error
	if t.IsView() {
		if m.Of(t).Direct() && tenancy.Published(m, t) == nil {
			seen.proof, err = p.view(ctx, tx, t, "true")
		}
	} else if place := Locator(t); place != "" {
		foreign := m.Foreign(t, "a", m.IdentitySQL(tx.Session.Identity), tenancy.Attacker)
		seen.places, err = tx.Strings(ctx, fmt.Sprintf("SELECT %s FROM %s a WHERE %s LIMIT %d", place, t.SQL(),
			foreign, chunkRows))
	} else if t.HasRowIDs() {
		err = tx.QueryRow(ctx, "SELECT count(*) FROM "+t.SQL()).Scan(&seen.visible)
	}
	return seen, err
}

func (p *Prover) judge(ctx context.Context, i tenancy.Identity, seen observation) (*Proof, error) {
	switch {
	case seen.proof != nil:
		return seen.proof, nil
	case len(seen.places) > 0:
		return p.ForeignAmong(ctx, i, seen.table, seen.places)
	case seen.visible > 0:
		return p.surplus(ctx, i, seen.table, seen.visible)
	}
	return nil, nil
}
