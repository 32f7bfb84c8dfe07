package writing

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/escalation"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// writer is what all methods of writing share.
type writer struct {
	settings session.Settings
	model    *tenancy.Model
	scope    *setup.Scope
	victims  *victims.Victims
	// concerned finds attackers whom rows of the tables that policies query concern.
	concerned *victims.Concerned
	rows      *victims.Rows
	attempts  *session.Attempts
	limiter   *session.Limiter
	prover    *proof.Prover
	fixes     *fixes.Writer
	results   *results.Collector
	// escalator reads what a write opened.
	escalator *escalation.Escalator
}

func newWriter(s *setup.Setup) *writer {
	return &writer{
		settings: s.Config.Settings, model: s.Model, scope: s.Scope, victims: s.Victims, rows: s.Rows,
		attempts: s.Attempts, limiter: s.Limiter, prover: s.Prover, fixes: s.Fixes, results: s.Results,
		concerned: victims.NewConcerned(s.Victims), escalator: escalation.New(s),
	}
}

// leak reports that an attempt succeeded.
func (w *writer) leak(ctx context.Context, a attempt, operation results.Operation, evidence string) {
	a.outcome.proven = true
	w.results.Add(results.Finding{
		Kind: results.Leak, Operation: operation, Table: a.table.String(), As: a.session.Label, Evidence: evidence,
		Fix: w.fixes.For(ctx, a.session, a.table, operation),
	})
}

// readJoined reports what a session reads once it has made itself a member, or an Org its own, by
// a statement.
func (w *writer) readJoined(ctx context.Context, a attempt, sql string) error {
	opens := w.model.IsMembership(a.table) || a.table == w.model.Orgs.Table
	if !opens || a.session.Identity.Person == nil {
		return nil
	}
	err := w.escalator.Try(ctx, escalation.Attack{
		Session: a.session, SQL: sql, Tables: w.scope.Readable(),
		How: " after writing themselves into " + a.table.String(),
		Fix: w.fixes.For(ctx, a.session, a.table, results.Insert),
	})
	if query.SQLState(err) != "" {
		return nil // the statement needed room that it does not have now
	}
	return err
}

// ownMembership reports whether the target is a membership that names the session's own Person,
// who may accept or end it. [rejoins] attempts what they may not.
func (w *writer) ownMembership(a attempt) bool {
	named := a.target.Values[w.model.Membership.Person]
	return w.model.IsMembership(a.table) && a.session.Identity.Person != nil &&
		victims.Equal(named, a.session.Identity.Person)
}

// colleagues reports whether the target is the account of somebody in an Org of the session's,
// where accounts say in a column of their own which Org they are in. Then they are the Org's.
func (w *writer) colleagues(t *catalog.Relation, target victims.Target, s session.Session) bool {
	home := target.Values[w.model.Membership.HomeColumn]
	return t == w.model.Users.Table && home != nil && slices.Contains(s.Identity.Orgs, *home)
}

// named reports whether the target goes with another Person's row, or is public and goes with an
// Org's, and names the session's own, such as a comment of theirs, or is theirs and an Org's
// alike. Where no Org owns it alone, they may change or take it back.
func (w *writer) named(t *catalog.Relation, target victims.Target, s session.Session) bool {
	o, me := w.model.Of(t), s.Identity.Person
	if o.Class != tenancy.ClassTenant || me == nil {
		return false
	}
	names := func(c string) bool { return victims.Equal(target.Values[c], me) }
	ofOrgAlone := target.Victim.IsOrg() && (len(o.Orgs) > 0 || w.model.PublicRows(t) == "")
	below := len(o.Parents) > 0 && !ofOrgAlone && slices.ContainsFunc(o.Persons, names)
	return below || victims.Equal(target.CoOwner, me)
}

// edits reports whether the target is shared with a session, which may change it.
func edits(target victims.Target, s session.Session) bool {
	return s.Identity.Person != nil && slices.Contains(target.Writers, *s.Identity.Person)
}

// aims are the WHERE clauses to write with: at the row itself and, as a statement that reads
// nothing is held to fewer policies, none.
func (w *writer) aims(ctx context.Context, a attempt) []string {
	t := a.table
	aims := []string{" WHERE " + a.target.Place}
	// What the session can read may be only some of the rows, and not the target.
	readsDiffer := !t.SelectAll || w.results.Leaks(t.String(), results.Read) ||
		slices.ContainsFunc(t.Policies, func(p catalog.Policy) bool { return p.Command != catalog.ForAll })
	if readsDiffer && w.scope.IsSmall(ctx, t) {
		aims = append(aims, "")
	}
	return aims
}

