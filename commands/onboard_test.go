package commands_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

func TestFromTheCommandToALiveProvider(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	root := r.begin("merche-biche")
	question := r.read(r.bo, "Database: approval needed", "$1  'merche-biche'", "Approve")
	if question.ThreadTS != root.TS {
		t.Errorf("the question is in thread %q, the root is %s", question.ThreadTS, root.TS)
	}
	r.press(r.bo, question, "Approve")
	r.read(r.ana, "Database: done", "Approved by @Bo Lindqvist")
	question = r.read(r.cleo, "Deploy · merche-biche.com: approval needed", "Show all")
	r.press(r.cleo, question, "Approve")
	r.read(r.ana, "Verify: 1 of 1 passed")
	r.read(r.ana, "Merche Biche is live.", "signs up as usual with merche-biche@example.com")
	r.read(r.ana, "🟢 Onboarding Merche Biche", "Live", "4 of 4 steps")
	screen, err := r.ana.Screen(r.ctx())
	must(t, err)
	if conversation, _ := screen.Channel(root.Channel); len(conversation.Thread(root.TS)) > 4 {
		t.Errorf("%d messages in the thread, want the first, the checks, the requests and the last",
			len(conversation.Thread(root.TS)))
	}
	r.noRefusals()
}

func TestTheFormFollowsTheMode(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "merche-biche")
	r.fill(form, "Merche Biche", "merche@example.com")
	_, err := form.Choose(r.ctx(), "Operating mode", "Person + owns Org")
	must(t, err)
	view, err := form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(string(m.Blocks), "The new Org's slug") })
	must(t, err)
	for _, kept := range []string{"Merche Biche", "merche@example.com", "merche-biche.com", "merche-biche-collective",
		"Merche Collective"} {
		if text := view.Render(80, nil); !strings.Contains(text, kept) {
			t.Errorf("%s is not in the form:\n%s", kept, text)
		}
	}
	_, err = form.Choose(r.ctx(), "Operating mode", "Person joins existing Org")
	must(t, err)
	_, err = form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(string(m.Blocks), "The Org they join") })
	must(t, err)
	offered, err := form.Offered(r.ctx(), "The Org they join", "coc")
	if err != nil || len(offered) != 1 {
		t.Fatalf("offered %q, %v", offered, err)
	}
	_, err = form.Choose(r.ctx(), "The Org they join", "cocotte")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("the form stays open: %+v", out)
	}
	r.read(r.ana, "Joins the Org", "merche-biche.com")
	if got := r.run("merche-biche").Request; got.Org.Slug != "cocotte" || got.Mode != onboarding.ModeMember ||
		got.DisplayName != "Merche Biche" {
		t.Errorf("request %+v", got)
	}
	r.noRefusals()
}

// TestTryingAnotherModeLosesNothing types into one mode, switches to another, and comes back.
func TestTryingAnotherModeLosesNothing(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "merche-biche")
	r.fill(form, "Merche Biche", "merche@example.com")
	choose := func(mode, shows string) workspace.Modal {
		t.Helper()
		_, err := form.Choose(r.ctx(), "Operating mode", mode)
		must(t, err)
		view, err := form.Wait(r.ctx(), func(m workspace.Modal) bool {
			return strings.Contains(string(m.Blocks), shows) == (shows == "The new Org's slug")
		})
		must(t, err)
		return view
	}
	choose("Person + owns Org", "The new Org's slug")
	for label, text := range map[string]string{"The new Org's name": "Merche & Friends", "Site copy": "Welcome, all.",
		"Colours": "#fff, #000"} {
		_, err := form.Fill(r.ctx(), label, text)
		must(t, err)
	}
	choose("Person-only", "Site copy")
	text := choose("Person + owns Org", "The new Org's slug").Render(200, nil)
	for _, kept := range []string{"merche-biche-collective", "Merche & Friends", "Welcome, all.", "#fff, #000"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is lost:\n%s", kept, text)
		}
	}
	choose("Person-only", "Site copy")
	_, err := form.Dismiss(r.ctx())
	must(t, err)
	// Inputs of another mode are not part of the request.
	if answer := r.say(r.ana, "ops", `merche-biche name="Merche B"`); !strings.Contains(answer, "Onboard Merche B") ||
		strings.Contains(answer, "Looks") {
		t.Errorf("the confirmation: %s", answer)
	}
	r.noRefusals()
}

