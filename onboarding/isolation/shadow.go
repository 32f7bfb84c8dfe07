package isolation

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// shadowable lists relations that a function names without a schema, so that a temporary table of the session's takes their place: pg_temp is
// searched first for relations unless the search_path names it elsewhere (Postgres manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely).
func (r *run) shadowable(f *function) []*relation {
	if f.Atomic || f.Language != "sql" && !strings.HasPrefix(f.Language, "pl") {
		return nil
	}
	if path, pinned := f.searchPath(); pinned {
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
	var found []*relation
	for _, t := range r.m.cat.Relations {
		name := regexp.QuoteMeta(t.Name)
		if t.Partition || slices.ContainsFunc(found, func(f *relation) bool { return f.Name == t.Name }) {
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
func (r *run) checkShadows(ctx context.Context) error {
	var temp bool
	if err := one(ctx, r.admin, "SELECT has_database_privilege($1::name, current_database(), 'TEMP')", []any{r.cfg.AppRole}, &temp); err != nil {
		return err
	}
	var shadows []*relation
	var naive []*function
	for _, f := range r.m.cat.Functions {
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
	readable := slices.DeleteFunc(slices.Clone(r.tables), func(t *relation) bool { return !t.readable() || t.isView() || r.tired[t] >= timeoutPatience })
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
			if err := r.shadowed(ctx, s, prefix, readable, strings.TrimSpace(fix), strings.Join(names, ", ")); err != nil && sqlstate(err) == "" {
				return err
			}
		}
	}
	return nil
}

func (r *run) shadowed(ctx context.Context, s session, prefix string, tables []*relation, fix, functions string) error {
	before := len(r.report().Findings)
	if err := r.escalate(ctx, s, prefix, tables, fix); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.findings {
		if i >= before && strings.Contains(r.findings[i].Evidence, " after ") {
			head, _, _ := strings.Cut(r.findings[i].Evidence, " after ")
			r.findings[i].Evidence = head + ": " + functions + " names a table without its schema, and a session's temporary table comes first"
		}
	}
	return nil
}

func listed(tables []*relation) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// shadowSQL makes the temporary tables: each like its model, with one row in which the attacker is whoever the model could want.
func (r *run) shadowSQL(ctx context.Context, shadows []*relation, s session, v victim) (string, error) {
	var sql strings.Builder
	for _, t := range shadows {
		values, err := r.flattering(ctx, t, s, v)
		if err != nil {
			return "", err
		}
		var definitions, literals []string
		for _, c := range t.Columns {
			definitions = append(definitions, pgx.Identifier{c.Name}.Sanitize()+" "+c.Type)
			literals = append(literals, c.literal(values[c.Name]))
		}
		name := "pg_temp." + pgx.Identifier{t.Name}.Sanitize()
		fmt.Fprintf(&sql, "CREATE TEMPORARY TABLE %s (%s) ON COMMIT DROP; INSERT INTO %s VALUES (%s); GRANT ALL ON %s TO PUBLIC; ",
			pgx.Identifier{t.Name}.Sanitize(), strings.Join(definitions, ", "), name, strings.Join(literals, ", "), name)
	}
	return sql.String(), nil
}

// flattering is a row of t as an attacker would have it: their own id wherever a Person stands, the victim's wherever an Org does.
func (r *run) flattering(ctx context.Context, t *relation, s session, v victim) (map[string]*string, error) {
	o := r.m.of(t)
	values := map[string]*string{}
	condition := "true"
	if t == r.m.members {
		condition = r.m.presentAs("a")
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
			values[c.Name] = c.imagined()
		}
		if c.Category == "B" {
			values[c.Name] = ref("true")
		}
		if normal(c.Name) == "role" && c.Category == "S" && t != r.m.members {
			values[c.Name] = ref("admin")
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
	case classUsers:
		values[r.m.userID] = s.Person
	case classOrgs:
		if v.Org != "" {
			values[r.m.orgID] = &v.Org
		}
		if r.m.ownerColumn != "" {
			values[r.m.ownerColumn] = s.Person
		}
	}
	return values, nil
}
