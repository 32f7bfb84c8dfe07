package functions

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// callers is how many attackers call each function with each list of arguments.
const callers = 4

// maxConcerned bounds how many more do whom rows concern that the function asks.
const maxConcerned = 6

// functions calls SECURITY DEFINER functions as attackers, with what belongs to victims, and
// looks at what they answer and at what they did.
type functions struct {
	setup    *setup.Setup // for the canaries, which are read at first use
	config   setup.Config
	victims  *victims.Victims
	attempts *session.Attempts
	limiter  *session.Limiter
	model    *tenancy.Model
	prover   *proof.Prover
	fixes    *fixes.Writer
	results  *results.Collector

	canaries     *victims.Canaries
	caller       *victims.Caller
	concerned    *victims.Concerned
	irreversible *setup.Irreversible
	owned        []*catalog.Relation // tables of tenants' rows
	outer        map[*catalog.Relation][]tenancy.Tenant
	disclosing   disclosing
}

// New returns the check that calls functions.
func New(s *setup.Setup) setup.Check { return newFunctions(s) }

func newFunctions(s *setup.Setup) *functions {
	return &functions{
		setup: s, config: s.Config, victims: s.Victims, attempts: s.Attempts, limiter: s.Limiter, model: s.Model,
		prover: s.Prover, fixes: s.Fixes, results: s.Results,
		owned: s.Scope.OwnedTables(), irreversible: s.Irreversible, concerned: victims.NewConcerned(s.Victims),
		outer: map[*catalog.Relation][]tenancy.Tenant{},
	}
}

func (c *functions) Run(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	for _, f := range c.callable() {
		if c.config.Excuses(f) {
			c.results.Cover(func(cov *results.Coverage) { cov.Excused = append(cov.Excused, f.String()+": calls") })
			continue
		}
		reach := c.caller.Named(f)
		if c.irreversible.Function(f) != "" || f.Native() {
			if len(reach) > 0 || f.Language == "c" {
				c.risk(f, "was not called, since a rollback would not undo all that it does")
			}
			continue
		}
		uncalled, err := c.callAll(ctx, f)
		if err != nil {
			return err
		}
		if uncalled != "" && len(reach) > 0 && !c.blamed(f) {
			c.risk(f, "could not be called: "+uncalled)
		}
	}
	return nil
}

// prepare reads the canaries that answers are searched for.
func (c *functions) prepare(ctx context.Context) (err error) {
	if c.canaries, err = c.setup.ReadCanaries(ctx); err != nil {
		return err
	}
	c.caller = victims.NewCaller(c.victims, c.canaries)
	return nil
}

// callable are the functions that attackers may call, also those that the configuration excuses.
func (c *functions) callable() []*catalog.Function {
	return slices.DeleteFunc(slices.Clone(c.model.Catalog.Functions), func(f *catalog.Function) bool {
		return !f.Definer || !f.Executable || f.ReturnsTrigger() || f.Owner == c.config.AppRole
	})
}

func (c *functions) risk(f *catalog.Function, why string) {
	c.results.AddRisk(results.Execute, f.String(), fmt.Sprintf("runs with the rights of %s, reaches %s, and %s",
		f.Owner, listed(c.caller.Named(f)), why), c.fixes.RevokeExecute(f, ""))
}

