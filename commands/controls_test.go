package commands_test

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestCheckNow(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() {
		r.platform.waiting["merche-biche/preflight"] = "Make these records:\nmerche-biche.com. A 89.127.233.145"
	})
	r.begin("merche-biche")
	waiting := r.read(r.ana, "Preflight is waiting.", "89.127.233.145", "ns1")
	r.platform.set(func() { delete(r.platform.waiting, "merche-biche/preflight") })
	r.press(r.ana, waiting, "Check now")
	r.press(r.bo, r.read(r.ana, "Preflight: 1 of 1 passed"), "Show all")
	_, err := r.reviewed(r.bo, "Everything", "as it should be").Dismiss(r.ctx())
	must(t, err)
	r.noRefusals()
}

func TestCommandsAboutARun(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	for _, c := range []struct{ text, want string }{
		{"status merche-biche", "▫️ Deploy · merche-biche.com"},
		{"status MERCHE_BICHE", "Needs approval: Database"},
		{"list", "Merche Biche (`merche-biche`) 1 of 4 steps · Needs approval: Database · requested by @Ana Ortiz"},
		{"retry merche-biche", "Nothing has failed in this run"},
		{"plan merche-biche", "2 of 4 steps would change something. Nothing was changed."},
	} {
		if answer := r.say(r.bo, "ops", c.text); !strings.Contains(answer, c.want) {
			t.Errorf("%s: %q, want %q", c.text, answer, c.want)
		}
	}
	plan, err := r.bo.WaitMessage(r.ctx(), "", func(m workspace.Message) bool { return len(m.Files) == 1 })
	must(t, err)
	if text := string(plan.Files[0].Data); !strings.Contains(text, "INSERT INTO users") ||
		strings.Count(text, "a line of the page") != 3000 {
		t.Errorf("the plan:\n%.500s", text)
	}
	out, err := r.bo.Type(r.ctx(), "ops", "/onboard cancel merche-biche")
	must(t, err)
	r.press(r.bo, *out.Message, "Keep running")
	r.readPrivate(r.bo, "The run continues.")
	out, err = r.bo.Type(r.ctx(), "ops", "/onboard cancel merche-biche")
	must(t, err)
	r.press(r.bo, *out.Message, "Cancel run")
	r.readPrivate(r.bo, "The run was cancelled.")
	r.read(r.ana, "The run was cancelled by @Bo Lindqvist")
	if answer := r.say(r.bo, "ops", "cancel merche-biche"); !strings.Contains(answer, "@Bo Lindqvist cancelled it") {
		t.Errorf("cancelled twice: %s", answer)
	}
	r.noRefusals()
}

// TestEverythingStuckIsRetriedAtOnce lets two steps fail and retries both with one press.
func TestEverythingStuckIsRetriedAtOnce(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	r.platform.set(func() { r.platform.broken["merche-biche/upload"] = textError("no space left on device") })
	r.press(r.ana, r.confirmation(r.ana, whole), "Start")
	r.press(r.bo, r.read(r.bo, "Database: approval needed"), "Approve")
	for _, domain := range []string{"merche-biche.com", "merche.example"} {
		r.press(r.bo, r.read(r.bo, "Deploy · "+domain+": approval needed"), "Approve Deploy · "+domain)
	}
	root := r.read(r.ana, "🔴 Onboarding Merche Biche", "Deploy · merche-biche.com – failed",
		"Deploy · merche.example – failed", "[Retry all]")
	r.press(r.bo, root, "Retry all")
	for _, domain := range []string{"merche-biche.com", "merche.example"} {
		r.read(r.bo, "Deploy · "+domain+": approval needed")
	}
	r.noRefusals()
}

func TestAPlanOfANewProvider(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "plan merche-biche")
	view, err := form.Read(r.ctx())
	must(t, err)
	if view.Submit != "Show the plan" {
		t.Errorf("submit says %q", view.Submit)
	}
	r.fill(form, "Merche Biche", "quinn@example.com")
	if out := r.submit(form); out.Errors["email"] == "" {
		t.Errorf("%+v", out)
	}
	r.fill(form, "Merche Biche", "merche@example.com")
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.readPrivate(r.ana, "Plan for Merche Biche", "INSERT INTO users", "Nothing was changed.")
	if runs, err := r.service.Records.List(t.Context(), 1); err != nil || len(runs) != 0 {
		t.Errorf("a plan began %d runs, %v", len(runs), err)
	}
	r.noRefusals()
}

func TestHome(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	must(t, r.bo.OpenHome(r.ctx()))
	home, err := r.bo.Home(r.ctx())
	must(t, err)
	_, err = home.Wait(r.ctx(), func(m workspace.Modal) bool {
		return strings.Contains(m.Render(80, nil), "Nothing is waiting for you.")
	})
	must(t, err)
	r.begin("merche-biche")
	r.read(r.bo, "Database: approval needed")
	must(t, r.bo.OpenHome(r.ctx()))
	_, err = home.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(m.Render(80, nil), "Database for Merche Biche") })
	must(t, err)
	_, err = home.Press(r.ctx(), "Approve")
	must(t, err)
	r.read(r.ana, "Database: done", "Approved by @Bo Lindqvist")
	_, err = home.Wait(r.ctx(),
		func(m workspace.Modal) bool { return !strings.Contains(m.Render(80, nil), "Database for Merche Biche") })
	must(t, err)

	// The tab is updated while it is open.
	_, err = home.Wait(r.ctx(), func(m workspace.Modal) bool {
		return strings.Contains(m.Render(80, nil), "Deploy · merche-biche.com for Merche Biche")
	})
	must(t, err)
	_, err = home.Press(r.ctx(), "Approve")
	must(t, err)
	_, err = home.Wait(r.ctx(), func(m workspace.Modal) bool {
		text := m.Render(80, nil)
		return strings.Contains(text, "🟢 Merche Biche merche-biche.com") &&
			strings.Contains(text, "None. Type `/onboard merche-biche`")
	})
	must(t, err)

	gus := workspace.As(r, workspace.Gus)
	must(t, gus.OpenHome(r.ctx()))
	home, err = gus.Home(r.ctx())
	must(t, err)
	_, err = home.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(m.Render(80, nil), "guests are not allowed to") })
	must(t, err)
	r.noRefusals()
}

func TestWorkspacesWithoutPlans(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultUnsupported, Reason: "plan"}))
	r.begin("merche-biche")
	r.read(r.ana, "🟡 Onboarding Merche Biche", "✋ Database – needs approval", "▫️ Verify")
}
