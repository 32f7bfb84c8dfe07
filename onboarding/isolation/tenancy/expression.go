package tenancy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// maxSQL bounds the SQL that a configuration holds, in bytes.
const maxSQL = 4000

// CheckExpression returns why a text of the configuration is not one SQL expression that only
// reads, or "".
func CheckExpression(sql string) string {
	statements, why := parse("SELECT (" + sql + ")")
	if why != "" {
		return why
	}
	for field := range statements[0].Fields {
		if !slices.Contains([]string{"targetList", "limitOption", "op"}, field) {
			return "is not one expression"
		}
	}
	if len(statements[0].List("targetList")) != 1 {
		return "is not one expression"
	}
	return ""
}

// CheckQuery returns why a text of the configuration is not one query that only reads, or "".
func CheckQuery(sql string) string {
	statements, why := parse("SELECT * FROM (" + sql + ") q")
	if why != "" {
		return why
	}
	from := statements[0].List("fromClause")
	for field := range statements[0].Fields {
		if !slices.Contains([]string{"targetList", "fromClause", "limitOption", "op"}, field) || len(from) != 1 ||
			from[0].Kind != "RangeSubselect" {
			return "is not one query"
		}
	}
	return ""
}

// parse parses SQL of the configuration to one SELECT, or returns what is wrong with it.
func parse(sql string) ([]sqltree.Node, string) {
	if len(sql) > maxSQL {
		return nil, fmt.Sprintf("is longer than %d bytes", maxSQL)
	}
	statements, err := sqltree.Statements(sql)
	switch {
	case err != nil:
		return nil, err.Error()
	case len(statements) != 1 || statements[0].Kind != "SelectStmt":
		return nil, "is more than one statement, or no SELECT"
	}
	why := ""
	sqltree.Walk(statements[0], func(n sqltree.Node) bool {
		switch n.Kind {
		case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "LockingClause":
			why = "does more than read"
		case "SelectStmt":
			if !n.Node("intoClause").Absent() {
				why = "does more than read"
			}
		case "FuncCall":
			if name := strings.ToLower(n.Name("funcname")); actsOnServer(name) {
				why = fmt.Sprintf("calls %s, which does more than read rows", name)
			}
		}
		return why == ""
	})
	return statements, why
}

// actsOnServer reports whether a function, by its name, changes the session or the server, or
// reaches beyond the database.
func actsOnServer(name string) bool {
	return slices.Contains([]string{"set_config", "nextval", "setval"}, name) ||
		slices.ContainsFunc([]string{"pg_", "lo_", "dblink", "query_to_xml"},
			func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// rowAlias is the alias under which SQL of the configuration has a row's columns.
const rowAlias = "r"

// readsColumns returns the columns of a relation that an expression on its row names.
func readsColumns(r *catalog.Relation, sql string) ([]string, error) {
	n, err := sqltree.Expression(sql)
	if err != nil {
		return nil, err
	}
	var found []string
	sqltree.Walk(n, func(n sqltree.Node) bool {
		names := n.Names("fields")
		if n.Kind != "ColumnRef" || len(names) == 0 || len(names) > 1 && names[0] != rowAlias && names[0] != r.Name {
			return true
		}
		if name := names[len(names)-1]; r.Column(name) != nil && !slices.Contains(found, name) {
			found = append(found, name)
		}
		return true
	})
	return found, nil
}

// byExpression returns whose the rows of a relation are by SQL of the configuration. A column
// beside it is one more expression.
func byExpression(r *catalog.Relation, t TableConfig) (*Ownership, error) {
	if t.User != "" {
		t.UserSQL = query.Column(rowAlias, t.User)
	}
	if t.Org != "" {
		t.OrgSQL = query.Column(rowAlias, t.Org)
	}
	o := &Ownership{Class: ClassTenant, Why: "configured", Configured: true, Both: t.Both,
		PersonSQL: t.UserSQL, OrgSQL: t.OrgSQL}
	for key, sql := range map[string]string{"user_sql": t.UserSQL, "org_sql": t.OrgSQL} {
		if sql == "" {
			continue
		}
		reads, err := readsColumns(r, sql)
		if err == nil && len(reads) == 0 {
			err = fmt.Errorf("reads no column of %s", r)
		}
		if err != nil {
			return nil, fmt.Errorf("tables[%q].%s: %w", r, key, err)
		}
		o.reads = append(o.reads, reads...)
	}
	slices.Sort(o.reads)
	o.reads = slices.Compact(o.reads)
	return o, nil
}

// tryExpressions evaluates the SQL of the configuration for no row, so what the server refuses
// ends the check.
func (d *discovery) tryExpressions(ctx context.Context, q query.Querier) error {
	if d.m.Membership.query != "" {
		if _, err := query.Strings(ctx, q, "SELECT org::text FROM ("+d.m.MembersSQL()+") m LIMIT 0"); err != nil {
			return fmt.Errorf("membership.query: %w", err)
		}
	}
	for _, r := range d.m.Catalog.Relations {
		if public := d.m.Public(r, "a"); d.m.PublicRows(r) != "" {
			_, err := query.Strings(ctx, q, fmt.Sprintf("SELECT %s::text FROM %s a LIMIT 0", public, r.SQL()))
			if err != nil {
				return fmt.Errorf("tables[%q].public: %w", r, err)
			}
		}
		o := d.m.own[r.OID]
		if o == nil || !o.Derived() || r.Partition {
			continue
		}
		if !r.HasRowIDs() {
			return fmt.Errorf("tables[%q]: user_sql and org_sql are for tables alone", r)
		}
		_, err := query.Strings(ctx, q, fmt.Sprintf("SELECT %s FROM %s a LIMIT 0", d.m.Owner(r, "a"), r.SQL()))
		if err != nil {
			return fmt.Errorf("tables[%q]: user_sql or org_sql: %w", r, err)
		}
	}
	return nil
}

// OnRow is SQL of the configuration on a row of r that SQL has under an alias.
func OnRow(sql string, r *catalog.Relation, alias string) string {
	if strings.Contains(sql, r.Name) { // perhaps as in documents.id
		sql = fmt.Sprintf("SELECT (%s) FROM (SELECT %s.*) %s", sql, rowAlias, query.Name(r.Name))
	}
	return fmt.Sprintf("(SELECT (%s) FROM (SELECT %s.*) %s)", sql, alias, rowAlias)
}

// Derived reports whether SQL of the configuration says whose a relation's rows are, or those of
// their parents. Only the truth evaluates it.
func (m *Model) Derived(r *catalog.Relation) bool { return derived(m, r, 0) }

func derived(m *Model, r *catalog.Relation, depth int) bool {
	o := m.Of(r)
	return o.Derived() || depth < maxDepth && slices.ContainsFunc(o.Parents, func(p ParentLink) bool {
		return derived(m, p.Table, depth+1)
	})
}