// reach is what a statement reached.
type reach struct {
	operation results.Operation
	verb      string
	rows      int
	blind     bool // the statement had no WHERE
}

// reached proves a write by the rows that it reached: the target, or more than the attacker
// owns.
func (w *writer) reached(ctx context.Context, tx *session.Tx, a attempt, r reach) error {
	if r.rows == 0 {
		return nil
	}
	if !r.blind {
		w.leak(ctx, a, r.operation, fmt.Sprintf("%s %s of %s", r.verb, a.target.Key, a.target.Victim))
		return nil
	}
	foreign := w.model.ForeignWrite(a.table, "a", w.model.IdentitySQL(a.session.Identity), tenancy.Changed)
	own, err := w.prover.CountOwn(ctx, a.table, foreign)
	if err != nil || r.rows <= own {
		return err
	}
	example := ""
	if r.operation == results.Update {
		found, err := w.prover.Written(ctx, tx,
			proof.Write{Victim: a.target.Victim, Table: a.table, By: tenancy.Changed})
		if query.Lost(err) != nil {
			return err // where nobody may read the rows, their number is proof enough
		}
		if found != nil {
			example = fmt.Sprintf(", such as %s of %s,", found.Key, found.Owner)
		}
	}
	w.leak(ctx, a, r.operation, fmt.Sprintf("%s %s of others%s by a statement without WHERE",
		r.verb, results.Plural(r.rows-own, "row"), example))
	return nil
}

// judgeTaken proves a write by the unique key that held it: PostgreSQL checks keys after policies,
// so the row had passed them. It reports whether that is proven. Where a trigger may have changed
// whose the row is, it proves nothing.
func (w *writer) judgeTaken(ctx context.Context, a attempt, operation results.Operation, held error) bool {
	code := query.SQLState(held)
	taken := code == query.UniqueViolation || code == query.ExclusionViolation
	if !taken || !w.scope.StatesOwner(a.table) || !w.ofTable(a.table, held) {
		return false
	}
	w.leak(ctx, a, operation, fmt.Sprintf("wrote a row of %s that passed the policies; only unique key %s stopped it, "+
		"because such a row exists", a.target.Victim, query.Constraint(held)))
	return true
}

// ofTable reports whether an error is about a table or one of its partitions.
func (w *writer) ofTable(t *catalog.Relation, err error) bool {
	for r := w.model.Catalog.Named(query.Table(err)); r != nil; r = w.model.Catalog.Relation(r.Parent) {
		if r == t {
			return true
		}
	}
	return false
}

// held reports whether a constraint ended a write. Constraints apply after policies, and depend
// on which rows happen to be there.
func held(err error) bool { return query.In(err, query.IntegrityConstraintViolation) }

// truncate empties a table: policies do not apply to TRUNCATE.
func (w *writer) truncate(ctx context.Context, t *catalog.Relation) error {
	if !t.Usage || !t.Truncate || w.results.Leaks(t.String(), results.Truncate) || !w.scope.HasRows[t] ||
		w.scope.WritesExcluded(t, results.Truncate) {
		return nil
	}
	s := session.Session{Kind: session.Anonymous, Label: results.AnySession}
	var err error
	for _, cascade := range []string{"", " CASCADE"} {
		w.results.CountWrite()
		err = w.attempts.Write(ctx, s, func(tx *session.Tx) error { return tx.Exec(ctx, "TRUNCATE "+t.SQL()+cascade) })
		if query.SQLState(err) != query.FeatureNotSupported {
			break
		}
	}
	f := results.Finding{
		Kind: results.Leak, Operation: results.Truncate, Table: t.String(), As: s.Label,
		Evidence: "emptied the table of every tenant's rows: TRUNCATE is not subject to policies",
		Fix:      w.fixes.Revoke("TRUNCATE", t, ""),
	}
	if err != nil {
		if query.Lost(err) != nil {
			return err
		}
		f.Kind = results.Risk
		f.Evidence = "the app role holds TRUNCATE, which is not subject to policies; the attempt ended with " +
			query.Describe(err)
	}
	w.results.Tried(t.String(), results.Truncate)
	w.results.Add(f)
	return nil
}
