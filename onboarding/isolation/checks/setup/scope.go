package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Scope is what there is to attack.
type Scope struct {
	model  *tenancy.Model
	truth  query.Querier
	config Config
	// Tables are the relations whose rows are tenants' and that the app role can reach.
	Tables []*catalog.Relation
	// HasRows says that a relation holds rows of tenants.
	HasRows map[*catalog.Relation]bool
	// timeouts counts how often a read took too long.
	timeouts     map[*catalog.Relation]int
	small        map[*catalog.Relation]bool
	irreversible *Irreversible
}

// newScope selects the relations, and records those that are excused or cannot be classified.
func newScope(ctx context.Context, s *Setup) *Scope {
	sc := &Scope{
		model: s.Model, truth: s.Truth, config: s.Config, HasRows: map[*catalog.Relation]bool{},
		timeouts: map[*catalog.Relation]int{}, small: map[*catalog.Relation]bool{},
		irreversible: s.Irreversible,
	}
	s.Model.MarkDirectories()
	var excused, unclassified []string
	for _, t := range s.Model.Catalog.Relations {
		if excuse := s.Config.Tenancy.Tables[t.String()].Excuse; excuse != "" {
			excused = append(excused, fmt.Sprintf("%s: %s", t, excuse))
			continue
		}
		o := s.Model.Of(t)
		if o.Class == tenancy.ClassUnclassified && t.Reachable() {
			unclassified = append(unclassified, fmt.Sprintf("%s: %s", t, o.Why))
		}
		switch what := s.Irreversible.reading(t); {
		case !t.Reachable() && !t.Elsewhere || !o.Owned() && o.Configured:
		case what != "":
			s.Results.LeaveOut("%s: neither reads nor writes were tried, since they run %s, which a rollback does "+
				"not undo", t, what)
		case o.Owned():
			sc.Tables = append(sc.Tables, t)
		}
	}
	s.Results.Cover(func(c *results.Coverage) {
		c.Excused, c.Unclassified, c.Tables = excused, unclassified, len(sc.Tables)
	})
	for _, t := range sc.Tables {
		if !t.HasRowIDs() {
			continue // reading it would run the platform's code with the truth's rights
		}
		var has bool
		err := s.Truth.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s IS NOT NULL)",
			t.SQL(), s.Model.Owner(t, "a"))).Scan(&has)
		if err != nil {
			s.Results.LeaveOut("%s: %s", t, query.Describe(err))
		}
		sc.HasRows[t] = has
	}
	for _, t := range s.Model.Catalog.Relations {
		if (t.IsTable() || slices.Contains(sc.Tables, t)) && s.Irreversible.reading(t) == "" {
			sc.leaveOutWrites(s.Results, t)
		}
	}
	if what := s.Irreversible.Definitions(); what != "" {
		s.Results.LeaveOut("nothing was tried by creating or changing a table or a function, since that runs %s, "+
			"which a rollback does not undo", what)
	}
	return sc
}

// leaveOutWrites records the operations on a relation that the app role may do and that are not
// tried.
func (s *Scope) leaveOutWrites(collector *results.Collector, t *catalog.Relation) {
	if s.config.Tenancy.WritesExcluded(t.String()) {
		return
	}
	var reasons []string
	operations := map[string][]string{}
	for _, o := range writes {
		why := s.irreversible.operation(t, o)
		if why == "" || !May(t, o) {
			continue
		}
		if operations[why] == nil {
			reasons = append(reasons, why)
		}
		operations[why] = append(operations[why], string(o))
	}
	for _, why := range reasons {
		collector.LeaveOut("%s: %s: writes were not tried, since they run %s, which a rollback does not undo", t,
			strings.Join(operations[why], ", "), why)
	}
}

// Excused reports whether the configuration excludes a relation from the check.
func (s *Scope) Excused(t *catalog.Relation) bool { return s.config.Tenancy.Excused(t.String()) }

// SkipsWrites reports whether the configuration says not to write to a relation.
func (s *Scope) SkipsWrites(t *catalog.Relation) bool {
	return s.config.Tenancy.Tables[t.String()].SkipWrites
}

// WritesExcluded reports whether the configuration excludes a relation from write attempts, or
// whether one of the operations runs what a rollback does not undo. Without operations, those that
// the role may do count.
func (s *Scope) WritesExcluded(t *catalog.Relation, operations ...results.Operation) bool {
	if len(operations) == 0 {
		operations = slices.DeleteFunc(slices.Clone(writes), func(o results.Operation) bool { return !May(t, o) })
	}
	return s.config.Tenancy.WritesExcluded(t.String()) || s.irreversible.reading(t) != "" ||
		slices.ContainsFunc(operations, func(o results.Operation) bool { return s.irreversible.operation(t, o) != "" })
}

// TimedOut records that reading a relation took too long, and reports whether it is given up.
func (s *Scope) TimedOut(t *catalog.Relation) bool {
	s.timeouts[t]++
	return s.GivenUp(t)
}

// GivenUp reports whether reading a relation took too long too often, or does what a rollback does
// not undo.
func (s *Scope) GivenUp(t *catalog.Relation) bool {
	return s.timeouts[t] >= pipeline.MaxTimeouts || s.irreversible.reading(t) != ""
}

// IsSmall reports whether a table may be written to without WHERE.
func (s *Scope) IsSmall(ctx context.Context, t *catalog.Relation) bool {
	if small, known := s.small[t]; known {
		return small
	}
	var n int
	limit := s.config.Budget.BlindWriteRows
	err := s.truth.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT FROM %s LIMIT %d) s", t.SQL(),
		limit+1)).Scan(&n)
	s.small[t] = err == nil && n <= limit
	return s.small[t]
}

// OwnedTables are the tables, without partitions, whose rows are tenants'.
func (s *Scope) OwnedTables() []*catalog.Relation {
	var found []*catalog.Relation
	for _, t := range s.model.Catalog.Relations {
		if t.IsTable() && s.model.Of(t).Owned() {
			found = append(found, t)
		}
	}
	return found
}

// Readable are the tables, without views, that a check can read to see what an attack opened.
func (s *Scope) Readable() []*catalog.Relation {
	var found []*catalog.Relation
	for _, t := range s.Tables {
		if t.Readable() && !t.IsView() && !s.GivenUp(t) {
			found = append(found, t)
		}
	}
	return found
}

// StatesOwner reports whether a row that a statement writes is as the statement says: no trigger
// or rule can change it, and the role may set every column that decides whose it is.
func (s *Scope) StatesOwner(t *catalog.Relation) bool {
	if len(t.Triggers)+t.Rules > 0 {
		return false
	}
	for _, name := range s.model.Of(t).Columns() {
		if c := t.Column(name); c == nil || !c.Insert && !t.MayElsewhere(catalog.ForInsert) || c.Generated {
			return false
		}
	}
	return true
}

// Harmless returns the column to update with the value that it has, best one that no key or
// policy depends on. It is nil if the app role may update none.
func (s *Scope) Harmless(t *catalog.Relation) *catalog.Column {
	keys := s.model.Of(t).Columns()
	for _, key := range t.Unique {
		keys = append(keys, key...)
	}
	for _, fk := range t.ForeignKeys {
		keys = append(keys, fk.Columns...)
	}
	var any, best *catalog.Column
	for _, c := range t.Columns {
		if !c.Update && !t.MayElsewhere(catalog.ForUpdate) || c.Generated {
			continue
		}
		any = c
		if !slices.Contains(keys, c.Name) && (best == nil || best.Category != catalog.String &&
			c.Category == catalog.String) {
			best = c
		}
	}
	if best != nil {
		return best
	}
	return any
}
