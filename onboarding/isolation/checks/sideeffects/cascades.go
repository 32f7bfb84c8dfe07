package sideeffects

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// cascades deletes rows to which other tenants' rows refer: rows of the platform's, and the
// attackers' own. The deletes and updates of a foreign key are not subject to policies.
type cascades struct {
	model    *tenancy.Model
	scope    *setup.Scope
	truth    query.Querier
	victims  *victims.Victims
	attempts *session.Attempts
	fixes    *fixes.Writer
	results  *results.Collector
}

// NewCascades returns the check of foreign keys.
func NewCascades(s *setup.Setup) setup.Check {
	return &cascades{s.Model, s.Scope, s.Truth, s.Victims, s.Attempts, s.Fixes, s.Results}
}

// reference is a foreign key whose delete action changes rows.
type reference struct {
	child, parent *catalog.Relation
	key           catalog.ForeignKey
}

// operation is what a delete of the parent does to the child.
func (r reference) operation() results.Operation {
	if r.key.OnDelete == catalog.Cascade {
		return results.Delete
	}
	return results.Update
}

func (c *cascades) Run(ctx context.Context) error {
	for _, child := range c.scope.Tables {
		if child.IsView() || child.Partition {
			continue
		}
		for _, fk := range child.ForeignKeys {
			r := reference{child, c.model.Catalog.Relation(fk.Target), fk}
			if err := query.Lost(c.try(ctx, r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cascades) try(ctx context.Context, r reference) error {
	changes := r.key.OnDelete == catalog.Cascade || r.key.OnDelete == catalog.SetNull ||
		r.key.OnDelete == catalog.SetDefault
	if r.parent == nil || !r.parent.Deletable() || !changes || c.scope.WritesExcluded(r.parent, results.Delete) {
		return nil
	}
	if !c.model.Of(r.parent).Owned() {
		return c.fromPlatform(ctx, r)
	}
	// A deleted account is no longer an author or a member.
	leaves := r.key.OnDelete != catalog.Cascade && (c.model.Of(r.parent).AreTenants() || c.model.IsProfile(r.parent))
	if leaves || c.model.IsMembership(r.child) {
		return nil
	}
	return c.fromOwn(ctx, r)
}

const (
	// maxReferences is how many references of each foreign key are looked at, and maxDeleters how
	// many tenants delete theirs.
	maxReferences, maxDeleters = 2000, 8

	// A colleague in the Org whose row goes has no row of their own there without it.
	ownReferencesSQL = `WITH mem AS MATERIALIZED (%[1]s) SELECT mine, theirs, min(key), min(place) FROM (
	SELECT * FROM (
		SELECT %[2]s AS mine, %[3]s AS theirs, %[4]s AS key,
		       'tableoid = ' || p.tableoid::text || ' AND ctid = ''' || p.ctid::text || '''' AS place
		  FROM %[5]s a JOIN %[6]s p ON %[7]s) r
	 WHERE mine <> theirs AND NOT EXISTS (SELECT FROM mem
		WHERE present AND 'Org ' || org::text = theirs AND 'Person ' || person::text = mine
		   OR 'Org ' || org::text = mine AND 'Person ' || person::text = theirs)
	 LIMIT %[8]d) s GROUP BY mine, theirs ORDER BY mine, theirs LIMIT %[9]d`
)

// ownReference is a row of somebody's to which another's refers.
type ownReference struct{ Mine, Theirs, Key, Place string }

// fromOwn lets somebody delete a row of their own, or of an Org of theirs, to which another's
// refers, such as the account of an author who is no member.
func (c *cascades) fromOwn(ctx context.Context, r reference) error {
	m := c.model
	rows, err := c.truth.Query(ctx, fmt.Sprintf(ownReferencesSQL, m.MembersSQL(), m.Owner(r.parent, "p"),
		m.Owner(r.child, "a"), m.RowKey(r.child, "a"), r.child.SQL(), r.parent.SQL(), r.key.JoinSQL("a", "p"),
		maxReferences, maxDeleters))
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ownReference])
	if err != nil {
		return err
	}
	operation := r.operation()
	for _, f := range found {
		if c.results.Leaks(r.child.String(), operation) {
			return nil
		}
		s, err := c.victims.Own(ctx, tenancy.ParseOwner(f.Mine))
		if err != nil {
			return err
		}
		if s.Identity.Person == nil || s.Identity.Is(tenancy.ParseOwner(f.Theirs)) {
			continue // the platform opens no session for them, or they are a member of both Orgs
		}
		err = c.delete(ctx, s, r, deletion{
			condition: f.Place, operation: operation,
			evidence: fmt.Sprintf("deleted a row of %s, their own, in %s, whose foreign key went on to %s %s of %s",
				f.Mine, r.parent, operation, f.Key, f.Theirs),
			fix: c.fixes.Revoke("DELETE", r.parent, "or make the foreign key RESTRICT"),
		})
		if query.Lost(err) != nil {
			return err
		}
	}
	return nil
}

const platformReferencesSQL = `
SELECT %[1]s, %[2]s, %[3]s FROM %[4]s a JOIN %[5]s p ON %[6]s WHERE %[1]s IS NOT NULL LIMIT 1`

// fromPlatform lets a stranger delete a row of the platform's to which a tenant's refers.
func (c *cascades) fromPlatform(ctx context.Context, r reference) error {
	m := c.model
	keys := make([]string, len(r.key.TargetCols))
	for i, name := range r.key.TargetCols {
		keys[i] = query.Literal(query.Name(name)+" = ") + " || quote_literal(" + query.Column("p", name) + "::text)"
	}
	var owner, key, condition string
	sql := fmt.Sprintf(platformReferencesSQL, m.Owner(r.child, "a"), m.RowKey(r.child, "a"),
		strings.Join(keys, " || ' AND ' || "), r.child.SQL(), r.parent.SQL(), r.key.JoinSQL("a", "p"))
	err := c.truth.QueryRow(ctx, sql).Scan(&owner, &key, &condition)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	attackers, err := c.victims.Attackers(ctx, tenancy.ParseOwner(owner))
	if err != nil || len(attackers) == 0 {
		return err
	}
	operation := r.operation()
	return c.delete(ctx, attackers[0], r, deletion{
		condition: condition, operation: operation,
		evidence: fmt.Sprintf("deleted a row of %s, whose foreign key went on to %s %s of %s: "+
			"policies do not apply to it", r.parent, operation, key, owner),
		fix: c.fixes.Revoke("DELETE", r.parent, ""),
	})
}

// deletion is what a delete of a parent shows, if it succeeds.
type deletion struct {
	condition string
	operation results.Operation // on the child
	evidence  string
	fix       string
}

func (c *cascades) delete(ctx context.Context, s session.Session, r reference, d deletion) error {
	c.results.CountWrite()
	return c.attempts.Write(ctx, s, func(tx *session.Tx) error {
		n, err := tx.Affected(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", r.parent.SQL(), d.condition))
		if err != nil || n == 0 {
			return err
		}
		c.results.Add(results.Finding{
			Kind: results.Leak, Operation: d.operation, Table: r.child.String(), As: s.Label, Evidence: d.evidence,
			Fix: d.fix,
		})
		return nil
	})
}
