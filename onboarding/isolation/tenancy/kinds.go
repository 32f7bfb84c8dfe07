package tenancy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// kindLinks finds the columns of r that lead to rows of several tables, beside one that says to
// which: parent_id and parent_type.
func (f *valueFollower) kindLinks(ctx context.Context, r *catalog.Relation) map[string][]ParentLink {
	found := map[string][]ParentLink{}
	for _, kind := range r.Columns {
		id := idBeside(r, kind)
		if id == nil {
			continue
		}
		values, err := f.sampler.strings(ctx, r,
			fmt.Sprintf("SELECT DISTINCT k FROM (SELECT %s::text AS k FROM %s a LIMIT %d) s ORDER BY 1 LIMIT %d",
				query.Column("a", kind.Name), r.SQL(), 100*sampleSize, sampleSize))
		if err != nil {
			continue
		}
		for _, value := range values {
			t := f.d.tableNamed(value)
			if t == nil && id.Type == "uuid" {
				delete(found, id.Name) // the ids themselves say more
				break
			}
			if t != nil && t != r {
				found[id.Name] = append(found[id.Name], ParentLink{
					Columns: []string{id.Name}, Table: t, TargetCols: t.Key, Cast: t.SingleKey().Type != id.Type,
					Kind: kind.Name, KindValue: value,
				})
			}
		}
	}
	return found
}

// followAsked adds the rows of several tables to which columns lead to the Persons whom a row
// names, as a foreign key would, where policies ask for these columns: a comment on a post or a
// video.
func (f *valueFollower) followAsked(ctx context.Context, r *catalog.Relation) {
	o := f.d.m.own[r.OID]
	if o == nil || o.Class != ClassTenant || o.Configured || !r.IsTable() || r.Partition || len(o.Persons) == 0 ||
		len(o.Orgs)+len(o.Either)+len(o.Parents) > 0 {
		return
	}
	kinds := f.kindLinks(ctx, r)
	for _, id := range slices.Sorted(maps.Keys(kinds)) {
		if r.PolicyNames(id) {
			o.Parents = append(o.Parents, kinds[id]...)
			o.explain("%s → the table that %s names", id, kinds[id][0].Kind)
		}
	}
}

// idBeside returns the column that holds the ids of the rows whose table a column such as
// parent_type names, or nil.
func idBeside(r *catalog.Relation, kind *catalog.Column) *catalog.Column {
	stem, ok := kindStem(catalog.Normalize(kind.Name))
	if !ok || !kind.IsWord() {
		return nil
	}
	var id *catalog.Column
	for _, c := range r.Columns {
		rest, ok := strings.CutPrefix(catalog.Normalize(c.Name), stem)
		if ok && slices.Contains([]string{"id", "uuid", "key", "ref", "pk"}, rest) {
			id = c
		}
	}
	return id
}

// kindStem returns what parent_type, subject_kind and table_name have in common with their ids:
// parent_id, subject_id and row_id.
func kindStem(name string) (string, bool) {
	for _, suffix := range []string{"type", "kind", "class", "table", "tablename"} {
		if stem, ok := strings.CutSuffix(name, suffix); ok && stem != "" {
			return stem, true
		}
	}
	switch name {
	case "tablename", "kind":
		return "row", true
	case "entity", "resource":
		return name, true
	}
	return "", false
}

// tableNamed returns the tenants' table that a word such as Document, documents, App::Document
// or public.documents names, or nil.
func (d *discovery) tableNamed(word string) *catalog.Relation {
	if at := strings.LastIndexAny(word, `.:\/`); at >= 0 {
		word = word[at+1:]
	}
	name := catalog.Normalize(word)
	if name == "" {
		return nil
	}
	const shortest = 4 // of a word that may be the end of a table's name
	var ending *catalog.Relation
	for _, t := range d.m.Catalog.Relations {
		o := d.m.own[t.OID]
		if o == nil || !o.Owned() || t.IsView() || t.Partition || len(t.Key) != 1 {
			continue
		}
		table := catalog.Normalize(t.Name)
		if name == table || catalog.IsPlural(table, name) {
			return t
		}
		ends := func(plural string) bool { return strings.HasSuffix(table, plural) }
		if ending == nil && len(name) >= shortest && slices.ContainsFunc(catalog.Plurals(name), ends) {
			ending = t
		}
	}
	return ending
}