// listed joins the names of relations.
func listed(relations []*catalog.Relation) string {
	names := make([]string, len(relations))
	for i, t := range relations {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// blamed reports whether a finding names the function already.
func (c *functions) blamed(f *catalog.Function) bool {
	return c.results.Blames(f.String(), results.Leak, results.Risk)
}

// leak is a finding about what a call reached.
func (c *functions) leak(call call, found results.Finding) {
	f := call.function
	found.Kind, found.As, found.Functions = results.Leak, call.session.Label, []string{f.String()}
	found.Evidence += fmt.Sprintf(" by calling %s(%s), which runs with the rights of %s", f,
		strings.Join(f.ArgTypes, ", "), f.Owner)
	found.Fix = c.fixes.RevokeCall(f)
	if call.temporary != nil {
		found.Evidence += call.temporary.how
		found.Fix = call.temporary.fix
	}
	c.results.Add(found)
}

// leakRow reports the row of a table that a call answered, if it did.
func (c *functions) leakRow(call call, t *catalog.Relation, answered *proof.Proof) {
	if answered != nil {
		c.leak(call, results.Finding{
			Operation: results.Read, Table: t.String(), Evidence: "read " + answered.String(),
		})
	}
}

// callAll tries a function with several argument lists and attackers. It returns why no call
// reached its body, or "".
func (c *functions) callAll(ctx context.Context, f *catalog.Function) (uncalled string, err error) {
	answers := map[string]answered{} // by arguments
	judged := map[string]bool{}      // by victim, arguments and answer, and by arguments alone
	contents := contents{}
	var ends ends
	for _, v := range c.victims.List() {
		ways, err := c.ways(ctx, f, v)
		if err != nil {
			return "", err
		}
		for _, way := range ways {
			args := way.arguments
			for _, s := range way.by {
				if c.blamed(f) {
					return "", nil
				}
				if err := c.limiter.Wait(ctx, 1); err != nil {
					return "", err
				}
				c.results.CountCall()
				this := call{function: f, arguments: args, victim: v, session: s, errorsCount: way.injected}
				answer, err := c.call(ctx, this)
				if query.Lost(err) != nil {
					return "", err
				}
				ends.note(err)
				if err := c.judgeError(ctx, this, err); err != nil {
					return "", err
				}
				if !this.dependsOnRows(err) {
					continue
				}
				if key := v.String() + args + "\n" + answer; !judged[key] {
					judged[key] = true
					if err := c.judgeDependence(ctx, this); err != nil {
						return "", err
					}
					if err := c.judgeDifference(ctx, this, answer, contents); err != nil {
						return "", err
					}
					if answers[args] != nil && !judged[args] { // for an earlier victim
						judged[args] = true
						if err := c.judgeOthers(ctx, this); err != nil {
							return "", err
						}
					}
				}
				if answers[args] == nil {
					answers[args] = answered{}
				}
				answers[args].note(answer, s)
			}
		}
	}
	if err := c.judgeAggregate(ctx, f, answers); err != nil {
		return "", err
	}
	return c.uncalled(ctx, f, ends)
}

// way is a way to call a function against a victim.
type way struct {
	arguments string
	by        []session.Session
	injected  bool // an argument holds SQL
}

// ways are the ways to call a function against a victim.
func (c *functions) ways(ctx context.Context, f *catalog.Function, v tenancy.Tenant) ([]way, error) {
	attackers, err := c.victims.Attackers(ctx, v)
	if err != nil {
		return nil, err
	}
	var ways []way
	for _, list := range c.caller.InjectionLists(f, v) {
		ways = append(ways, way{list, injectors(v, attackers), true})
	}
	concerned, err := c.concerned.By(ctx, f.Text(), v)
	if err != nil {
		return nil, err
	}
	attackers = slices.Concat(attackers[:min(callers, len(attackers))], concerned[:min(maxConcerned, len(concerned))])
	for _, list := range c.caller.ArgumentLists(f, v) {
		ways = append(ways, way{list, attackers, false})
	}
	for i, s := range attackers {
		if s.Kind != session.Person && s.Kind != session.Member {
			continue // whoever claims another's Org has nothing of their own there
		}
		lists, err := c.caller.MixedLists(ctx, f, v, s)
		if err != nil {
			return nil, err
		}
		for _, list := range lists {
			ways = append(ways, way{list, attackers[i : i+1], false})
		}
	}
	return ways, nil
}

// call calls a function once and returns its first answer as JSON text.
func (c *functions) call(ctx context.Context, call call) (answer string, err error) {
	f := call.function
	var answers []string
	err = c.attempts.Write(ctx, call.session, func(tx *session.Tx) error {
		var before map[*catalog.Relation]proof.Counts
		if !f.ReadOnly() {
			if before, err = c.prover.Counts(ctx, tx); err != nil {
				return err
			}
		}
		if answers, err = call.run(ctx, tx); err != nil {
			return err
		}
		c.search(call, answers)
		if len(answers) > 0 {
			answer = answers[0]
		}
		if f.ReadOnly() {
			return nil
		}
		return c.judgeWrites(ctx, tx, call, before)
	})
	if err != nil {
		return answer, err
	}
	return answer, c.judgeDisclosed(ctx, call, answers)
}

// judgeWrites looks at what a call changed among rows that are not the attacker's.
func (c *functions) judgeWrites(
	ctx context.Context, tx *session.Tx, call call, before map[*catalog.Relation]proof.Counts,
) error {
	after, err := c.prover.Counts(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range c.owned {
		if after[t] == before[t] {
			continue
		}
		made := after[t].Since(before[t])
		change, err := c.prover.Changed(ctx, tx, proof.VictimRows{Victim: call.victim, Table: t}, made)
		if err != nil {
			return err
		}
		if change != nil {
			c.leak(call, results.Finding{
				Operation: change.Operation, Table: t.String(),
				Evidence: fmt.Sprintf("%s %s", pastTense[change.Operation], change.What),
			})
		}
	}
	return nil
}

var pastTense = map[results.Operation]string{
	results.Insert: "inserted", results.Update: "updated", results.Delete: "deleted",
}

var numericTypes = []string{"bigint", "integer", "numeric", "double precision", "real", "money"}

// answered are the answers to one list of arguments, with who got each.
type answered map[string]map[string]bool

func (a answered) note(answer string, s session.Session) {
	if a[answer] == nil {
		a[answer] = map[string]bool{}
	}
	who := ""
	if s.Identity.Person != nil {
		who = *s.Identity.Person
	}
	a[answer][who] = true
}

// alike reports whether several callers got one answer, and this is neither nothing nor zero.
func (a answered) alike() bool {
	for answer, who := range a {
		return len(a) == 1 && len(who) > 1 && answer != "0" && answer != "" && answer != "null"
	}
	return false
}

// judgeAggregate reports an answer that is the same for everybody and comes from tenants' tables:
// it sums up everybody's rows. Where it does not change with a victim's, a number is a risk.
func (c *functions) judgeAggregate(ctx context.Context, f *catalog.Function, answers map[string]answered) error {
	if f.Returns == "boolean" || len(c.caller.Named(f)) == 0 || c.blamed(f) ||
		!slices.ContainsFunc(slices.Collect(maps.Values(answers)), answered.alike) {
		return nil
	}
	if err := c.judgeSum(ctx, f); err != nil {
		return err
	}
	if !slices.Contains(numericTypes, f.Returns) || c.blamed(f) || c.readsIdentity(f) {
		return nil
	}
	if body, err := f.Body(); err != nil || body == nil || body.AnswersRows() { // else it counts what it was given
		c.risk(f, "gives everybody the same answer, which sums up every tenant's rows")
	}
	return nil
}

// judgeSum is [functions.judgeDependence] for a function without arguments that answers all
// callers the same.
func (c *functions) judgeSum(ctx context.Context, f *catalog.Function) error {
	if len(f.ArgTypes) > 0 {
		return nil
	}
	for _, v := range c.victims.List() {
		attackers, err := c.victims.Attackers(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range attackers[:min(1, len(attackers))] {
			err := c.judgeDependence(ctx, call{function: f, victim: v, session: s, alike: true})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// readsIdentity reports whether a function's source names a setting of the identity.
func (c *functions) readsIdentity(f *catalog.Function) bool {
	return slices.ContainsFunc(c.config.Settings.Names(), func(name string) bool {
		return strings.Contains(f.Text(), name)
	})
}
