package runbook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/mail"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// mailbox is the pattern of the mailboxes of these tests, on a VPS that is also the mail's.
func mailbox(config *settings.Config) {
	config.Mail = settings.Mail{
		Config: mail.Config{
			Mailbox: mail.Pattern{MX: []string{"10 mail.merche.example"}, SPF: "v=spf1 mx -all",
				DMARC: "v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}", DKIM: true},
			Forwarding: mail.Pattern{MX: []string{"10 mail.merche.example"}, SPF: "v=spf1 mx -all",
				DMARC: "v=DMARC1; p=none"},
			DKIM: mail.DKIM{Host: "vps-0", Path: "/var/lib/dkim/{domain}/{selector}.pem",
				Keys: []mail.Key{{Selector: "onboard"}, {Selector: "modern", Kind: mail.Ed25519}}},
		},
		Setup: settings.MailSetup{Mailbox: settings.MailCommands{
			Check: []string{"test", "-e", "/var/lib/mailbox-{domain}"}, Make: []string{"touch",
				"/var/lib/mailbox-{domain}"}, Undo: []string{"rm", "/var/lib/mailbox-{domain}"},
		}},
	}
}

func TestMail(t *testing.T) {
	w := newFixture(t, mailbox)
	w.publish("merche.example", false, "mail.merche.example. 60 A 192.0.2.25")
	// What others published stays, and what can be one only becomes one.
	w.publish("merche-biche.com", false, `merche-biche.com. 900 TXT "v=spf1 ip4:192.0.2.7 ~all"`,
		`merche-biche.com. 900 TXT "proof=1"`)
	w.vps("mkdir /var/lib/dkim")
	before := w.everything()
	request := merche("merche-biche.com", "merche-biche.shop")
	request.Domains[0].Mail.Plan = onboarding.MailMailbox
	request.Domains[1].Mail = onboarding.Mail{Plan: onboarding.MailForward, Forward: "merche@example.com"}
	run := w.newRun(request)
	var keys []string
	for i := range run.Steps {
		keys = append(keys, string(run.Steps[i].Key))
	}
	for _, key := range []string{"mail-key/merche-biche.com", "mail/merche-biche.com"} {
		if at, dns := slices.Index(keys, key), slices.Index(keys, "dns/merche-biche.com"); at < 0 || at > dns {
			t.Errorf("%s is not before the records: %v", key, keys)
		}
	}
	if slices.Contains(keys, "mail-key/merche-biche.shop") || slices.Contains(keys, "mail/merche-biche.shop") {
		t.Errorf("a forward without keys and commands has steps of its own: %v", keys)
	}
	if observed := w.observe(run, "dns/merche-biche.com"); observed.Later == "" {
		t.Errorf("records of a key that is not made: %+v", observed)
	}

	changes := map[onboarding.Key]onboarding.Change{}
	for i := range run.Steps {
		changes[run.Steps[i].Key] = w.do(run, run.Steps[i].Key)
	}
	published := map[string]onboarding.RecordsEdit{}
	items := changes["dns/merche-biche.com"].Items
	if len(items) != 1 {
		t.Fatalf("not one update: %+v", items)
	}
	for _, set := range items[0].DNS.Sets {
		published[set.Name+" "+set.Type] = set
	}
	want := onboarding.RecordsEdit{Name: "merche-biche.com", Type: "TXT", TTL: 900, BeforeTTL: 900,
		Before: []string{`"proof=1"`, `"v=spf1 ip4:192.0.2.7 ~all"`}, After: []string{`"proof=1"`,
			`"v=spf1 ip4:192.0.2.7 mx ~all"`}}
	if diff := cmp.Diff(want, published["merche-biche.com TXT"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := published["merche-biche.com MX"].After; !slices.Equal(got, []string{"10 mail.merche.example."}) {
		t.Errorf("MX %q", got)
	}
	rsa := published["onboard._domainkey.merche-biche.com TXT"].After
	if len(rsa) != 1 || !strings.HasPrefix(rsa[0], `"v=DKIM1; k=rsa; p=`) || !strings.Contains(rsa[0], `" "`) {
		t.Errorf("a long key is not split: %q", rsa)
	}
	if got := published["modern._domainkey.merche-biche.com TXT"].After; len(got) != 1 ||
		!strings.HasPrefix(got[0], `"v=DKIM1; k=ed25519; p=`) {
		t.Errorf("ed25519: %q", got)
	}
	if got := w.vps("stat -c '%a' /var/lib/dkim/merche-biche.com/*.pem && grep -l PRIVATE " +
		"/var/lib/dkim/merche-biche.com/*.pem | wc -l"); got != "600\n600\n2\n" {
		t.Errorf("private keys: %q", got)
	}
	for key, change := range changes {
		for _, item := range change.Items {
			if item.Command != nil &&
				strings.Contains(strings.Join(item.Command.Argv, " ")+item.Command.Stdin, "PRIVATE") {
				t.Errorf("%s has a private key in it", key)
			}
		}
	}
	var todo []string
	for _, finding := range w.observe(run, "verify").Findings {
		switch {
		case finding.Level == onboarding.Failed:
			t.Errorf("%s: %s", finding.Name, finding.Detail)
		case finding.Name == "to do by hand":
			todo = append(todo, finding.Detail)
		}
	}
	if diff := cmp.Diff([]string{"Make the forward of mail for merche-biche.shop to merche@example.com."},
		todo); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again := w.newRun(request)
	again.Created = run.Created
	for i := range again.Steps {
		if change := w.do(again, again.Steps[i].Key); !change.Empty() {
			t.Errorf("again, %s wants %+v", again.Steps[i].Key, change)
		}
	}

	back := w.undo(run, changes, true)
	for i := range back.Steps {
		w.do(back, back.Steps[i].Key)
	}
	if diff := cmp.Diff(before, w.everything()); diff != "" {
		t.Errorf("the world is not what it was (-before +after)\n%s", diff)
	}
}

func TestMailInTheWay(t *testing.T) {
	w := newFixture(t, mailbox)
	request := merche("merche-biche.com")
	request.Domains[0].Mail = onboarding.Mail{Plan: onboarding.MailForward, Forward: "merche@example.com"}
	for name, test := range map[string]struct{ record, want string }{
		"mail goes elsewhere": {"merche-biche.com. 60 MX 10 mx.example.org.",
			"Mail to merche-biche.com is delivered elsewhere today: MX 10 mx.example.org."},
		"an alias": {"_dmarc.merche-biche.com. 60 CNAME dmarc.example.org.",
			"_dmarc.merche-biche.com is an alias for dmarc.example.org."},
		"an alias of many": {"merche-biche.com. 60 TXT \"v=spf1 a a:b.sandbox a:c.sandbox a:d.sandbox " +
			"a:e.sandbox mx -all\"", "SPF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.publish("merche-biche.com", false, test.record)
			defer w.publish("merche-biche.com", true, test.record)
			if got := w.conflict(w.newRun(request), "dns/merche-biche.com"); !strings.Contains(got, test.want) {
				t.Errorf("got %q", got)
			}
		})
	}
	request.Domains[0].Mail = onboarding.Mail{}
	w.config.Mail = settings.Mail{}
	bare := newRunbook(t, w)
	request.Domains[0].Mail = onboarding.Mail{Plan: onboarding.MailMailbox}
	if _, err := bare.Observe(t.Context(), w.newRun(request), "dns/merche-biche.com"); err == nil ||
		!strings.Contains(err.Error(), "which is not configured") {
		t.Errorf("a plan without a pattern: %v", err)
	}
}

func TestMailByHand(t *testing.T) {
	w := newFixture(t, func(config *settings.Config) {
		mailbox(config)
		config.DNS.Provider = settings.Manual
		config.Mail.DKIM.Keys = []mail.Key{{Selector: "onboard"}}
	})
	request := merche("merche-biche.com")
	request.Domains[0].Mail.Plan = onboarding.MailMailbox
	run := w.newRun(request)
	made := w.do(run, "mail-key/merche-biche.com")
	observed := w.observe(run, "dns/merche-biche.com")
	for _, want := range []string{"merche-biche.com. 3600 IN MX 10 mail.merche.example.",
		`merche-biche.com. 3600 IN TXT "v=spf1 mx -all"`,
		`_dmarc.merche-biche.com. 3600 IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@merche-biche.com"`,
		`onboard._domainkey.merche-biche.com. 3600 IN TXT "v=DKIM1; k=rsa; p=`} {
		if !strings.Contains(observed.Waiting, want) {
			t.Errorf("no %s in\n%s", want, observed.Waiting)
		}
	}

	// An undo that was interrupted between the key and its folder takes away the folder too.
	const gone = onboarding.Key("undo-mail-key/merche-biche.com")
	back := w.undo(run, map[onboarding.Key]onboarding.Change{"mail-key/merche-biche.com": made}, false)
	whole := w.observe(back, gone).Change
	first := onboarding.Change{Summary: whole.Summary, Items: whole.Items[:1]}
	if err := w.apply(back, gone, first); err != nil {
		t.Fatal(err)
	}
	if rest := w.do(back, gone); !rest.RestOf(whole) || len(rest.Items) != 1 {
		t.Errorf("left are %+v of %+v", rest, whole)
	}
}
