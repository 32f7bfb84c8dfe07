package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// querier is what both a connection and a transaction offer.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// column is one column of a relation, with what the attacking role may do with it.
type column struct {
	Name      string
	Type      string // as format_type spells it
	Category  string // pg_type.typcategory
	Element   string // first label of an enum
	NotNull   bool
	Default   bool
	Generated bool // GENERATED ALWAYS, as a value or as an identity
	Select    bool
	Insert    bool
	Update    bool
}

// foreignKey leads from columns of a relation to those of another.
type foreignKey struct {
	Columns    []string
	Target     uint32
	TargetCols []string
	OnDelete   string // pg_constraint.confdeltype: a, r, c, n or d
}

// relation is a table, partition, view, materialised view or foreign table outside the system's schemas.
type relation struct {
	OID         uint32
	Schema      string
	Name        string
	Kind        string // pg_class.relkind
	RLS, Forced bool
	Owner       string
	OwnerBypass bool // the owner is a superuser or has BYPASSRLS
	Partition   bool
	Parent      uint32 // in pg_inherits
	Options     []string
	Rows        float64
	Usage       bool // USAGE on the schema
	SelectAll   bool
	Delete      bool
	Truncate    bool
	Trigger     bool
	Definition  string // of a view
	Columns     []*column
	Key         []string   // primary key
	Unique      [][]string // all unique indexes' columns
	ForeignKeys []foreignKey
	Policies    []policy
	Triggers    int
	Rules       int      // beside that of a view for SELECT
	Partitioned []string // the columns that its partition key names
	Elsewhere   bool     // reachable by a role that the role can become, and not by itself
}

func (r *relation) String() string { return r.Schema + "." + r.Name }

// SQL is the relation's name as a statement spells it.
func (r *relation) SQL() string { return pgx.Identifier{r.Schema, r.Name}.Sanitize() }

