package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// PostgreSQL's versions at which checks and fixes change, as server_version_num.
const (
	Version15 = 150000 // views may be security_invoker
	Version16 = 160000 // SET ROLE needs the SET option of a membership, CREATEROLE an ADMIN option
)

// Catalog is what the system catalogs said at one time.
type Catalog struct {
	Version int // server_version_num
	// DatabaseOwner is the role that owns the database.
	DatabaseOwner string
	Relations     []*Relation
	Functions     []*Function
	EventTriggers []Code
	byOID         map[uint32]*Relation
	byName        map[string]*Relation
}

// Relation returns a relation by oid, or nil.
func (c *Catalog) Relation(oid uint32) *Relation { return c.byOID[oid] }

// Named returns a relation by "schema.name", or nil.
func (c *Catalog) Named(name string) *Relation { return c.byName[name] }

// Server is the server's version as PostgreSQL says it, such as 17.10.
func (c *Catalog) Server() string {
	const major = 10000
	return fmt.Sprintf("%d.%d", c.Version/major, c.Version%major)
}

// New returns a catalog of relations and functions that were not loaded from a server.
func New(version int, relations []*Relation, functions []*Function) *Catalog {
	c := &Catalog{Version: version, Functions: functions, byOID: map[uint32]*Relation{},
		byName: map[string]*Relation{}}
	for _, r := range relations {
		c.add(r)
	}
	return c
}

func (c *Catalog) add(r *Relation) {
	c.Relations = append(c.Relations, r)
	c.byOID[r.OID], c.byName[r.String()] = r, r
}

const serverSQL = `
SELECT current_setting('server_version_num')::int, r.rolname
  FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = current_database()`

