package setup

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// reach is how something runs what a rollback does not undo.
type reach struct {
	what    string   // that a rollback does not undo
	through []string // the steps to it, the nearest first
}

// via adds a step in front of the others.
func (r *reach) via(step string) *reach { return &reach{r.what, append([]string{step}, r.through...)} }

// String is empty without a reach.
func (r *reach) String() string {
	switch {
	case r == nil:
		return ""
	case len(r.through) == 0:
		return r.what
	}
	return r.what + " through " + strings.Join(r.through, ", ")
}

// reference is a foreign key to a relation.
type reference struct {
	child *catalog.Relation
	key   catalog.ForeignKey
}

// reaching finds what is irreversible: first what is so by itself, and then, until nothing is new,
// what reaches that in one step. It parses only sources that contain a word for it.
type reaching struct {
	*Irreversible
	cat        *catalog.Catalog
	byOID      map[uint32]*catalog.Function
	sources    map[*catalog.Function]string // in lower case
	references map[uint32][]reference       // by the target
	touched    map[any][]touch              // by function or code, as far as they were parsed
	changed    bool                         // the latest pass found something new
}

func newReaching(cat *catalog.Catalog, i *Irreversible) *reaching {
	r := &reaching{
		Irreversible: i, cat: cat, byOID: map[uint32]*catalog.Function{}, sources: map[*catalog.Function]string{},
		references: map[uint32][]reference{}, touched: map[any][]touch{},
	}
	for _, f := range cat.Functions {
		r.byOID[f.OID] = f
		r.sources[f] = strings.ToLower(f.Text())
	}
	for _, t := range cat.Relations {
		for _, key := range t.ForeignKeys {
			r.references[key.Target] = append(r.references[key.Target], reference{t, key})
		}
	}
	return r
}

func (r *reaching) find() {
	for _, f := range r.cat.Functions {
		if what := own(f); what != "" {
			r.functions[f], r.changed = &reach{what: what}, true
		}
	}
	for _, t := range r.cat.Relations {
		for i := range t.Code {
			if what := ownCode(&t.Code[i]); what != "" {
				r.mark(t, t.Code[i].Events, &reach{what, []string{step(t, &t.Code[i])}})
			}
		}
		if t.Kind == catalog.ForeignTable {
			r.mark(t, catalog.OnInsert|catalog.OnUpdate|catalog.OnDelete,
				&reach{"statements on another server", []string{"foreign table " + t.String()}})
		}
	}
	for r.changed {
		r.changed = false
		for _, code := range r.cat.EventTriggers {
			r.mark(nil, code.Events, r.called(&code, code.Name))
		}
		for _, f := range r.cat.Functions {
			known := r.functions[f]
			if known != nil && !harmless(known.what) {
				continue
			}
			if found := r.byFunction(f); found != nil && (known == nil || !harmless(found.what)) {
				r.functions[f], r.changed = found, true
			}
		}
		for _, t := range r.cat.Relations {
			r.byCode(t)
			r.byRelated(t)
		}
	}
}

// mark notes what the statements of some events reach, unless it is known or nothing.
func (r *reaching) mark(t *catalog.Relation, on catalog.Event, found *reach) {
	if found == nil {
		return
	}
	for event := catalog.OnSelect; event <= catalog.OnDefineTable; event <<= 1 {
		s := statement{t, event}
		known := r.statements[s]
		if on&event != 0 && (known == nil || harmless(known.what) && !harmless(found.what)) {
			r.statements[s], r.changed = found, true
		}
	}
}

// own says what a function does by itself.
func own(f *catalog.Function) string {
	switch {
	case f.Language == "internal" && hasPrefix(f.Source, outside):
		return f.Source
	case !f.HasSource() || !f.Mentions(mentionedInSource...):
		return ""
	}
	body, err := f.Body()
	if err != nil {
		return unreadable
	}
	return worst(body)
}

const unreadable = "code that could not be parsed"

// ownCode says what code of a relation does by itself.
func ownCode(code *catalog.Code) string {
	text := strings.ToLower(code.Text)
	if !slices.ContainsFunc(mentioned, func(word string) bool { return strings.Contains(text, word) }) {
		return ""
	}
	body, err := bodyOf(code)
	if err != nil {
		return unreadable
	}
	return worst(body)
}

// bodyOf parses code of a relation.
func bodyOf(code *catalog.Code) (*sqltree.Routine, error) {
	statements, err := sqltree.Statements(code.Text)
	return &sqltree.Routine{Statements: statements}, err
}

// touches are those of a function or code, which is parsed at most once.
func (r *reaching) touches(source any, parse func() (*sqltree.Routine, error)) ([]touch, error) {
	known, ok := r.touched[source]
	if ok {
		return known, nil
	}
	body, err := parse()
	if err != nil {
		return nil, err
	}
	r.touched[source] = touchesOf(body)
	return r.touched[source], nil
}

func step(t *catalog.Relation, code *catalog.Code) string { return code.Name + " of " + t.String() }

