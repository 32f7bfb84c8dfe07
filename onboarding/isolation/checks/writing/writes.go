package writing

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// writes attempts to insert, move, update, delete and truncate as sessions that have no right
// to. UPDATE and DELETE are attempted without WHERE too, since a statement that reads nothing is
// not held to the policies for SELECT (PostgreSQL manual, CREATE POLICY).
type writes struct {
	writer  *writer
	methods []method
}

// method is one way to write to a victim's row.
type method struct {
	operation results.Operation
	// allowed reports whether the app role may do it at all.
	allowed func(*catalog.Relation) bool
	try     func(context.Context, attempt) error
}

// attempt is one attacker's attempt on one target.
type attempt struct {
	table   *catalog.Relation
	target  victims.Target
	session session.Session
	outcome *outcome
}

// NewWrites returns the check that attacks the rows of victims.
func NewWrites(s *setup.Setup) setup.Check {
	w := newWriter(s)
	may := func(o results.Operation) func(*catalog.Relation) bool {
		return func(t *catalog.Relation) bool { return setup.May(t, o) }
	}
	return &writes{writer: w, methods: []method{
		{results.Insert, may(results.Insert), newInserts(w).try},
		{results.Update, may(results.Update), (&updates{w}).try},
		{results.Update, may(results.Update), (&moves{w, map[ownRowKey]*victims.Target{}}).try},
		{results.Update, (*catalog.Relation).Updatable, (&rejoins{w}).try},
		{results.Update, (*catalog.Relation).Updatable, (&joins{w}).try},
		{results.Delete, may(results.Delete), (&deletes{w}).try},
	}}
}

func (c *writes) Run(ctx context.Context) error {
	w := c.writer
	for _, t := range c.tables() {
		if w.scope.SkipsWrites(t) {
			w.results.Cover(func(cov *results.Coverage) { cov.Excused = append(cov.Excused, t.String()+": writes") })
			continue
		}
		if err := c.writeTo(ctx, t); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			w.results.LeaveOut("%s: writes: %s", t, query.Describe(err))
		}
	}
	return nil
}

// partitionLook is what makes partitions of one table look alike.
type partitionLook struct {
	parent                           uint32
	rls, forced                      bool
	owner, policies                  string
	insert, update, delete, truncate bool
}

// tables are those to which the app role, or a role that it can become, may write. Of partitions
// that look alike, a few are enough.
func (c *writes) tables() []*catalog.Relation {
	alike := map[partitionLook]int{}
	return slices.DeleteFunc(slices.Clone(c.writer.scope.Tables), func(t *catalog.Relation) bool {
		writable := t.Elsewhere || len(t.Further) > 0 || t.Insertable() || t.Updatable() || t.Delete || t.Truncate
		if t.IsView() || t.Kind == catalog.ForeignTable || !writable {
			return true
		}
		if !t.Partition {
			return false
		}
		look := partitionLook{
			parent: t.Parent, rls: t.RLS, forced: t.Forced, owner: t.Owner, policies: fmt.Sprint(t.Policies),
			insert: t.Insertable(), update: t.Updatable(), delete: t.Delete, truncate: t.Truncate,
		}
		alike[look]++
		return alike[look] > setup.SamePartitions
	})
}

func (c *writes) writeTo(ctx context.Context, t *catalog.Relation) error {
	w := c.writer
	targets, err := w.rows.Targets(ctx, t)
	if err != nil {
		return err
	}
	if len(targets) == 0 && w.results.Coverage().Persons > 0 {
		w.results.Note("%s: nobody has a row there and none could be made up, so writes were not attempted", t)
	}
	for _, m := range c.methods {
		if !m.allowed(t) || w.scope.WritesExcluded(t, m.operation) {
			continue
		}
		out, err := c.attack(ctx, m, t, targets)
		if err != nil {
			return err
		}
		if out.tried > 0 || out.proven {
			w.results.Tried(t.String(), m.operation)
		}
		out.conclude(w.results, t, m.operation)
	}
	return w.truncate(ctx, t)
}

// attacked identifies attempts that would show the same.
type attacked struct {
	victim     tenancy.Tenant
	session    session.Key
	parentKind string
	trait      string
}

// attack has every attacker try a method on every target, until it is proven.
func (c *writes) attack(
	ctx context.Context, m method, t *catalog.Relation, targets []victims.Target,
) (*outcome, error) {
	w, out := c.writer, &outcome{errors: map[string]int{}}
	done := map[attacked]bool{}
	for _, target := range targets {
		attackers, err := c.writer.attackers(ctx, t, m.operation, target)
		if err != nil {
			return nil, err
		}
		for _, s := range attackers {
			if out.proven || out.timeouts >= pipeline.MaxTimeouts || w.results.Leaks(t.String(), m.operation) {
				break
			}
			key := attacked{target.Victim, s.Key(), target.ParentKind(w.model.Of(t)), target.Trait}
			// Further rows of a victim are for a former member, who may be the author of some,
			// and for a delete whose first row a constraint held.
			heldDelete := m.operation == results.Delete && out.constraint
			if done[key] && !s.Kind.HasLeft() && !heldDelete || w.colleagues(t, target, s) || edits(target, s) ||
				m.operation != results.Insert && w.named(t, target, s) {
				continue
			}
			done[key] = true
			if err := w.limiter.Wait(ctx, 1); err != nil {
				return nil, err
			}
			w.results.CountWrite()
			if err := m.try(ctx, attempt{t, target, s, out}); err != nil && !out.sort(err) {
				return nil, err
			}
		}
	}
	return out, nil
}

// outcome is what came of attempts of one method on one table.
type outcome struct {
	proven bool
	// constraint says that a constraint stopped what policies had let pass.
	constraint bool
	// errors counts what neither succeeded nor was refused, by description.
	errors   map[string]int
	tried    int
	timeouts int
}

// sort sorts an attempt's error, or nil: refusals are what should happen. It reports false for
// errors that end the table's attempts.
func (o *outcome) sort(err error) bool {
	if err == nil {
		o.tried++
		return true
	}
	switch code := query.SQLState(err); code {
	case "", query.UndefinedTable, query.InvalidSchemaName:
		return false
	case query.InsufficientPrivilege, query.CheckOptionViolation, query.UndefinedObject, query.ReadOnlyTransaction:
		o.tried++
		return true
	case query.QueryCanceled:
		o.timeouts++
	}
	switch {
	case query.In(err, query.IntegrityConstraintViolation):
		o.tried++
		o.constraint = true
	case query.In(err, query.DataException, query.RaisedByFunction):
		o.tried++
	default:
		o.errors[query.Describe(err)]++
	}
	return true
}

// conclude records attempts that neither succeeded nor were refused.
func (o *outcome) conclude(collector *results.Collector, t *catalog.Relation, operation results.Operation) {
	if o.proven || collector.Leaks(t.String(), operation) {
		return
	}
	for message, n := range o.errors {
		collector.LeaveOut("%s: %s could not be tried %d times: %s", t, operation, n, message)
	}
}
