package isolation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

func ExampleNew() {
	_, err := isolation.New(isolation.Config{
		DatabaseURL: "postgres://auditor@[::1",
		Budget:      isolation.Budget{Connections: -1},
		Tables:      map[string]isolation.Table{"public.plans": {Platform: true, User: "user_id"}},
	})
	fmt.Println(err)
	// Output:
	// app_role: missing
	// settings.user: missing
	// database_url: is not a connection string such as postgres://auditor@db.example.com/platform
	// budget.connections: must not be negative
	// tables["public.plans"]: platform contradicts user, org or parent
}

func ExampleRun() {
	var report bytes.Buffer
	status, err := isolation.Run(context.Background(), isolation.Config{}, isolation.Options{},
		isolation.Output{Writer: &report, Format: isolation.FormatText})
	fmt.Println(status, err)
	fmt.Print(report.String())
	// Output:
	// 2 <nil>
	// COULD NOT CHECK EVERYTHING: no leak proven, 0 risks.
	//
	// Covered: 0 tenants (0 Persons, 0 Orgs) ×
	// 0 tables × ,
	// 0 reads, 0 write attempts,
	// 0 functions called, in 0.0 s.
	//
	// Could not check:
	//    - everything: database_url: missing
	//      app_role: missing settings.user: missing
}

func ExampleReadBaseline() {
	leak := &isolation.Report{
		Verdict:  isolation.Leaking,
		Findings: []isolation.Finding{{Kind: isolation.Leak, Operation: "read", Table: "public.bookings"}},
		Coverage: isolation.Coverage{Tables: 6},
	}
	var saved bytes.Buffer
	if err := json.NewEncoder(&saved).Encode(leak); err != nil {
		panic(err)
	}
	baseline, err := isolation.ReadBaseline(&saved)
	if err != nil {
		panic(err)
	}
	fmt.Println("the same leak:", leak.Since(baseline).Verdict)
	other := &isolation.Report{Findings: []isolation.Finding{{
		Kind: isolation.Leak, Operation: "delete", Table: "public.bookings",
	}}}
	fmt.Println("another one:", other.Since(baseline).Verdict)
	// Output:
	// the same leak: sound
	// another one: leak
}

func ExampleSeed() {
	_, err := isolation.Seed(context.Background(), isolation.Config{}, isolation.Disposable{})
	fmt.Println(err)
	// Output: owner_database_url: missing: a login to the disposable database as the owner of its schema
}
