package functions

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// judgeDependence reports a function whose answer to an attacker changes when a victim changes
// their own rows: a sum, a date or a count needs no key of a row to tell of it. What a tenant's
// own row in the tables of tenants says, and that an id exists, is public.
func (c *functions) judgeDependence(ctx context.Context, call call) error {
	f := call.function
	ofCaller := len(f.ArgTypes) == 0 && call.temporary == nil && !call.alike
	if f.Kind != catalog.PlainFunction || f.Returns == "void" || ofCaller || c.blamed(f) {
		return nil
	}
	answers, err := c.answers(ctx, call)
	if err != nil {
		return err
	}
	tells := slices.ContainsFunc(answers, func(answer string) bool { return c.content(call, answer) != "" })
	for _, t := range c.caller.Tables(f) {
		if c.model.Of(t).Class != tenancy.ClassTenant || call.alike && c.model.PublicRows(t) != "" {
			continue
		}
		rows, _, err := c.prover.OwnRows(ctx, proof.VictimRows{Victim: call.victim, Table: t})
		if err != nil {
			return err
		}
		if rows == 0 {
			continue
		}
		for _, how := range []proof.Changing{proof.Contents, proof.Existence} {
			if how == proof.Existence && (f.Returns == "boolean" || call.temporary == nil && !tells) {
				continue
			}
			if call.temporary != nil {
				anyway, err := c.depends(ctx, call.plain(), t, how)
				if query.Lost(err) != nil {
					return err
				}
				if anyway {
					continue // not because of the temporary tables
				}
			}
			depends, err := c.depends(ctx, call, t, how)
			if query.Lost(err) != nil {
				return err
			}
			if depends {
				c.leak(call, results.Finding{
					Operation: results.Read, Table: t.String(),
					Evidence: fmt.Sprintf("saw the answer change when %s changed rows of their own", call.victim),
				})
				return nil
			}
		}
	}
	return nil
}

// judgeOthers is [functions.judgeDependence] for a call that names no victim: of everybody's rows,
// a function that answers one takes the first or the last, and no sampled victim need own these.
func (c *functions) judgeOthers(ctx context.Context, call call) error {
	for _, t := range c.caller.Tables(call.function) {
		owners, err := c.outermost(ctx, t)
		if err != nil {
			return err
		}
		for _, owner := range owners {
			if owner == call.victim || call.session.Identity.Is(owner) || c.blamed(call.function) {
				continue
			}
			call.victim = owner
			if err := c.judgeDependence(ctx, call); err != nil {
				return err
			}
		}
	}
	return nil
}

// outermost are the owners of the first row of a table, as they lie in it, and of the last by its
// key.
func (c *functions) outermost(ctx context.Context, t *catalog.Relation) ([]tenancy.Tenant, error) {
	if known, ok := c.outer[t]; ok {
		return known, nil
	}
	var owners []tenancy.Tenant
	owner, ends := c.model.Owner(t, "a"), []string{""}
	if key := t.SingleKey(); key != nil {
		ends = append(ends, "ORDER BY "+query.Column("a", key.Name)+" DESC")
	}
	if c.model.Of(t).Class != tenancy.ClassTenant || !t.HasRowIDs() {
		ends = nil
	}
	for _, order := range ends {
		found, err := query.Strings(ctx, c.setup.Truth, fmt.Sprintf("SELECT %[1]s FROM (SELECT * FROM %[2]s a %[3]s "+
			"LIMIT 1) a WHERE %[1]s IS NOT NULL", owner, t.SQL(), order))
		if query.Lost(err) != nil {
			return nil, err
		}
		for _, o := range found {
			owners = append(owners, tenancy.ParseOwner(o))
		}
	}
	c.outer[t] = owners
	return owners, nil
}

// depends reports whether a call's answer changes with a victim's rows of a table.
func (c *functions) depends(
	ctx context.Context, call call, t *catalog.Relation, how proof.Changing,
) (depends bool, err error) {
	c.results.CountCall()
	of := proof.VictimRows{Victim: call.victim, Table: t}
	if tenancy.CoOwner(c.model, t, "a") != "" { // the row may be the caller's, too
		of.Only = c.model.Foreign(t, "a", c.model.IdentitySQL(call.session.Identity), tenancy.Attacker)
	}
	err = c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
		var answers [3]string
		for i := range answers {
			if i == len(answers)-1 {
				// Two answers before tell an answer that changes by itself.
				n, err := c.prover.ChangeOwn(ctx, tx, of, how)
				if err != nil || n == 0 || answers[0] != answers[1] {
					return err
				}
			}
			var err error
			if answers[i], err = call.outcome(ctx, tx); err != nil {
				return err
			}
		}
		depends = answers[1] != answers[2]
		return nil
	})
	return depends, err
}