// byFunction is what a function reaches by its calls and statements.
func (r *reaching) byFunction(f *catalog.Function) *reach {
	if !f.HasSource() {
		return nil
	}
	source := r.sources[f]
	var called *reach
	for _, other := range r.cat.Functions {
		found := r.functions[other]
		if found != nil && other != f && (called == nil || harmless(called.what)) &&
			catalog.Names(source, strings.ToLower(other.Name)) {
			called = found.via("function " + other.String())
		}
	}
	if called != nil {
		return called
	}
	for _, s := range r.named(source) {
		touches, err := r.touches(f, f.Body)
		if err != nil {
			return &reach{what: unreadable}
		}
		if slices.ContainsFunc(touches, func(t touch) bool { return t.matches(s) }) {
			return r.statements[s].via(s.String())
		}
	}
	return nil
}

// named are the irreversible statements that a source in lower case may contain, in a fixed order.
func (r *reaching) named(source string) []statement {
	var found []statement
	for _, t := range append([]*catalog.Relation{nil}, r.cat.Relations...) {
		if t != nil && !strings.Contains(source, strings.ToLower(t.Name)) {
			continue
		}
		for event := catalog.OnSelect; event <= catalog.OnDefineTable; event <<= 1 {
			if s := (statement{t, event}); r.statements[s] != nil {
				found = append(found, s)
			}
		}
	}
	return found
}

// byCode marks what a relation's own code reaches.
func (r *reaching) byCode(t *catalog.Relation) {
	for i := range t.Code {
		code := &t.Code[i]
		r.mark(t, code.Events, r.called(code, step(t, code)))
		for _, oid := range code.Relations {
			other := r.cat.Relation(oid)
			if other == nil || other == t {
				continue
			}
			if found := r.statements[statement{other, catalog.OnSelect}]; found != nil {
				r.mark(t, code.Events, found.via(step(t, code)))
			}
			r.byStatements(t, code, other)
		}
	}
}

// called is what the functions that code calls reach.
func (r *reaching) called(code *catalog.Code, step string) *reach {
	var found *reach
	for _, oid := range code.Functions {
		f := r.byOID[oid]
		if f != nil && r.functions[f] != nil && (found == nil || harmless(found.what)) {
			found = r.functions[f].via("function " + f.String()).via(step)
		}
	}
	return found
}

// byStatements marks what the statements of a rule, or writes through a view, reach in another
// relation.
func (r *reaching) byStatements(t *catalog.Relation, code *catalog.Code, other *catalog.Relation) {
	for event := catalog.OnInsert; event <= catalog.OnTruncate; event <<= 1 {
		s := statement{other, event}
		found := r.statements[s]
		if found == nil {
			continue
		}
		touches, err := r.touches(code, func() (*sqltree.Routine, error) { return bodyOf(code) })
		if err != nil {
			touches = []touch{{name: other.Name, on: event}} // it may do anything to what it names
		}
		for _, touch := range touches {
			switch {
			case touch.matches(s):
				r.mark(t, code.Events, found.via(step(t, code)))
			case touch.base && touch.names(other):
				r.mark(t, event, found.via("view "+t.String()))
			}
		}
	}
}

// byRelated marks what statements on a relation reach in its partitions, its children and the
// tables with a foreign key to it, to which PostgreSQL carries them on.
func (r *reaching) byRelated(t *catalog.Relation) {
	carriesOn := func(on catalog.Event, to statement, how string) {
		if found := r.statements[to]; found != nil {
			r.mark(t, on, found.via(how+" "+to.relation.String()))
		}
	}
	for _, child := range t.Children {
		for _, event := range []catalog.Event{catalog.OnUpdate, catalog.OnDelete, catalog.OnTruncate} {
			carriesOn(event, statement{child, event}, "child table")
		}
		if t.Kind == catalog.PartitionedTable { // an update may move a row
			carriesOn(catalog.OnInsert|catalog.OnUpdate, statement{child, catalog.OnInsert}, "partition")
			carriesOn(catalog.OnUpdate, statement{child, catalog.OnDelete}, "partition")
		}
	}
	for target := t; target != nil; target = r.cat.Relation(target.Parent) {
		for _, ref := range r.references[target.OID] {
			for _, event := range changes(ref.key.OnDelete, catalog.OnDelete) {
				carriesOn(catalog.OnDelete, statement{ref.child, event}, "a foreign key of")
			}
			for _, event := range changes(ref.key.OnUpdate, catalog.OnUpdate) {
				carriesOn(catalog.OnUpdate, statement{ref.child, event}, "a foreign key of")
			}
			carriesOn(catalog.OnTruncate, statement{ref.child, catalog.OnTruncate}, "a foreign key of")
		}
	}
}

// changes are the events on a table that refers to another, by the action of its foreign key.
// cascade is the event on the other.
func changes(action catalog.Action, cascade catalog.Event) []catalog.Event {
	switch action {
	case catalog.Cascade:
		return []catalog.Event{cascade}
	case catalog.SetNull:
		return []catalog.Event{catalog.OnUpdate}
	case catalog.SetDefault:
		return []catalog.Event{catalog.OnUpdate, catalog.OnInsert} // for the default
	}
	return nil
}