func TestProblemsAreShownAtTheirInputs(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "")
	for _, entry := range [][2]string{{"Slug", "Merche Biche"}, {"Display name", "Merche\u202eBiche"},
		{"Email", "quinn@example.com"}, {"Domains", "co.uk"}} {
		_, err := form.Fill(r.ctx(), entry[0], entry[1])
		must(t, err)
	}
	out := r.submit(form)
	for block, want := range map[string]string{"slug": "kebab-case: write merche-biche.", "name": "U+202E",
		"email": "address of the Provider transquinnftw", "domains": "public suffix"} {
		if !strings.Contains(out.Errors[block], want) {
			t.Errorf("at %s: %q, want %q", block, out.Errors[block], want)
		}
	}
	for _, c := range []struct{ label, value, block, want string }{
		{"Slug", "help", "slug", "reserved"},
		{"Slug", "cocotte", "slug", "taken by an Org"},
		{"Slug", "transquinnftw", "slug", "taken by a Provider"},
		{"Slug", strings.Repeat("a", 300), "slug", "at most 40"},
		{"Slug", "x;rm -rf /", "slug", "kebab-case"},
		{"Slug", "a\x00 b", "slug", "kebab-case: write a-b."},
		{"Domains", "cocotte.com", "domains", "already deployed"},
		{"Domains", "https://merche.example/x", "domains", "bare domain"},
		{"Domains", "merche.example merche.example", "domains", "listed twice"},
	} {
		_, err := form.Fill(r.ctx(), c.label, c.value)
		must(t, err)
		if out := r.submit(form); !strings.Contains(out.Errors[c.block], c.want) {
			t.Errorf("%s %q: %q, want %q", c.label, c.value, out.Errors, c.want)
		}
	}
	for _, entry := range [][2]string{{"Slug", "merche-biche"}, {"Display name", "Merche Biche"},
		{"Email", "merche@example.com"}} {
		_, err := form.Fill(r.ctx(), entry[0], entry[1])
		must(t, err)
	}
	_, err := form.Fill(r.ctx(), "Domains", "Merche-Biche.com,", "mañana.example")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("a good form stays open: %+v", out)
	}
	r.read(r.ana, "Onboarding Merche Biche", "merche-biche.com, xn--maana-pta.example")
	r.noRefusals()
}

func TestASubmissionSentTwiceBeginsOneRun(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "merche-biche")
	r.fill(form, "Merche Biche", "merche@example.com")
	must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultDuplicate, Envelope: "interactive"}))
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Database: approval needed")
	runs, err := r.service.Records.List(t.Context(), 10)
	if err != nil || len(runs) != 1 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if answer := r.say(r.bo, "ops", "merche-biche"); !strings.Contains(answer, "is already being onboarded") {
		t.Errorf("a second one: %s", answer)
	}
}

func TestASlowCheckIsAcknowledgedInTime(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	slow := make(chan struct{})
	r.platform.set(func() { r.platform.slow = slow })
	form := r.open(r.ana, "merche-biche")
	r.fill(form, "Merche Biche", "merche@example.com")
	_, err := form.Fill(r.ctx(), "Domains", "cocotte.com")
	must(t, err)
	out, err := form.Submit(r.ctx())
	must(t, err)
	if out.Error != "" || out.Modal == nil || !strings.Contains(out.Modal.Render(80, nil), takesLonger) {
		t.Fatalf("%+v", out)
	}
	close(slow)
	view, err := form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(m.Render(200, nil), "already deployed") })
	must(t, err)
	if text := view.Render(80, nil); !strings.Contains(text, "Merche Biche") ||
		!strings.Contains(text, "merche@example.com") {
		t.Errorf("what was typed is gone:\n%s", text)
	}
	_, err = form.Fill(r.ctx(), "Domains", "merche-biche.com")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Database: approval needed")
	r.noRefusals()
}

