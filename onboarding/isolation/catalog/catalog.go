package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// catalogue is everything that one look at the system tables told.
type Catalog struct {
	Version   int // server_version_num
	Relations []*Relation
	ByOID     map[uint32]*Relation
	byName    map[string]*Relation
	Functions []*Function
}

func (c *Catalog) Named(name string) *Relation {
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
func Load(ctx context.Context, q query.Querier, role string) (*Catalog, error) {
	cat := &Catalog{ByOID: map[uint32]*Relation{}, byName: map[string]*Relation{}}
	if err := query.One(ctx, q, "SELECT current_setting('server_version_num')::int", nil, &cat.Version); err != nil {
		return nil, err
	}
	var oids []uint32
	err := query.Each(ctx, q, relationsSQL, []any{role}, func(rows pgx.Rows) error {
		r := &Relation{}
		if err := rows.Scan(&r.OID, &r.Schema, &r.Name, &r.Kind, &r.RLS, &r.Forced, &r.Owner, &r.OwnerBypass, &r.Partition, &r.Parent, &r.Options,
			&r.Rows, &r.Usage, &r.SelectAll, &r.Delete, &r.Truncate, &r.Trigger, &r.Definition, &r.Triggers, &r.Rules, &r.Partitioned); err != nil {
			return err
		}
		cat.byName[r.String()] = r
		cat.Relations, cat.ByOID[r.OID], oids = append(cat.Relations, r), r, append(oids, r.OID)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("relations: %w", err)
	}
	err = query.Each(ctx, q, columnsSQL, []any{role, oids}, func(rows pgx.Rows) error {
		var oid uint32
		c := &Column{}
		if err := rows.Scan(&oid, &c.Name, &c.Type, &c.Category, &c.Element, &c.NotNull, &c.Default, &c.Generated, &c.Select, &c.Insert, &c.Update); err != nil {
			return err
		}
		cat.ByOID[oid].Columns = append(cat.ByOID[oid].Columns, c)
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

func (cat *Catalog) loadConstraints(ctx context.Context, q query.Querier, role string, oids []uint32) error {
	err := query.Each(ctx, q, keysSQL, []any{oids}, func(rows pgx.Rows) error {
		var oid uint32
		var primary bool
		var columns []string
		if err := rows.Scan(&oid, &primary, &columns); err != nil {
			return err
		}
		r := cat.ByOID[oid]
		if primary {
			r.Key = columns
		}
		r.Unique = append(r.Unique, columns)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	err = query.Each(ctx, q, foreignKeysSQL, []any{oids}, func(rows pgx.Rows) error {
		var oid uint32
		var fk ForeignKey
		if err := rows.Scan(&oid, &fk.Columns, &fk.Target, &fk.TargetCols, &fk.OnDelete); err != nil {
			return err
		}
		r := cat.ByOID[oid]
		// A key to a partitioned table has a twin for each of its partitions; the one to the whole is enough.
		if target := cat.ByOID[fk.Target]; !target.Partition {
			r.ForeignKeys = append(r.ForeignKeys, fk)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("foreign keys: %w", err)
	}
	err = query.Each(ctx, q, policiesSQL, []any{role, oids}, func(rows pgx.Rows) error {
		var oid uint32
		var p Policy
		if err := rows.Scan(&oid, &p.Name, &p.Permissive, &p.Command, &p.Applies, &p.Using, &p.Check); err != nil {
			return err
		}
		cat.ByOID[oid].Policies = append(cat.ByOID[oid].Policies, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("policies: %w", err)
	}
	return nil
}
