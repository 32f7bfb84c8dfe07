package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// fold makes one finding of what is the same on many partitions of one table.
func (r *Run) fold() {
	cat, role := r.m.Cat, r.appSQL()
	findings := r.List()
	slices.SortStableFunc(findings, func(a, b results.Finding) int { return cmp.Compare(a.Table, b.Table) })
	first, more := map[string]int{}, map[string]int{}
	var folded []results.Finding
	for _, f := range findings {
		t := cat.Named(f.Table)
		if t == nil || !t.Partition {
			folded = append(folded, f)
			continue
		}
		key := fmt.Sprint(f.Kind, f.Operation, t.Parent)
		if _, seen := first[key]; !seen {
			first[key] = len(folded)
			folded = append(folded, f)
			continue
		}
		more[key]++
	}
	for key, n := range more {
		f := &folded[first[key]]
		parent := cat.ByOID[cat.Named(f.Table).Parent]
		f.Evidence += fmt.Sprintf(" (so it is on %d more partitions of %s)", n, parent)
		f.Fix = fmt.Sprintf("DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT relid FROM pg_partition_tree(%s) WHERE level > 0 LOOP\nEXECUTE format('REVOKE ALL ON %%s FROM PUBLIC, %s', p); END LOOP; END $$; -- reach them through their parent",
			query.Literal(parent.SQL()), strings.ReplaceAll(role, "'", "''"))
	}
	r.Replace(folded)
}
