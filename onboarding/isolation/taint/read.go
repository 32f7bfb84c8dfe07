package taint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// maxDepth bounds how deep calls of functions are followed.
const maxDepth = 8

// value is what an expression may be: parts of settings, constants, and values of columns.
type value struct {
	origins []Origin
	texts   []string
	columns []string
	items   []value // of an array whose elements are listed
}

// maxValues bounds what one expression may be.
const maxValues = 64

func union(values ...value) value {
	var all value
	for _, v := range values {
		for _, o := range v.origins {
			known := slices.ContainsFunc(all.origins, func(k Origin) bool {
				return k.Setting == o.Setting && k.key() == o.key()
			})
			if !known && len(all.origins) < maxValues {
				all.origins = append(all.origins, o)
			}
		}
		for _, t := range v.texts {
			if !slices.Contains(all.texts, t) && len(all.texts) < maxValues {
				all.texts = append(all.texts, t)
			}
		}
		for _, c := range v.columns {
			if !slices.Contains(all.columns, c) && len(all.columns) < maxValues {
				all.columns = append(all.columns, c)
			}
		}
	}
	return all
}

// then returns the parts of a value's settings.
func (v value) then(s step) value {
	part := value{texts: v.texts}
	for _, o := range v.origins {
		part.origins = append(part.origins, o.then(s))
	}
	return part
}

// withMember is what a field of a value may be: any of its parts, or a member of a JSON object.
func (v value) withMember(name string) value { return union(v, v.then(step{kind: member, text: name})) }

// scope is what names mean inside a source.
type scope struct {
	names      map[string]value // of parameters, variables and relations, in lower case
	parameters []value
	depth      int
}

func (s *scope) inner() *scope {
	return &scope{names: maps.Clone(s.names), parameters: s.parameters, depth: s.depth}
}

// reader reads sources.
type reader struct {
	decisions *Decisions
	functions map[string][]*catalog.Function // by name
	// reads reports whether a setting is the session's to choose.
	reads func(setting string) bool
	// known are results of calls, by function and arguments.
	known map[string]value
}

// Read reads all policies, views and functions. reads reports whether a setting is the session's
// to choose. unread are the sources that could not be parsed.
func Read(cat *catalog.Catalog, reads func(setting string) bool) (d *Decisions, unread []string) {
	r := &reader{
		decisions: &Decisions{settings: map[string]*Setting{}}, reads: reads,
		functions: map[string][]*catalog.Function{}, known: map[string]value{},
	}
	if !mayRead(cat, reads) {
		return r.decisions, nil
	}
	for _, f := range cat.Functions {
		name := strings.ToLower(f.Name)
		r.functions[name] = append(r.functions[name], f)
	}
	for _, t := range cat.Relations {
		for _, p := range t.Policies {
			for _, condition := range []string{p.Using, p.Check} {
				if err := r.condition(condition); err != nil {
					unread = append(unread, fmt.Sprintf("policy %q of %s: %v", p.Name, t, err))
				}
			}
		}
		if t.Definition == "" {
			continue
		}
		statements, err := sqltree.Statements(t.Definition)
		if err != nil {
			unread = append(unread, fmt.Sprintf("view %s: %v", t, err))
		}
		for _, s := range statements {
			r.eval(s, &scope{names: map[string]value{}})
		}
	}
	for _, f := range cat.Functions {
		if !f.HasSource() {
			continue
		}
		if _, err := f.Body(); err != nil {
			unread = append(unread, fmt.Sprintf("function %s: %v", f, err))
			continue
		}
		r.decide(r.call(f, make([]value, len(f.ArgTypes)), 0))
	}
	return r.decisions, unread
}

// mayRead reports whether any source may read a setting that is the session's to choose. Where
// every setting that sources name is the identity's, nothing need be parsed.
func mayRead(cat *catalog.Catalog, reads func(string) bool) bool {
	for _, t := range cat.Relations {
		if suspect(t.Definition, reads) || slices.ContainsFunc(t.Policies,
			func(p catalog.Policy) bool { return suspect(p.Using, reads) || suspect(p.Check, reads) }) {
			return true
		}
	}
	return slices.ContainsFunc(cat.Functions,
		func(f *catalog.Function) bool { return f.HasSource() && suspect(f.Definition, reads) })
}

// suspect reports whether a source may read a setting that is the session's to choose: it reads
// one by another name than the identity's, or in a way that only the parser understands.
func suspect(source string, reads func(string) bool) bool {
	const function = "current_setting"
	source = strings.Join(strings.Fields(strings.ToLower(source)), "")
	if strings.Contains(source, "pg_settings") || strings.Contains(source, "execute") {
		return true
	}
	for {
		_, after, found := strings.Cut(source, function)
		if !found {
			return false
		}
		literal, rest, ok := strings.Cut(strings.TrimPrefix(after, "('"), "'")
		rest = strings.TrimPrefix(rest, "::text")
		plain := strings.HasPrefix(after, "('") && ok && (strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, ")"))
		if !plain || reads(literal) {
			return true
		}
		source = rest
	}
}

// condition reads an expression that decides.
func (r *reader) condition(sql string) error {
	if sql == "" {
		return nil
	}
	n, err := sqltree.Expression(sql)
	if err != nil {
		return err
	}
	r.decide(r.eval(n, &scope{names: map[string]value{}}))
	return nil
}

// decide notes that something is decided by a value itself, as a boolean or by who calls.
func (r *reader) decide(v value) {
	for _, o := range v.origins {
		r.decisions.slot(o, false)
	}
}

// call returns what a function may return, and notes what it decides.
func (r *reader) call(f *catalog.Function, arguments []value, depth int) value {
	body, err := f.Body()
	if err != nil || body == nil || depth > maxDepth {
		return union(arguments...)
	}
	key := fmt.Sprintf("%d %v", f.OID, arguments)
	if known, ok := r.known[key]; ok {
		return known
	}
	r.known[key] = value{} // of a function that calls itself
	s := &scope{names: map[string]value{}, parameters: arguments, depth: depth + 1}
	for i, v := range arguments {
		if i < len(f.ArgNames) && f.ArgNames[i] != "" {
			s.names[strings.ToLower(f.ArgNames[i])] = v
		}
	}
	for name := range body.Assigned {
		record, field, isField := strings.Cut(name, ".")
		if v, ok := s.names[record]; ok && isField {
			s.names[name] = v.withMember(field)
		}
	}
	// A variable may be assigned from one that comes later.
	const maxRounds = 8
	variables := slices.Sorted(maps.Keys(body.Assigned))
	for range min(len(variables)+1, maxRounds) {
		before := fmt.Sprint(s.names)
		for _, name := range variables {
			s.names[name] = union(s.names[name], r.all(body.Assigned[name], s))
		}
		if fmt.Sprint(s.names) == before {
			break
		}
	}
	for _, n := range body.Statements {
		r.eval(n, s)
	}
	r.decide(r.all(body.Conditions, s))
	var returned value
	for _, n := range body.Returns {
		returned = union(returned, r.eval(n, s))
	}
	r.known[key] = returned
	return returned
}