func (r *relation) column(name string) *column {
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (r *relation) can(privilege func(*column) bool) bool {
	return r.Usage && slices.ContainsFunc(r.Columns, privilege)
}

func canSelect(c *column) bool { return c.Select }
func canInsert(c *column) bool { return c.Insert }
func canUpdate(c *column) bool { return c.Update }

// readable reports whether the role may read any column.
func (r *relation) readable() bool { return r.can(canSelect) }

// reachable reports whether the role may do anything at all with the relation.
func (r *relation) reachable() bool {
	return r.readable() || r.can(canInsert) || r.can(canUpdate) || r.Usage && (r.Delete || r.Truncate)
}

func (r *relation) isView() bool { return r.Kind == "v" || r.Kind == "m" }

// hasRowIDs reports whether rows can be told apart by tableoid and ctid.
func (r *relation) hasRowIDs() bool { return r.Kind == "r" || r.Kind == "p" || r.Kind == "m" }

func (r *relation) option(name string) bool {
	for _, o := range r.Options {
		key, value, _ := strings.Cut(strings.ToLower(o), "=")
		if key == name {
			return value == "true" || value == "on" || value == "1" || value == "yes"
		}
	}
	return false
}

// policy is one row of pg_policy that applies to the attacking role.
type policy struct {
	Name       string
	Permissive bool
	Command    string // *, r, a, w or d
	Applies    bool   // to the role, by name or through membership
	Using      string
	Check      string
}

// catalogue is everything that one look at the system tables told.
type catalogue struct {
	Version   int // server_version_num
	Relations []*relation
	byOID     map[uint32]*relation
	byName    map[string]*relation
	Functions []*function
}

func (c *catalogue) named(name string) *relation {
	return c.byName[name]
}

const relationsSQL = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity, o.rolname, o.rolsuper OR o.rolbypassrls,
       c.relispartition, coalesce((SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid ORDER BY inhseqno LIMIT 1), 0),
       coalesce(c.reloptions, '{}'), c.reltuples,
       has_schema_privilege($1::name, n.oid, 'USAGE'), coalesce(has_table_privilege($1::name, c.oid, 'SELECT'), false),
       coalesce(has_table_privilege($1::name, c.oid, 'DELETE'), false), coalesce(has_table_privilege($1::name, c.oid, 'TRUNCATE'), false),
       coalesce(has_table_privilege($1::name, c.oid, 'TRIGGER'), false),
       CASE WHEN c.relkind IN ('v', 'm') THEN coalesce(pg_get_viewdef(c.oid), '') ELSE '' END,
       (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
       (SELECT count(*) FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1'),
       array(SELECT a.attname::text FROM pg_partitioned_table p, unnest(p.partattrs) k JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k WHERE p.partrelid = c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname`

const columnsSQL = `
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory::text,
       coalesce((SELECT enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY enumsortorder LIMIT 1), ''),
       a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',
       coalesce(has_column_privilege($1::name, a.attrelid, a.attnum, 'SELECT'), false),
       coalesce(has_column_privilege($1::name, a.attrelid, a.attnum, 'INSERT'), false),
       coalesce(has_column_privilege($1::name, a.attrelid, a.attnum, 'UPDATE'), false)
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = ANY($2) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`

const keysSQL = `
SELECT i.indrelid, i.indisprimary, array(SELECT a.attname::text FROM unnest(i.indkey) k JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
  FROM pg_index i WHERE i.indisunique AND i.indrelid = ANY($1)`

const foreignKeysSQL = `
SELECT c.conrelid, array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, o) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY o),
       c.confrelid, array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o) JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY o),
       c.confdeltype::text
  FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = ANY($1) AND c.confrelid = ANY($1) ORDER BY c.conname`

const policiesSQL = `
SELECT p.polrelid, p.polname, p.polpermissive, p.polcmd::text,
       EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role($1::name, r, 'USAGE')),
       coalesce(pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
  FROM pg_policy p WHERE p.polrelid = ANY($2) ORDER BY p.polname`

// loadCatalogue reads the system tables as they concern one role.
func loadCatalogue(ctx context.Context, q querier, role string) (*catalogue, error) {
	cat := &catalogue{byOID: map[uint32]*relation{}, byName: map[string]*relation{}}
	if err := one(ctx, q, "SELECT current_setting('server_version_num')::int", nil, &cat.Version); err != nil {
		return nil, err
	}
	var oids []uint32
	err := each(ctx, q, relationsSQL, []any{role}, func(rows pgx.Rows) error {
		r := &relation{}
		if err := rows.Scan(&r.OID, &r.Schema, &r.Name, &r.Kind, &r.RLS, &r.Forced, &r.Owner, &r.OwnerBypass, &r.Partition, &r.Parent, &r.Options,
			&r.Rows, &r.Usage, &r.SelectAll, &r.Delete, &r.Truncate, &r.Trigger, &r.Definition, &r.Triggers, &r.Rules, &r.Partitioned); err != nil {
			return err
		}
		cat.byName[r.String()] = r
		cat.Relations, cat.byOID[r.OID], oids = append(cat.Relations, r), r, append(oids, r.OID)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("relations: %w", err)
	}
	err = each(ctx, q, columnsSQL, []any{role, oids}, func(rows pgx.Rows) error {
		var oid uint32
		c := &column{}
		if err := rows.Scan(&oid, &c.Name, &c.Type, &c.Category, &c.Element, &c.NotNull, &c.Default, &c.Generated, &c.Select, &c.Insert, &c.Update); err != nil {
			return err
		}
		cat.byOID[oid].Columns = append(cat.byOID[oid].Columns, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("columns: %w", err)
	}
	if err := cat.loadConstraints(ctx, q, role, oids); err != nil {
		return nil, err
	}
	cat.Functions, err = loadFunctions(ctx, q, role)
	return cat, err
}

func (cat *catalogue) loadConstraints(ctx context.Context, q querier, role string, oids []uint32) error {
	err := each(ctx, q, keysSQL, []any{oids}, func(rows pgx.Rows) error {
		var oid uint32
		var primary bool
		var columns []string
		if err := rows.Scan(&oid, &primary, &columns); err != nil {
			return err
		}
		r := cat.byOID[oid]
		if primary {
			r.Key = columns
		}
		r.Unique = append(r.Unique, columns)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	err = each(ctx, q, foreignKeysSQL, []any{oids}, func(rows pgx.Rows) error {
		var oid uint32
		var fk foreignKey
		if err := rows.Scan(&oid, &fk.Columns, &fk.Target, &fk.TargetCols, &fk.OnDelete); err != nil {
			return err
		}
		r := cat.byOID[oid]
		// A key to a partitioned table has a twin for each of its partitions; the one to the whole is enough.
		if target := cat.byOID[fk.Target]; !target.Partition {
			r.ForeignKeys = append(r.ForeignKeys, fk)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("foreign keys: %w", err)
	}
	err = each(ctx, q, policiesSQL, []any{role, oids}, func(rows pgx.Rows) error {
		var oid uint32
		var p policy
		if err := rows.Scan(&oid, &p.Name, &p.Permissive, &p.Command, &p.Applies, &p.Using, &p.Check); err != nil {
			return err
		}
		cat.byOID[oid].Policies = append(cat.byOID[oid].Policies, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("policies: %w", err)
	}
	return nil
}

// each calls scan for every row.
func each(ctx context.Context, q querier, sql string, args []any, scan func(pgx.Rows) error) error {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the first row; no row leaves the destinations alone and is pgx.ErrNoRows.
func one(ctx context.Context, q querier, sql string, args []any, into ...any) error {
	found := false
	err := each(ctx, q, sql, args, func(rows pgx.Rows) error {
		if found {
			return nil
		}
		found = true
		return rows.Scan(into...)
	})
	if err == nil && !found {
		return pgx.ErrNoRows
	}
	return err
}