// Load reads the system catalogs as they concern a role.
func Load(ctx context.Context, q query.Querier, role string) (*Catalog, error) {
	c := New(0, nil, nil)
	if err := q.QueryRow(ctx, serverSQL).Scan(&c.Version, &c.DatabaseOwner); err != nil {
		return nil, err
	}
	if err := c.loadRelations(ctx, q, role); err != nil {
		return nil, fmt.Errorf("relations: %w", err)
	}
	oids := make([]uint32, len(c.Relations))
	for i, r := range c.Relations {
		oids[i] = r.OID
	}
	for _, part := range []struct {
		name string
		load func(context.Context, query.Querier, string, []uint32) error
	}{
		{"columns", c.loadColumns},
		{"keys", c.loadKeys},
		{"foreign keys", c.loadForeignKeys},
		{"policies", c.loadPolicies},
		{"code", c.loadCode},
		{"partitions", c.loadChildren},
	} {
		if err := part.load(ctx, q, role, oids); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	for _, r := range c.Relations {
		for _, t := range c.TablesOf(r) {
			r.passGenerated(t)
		}
	}
	var err error
	c.Functions, err = loadFunctions(ctx, q, role)
	return c, err
}

const relationsSQL = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity, o.rolname,
       c.relispartition,
       coalesce((SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid ORDER BY inhseqno LIMIT 1), 0),
       coalesce(c.reloptions, '{}'), has_schema_privilege($1::name, n.oid, 'USAGE'),
       coalesce(has_table_privilege($1::name, c.oid, 'SELECT'), false),
       coalesce(has_table_privilege($1::name, c.oid, 'DELETE'), false),
       coalesce(has_table_privilege($1::name, c.oid, 'TRUNCATE'), false),
       coalesce(has_table_privilege($1::name, c.oid, 'TRIGGER'), false),
       CASE WHEN c.relkind IN ('v', 'm') THEN coalesce(pg_get_viewdef(c.oid), '') ELSE '' END,
       array(SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
       (SELECT count(*) FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1'),
       array(SELECT a.attname::text FROM pg_partitioned_table p, unnest(p.partattrs) k
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k WHERE p.partrelid = c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname, c.relname`

func (c *Catalog) loadRelations(ctx context.Context, q query.Querier, role string) error {
	rows, err := q.Query(ctx, relationsSQL, role)
	if err != nil {
		return err
	}
	var r Relation
	_, err = pgx.ForEachRow(rows, []any{&r.OID, &r.Schema, &r.Name, &r.Kind, &r.RLS, &r.Forced, &r.Owner,
		&r.Partition, &r.Parent, &r.Options, &r.Usage, &r.SelectAll, &r.Delete, &r.Truncate, &r.Trigger,
		&r.Definition, &r.Triggers, &r.Rules, &r.Partitioned}, func() error {
		c.add(new(r))
		r = Relation{} // the slices belong to the copy
		return nil
	})
	return err
}

// columnsSQL names the type below a domain: a cast to a domain calls the functions of its checks.
const columnsSQL = `
WITH RECURSIVE base AS (
  SELECT oid AS typ, oid AS base, NULL::int AS typmod FROM pg_type WHERE typtype <> 'd'
  UNION ALL SELECT d.oid, b.base, coalesce(b.typmod, nullif(d.typtypmod, -1))
              FROM pg_type d JOIN base b ON d.typbasetype = b.typ WHERE d.typtype = 'd')
SELECT a.attrelid, a.attname, format_type(b.base, CASE WHEN b.typ = b.base THEN a.atttypmod ELSE b.typmod END),
       CASE WHEN b.typ <> b.base THEN format_type(b.typ, NULL) ELSE '' END,
       t.typcategory::text,
       coalesce((SELECT enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY enumsortorder LIMIT 1), ''),
       a.attnotnull, a.attgenerated <> '' OR a.attidentity = 'a',
       coalesce(has_column_privilege($1::name, a.attrelid, a.attnum, 'SELECT'), false),
       coalesce(has_column_privilege($1::name, a.attrelid, a.attnum, 'INSERT'), false),
       coalesce(has_column_privilege($1::name, a.attrelid, a.attnum, 'UPDATE'), false)
  FROM pg_attribute a JOIN base b ON b.typ = a.atttypid JOIN pg_type t ON t.oid = b.base
 WHERE a.attrelid = ANY($2) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`

func (c *Catalog) loadColumns(ctx context.Context, q query.Querier, role string, oids []uint32) error {
	rows, err := q.Query(ctx, columnsSQL, role, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var col Column
	_, err = pgx.ForEachRow(rows, []any{&oid, &col.Name, &col.Type, &col.Domain, &col.Category, &col.Label,
		&col.NotNull, &col.Generated, &col.Select, &col.Insert, &col.Update}, func() error {
		r := c.byOID[oid]
		r.Columns = append(r.Columns, new(col))
		return nil
	})
	return err
}

const keysSQL = `
SELECT i.indrelid, i.indisprimary, array(SELECT a.attname::text FROM unnest(i.indkey) k
                                           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
  FROM pg_index i WHERE i.indisunique AND i.indrelid = ANY($1)`

func (c *Catalog) loadKeys(ctx context.Context, q query.Querier, _ string, oids []uint32) error {
	rows, err := q.Query(ctx, keysSQL, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var primary bool
	var columns []string
	_, err = pgx.ForEachRow(rows, []any{&oid, &primary, &columns}, func() error {
		r := c.byOID[oid]
		if primary {
			r.Key = columns
		}
		r.Unique = append(r.Unique, columns)
		columns = nil
		return nil
	})
	return err
}

const foreignKeysSQL = `
SELECT c.conrelid, array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, o)
                           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY o),
       c.confrelid, array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY o),
       c.confdeltype::text, c.confupdtype::text, coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false)
  FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = ANY($1) AND c.confrelid = ANY($1) ORDER BY c.conname`

func (c *Catalog) loadForeignKeys(ctx context.Context, q query.Querier, _ string, oids []uint32) error {
	rows, err := q.Query(ctx, foreignKeysSQL, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var fk ForeignKey
	into := []any{&oid, &fk.Columns, &fk.Target, &fk.TargetCols, &fk.OnDelete, &fk.OnUpdate, &fk.Period}
	_, err = pgx.ForEachRow(rows, into, func() error {
		// A key to a partitioned table has a twin for each of its partitions. The key to the
		// whole table is enough.
		if target := c.byOID[fk.Target]; !target.Partition {
			r := c.byOID[oid]
			r.ForeignKeys = append(r.ForeignKeys, fk)
		}
		fk = ForeignKey{}
		return nil
	})
	return err
}

const policiesSQL = `
SELECT p.polrelid, p.polname, p.polpermissive, p.polcmd::text,
       EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role($1::name, r, 'USAGE')),
       coalesce(pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
  FROM pg_policy p WHERE p.polrelid = ANY($2) ORDER BY p.polname`

func (c *Catalog) loadPolicies(ctx context.Context, q query.Querier, role string, oids []uint32) error {
	rows, err := q.Query(ctx, policiesSQL, role, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var p Policy
	_, err = pgx.ForEachRow(rows, []any{&oid, &p.Name, &p.Permissive, &p.Command, &p.Applies, &p.Using, &p.Check},
		func() error {
			r := c.byOID[oid]
			r.Policies = append(r.Policies, p)
			return nil
		})
	return err
}
