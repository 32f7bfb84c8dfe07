package interference

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// attackersPerVictim is how many sessions look at what each victim does.
const attackersPerVictim = 3

// tester runs one test.
type tester struct {
	*setup.Setup
	caller    *victims.Caller
	sequences []string
	cost      results.Interference
	// told are the notes that were made, each about something that the model calls public.
	told map[string]bool
	// trails are the tables that the triggers of each table name, and the views that are made of
	// its rows.
	trails map[*catalog.Relation][]*catalog.Relation
	// derived are these views. concerned finds Persons whom rows concern that they ask.
	derived   []*catalog.Relation
	concerned *victims.Concerned
}

// New returns the test. Only a deep check runs all of it; others look only at what triggers write.
func New(s *setup.Setup) setup.Check {
	return &tester{
		Setup: s, told: map[string]bool{}, trails: map[*catalog.Relation][]*catalog.Relation{},
		concerned: victims.NewConcerned(s.Victims),
	}
}

// Run makes the test and, for a deep check, records what it cost.
func (t *tester) Run(ctx context.Context) error {
	t.findDerived()
	if !t.Config.Deep {
		if t.findTrails(); len(t.trails) == 0 {
			return nil
		}
		return t.pairs(ctx)
	}
	canaries, err := t.ReadCanaries(ctx)
	if err != nil {
		return err
	}
	t.caller = victims.NewCaller(t.Victims, canaries)
	started := time.Now()
	if t.sequences, err = query.Strings(ctx, t.Truth, sequencesSQL, t.Config.AppRole); err != nil {
		return err
	}
	if err := t.pairs(ctx); err != nil {
		return err
	}
	t.cost.Seconds = time.Since(started).Seconds()
	t.Results.Cover(func(c *results.Coverage) { c.Interference = &t.cost })
	return nil
}

// pairs tests every victim against a few attackers.
func (t *tester) pairs(ctx context.Context) error {
	for _, v := range t.Victims.List() {
		concerned, err := t.concernedBy(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range append(t.attackers(v), concerned...) {
			if err := t.pair(ctx, s, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// attackers are sessions that have no right to what is the victim's: one of each kind, and an
// anonymous one. Those that need a setting unset are left out, since the victim acts in the same
// transaction, and what was set once is empty afterwards.
func (t *tester) attackers(v tenancy.Tenant) []session.Session {
	var chosen []session.Session
	for _, s := range append(t.Victims.Sample(), session.Empty) {
		known := func(other session.Session) bool { return other.Kind == s.Kind }
		if s.User == nil || s.Org == nil || s.Identity.Is(v) || slices.ContainsFunc(chosen, known) {
			continue
		}
		chosen = append(chosen, s)
	}
	if len(chosen) > attackersPerVictim {
		chosen = append(chosen[:attackersPerVictim-1], session.Empty)
	}
	return chosen
}

// pair tests one victim against one attacker.
func (t *tester) pair(ctx context.Context, s session.Session, v tenancy.Tenant) error {
	p := &pair{tester: t, attacker: s, victim: v}
	if err := p.prepare(ctx); err != nil || len(p.tables) == 0 {
		return err
	}
	if t.Config.Deep {
		t.cost.Pairs++
		return p.compare(ctx)
	}
	for _, table := range p.tables {
		if one := p.trail(table); len(one.observations) == 0 {
			continue
		} else if err := one.compare(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare has the victim act and compares what the attacker observes before and after.
func (p *pair) compare(ctx context.Context) error {
	t, s, v := p.tester, p.attacker, p.victim
	if err := t.Limiter.Wait(ctx, len(p.observations)); err != nil {
		return err
	}
	var differ []difference
	err := t.Attempts.Snapshot(ctx, s, func(tx *session.Tx) error {
		before, err := p.observe(ctx, tx, p.observations)
		if err != nil {
			return err
		}
		again, err := p.observe(ctx, tx, p.observations)
		if err != nil {
			return err
		}
		for _, act := range p.acts() {
			after, err := p.around(ctx, tx, scene{act, p.tables, p.observations})
			if err != nil {
				return err
			}
			for i, o := range p.observations {
				if before[i] == again[i] && after != nil && after[i] != before[i] {
					differ = append(differ, difference{o, act})
				}
			}
		}
		return nil
	})
	if query.Lost(err) != nil {
		return err
	}
	if err != nil {
		t.Results.LeaveOut("interference of %s with %s: %s", v, s.Label, query.Describe(err))
	}
	for _, d := range differ {
		if err := p.report(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// difference is an observation that an act of the victim changed.
type difference struct {
	observation observation
	act         act
}

// report proves a difference again, table by table and by nothing else, so the proof is short.
func (p *pair) report(ctx context.Context, d difference) error {
	o := d.observation
	if o.public != "" {
		if !p.told[o.public] {
			p.told[o.public] = true
			p.Results.Note("%s", o.public)
		}
		return nil
	}
	for _, table := range p.tables {
		if p.known(o, table) {
			return nil
		}
		err := p.Attempts.Snapshot(ctx, p.attacker, func(tx *session.Tx) error {
			before, err := p.observe(ctx, tx, []observation{o})
			if err != nil {
				return err
			}
			after, err := p.around(ctx, tx, scene{d.act, []*catalog.Relation{table}, []observation{o}})
			if err == nil && after != nil && after[0] != before[0] {
				p.leak(o, d.act, table)
			}
			return err
		})
		if query.Lost(err) != nil {
			return err
		}
	}
	return nil
}

// known reports whether a leak says it already.
func (p *pair) known(o observation, table *catalog.Relation) bool {
	if o.function != nil {
		return p.Results.Blames(o.function.String(), results.Leak) || p.Results.Leaks(table.String(), results.Read)
	}
	return p.Results.Leaks(o.relation.String(), results.Read)
}

func (p *pair) leak(o observation, a act, table *catalog.Relation) {
	f := results.Finding{
		Kind: results.Leak, Operation: results.Read, Table: table.String(), As: p.attacker.Label, Deep: p.Config.Deep,
	}
	what := fmt.Sprintf("when %s %s rows of their own in %s", p.victim, a.verb, table)
	if o.function != nil {
		f.Functions = []string{o.function.String()}
		f.Evidence = fmt.Sprintf("saw the answer of %s(%s) change %s", o.function,
			strings.Join(o.function.ArgTypes, ", "), what)
		f.Fix = p.Fixes.RevokeCall(o.function)
	} else {
		f.Table, f.Evidence = o.relation.String(), "saw it change "+what
		f.Fix = p.Fixes.Close(o.relation, results.Read)
	}
	p.Results.Add(f)
}
