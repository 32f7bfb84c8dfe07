package functions

import (
	"context"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// shadowCallers is how many attackers call each function with temporary tables against each
// victim, and maxParts bounds the sets of tables that these take the place of.
const shadowCallers, maxParts = 2, 8

// calls calls each SECURITY DEFINER function while temporary tables are in the place of those that
// it, or a function that it calls, names without a schema.
func (c *shadows) calls(ctx context.Context) error {
	f := c.functions
	if err := f.prepare(ctx); err != nil {
		return err
	}
	for _, called := range f.callable() {
		if f.config.Excuses(called) || f.irreversible.Function(called) != "" || called.Native() {
			continue
		}
		tables, _, fix := c.shadowed(c.reached(called))
		if len(tables) == 0 {
			continue
		}
		if err := c.callShadowed(ctx, called, tables, fix); err != nil {
			return err
		}
	}
	return nil
}

// reached are a function and those that it calls, as far as its source names them.
func (c *shadows) reached(f *catalog.Function) []*catalog.Function {
	all := []*catalog.Function{f}
	for i := 0; i < len(all); i++ {
		for _, other := range c.model.Catalog.Functions {
			if !slices.Contains(all, other) && catalog.Names(all[i].Source, other.Name) {
				all = append(all, other)
			}
		}
	}
	return all
}

// parts are the sets of tables whose place temporary ones take: all, all but one, since that one
// may have to hold what is the victim's, and one alone.
func parts(tables []*catalog.Relation) [][]*catalog.Relation {
	var sets [][]*catalog.Relation
	add := func(set []*catalog.Relation) {
		same := func(other []*catalog.Relation) bool { return slices.Equal(other, set) }
		if len(set) > 0 && len(sets) < maxParts && !slices.ContainsFunc(sets, same) {
			sets = append(sets, set)
		}
	}
	add(tables)
	for i := range tables {
		add(slices.Delete(slices.Clone(tables), i, i+1))
	}
	for i := range tables {
		add(tables[i : i+1])
	}
	return sets
}

// callShadowed calls a function with temporary tables in the place of some, until it leaks.
func (c *shadows) callShadowed(
	ctx context.Context, f *catalog.Function, tables []*catalog.Relation, fix string,
) error {
	sets := parts(tables)
	for _, v := range c.victims.List() {
		attackers, err := c.victims.Attackers(ctx, v)
		if err != nil {
			return err
		}
		attackers = slices.DeleteFunc(slices.Clone(attackers),
			func(s session.Session) bool { return s.Identity.Person == nil })
		for _, s := range attackers[:min(shadowCallers, len(attackers))] {
			plain := map[string][]string{} // answers by arguments
			rows, err := c.shadowRows(ctx, tables, victims.ShadowsOf(s, v))
			if err != nil {
				return err
			}
			for _, part := range sets {
				for _, all := range rows {
					made := newTemporary(all, part)
					made.fix = fix
					made.how = ", with temporary tables in the place of " + listed(part) +
						", which are named without their schema"
					this := call{function: f, victim: v, session: s, temporary: made}
					if err := c.functions.callWithLists(ctx, this, plain); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// callWithLists makes a call with several argument lists. plain are the function's answers without
// temporary tables, as far as they are known.
func (c *functions) callWithLists(ctx context.Context, call call, plain map[string][]string) error {
	caller := c.caller.WithRows(call.temporary.rows)
	for _, call.arguments = range caller.ArgumentLists(call.function, call.victim) {
		if c.results.Blames(call.function.String(), results.Leak) {
			return nil
		}
		if err := c.limiter.Wait(ctx, 1); err != nil {
			return err
		}
		if _, known := plain[call.arguments]; !known {
			answers, err := c.answers(ctx, call.plain())
			if err != nil {
				return err
			}
			plain[call.arguments] = answers
		}
		if err := query.Lost(c.judgeShadowed(ctx, call, plain[call.arguments])); err != nil {
			return err
		}
	}
	return nil
}

// judgeShadowed makes a call, and judges what the temporary tables made it answer and do. plain
// are the answers without them.
func (c *functions) judgeShadowed(ctx context.Context, call call, plain []string) error {
	c.results.CountCall()
	var news []string
	err := c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
		counts, err := c.prover.Counts(ctx, tx)
		if err != nil {
			return err
		}
		answers, err := call.run(ctx, tx)
		if err != nil {
			return err
		}
		news = slices.DeleteFunc(answers, func(a string) bool { return slices.Contains(plain, a) })
		c.search(call, news)
		if err := c.judgeRepeated(ctx, call, news); err != nil || call.function.ReadOnly() {
			return err
		}
		return c.judgeWrites(ctx, tx, call, counts)
	})
	if err != nil || len(news) == 0 {
		return err
	}
	return c.judgeDependence(ctx, call)
}

// judgeRepeated reports answers that repeat rows of others and contain what the attacker did not
// know.
func (c *functions) judgeRepeated(ctx context.Context, call call, answers []string) error {
	given := slices.Concat(victims.Given(call.arguments), call.temporary.given())
	for _, t := range c.caller.Tables(call.function) {
		for _, answer := range answers {
			if c.blamed(call.function) {
				return nil
			}
			found, err := c.prover.Repeats(ctx, call.session.Identity, t, proof.Answer{JSON: answer, Given: given})
			if query.Lost(err) != nil {
				return err
			}
			c.leakRow(call, t, found)
		}
	}
	return nil
}