func TestAFailureOfTheBotKeepsTheForm(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "merche-biche")
	r.fill(form, "Merche Biche", "away@example.com")
	if out := r.submit(form); !strings.Contains(out.Errors["domains"], "Something went wrong in the bot") ||
		strings.Contains(out.Errors["domains"], "192.0.2.1") {
		t.Errorf("%+v", out)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	for _, c := range []struct{ text, want string }{
		{"help", "/onboard merche-biche"},
		{"list", "There are no runs yet"},
		{"status", "Nothing is waiting for you."},
		{"retry", "Which Provider?"},
		{"freeze", "Give a reason"},
		{"thaw", "Nothing is frozen"},
		{"log nobody", "Nobody has onboarded nobody"},
		{"verify nobody", "Nobody has onboarded nobody"},
		{"undo nobody", "Nobody has onboarded nobody"},
		{"review nobody", "Nobody has onboarded nobody"},
		{"status nobody", "Nobody has onboarded nobody"},
		{"cancel nobody", "Nobody has onboarded"},
		{"stauts merche-biche", "Did you mean /onboard status merche-biche"},
		{"x;rm -rf /", "cannot be a slug"},
		{"../..", "cannot be a slug"},
		{"<!channel>", "cannot be a slug"},
		{strings.Repeat("a", 300), "at most 40 characters; this one has 300"},
		{"a\u0007b", `\u0007`},
	} {
		if answer := strings.ReplaceAll(r.say(r.ana, "ops", c.text), "`", ""); !strings.Contains(answer, c.want) {
			t.Errorf("%q: %q, want %q", c.text, answer, c.want)
		}
	}
	form := r.open(r.ana, "Mercé O’Biche")
	view, err := form.Read(r.ctx())
	must(t, err)
	if text := view.Render(80, nil); !strings.Contains(text, "merce-obiche") ||
		!strings.Contains(text, "kebab-case, so") {
		t.Errorf("a mended slug:\n%s", text)
	}
	_, err = form.Dismiss(r.ctx())
	must(t, err)
	for slug, want := range map[string]string{"cocotte": "taken by an Org", "transquinnftw": "taken by a Provider",
		"home": "reserved"} {
		form = r.open(r.ana, slug)
		if view, err = form.Read(r.ctx()); err != nil || !strings.Contains(view.Render(80, nil), want) ||
			strings.Contains(view.Render(80, nil), "Give at least one domain") {
			t.Errorf("%s: %v\n%s", slug, err, view.Render(80, nil))
		}
		_, err = form.Dismiss(r.ctx())
		must(t, err)
	}
	form = r.open(r.ana, "hlep")
	if view, err = form.Read(r.ctx()); err != nil || !strings.Contains(view.Render(80, nil), "Did you mean") {
		t.Errorf("a slip: %v\n%s", err, view.Render(80, nil))
	}
	r.noRefusals()
}

func TestWhoAndWhereIsRefused(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	for _, c := range []struct{ who, channel, want string }{
		{workspace.Ana, "board", "This command works in #ops only."},
		{workspace.Ana, "", "This command works in #ops only."},
		{workspace.Gus, "ops", "guests are not allowed to"},
		{workspace.Fay, "ops", "people of other workspaces are not allowed to"},
	} {
		if answer := r.say(workspace.As(r, c.who), c.channel, "merche-biche"); !strings.Contains(answer, c.want) {
			t.Errorf("%s in %q: %q, want %q", c.who, c.channel, answer, c.want)
		}
	}
	if _, err := r.service.Records.Latest(t.Context(), "merche-biche"); !errors.Is(err, onboarding.ErrNotFound) {
		t.Errorf("a run: %v", err)
	}
}
