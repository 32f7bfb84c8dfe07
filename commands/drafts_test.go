package commands_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// whole is everything that a Person-only run needs.
const whole = `merche-biche mode=person name=“Merche Biche” email=merche@example.com domains=merche-biche.com,merche.example`

// confirmation types a whole request and returns its confirmation.
func (r *botFixture) confirmation(who *workspace.Person, text string) workspace.Message {
	r.t.Helper()
	out, err := who.Type(r.ctx(), "ops", "/onboard "+text)
	must(r.t, err)
	if out.Message == nil {
		r.t.Fatalf("/onboard %s: %+v", text, out)
	}
	return *out.Message
}

func TestEverythingTypedAtOnce(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	offer := r.confirmation(r.ana, whole)
	if text := offer.Render(200, nil); !strings.Contains(text, "Onboard Merche Biche (`merche-biche`)?") ||
		!strings.Contains(text, "merche-biche.com, merche.example") {
		t.Errorf("the confirmation:\n%s", text)
	}
	var presses sync.WaitGroup
	for range 5 {
		presses.Go(func() {
			if _, err := r.ana.Press(r.ctx(), offer, "Start"); err != nil {
				t.Error(err)
			}
		})
	}
	presses.Wait()
	r.read(r.ana, "Onboarding Merche Biche", "merche-biche.com, merche.example")
	r.readPrivate(r.ana, "The onboarding of `merche-biche` has started")
	if runs, err := r.service.Records.List(t.Context(), 10); err != nil || len(runs) != 1 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if answer := r.say(r.bo, "ops", "status merche-bche"); !strings.Contains(answer, "Did you mean `merche-biche`?") {
		t.Errorf("a mistyped slug: %s", answer)
	}
	if draft, err := r.service.Drafts.Get(t.Context(), "merche-biche"); err != nil || draft != nil {
		t.Errorf("a draft is left: %+v, %v", draft, err)
	}
	r.noRefusals()
}

func TestTheFormAsksForTheRest(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, `merche-biche name="Merche Biche" email=quinn@example.com naem=x`)
	view, err := form.Read(r.ctx())
	must(t, err)
	text := view.Render(300, nil)
	for _, want := range []string{`"naem" isn't a known key`, "Merche Biche",
		"quinn@example.com is the address of the Provider transquinnftw", "merche-biche.com"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the form:\n%s", want, text)
		}
	}
	_, err = form.Fill(r.ctx(), "Email", "merche@example.com")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Onboarding Merche Biche")
	r.noRefusals()
}

func TestADraftChangesAfterItsConfirmation(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	first := r.confirmation(r.ana, whole)
	second := r.confirmation(r.bo, strings.ReplaceAll(whole, "merche@example.com", "other@example.com"))
	r.press(r.ana, first, "Start")
	r.readPrivate(r.ana, "has changed since", "nothing was started")
	r.press(r.bo, second, "Change…")
	form, err := r.bo.Modal(r.ctx())
	must(t, err)
	view, err := form.Read(r.ctx())
	must(t, err)
	if text := view.Render(200, nil); !strings.Contains(text, "other@example.com") ||
		!strings.Contains(text, "This is what you typed") {
		t.Errorf("the form:\n%s", text)
	}
	if _, err := r.service.Records.Latest(t.Context(), "merche-biche"); err == nil {
		t.Error("a run has begun")
	}
	r.noRefusals()
}

func TestDraftsAreKept(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "merche-biche")
	_, err := form.Choose(r.ctx(), "Operating mode", "Person + owns Org")
	must(t, err)
	_, err = form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(string(m.Blocks), "Site copy") })
	must(t, err)
	_, err = form.Choose(r.ctx(), "Mail on the domains", "Inbound forwarding")
	must(t, err)
	_, err = form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(string(m.Blocks), "Forward to") })
	must(t, err)
	for _, entry := range [][2]string{{"Display name", "Mer\u202eche"}, {"Email", "quinn@example.com"},
		{"The new Org's name", "Mërçhé 日本"}, {"Forward to", "🐦 <!channel>"}, {"Colours", "#fff #eee"}} {
		_, err = form.Fill(r.ctx(), entry[0], entry[1])
		must(t, err)
	}
	out := r.submit(form)
	for block, want := range map[string]string{"name": "U+202E cannot be printed", "forward": "not an email address",
		"palette": "The nearest readable colour is #767676", "email": "address of the Provider"} {
		if !strings.Contains(out.Errors[block], want) {
			t.Errorf("at %s: %q, want %q", block, out.Errors[block], want)
		}
	}
	_, err = form.Dismiss(r.ctx())
	must(t, err)
	form = r.open(r.bo, "merche-biche")
	view, err := form.Read(r.ctx())
	must(t, err)
	text := view.Render(200, r.names())
	for _, want := range []string{"This is what @Ana Ortiz typed", "has not sent", `Mer`, "🐦 <!channel>", "#fff #eee",
		"merche-biche-collective"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the form:\n%s", want, text)
		}
	}
	_, err = form.Press(r.ctx(), "Discard the draft")
	must(t, err)
	_, err = form.Wait(r.ctx(),
		func(m workspace.Modal) bool { return strings.Contains(m.Render(80, nil), "The draft was discarded") })
	must(t, err)
	if draft, err := r.service.Drafts.Get(t.Context(), "merche-biche"); err != nil || draft != nil {
		t.Errorf("a draft is left: %+v, %v", draft, err)
	}
	r.noRefusals()
}

