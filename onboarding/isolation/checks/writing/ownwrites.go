package writing

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// ownWrites has victims insert and change rows of their own. That a session may not write another
// tenant's rows proves something only if the same kind of session may write its own.
type ownWrites struct {
	writer *writer
	// sessions are those of each victim's own.
	sessions map[tenancy.Tenant][]session.Session
}

// NewOwnWrites returns the check that victims may write their own rows.
func NewOwnWrites(s *setup.Setup) setup.Check {
	return &ownWrites{newWriter(s), map[tenancy.Tenant][]session.Session{}}
}

// writing renders the statements that a session tries with a row of its own.
type writing func(context.Context, session.Session, victims.Target) ([]string, error)

// ownRows is how many rows of a victim are tried.
const ownRows = 8

func (c *ownWrites) Run(ctx context.Context) (err error) {
	w := c.writer
	for _, v := range w.victims.List() {
		if c.sessions[v], err = w.victims.OwnSessions(ctx, v); err != nil {
			return err
		}
	}
	for _, t := range w.scope.Tables {
		if !t.IsTable() || t.Partition || !t.RLS || !w.scope.HasRows[t] ||
			w.model.Of(t).Class != tenancy.ClassTenant {
			continue
		}
		for _, op := range []struct {
			operation results.Operation
			allowed   bool
			sql       writing
		}{
			{results.Insert, t.Insertable() && t.OpensByRow(catalog.ForInsert), c.insertion(t)},
			{results.Update, t.Updatable() && t.OpensByRow(catalog.ForUpdate), c.update(t)},
		} {
			if !op.allowed || w.scope.WritesExcluded(t, op.operation) || w.results.Leaks(t.String(), op.operation) {
				continue
			}
			why, err := c.attempt(ctx, t, op.sql)
			if err != nil {
				return err
			}
			if why != "" {
				w.results.LeaveOut("%s: no sampled owner could %s a row of their own (%s), so it proves nothing that "+
					"others cannot; correct in isolation.tables who owns its rows, or set skip_writes there",
					t, op.operation, why)
			}
		}
	}
	return nil
}

// attempt returns why no victim could run the statements for a row of theirs, or "" if one could
// or has none.
func (c *ownWrites) attempt(ctx context.Context, t *catalog.Relation, sql writing) (why string, err error) {
	w := c.writer
	for _, v := range w.victims.List() {
		rows, err := w.rows.Matching(ctx, t, w.model.OwnedBy(t, v), ownRows)
		if err != nil {
			return "", err
		}
		with := tenancy.CoOwner(w.model, t, "a")
		if !v.IsOrg() && (with != "" || len(w.model.Of(t).Parents) > 0) {
			// What they wrote below another's row is theirs to change, too, and so is what they
			// share with an Org.
			condition := w.model.Names(t, tenancy.Identity{Person: &v.ID})
			if with != "" {
				condition += fmt.Sprintf(" OR %s = %s", with, query.Literal(v.ID))
			}
			named, err := w.rows.Matching(ctx, t, condition, ownRows)
			if err != nil {
				return "", err
			}
			rows = append(rows, named...)
		}
		for _, row := range rows {
			for _, s := range c.sessions[v] {
				statements, err := sql(ctx, s, row)
				if err != nil {
					return "", err
				}
				for _, statement := range statements {
					refusal, err := c.try(ctx, s, statement)
					if err != nil {
						return "", err
					}
					if refusal == "" {
						return "", nil
					}
					why = refusal
				}
			}
		}
	}
	return why, nil
}

// try returns why a statement was refused, or "" if it wrote a row or only a constraint held it:
// constraints apply after policies.
func (c *ownWrites) try(ctx context.Context, s session.Session, sql string) (refusal string, err error) {
	rows := 0
	err = c.writer.attempts.Write(ctx, s, func(tx *session.Tx) (err error) {
		rows, err = tx.Affected(ctx, sql)
		return err
	})
	switch {
	case held(err) || err == nil && rows > 0:
		return "", nil
	case err == nil:
		return "it reached no row", nil
	case query.Lost(err) != nil:
		return "", err
	}
	return query.Describe(err), nil
}

// insertion renders an INSERT of a row like the victim's, with the session's Person as the author
// of what is an Org's, and in each of its wordings.
func (c *ownWrites) insertion(t *catalog.Relation) writing {
	w := c.writer
	return func(ctx context.Context, s session.Session, row victims.Target) ([]string, error) {
		wordings, err := w.rows.Wordings(ctx, t)
		if err != nil {
			return nil, err
		}
		wordings = slices.Concat([]victims.Wording{maps.Clone[victims.Values]}, wordings, w.stated(t))
		values := maps.Clone(row.Values)
		sets := [][]string{nil}
		if row.Victim.IsOrg() && s.Identity.Person != nil {
			sets = [][]string{w.model.Of(t).Persons, w.model.Holding(t, tenancy.Person)}
		}
		var statements []string
		for n, authors := range sets {
			if n > 0 && len(authors) == len(sets[0]) {
				continue
			}
			for _, column := range authors {
				values[column] = s.Identity.Person
			}
			for _, other := range wordings {
				if sql := w.rows.Insert(t, other(values), victims.NewKeys).SQL; sql != "" {
					statements = append(statements, sql)
				}
			}
		}
		return statements, nil
	}
}

// update renders UPDATEs that change nothing: of the row and, where a session may not name it, of
// all rows that it reaches; and those that bring the row into another state.
func (c *ownWrites) update(t *catalog.Relation) writing {
	w := c.writer
	return func(ctx context.Context, s session.Session, row victims.Target) ([]string, error) {
		column := w.scope.Harmless(t)
		if column == nil {
			return nil, nil
		}
		var statements []string
		same := []string{column.Assign(row.Values[column.Name])}
		for _, sets := range append(same, w.transitions(t, row.Values, s)...) {
			sql := fmt.Sprintf("UPDATE %s a SET %s", t.SQL(), sets)
			statements = append(statements, sql+" WHERE "+row.Place)
			if w.scope.IsSmall(ctx, t) {
				statements = append(statements, sql)
			}
		}
		return statements, nil
	}
}
