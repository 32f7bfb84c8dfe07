package checks

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// shadowable lists relations that a function names without a schema, so that a temporary table of the session's takes their place: pg_temp is
// searched first for relations unless the search_path names it elsewhere (Postgres manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely).
func (r *Run) shadowable(f *catalog.Function) []*catalog.Relation {
	if f.Atomic || f.Language != "sql" && !strings.HasPrefix(f.Language, "pl") {
		return nil
	}
	if path, pinned := f.SearchPath(); pinned {
		parts := strings.Split(path, ",")
		for i, p := range parts {
			if strings.Trim(strings.TrimSpace(p), `"`) == "pg_temp" && i > 0 {
				return nil
			}
		}
		if strings.Trim(path, `" `) == "" {
			return nil
		}
	}
	var found []*catalog.Relation
	for _, t := range r.m.Cat.Relations {
		name := regexp.QuoteMeta(t.Name)
		if t.Partition || slices.ContainsFunc(found, func(f *catalog.Relation) bool { return f.Name == t.Name }) {
			continue
		}
		if regexp.MustCompile(`(?is)\b(from|join|into|update|only|table)\s+("` + name + `"|` + name + `\b)(\s*$|[^.\w])`).MatchString(f.Source) {
			found = append(found, t)
		}
	}
	return found
}

// checkShadows puts temporary tables in the place of those that functions name without a schema, with rows that say what an attacker wants to hear,
// and reads everything again: policies ask such functions too.
func (r *Run) checkShadows(ctx context.Context) error {
	var temp bool
	if err := query.One(ctx, r.admin, "SELECT has_database_privilege($1::name, current_database(), 'TEMP')", []any{r.cfg.AppRole}, &temp); err != nil {
		return err
	}
	var shadows []*catalog.Relation
	var naive []*catalog.Function
	for _, f := range r.m.Cat.Functions {
		if names := r.shadowable(f); len(names) > 0 {
			naive = append(naive, f)
			for _, t := range names {
				if !slices.Contains(shadows, t) {
					shadows = append(shadows, t)
				}
			}
		}
	}
	if !temp || len(shadows) == 0 {
		return nil
	}
	var names []string
	for _, f := range naive {
		names = append(names, f.String())
	}
	readable := slices.DeleteFunc(slices.Clone(r.tables), func(t *catalog.Relation) bool { return !t.Readable() || t.IsView() || r.tired[t] >= timeoutPatience })
	for _, v := range r.victims {
		attackers, err := r.attackers(ctx, v)
		if err != nil {
			return err
		}
		for _, s := range attackers[:min(3, len(attackers))] {
			if s.Person == nil {
				continue
			}
			prefix, err := r.shadowSQL(ctx, shadows, s, v)
			if err != nil {
				return err
			}
			s.Label += fmt.Sprintf(" with temporary tables in the place of %s", listed(shadows))
			fix := ""
			for _, f := range naive {
				fix += r.pin(f) + "\n"
			}
			if err := r.shadowed(ctx, s, prefix, readable, strings.TrimSpace(fix), strings.Join(names, ", ")); err != nil && query.SQLState(err) == "" {
				return err
			}
		}
	}
	return nil
}

func (r *Run) shadowed(ctx context.Context, s session.Session, prefix string, tables []*catalog.Relation, fix, functions string) error {
	before := len(r.Report().Findings)
	if err := r.escalate(ctx, s, prefix, tables, fix); err != nil {
		return err
	}
	findings := r.List()
	for i := range findings {
		if i >= before && strings.Contains(findings[i].Evidence, " after ") {
			head, _, _ := strings.Cut(findings[i].Evidence, " after ")
			findings[i].Evidence = head + ": " + functions + " names a table without its schema, and a session's temporary table comes first"
		}
	}
	r.Replace(findings)
	return nil
}

func listed(tables []*catalog.Relation) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// shadowSQL makes the temporary tables: each like its model, with one row in which the attacker is whoever the model could want.
func (r *Run) shadowSQL(ctx context.Context, shadows []*catalog.Relation, s session.Session, v tenancy.Tenant) (string, error) {
	var sql strings.Builder
	for _, t := range shadows {
		values, err := r.flattering(ctx, t, s, v)
		if err != nil {
			return "", err
		}
		var definitions, literals []string
		for _, c := range t.Columns {
			definitions = append(definitions, pgx.Identifier{c.Name}.Sanitize()+" "+c.Type)
			literals = append(literals, c.Literal(values[c.Name]))
		}
		name := "pg_temp." + pgx.Identifier{t.Name}.Sanitize()
		fmt.Fprintf(&sql, "CREATE TEMPORARY TABLE %s (%s) ON COMMIT DROP; INSERT INTO %s VALUES (%s); GRANT ALL ON %s TO PUBLIC; ",
			pgx.Identifier{t.Name}.Sanitize(), strings.Join(definitions, ", "), name, strings.Join(literals, ", "), name)
	}
	return sql.String(), nil
}

// flattering is a row of t as an attacker would have it: their own id wherever a Person stands, the victim's wherever an Org does.
func (r *Run) flattering(ctx context.Context, t *catalog.Relation, s session.Session, v tenancy.Tenant) (map[string]*string, error) {
	o := r.m.Of(t)
	values := map[string]*string{}
	condition := "true"
	if t == r.m.Members {
		condition = r.m.PresentAs("a")
	}
	var all []string
	for _, c := range t.Columns {
		all = append(all, c.Name)
	}
	row, err := r.anyRow(ctx, t, all, condition)
	if err != nil {
		return nil, err
	}
	for i, c := range t.Columns {
		if row != nil {
			values[c.Name] = row[i]
		} else {
			values[c.Name] = imagined(c)
		}
		if c.Category == "B" {
			values[c.Name] = query.Ref("true")
		}
		if catalog.Normal(c.Name) == "role" && c.Category == "S" && t != r.m.Members {
			values[c.Name] = query.Ref("admin")
		}
	}
	for _, c := range o.User {
		values[c] = s.Person
	}
	for _, c := range o.Org {
		if v.Org != "" {
			values[c] = &v.Org
		}
	}
	switch o.Class {
	case tenancy.ClassUsers:
		values[r.m.UserID] = s.Person
	case tenancy.ClassOrgs:
		if v.Org != "" {
			values[r.m.OrgID] = &v.Org
		}
		if r.m.OwnerColumn != "" {
			values[r.m.OwnerColumn] = s.Person
		}
	}
	return values, nil
}