func TestMailAndHostsByDomain(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	form := r.open(r.ana, "merche-biche")
	r.fill(form, "Merche Biche", "merche@example.com")
	_, err := form.Fill(r.ctx(), "Domains", "merche-biche.com", "merche.example")
	must(t, err)
	for label, block := range map[string]string{"Mail on the domains": "Mail by domain", "Host": "Host by domain"} {
		_, err = form.Choose(r.ctx(), label, "Differs by domain…")
		must(t, err)
		_, err = form.Wait(r.ctx(), func(m workspace.Modal) bool { return strings.Contains(string(m.Blocks), block) })
		must(t, err)
	}
	_, err = form.Fill(r.ctx(), "Mail by domain", "merche.example: forward me@example.org",
		"elsewhere.example: mailbox")
	must(t, err)
	_, err = form.Fill(r.ctx(), "Host by domain", "merche.example: vps-9")
	must(t, err)
	out := r.submit(form)
	if !strings.Contains(out.Errors["mails"], "elsewhere.example is not one of the domains") ||
		!strings.Contains(out.Errors["hosts"], "vps-9 is not one of the configured hosts") {
		t.Errorf("%+v", out.Errors)
	}
	_, err = form.Fill(r.ctx(), "Mail by domain", "merche.example: forward me@example.org")
	must(t, err)
	_, err = form.Fill(r.ctx(), "Host by domain", "merche.example: vps-1")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	r.read(r.ana, "Onboarding Merche Biche")
	want := onboarding.Domain{Name: "merche.example", Host: "vps-1",
		Mail: onboarding.Mail{Plan: onboarding.MailForward, Forward: "me@example.org"}}
	if got := r.run("merche-biche").Request.Domains; got[1] != want || got[0].Host != "vps-0" {
		t.Errorf("%+v", got)
	}
	r.noRefusals()
}

// TestHostileInputsBehindTheCommand checks what the form says about hostile values.
func TestHostileInputsBehindTheCommand(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	for _, c := range []struct{ typed, want string }{
		{`merche name="a` + "\u202e" + `b"`, "U+202E cannot be printed"},
		{`merche name="` + strings.Repeat("x", 100) + `"`, "At most 80 characters; this has 100"},
		{`merche email="<@U0BO>"`, "This is not an email address"},
		{`merche domains=10.0.0.1,../..`, "is an address, not a domain name"},
		{`merche mail=🐦`, "🐦 is not a mail plan"},
		{`merche mail=forwarding`, "Forward to"},
		{`merche host=$(reboot)`, "$(reboot) is not one of the configured hosts"},
		{`merche mode=owner palette=red,#eee`, "red"},
		{`merche mode=owner copy="<script>x</script>"`, "Site copy is plain text"},
		{`merche copy=hello`, "Only a Provider who owns an Org has a brand"},
		{`merche mode=member org=nobody`, "There is no Org nobody"},
		{`merche name=“never closed`, "is never closed"},
		{`🐦 mode=person`, "cannot be a slug"},
	} {
		form := r.open(r.ana, c.typed)
		view, err := form.Read(r.ctx())
		must(t, err)
		if text := view.Render(500, nil); !strings.Contains(text, c.want) {
			t.Errorf("%s: %q is not in the form:\n%s", c.typed, c.want, text)
		}
		_, err = form.Dismiss(r.ctx())
		must(t, err)
		must(t, r.service.Drafts.Drop(t.Context(), "merche"))
	}
	r.noRefusals()
}
