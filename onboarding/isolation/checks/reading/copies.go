package reading

import (
	"context"
	"fmt"
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

// maxConcerned is how many sessions read each view against each victim because rows concern them.
const maxConcerned = 6

// copies reads what seems to be the platform's and searches it for rows of tenants: copies,
// caches, logs, materialized views.
type copies struct {
	setup    *setup.Setup // for the canaries, which are read at first use
	model    *tenancy.Model
	scope    *setup.Scope
	victims  *victims.Victims
	attempts *session.Attempts
	limiter  *session.Limiter
	prover   *proof.Prover
	fixes    *fixes.Writer
	results  *results.Collector
}

// NewCopies returns the check of copies of tenants' rows.
func NewCopies(s *setup.Setup) setup.Check {
	return &copies{s, s.Model, s.Scope, s.Victims, s.Attempts, s.Limiter, s.Prover, s.Fixes, s.Results}
}

func (c *copies) Run(ctx context.Context) error {
	canaries, err := c.setup.ReadCanaries(ctx)
	if err != nil {
		return err
	}
	for _, t := range c.model.Catalog.Relations {
		o := c.model.Of(t)
		if o.Owned() || o.Configured || !t.Readable() || c.model.IsTenants(t) || c.scope.Excused(t) ||
			c.scope.GivenUp(t) {
			continue
		}
		if err := c.search(ctx, t, canaries); err != nil {
			return err
		}
	}
	return nil
}

func (c *copies) search(ctx context.Context, t *catalog.Relation, canaries *victims.Canaries) error {
	anonymousRows, more := 0, false
	concerned, err := c.concernedBy(ctx, t)
	if err != nil {
		return err
	}
	for _, s := range slices.Concat(c.victims.Sample(), []session.Session{session.Empty}, concerned) {
		if c.results.Leaks(t.String(), results.Read) {
			break
		}
		if err := c.limiter.Wait(ctx, 1); err != nil {
			return err
		}
		rows, err := c.read(ctx, t, s, canaries)
		if query.Lost(err) != nil {
			return err
		}
		if err != nil && s.Identity.Person != nil {
			c.results.LeaveOut("%s: could not be searched for copies: %s", t, query.Describe(err))
			break
		}
		if s.Kind == session.Anonymous {
			anonymousRows += rows
		}
		same, err := c.judgeDerived(ctx, t, s)
		if err != nil {
			return err
		}
		more = more || !same
	}
	if anonymousRows > 0 && more {
		c.judgeView(t)
	}
	return nil
}

// read reports a leak if a session finds another tenant's canary, and returns how many rows it
// saw.
func (c *copies) read(
	ctx context.Context, t *catalog.Relation, s session.Session, canaries *victims.Canaries,
) (int, error) {
	rows := 0
	var documents []string
	err := c.attempts.Read(ctx, s, func(tx *session.Tx) (err error) {
		documents, err = tx.Strings(ctx, fmt.Sprintf("SELECT to_jsonb(x)::text FROM (SELECT %s FROM %s a LIMIT %d) x",
			t.ReadableSQL("a"), t.SQL(), setup.AnswerRows))
		rows = len(documents)
		for _, d := range documents {
			if found := canaries.Find(d, s, nil); found != nil {
				c.leak(t, s, fmt.Sprintf("read a copy of %s %s of %s", found.Table, found.Key, found.Owner))
				break
			}
		}
		return err
	})
	c.results.Tried(t.String(), results.Read)
	if err != nil {
		return rows, err
	}
	return rows, c.judgeTold(ctx, t, s, documents)
}

// concernedBy are sessions of Persons whom rows concern that a view asks.
func (c *copies) concernedBy(ctx context.Context, t *catalog.Relation) ([]session.Session, error) {
	if len(c.hidden(t)) == 0 {
		return nil, nil
	}
	var sessions []session.Session
	concerned := victims.NewConcerned(c.victims)
	for _, v := range c.victims.List() {
		found, err := concerned.By(ctx, t.Definition, v)
		if err != nil {
			return nil, err
		}
		for _, s := range found[:min(maxConcerned, len(found))] {
			if !slices.ContainsFunc(sessions, func(known session.Session) bool { return known.Key() == s.Key() }) {
				sessions = append(sessions, s)
			}
		}
	}
	return sessions, nil
}

// judgeTold reports a view whose rows tell about rows of others without their keys.
func (c *copies) judgeTold(ctx context.Context, t *catalog.Relation, s session.Session, documents []string) error {
	d := proof.Disclosure{Prover: c.prover, Session: s, Reached: c.model.Catalog.TablesOf(t)}
	answer := proof.Answer{JSON: strings.Join(documents, "\n"), Given: []string{t.Definition}}
	for _, base := range c.hidden(t) {
		if c.results.Leaks(t.String(), results.Read) {
			return nil
		}
		found, err := d.Told(ctx, proof.VictimRows{Table: base}, answer)
		if query.Lost(err) != nil {
			return err
		}
		if found != nil {
			c.leak(t, s, "read what is in "+found.String()+", in "+base.String())
		}
	}
	return nil
}

func (c *copies) leak(t *catalog.Relation, s session.Session, evidence string) {
	c.results.Add(results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: t.String(), As: s.Label, Evidence: evidence,
		Fix: c.fixes.Close(t, results.Read),
	})
}

