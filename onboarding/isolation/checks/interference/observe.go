package interference

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// callsPerFunction is how many ways each function is called.
const callsPerFunction = 3

// observation is something that an attacker can look at: a statement that answers one text, or
// that ends in one way or another.
type observation struct {
	sql      string
	relation *catalog.Relation
	function *catalog.Function
	// public is the note to make where the model calls what it tells public. Empty: it is a leak.
	public string
}

// observe returns what each observation gave: its answer or error, and its notices.
func (p *pair) observe(ctx context.Context, tx *session.Tx, list []observation) ([]string, error) {
	seen := make([]string, len(list))
	for i, o := range list {
		if err := tx.Exec(ctx, "SAVEPOINT look"); err != nil {
			return nil, err
		}
		p.cost.Observations++
		answers, err := tx.Strings(ctx, o.sql)
		if query.Lost(err) != nil {
			return nil, err
		}
		if err != nil {
			answers = []string{query.SQLState(err), query.Message(err)}
		}
		if err := tx.Exec(ctx, "ROLLBACK TO look"); err != nil {
			return nil, err
		}
		seen[i] = strings.Join(append(answers, tx.Notices()), "\n")
	}
	return seen, nil
}

// digest renders all rows of a source, in any order, as one short text. Neither the attacker's
// answer nor the report has what they contain.
func digest(row, source string) string {
	return fmt.Sprintf("SELECT count(*) || ' ' || coalesce(sum(hashtextextended(%s, 0)), 0) FROM %s", row, source)
}

// addReads looks at everything that the app role may read, except at the tables of tenants: what a
// tenant's own row says is no secret.
func (p *pair) addReads() {
	for _, t := range p.Model.Catalog.Relations {
		if !t.Usage || !t.Readable() || p.Model.Of(t).AreTenants() || p.Scope.Excused(t) || p.Scope.GivenUp(t) {
			continue
		}
		row := "ROW(" + t.ReadableSQL("o") + ")::text"
		p.observations = append(p.observations, observation{relation: t, sql: digest(row, t.SQL()+" o")})
	}
	for _, name := range p.sequences {
		p.observations = append(p.observations, observation{
			sql:    fmt.Sprintf("SELECT pg_sequence_last_value(%s::regclass)::text", query.Literal(name)),
			public: fmt.Sprintf("sequence %s: every session can read how many numbers it gave to others", name),
		})
	}
}

// sequencesSQL lists the sequences whose last value a role can read.
const sequencesSQL = `
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND has_schema_privilege($1::name, n.oid, 'USAGE')
   AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1::name, c.oid, 'USAGE, SELECT') ELSE false END
 ORDER BY 1`

// addCalls calls every function with what is the victim's. One that answers yes or no tells no
// more than that something exists, which the model calls public.
func (p *pair) addCalls() {
	for _, f := range p.Model.Catalog.Functions {
		if !p.calls(f) {
			continue
		}
		var public string
		if f.Returns == "boolean" {
			public = fmt.Sprintf("%s: its answer depends on rows of other tenants; it says yes or no", f)
		}
		lists := p.caller.ArgumentLists(f, p.victim)
		for _, list := range lists[:min(len(lists), callsPerFunction)] {
			p.observations = append(p.observations, observation{
				sql: digest("to_jsonb(o)::text", fmt.Sprintf("%s(%s) o", f.SQL(), list)), function: f, public: public,
			})
		}
	}
}

// calls reports whether attackers call a function.
func (p *pair) calls(f *catalog.Function) bool {
	return f.Executable && f.Kind == catalog.PlainFunction && !f.ReturnsTrigger() && !f.Native() &&
		f.Owner != p.Config.AppRole && !p.Config.Excuses(f) &&
		p.Irreversible.Function(f) == ""
}

// addConstraints inserts rows of the attacker's that a unique or foreign key compares with a row
// of the victim's. That a value or an id exists is public, so what they tell is a note.
func (p *pair) addConstraints(t *catalog.Relation, theirs victims.Values) {
	o := p.Model.Of(t)
	if p.attacker.Identity.Person == nil || len(o.Persons) == 0 {
		return
	}
	mine := maps.Clone(theirs)
	for _, c := range o.Persons {
		mine[c] = p.attacker.Identity.Person
	}
	for _, c := range o.Orgs {
		mine[c] = nil
	}
	for _, key := range t.Unique {
		perTenant := slices.ContainsFunc(key, func(c string) bool { return slices.Contains(o.Columns(), c) })
		if perTenant || slices.Equal(key, t.Key) {
			continue
		}
		p.observations = append(p.observations, observation{
			sql: p.insertSQL(t, mine, key),
			public: fmt.Sprintf("%s: its unique key (%s) tells whether another tenant has a value", t,
				strings.Join(key, ", ")),
		})
	}
	for _, key := range t.ForeignKeys {
		target := p.Model.Catalog.Relation(key.Target)
		if target == nil || p.Model.Of(target).AreTenants() || !p.Model.Of(target).Owned() {
			continue
		}
		p.observations = append(p.observations, observation{
			sql: p.insertSQL(t, mine, nil),
			public: fmt.Sprintf("%s: its foreign key (%s) tells whether a row of another tenant exists in %s", t,
				strings.Join(key.Columns, ", "), target),
		})
	}
}

// insertSQL inserts a row with new values for all unique keys but one.
func (p *pair) insertSQL(t *catalog.Relation, values victims.Values, kept []string) string {
	values = maps.Clone(values)
	for _, c := range t.Columns {
		unique := slices.ContainsFunc(t.Unique, func(key []string) bool { return slices.Contains(key, c.Name) })
		if unique && !slices.Contains(kept, c.Name) && !t.InForeignKey(c.Name) &&
			!slices.Contains(p.Model.Of(t).Columns(), c.Name) {
			values[c.Name] = imagine.Unique(c)
		}
	}
	return p.Rows.Insert(t, values, victims.SameKeys).SQL
}
