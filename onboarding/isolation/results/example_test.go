package results_test

import (
	"fmt"
	"os"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// leak and fixed are what two checks of a platform may say.
var (
	leak = &results.Report{
		Verdict: results.Leaking,
		Findings: []results.Finding{{
			Kind: results.Leak, Operation: "read", Table: "public.bookings", As: "Person 7",
			Evidence: "read 2 rows of others, such as id 3 of Person 4",
			Fix:      `ALTER TABLE "public"."bookings" ENABLE ROW LEVEL SECURITY;`,
		}},
		Coverage: results.Coverage{
			Tenants: 6, Persons: 4, Orgs: 2, Tables: 6, Reads: 120, WriteAttempts: 480, Functions: 12, Seconds: 0.2,
			Operations: []results.Operation{"read", "update"},
		},
	}
	fixed = &results.Report{Verdict: results.Sound}
)

func ExampleDiff() {
	changes := results.Diff(leak, fixed)
	fmt.Println(len(changes.New), "new,", len(changes.Fixed), "fixed:", changes.Fixed[0].Key())
	// Output: 0 new, 1 fixed: leak read public.bookings
}

func ExampleWriteText() {
	if err := results.WriteText(os.Stdout, leak, nil); err != nil {
		panic(err)
	}
	// Output:
	// LEAK: 1 leak proven, 0 risks.
	//
	// 1. LEAK: read public.bookings
	//    as Person 7
	//    read 2 rows of others, such as id 3 of
	//      Person 4
	//    fix, not tried:
	//    ALTER TABLE "public"."bookings" ENABLE ROW
	//      LEVEL SECURITY;
	//
	// Covered: 6 tenants (4 Persons, 2 Orgs) ×
	// 6 tables × read/update,
	// 120 reads, 480 write attempts,
	// 12 functions called, in 0.2 s.
}