// hidden are the tables of tenants' rows that policies protect and a view with its owner's rights
// reads.
func (c *copies) hidden(t *catalog.Relation) []*catalog.Relation {
	if t.Kind != catalog.View || t.Option("security_invoker") || c.model.IsDirectory(t) {
		return nil
	}
	return slices.DeleteFunc(c.model.Catalog.TablesOf(t), func(base *catalog.Relation) bool {
		return c.model.Of(base).Class != tenancy.ClassTenant || !base.RLS || c.model.PublicRows(base) != ""
	})
}

// judgeDerived compares what a view shows a session with what its definition does with the
// session's own rights, and returns whether it is the same. It reports a view that shows more
// although no row of the tables that it reads is the session's or everybody's.
func (c *copies) judgeDerived(ctx context.Context, t *catalog.Relation, s session.Session) (same bool, err error) {
	if t.Kind != catalog.View || t.Option("security_invoker") || c.results.Leaks(t.String(), results.Read) {
		return false, nil
	}
	digest := func(source string) string {
		return fmt.Sprintf("(SELECT coalesce(sum(hashtextextended(to_jsonb(o)::text, 0)), 0) FROM (%s) o)", source)
	}
	shown := digest(fmt.Sprintf("SELECT %s FROM %s a", t.ReadableSQL("a"), t.SQL()))
	own := digest(fmt.Sprintf("SELECT %s FROM (%s) a", t.ReadableSQL("a"), strings.TrimSuffix(t.Definition, ";")))
	var more bool
	err = c.attempts.Read(ctx, s, func(tx *session.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf("SELECT %[1]s = %[2]s, %[1]s <> %[2]s AND %[1]s = %[1]s", shown, own)).
			Scan(&same, &more)
	})
	bases := c.hidden(t)
	if err != nil || !more || len(bases) == 0 {
		return same, query.Lost(err)
	}
	for _, base := range bases {
		var has bool
		err := c.setup.Truth.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE NOT coalesce(%s, false))",
			base.SQL(), c.model.Foreign(base, "a", c.model.IdentitySQL(s.Identity), tenancy.Truth))).Scan(&has)
		if err != nil || has {
			return false, query.Lost(err)
		}
	}
	c.leak(t, s, fmt.Sprintf("read what is made of rows of others in %s, which the session does not read there",
		bases[0]))
	return false, nil
}

// judgeView reports a view that shows an anonymous session what it makes of tenants' rows, where
// nothing says whose they are.
func (c *copies) judgeView(t *catalog.Relation) {
	if !t.IsView() || t.Option("security_invoker") || c.results.Leaks(t.String(), results.Read) ||
		c.model.IsDirectory(t) {
		return
	}
	for _, base := range c.model.Catalog.Relations {
		o := c.model.Of(base)
		if c.model.PublicRows(base) != "" && (base.Updatable() || base.Deletable()) {
			continue // whether it shows others than these, changes of others tell
		}
		if !o.Owned() || o.AreTenants() || c.model.IsDirectory(base) || base.IsView() || !base.RLS ||
			!t.DefinedOn(base) {
			continue
		}
		c.results.Add(results.Finding{
			Kind: results.Risk, Operation: results.Read, Table: t.String(), As: session.Empty.Label,
			Evidence: fmt.Sprintf("shows everybody data derived from %s, with the rights of %s; nothing says whose "+
				"data it is", base, t.Owner),
			Fix: c.fixes.Close(t, results.Read),
		})
		return
	}
}
