package checks

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/pipeline"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// scope is what there is to attack.
type scope struct {
	model  *tenancy.Model
	truth  query.Querier
	config Config
	// tables are the relations whose rows are tenants' and that the app role can reach.
	tables []*catalog.Relation
	// hasRows says that a relation holds rows of tenants.
	hasRows map[*catalog.Relation]bool
	// timeouts counts how often a read took too long.
	timeouts     map[*catalog.Relation]int
	small        map[*catalog.Relation]bool
	irreversible *irreversible
}

// newScope selects the relations, and records those that are excused or cannot be classified.
func newScope(ctx context.Context, s *Setup) *scope {
	sc := &scope{
		model: s.model, truth: s.truth, config: s.config, hasRows: map[*catalog.Relation]bool{},
		timeouts: map[*catalog.Relation]int{}, small: map[*catalog.Relation]bool{},
		irreversible: s.irreversible,
	}
	s.model.MarkDirectories()
	var excused, unclassified []string
	for _, t := range s.model.Catalog.Relations {
		if excuse := s.config.Tenancy.Tables[t.String()].Excuse; excuse != "" {
			excused = append(excused, fmt.Sprintf("%s: %s", t, excuse))
			continue
		}
		o := s.model.Of(t)
		if o.Class == tenancy.ClassUnclassified && t.Reachable() {
			unclassified = append(unclassified, fmt.Sprintf("%s: %s", t, o.Why))
		}
		if o.Owned() && (t.Reachable() || t.Elsewhere) {
			sc.tables = append(sc.tables, t)
		}
	}
	s.results.Cover(func(c *results.Coverage) {
		c.Excused, c.Unclassified, c.Tables = excused, unclassified, len(sc.tables)
	})
	for _, t := range sc.tables {
		if what := s.irreversible.triggers(t); what != "" {
			s.results.LeaveOut("%s: writes were not tried, since its triggers run %s, which a rollback does not undo",
				t, what)
		}
		if !t.HasRowIDs() {
			continue // reading it would run the platform's code with the truth's rights
		}
		var has bool
		err := s.truth.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s a WHERE %s IS NOT NULL)",
			t.SQL(), s.model.Owner(t, "a"))).Scan(&has)
		if err != nil {
			s.results.LeaveOut("%s: %s", t, query.Describe(err))
		}
		sc.hasRows[t] = has
	}
	return sc
}

// excused reports whether the configuration excludes a relation from the check.
func (s *scope) excused(t *catalog.Relation) bool { return s.config.Tenancy.Excused(t.String()) }

// writesExcluded reports whether the configuration excludes a relation from write attempts.
func (s *scope) writesExcluded(t *catalog.Relation) bool {
	return s.config.Tenancy.WritesExcluded(t.String()) || s.irreversible.triggers(t) != ""
}

// givenUp reports whether reading a relation took too long too often.
func (s *scope) givenUp(t *catalog.Relation) bool { return s.timeouts[t] >= pipeline.MaxTimeouts }

// isSmall reports whether a table may be written to without WHERE.
func (s *scope) isSmall(ctx context.Context, t *catalog.Relation) bool {
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

// ownedTables are the tables, without partitions, whose rows are tenants'.
func (s *scope) ownedTables() []*catalog.Relation {
	var found []*catalog.Relation
	for _, t := range s.model.Catalog.Relations {
		if t.IsTable() && s.model.Of(t).Owned() {
			found = append(found, t)
		}
	}
	return found
}

// readable are the tables, without views, that a check can read to see what an attack opened.
func (s *scope) readable() []*catalog.Relation {
	var found []*catalog.Relation
	for _, t := range s.tables {
		if t.Readable() && !t.IsView() && !s.givenUp(t) {
			found = append(found, t)
		}
	}
	return found
}
