package render_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// A renderer turns the view of a run into the messages of its thread, the root first.
func ExampleRenderer_Thread() {
	began := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	run := &onboarding.Run{
		ID:        uuid.MustParse("0198c0de-0000-7000-8000-000000000001"),
		Kind:      onboarding.KindOnboard,
		State:     onboarding.RunActive,
		Requester: onboarding.Operator{ID: "U0ANA", Name: "Ana"},
		Created:   began,
		Channel:   "C0OPS",
		Request: onboarding.Request{Slug: "merche-biche", DisplayName: "Merche Biche", Mode: onboarding.ModePerson,
			Domains: []onboarding.Domain{{Name: "merche-biche.com"}}},
		Steps: []onboarding.Step{
			{Definition: onboarding.Definition{Key: "preflight", Title: "Preflight"}, State: onboarding.StepDone},
			{Definition: onboarding.Definition{Key: "database", Title: "Database rows", Destructive: true},
				State: onboarding.StepAsking},
		},
	}
	renderer := render.Renderer{Command: "/onboard"}
	for _, message := range renderer.Thread(&onboarding.View{Run: run}, began) {
		fmt.Println(message.Text)
	}
	// Output:
	// 🟡 *Onboarding Merche Biche* (`merche-biche`)
	// Person-only · merche-biche.com
	// Needs approval: *Database rows*
	// ✅ Preflight
	// ✋ Database rows – needs approval
	// Requested by <@U0ANA> <!date^1795426200^{date_short_pretty} {time}|2026-11-23 09:30 UTC> · run `0198c0de-0000-7000-8000-000000000001`
}
