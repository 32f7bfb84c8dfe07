package catalog

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Event is a set of kinds of statements that run code of a relation. The events of triggers have
// the bits of pg_trigger.tgtype.
type Event int

// The events. OnDefine is any statement for which event triggers run, and OnDefineTable is one
// that creates, changes or drops a table, or creates a function.
const (
	OnSelect      Event = 1
	OnInsert      Event = 1 << 2
	OnDelete      Event = 1 << 3
	OnUpdate      Event = 1 << 4
	OnTruncate    Event = 1 << 5
	OnDefine      Event = 1 << 6
	OnDefineTable Event = 1 << 7
)

// Code is a piece of SQL that statements on a relation run, or an event trigger.
type Code struct {
	Name      string   // such as "trigger notify"
	Events    Event    // that run it
	Text      string   // a statement with its expressions, to be parsed
	Functions []uint32 // that it calls
	Relations []uint32 // that it names
}

// codeSQL lists code by relation: triggers, policies, defaults, generated columns, CHECK
// constraints of tables and of their columns' domains, indexes and rules, and event triggers
// without a relation. Events are sums of [Event]: 20 is OnInsert and OnUpdate, 60 all that
// triggers are for, 192 both of OnDefine. PostgreSQL records no dependency on its own functions,
// so those are only in the text. No statement runs the definition of a materialized view.
const codeSQL = `
WITH RECURSIVE types AS (
  SELECT attrelid, atttypid AS typ FROM pg_attribute WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped
  UNION SELECT t.attrelid, inner_type FROM types t JOIN pg_type y ON y.oid = t.typ,
               unnest(ARRAY[y.typbasetype, y.typelem]) inner_type WHERE inner_type <> 0),
code(class, oid, relation, name, events, text) AS (
  SELECT 'pg_trigger'::regclass, oid, tgrelid, 'trigger ' || tgname, tgtype & 60, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'
  UNION ALL
  SELECT 'pg_policy'::regclass, oid, polrelid, 'policy ' || polname,
         CASE polcmd WHEN 'r' THEN 25 WHEN 'a' THEN 4 WHEN 'w' THEN 16 WHEN 'd' THEN 8 ELSE 29 END,
         'SELECT ' || concat_ws(', ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy
  UNION ALL
  SELECT 'pg_attrdef'::regclass, d.oid, d.adrelid, 'column ' || a.attname,
         CASE a.attgenerated WHEN 's' THEN 20 WHEN 'v' THEN 21 ELSE 4 END, 'SELECT ' || pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  UNION ALL
  SELECT 'pg_constraint'::regclass, oid, conrelid, 'constraint ' || conname, 20,
         'SELECT ' || pg_get_expr(conbin, conrelid)
    FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0
  UNION ALL
  SELECT DISTINCT 'pg_constraint'::regclass, c.oid, t.attrelid, 'domain ' || contypid::regtype, 20,
         'SELECT ' || pg_get_expr(c.conbin, 0)
    FROM pg_constraint c JOIN types t ON t.typ = c.contypid WHERE c.contype = 'c'
  UNION ALL
  SELECT 'pg_class'::regclass, indexrelid, indrelid, 'index ' || indexrelid::regclass, 20,
         'SELECT ' || concat_ws(', ', pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid))
    FROM pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
  UNION ALL
  SELECT 'pg_rewrite'::regclass, w.oid, w.ev_class,
         CASE w.ev_type WHEN '1' THEN 'definition' ELSE 'rule ' || rulename END,
         CASE WHEN c.relkind = 'm' THEN 0 WHEN w.ev_type = '1' THEN 1 WHEN w.ev_type = '2' THEN 16
              WHEN w.ev_type = '3' THEN 4 ELSE 8 END,
         CASE WHEN c.relkind <> 'm' THEN pg_get_ruledef(w.oid) END
    FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class
   WHERE c.oid = ANY($1) AND w.ev_enabled <> 'D' -- the system's views are many
  UNION ALL
  SELECT 'pg_event_trigger'::regclass, oid, 0, 'event trigger ' || evtname,
         CASE WHEN evttags IS NULL OR evttags && '{CREATE TABLE,ALTER TABLE,DROP TABLE,CREATE FUNCTION}'
              THEN 192 ELSE 64 END, ''
    FROM pg_event_trigger WHERE evtenabled <> 'D' AND evtevent <> 'login')
SELECT c.relation, c.name, c.events, coalesce(c.text, ''), d.functions, d.relations
  FROM code c, LATERAL (
    SELECT coalesce(array_agg(DISTINCT coalesce(o.oprcode::oid, d.refobjid))
                      FILTER (WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)), '{}') AS functions,
           coalesce(array_agg(DISTINCT d.refobjid) FILTER (WHERE d.refclassid = 'pg_class'::regclass
                      AND d.refobjid <> c.relation), '{}') AS relations
      FROM pg_depend d LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
     WHERE d.classid = c.class AND d.objid = c.oid) d
 WHERE c.relation = ANY($1) OR c.relation = 0
 ORDER BY c.relation, c.name`

// loadCode reads the code of relations, and the event triggers.
func (c *Catalog) loadCode(ctx context.Context, q query.Querier, _ string, oids []uint32) error {
	rows, err := q.Query(ctx, codeSQL, oids)
	if err != nil {
		return err
	}
	var oid uint32
	var code Code
	into := []any{&oid, &code.Name, &code.Events, &code.Text, &code.Functions, &code.Relations}
	_, err = pgx.ForEachRow(rows, into, func() error {
		if r := c.byOID[oid]; r != nil {
			r.Code = append(r.Code, code)
		} else {
			c.EventTriggers = append(c.EventTriggers, code)
		}
		code = Code{}
		return nil
	})
	return err
}

// Bases are the relations that a view reads, or that its rules name. There are none for a table.
func (r *Relation) Bases() []uint32 {
	if !r.IsView() {
		return nil
	}
	var bases []uint32
	for _, code := range r.Code {
		for _, oid := range code.Relations {
			if !slices.Contains(bases, oid) {
				bases = append(bases, oid)
			}
		}
	}
	return bases
}

// TablesOf returns the tables that a view reads, itself or through other views.
func (c *Catalog) TablesOf(view *Relation) []*Relation {
	var tables []*Relation
	views := []*Relation{view}
	for i := 0; i < len(views); i++ {
		for _, oid := range views[i].Bases() {
			base := c.Relation(oid)
			switch {
			case base == nil || slices.Contains(views, base) || slices.Contains(tables, base):
			case base.IsView():
				views = append(views, base)
			default:
				tables = append(tables, base)
			}
		}
	}
	return tables
}

// passGenerated notes the columns of a view which are generated in a table that it reads: one may
// not insert into them through the view, either.
func (r *Relation) passGenerated(t *Relation) {
	for _, c := range r.Columns {
		if of := t.Column(c.Name); of != nil && of.Generated && of.Type == c.Type {
			c.Generated = true
		}
	}
}

const childrenSQL = `SELECT inhparent, inhrelid FROM pg_inherits WHERE inhparent = ANY($1) AND inhrelid = ANY($1)`

// loadChildren reads which tables are partitions or children of which.
func (c *Catalog) loadChildren(ctx context.Context, q query.Querier, _ string, oids []uint32) error {
	rows, err := q.Query(ctx, childrenSQL, oids)
	if err != nil {
		return err
	}
	var parent, child uint32
	_, err = pgx.ForEachRow(rows, []any{&parent, &child}, func() error {
		r := c.byOID[parent]
		r.Children = append(r.Children, c.byOID[child])
		return nil
	})
	return err
}
