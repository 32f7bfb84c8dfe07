package fixes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Writer writes fixes for one platform.
type Writer struct {
	Model    *tenancy.Model
	Settings session.Settings
	AppRole  string
	// Owner becomes the owner of what the app role should not own.
	Owner string
	Truth query.Querier
}

// app is the app role as a statement spells it.
func (w *Writer) app() string { return query.Name(w.AppRole) }

// Revoke takes rights on a relation away from every tenant. The remark, if any, becomes a
// comment.
func (w *Writer) Revoke(rights string, t *catalog.Relation, remark string) string {
	return fmt.Sprintf("REVOKE %s ON %s FROM PUBLIC, %s;", rights, t.SQL(), w.app()) + comment(remark)
}

func comment(remark string) string {
	if remark == "" {
		return ""
	}
	return " -- " + remark
}

// RevokeExecute takes the right to call a function away from every tenant.
func (w *Writer) RevokeExecute(f *catalog.Function, remark string) string {
	return fmt.Sprintf("REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, %s;", f.Signature(), w.app()) + comment(remark)
}

// RevokeCall is [Writer.RevokeExecute] for a function that reached another tenant's rows.
func (w *Writer) RevokeCall(f *catalog.Function) string {
	return w.RevokeExecute(f, "or make it check whose rows it touches")
}

// RevokeCreate takes the right to create objects in a schema away from every tenant.
func (w *Writer) RevokeCreate(schema string) string {
	return fmt.Sprintf("REVOKE CREATE ON SCHEMA %s FROM PUBLIC, %s;", query.Name(schema), w.app())
}

// RevokePartitions takes all rights on every partition of a table away. Tenants reach them
// through the table.
func (w *Writer) RevokePartitions(parent *catalog.Relation) string {
	return fmt.Sprintf(`DO $$ DECLARE p regclass; BEGIN
FOR p IN SELECT relid FROM pg_partition_tree(%s) WHERE level > 0 LOOP
EXECUTE format('REVOKE ALL ON %%s FROM PUBLIC, %%I', p, %s); END LOOP; END $$; -- reach them through their parent`,
		query.Literal(parent.SQL()), query.Literal(w.AppRole))
}

// TakeTable gives a table to the platform's owner, and the app role the rights that it needs.
func (w *Writer) TakeTable(t *catalog.Relation) string {
	return fmt.Sprintf("ALTER TABLE %[1]s OWNER TO %[2]s;\nGRANT SELECT, INSERT, UPDATE, DELETE ON %[1]s TO %[3]s;",
		t.SQL(), query.Name(w.Owner), w.app())
}

// TakeSchema gives a schema to the platform's owner, and the app role the right to use it.
func (w *Writer) TakeSchema(schema string) string {
	return fmt.Sprintf("ALTER SCHEMA %[1]s OWNER TO %[2]s;\nGRANT USAGE ON SCHEMA %[1]s TO %[3]s;",
		query.Name(schema), query.Name(w.Owner), w.app())
}

// TakeFunction gives a function to the platform's owner.
func (w *Writer) TakeFunction(f *catalog.Function) string {
	return fmt.Sprintf("ALTER ROUTINE %s OWNER TO %s;", f.Signature(), query.Name(w.Owner))
}

// TakeLargeObjects gives the large objects of a column to the platform's owner.
func (w *Writer) TakeLargeObjects(t *catalog.Relation, c *catalog.Column) string {
	return fmt.Sprintf(`DO $$ DECLARE o oid; BEGIN FOR o IN SELECT %s FROM %s LOOP
EXECUTE format('ALTER LARGE OBJECT %%1$s OWNER TO %%2$I; REVOKE ALL ON LARGE OBJECT %%1$s FROM PUBLIC, %%3$I',
  o, %s, %s); END LOOP; END $$;`,
		query.Name(c.Name), t.SQL(), query.Literal(w.Owner), query.Literal(w.AppRole))
}

// AlterRole changes an attribute of the app role, such as NOSUPERUSER.
func (w *Writer) AlterRole(attribute string) string {
	return fmt.Sprintf("ALTER ROLE %s %s;", w.app(), attribute)
}

const membershipsSQL = `
SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles a ON a.oid = m.member
 WHERE a.rolname = $1 AND pg_has_role(g.oid, (SELECT oid FROM pg_roles WHERE rolname = $2), 'MEMBER') ORDER BY 1`

// RevokeRole takes from the app role the memberships through which it can become another role.
func (w *Writer) RevokeRole(ctx context.Context, role string) string {
	direct, err := query.Strings(ctx, w.Truth, membershipsSQL, w.AppRole, role)
	if err != nil || len(direct) == 0 {
		direct = []string{role}
	}
	fixes := make([]string, len(direct))
	for i, d := range direct {
		fixes[i] = fmt.Sprintf("REVOKE %s FROM %s;", query.Name(d), w.app())
	}
	return strings.Join(fixes, "\n")
}

// DropTriggers drops triggers that send every session what tenants write.
func (w *Writer) DropTriggers(t *catalog.Relation, names []string) string {
	drops := make([]string, len(names))
	for i, name := range names {
		drops[i] = fmt.Sprintf("DROP TRIGGER %s ON %s;", query.Name(name), t.SQL())
	}
	return strings.Join(drops, " ") + comment("or make them send nothing but the row's id")
}

// NotLeakproof makes a function wait for policies.
func (w *Writer) NotLeakproof(f *catalog.Function) string {
	return fmt.Sprintf("ALTER FUNCTION %s NOT LEAKPROOF;", f.Signature())
}

// Stable makes functions answer anew for each statement. Without one, the remark says what to look
// for.
func (w *Writer) Stable(functions []*catalog.Function) string {
	if len(functions) == 0 {
		return "-- make what the policies call read the identity each time, and keep nothing between transactions"
	}
	statements := make([]string, len(functions))
	for i, f := range functions {
		statements[i] = fmt.Sprintf("ALTER FUNCTION %s STABLE;", f.Signature())
	}
	return strings.Join(statements, "\n")
}

// SecurityBarrier makes a view apply its own conditions first.
func (w *Writer) SecurityBarrier(t *catalog.Relation) string {
	return fmt.Sprintf("ALTER VIEW %s SET (security_barrier = true);", t.SQL())
}

// SetSearchPath fixes a function's search_path to the schemas of the relations that it names
// without one, with temporary tables last.
func (w *Writer) SetSearchPath(f *catalog.Function, named []*catalog.Relation) string {
	path := []string{"pg_catalog"}
	known := map[string]bool{}
	for _, t := range named {
		if !known[t.Schema] {
			known[t.Schema] = true
			path = append(path, query.Name(t.Schema))
		}
	}
	if len(path) == 1 {
		path = append(path, query.Name(f.Schema))
	}
	return fmt.Sprintf("ALTER ROUTINE %s SET search_path = %s, pg_temp;", f.Signature(), strings.Join(path, ", "))
}

// For closes a session's way to an operation on a relation: the role that it took on, or the
// relation.
func (w *Writer) For(ctx context.Context, s session.Session, t *catalog.Relation, operation results.Operation) string {
	if slices.Contains(w.Settings.Opening.Roles, s.Role) {
		as := *w
		as.AppRole = s.Role
		return as.Close(t, operation)
	}
	if s.Role != "" {
		return w.RevokeRole(ctx, s.Role)
	}
	return w.Close(t, operation)
}
