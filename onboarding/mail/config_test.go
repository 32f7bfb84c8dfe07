package mail

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

func TestConfigIsRight(t *testing.T) {
	t.Parallel()
	c := config(t, pattern)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]Plan{None, Forwarding, Mailbox}, c.Offered()); diff != "" {
		t.Error(diff)
	}
	want := []KeyFile{
		{Key{"onboard", RSA}, "/etc/dkimkeys/merche.example/onboard.pem", "opendkim:opendkim"},
		{Key{"onboard-ed", Ed25519}, "/etc/dkimkeys/merche.example/onboard-ed.pem", "opendkim:opendkim"},
	}
	if diff := cmp.Diff(want, c.Files(domain, Mailbox)); diff != "" {
		t.Error(diff)
	}
	if files := c.Files(domain, Forwarding); files != nil {
		t.Error(files)
	}
	empty := config(t, "{}")
	if err := empty.Validate(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]Plan{None}, empty.Offered()); diff != "" {
		t.Error(diff)
	}
	if _, err := empty.Records(domain, Mailbox, nil); err == nil {
		t.Error("a plan without a pattern has records")
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	t.Parallel()
	err := config(t, `
ttl: 5
forwarding: {dmarc: v=DMARC1}
mailbox: {mx: [mail.quinn.example], spf: v=spf1 mx, dmarc: p=none, dkim: true}
dkim: {path: keys/x.pem, owner: "root; rm", keys: [{selector: A.b, kind: dsa}, {selector: ed, kind: ed25519}, {selector: ed, kind: ed25519}]}
`).Validate()
	want := []string{
		"ttl: 5 is not between 60 and 604800 seconds",
		"forwarding.mx: is empty, but other fields are not: name the exchanger, such as 10 mail.quinn.example",
		`mailbox.mx[0]: "mail.quinn.example" is not a preference and an exchanger, such as 10 mail.quinn.example`,
		`mailbox.spf: "v=spf1 mx" does not end with all`,
		`mailbox.dmarc: "p=none" does not begin with v=DMARC1`,
		"dkim.host: is empty: name the configured host that signs",
		`dkim.path: "keys/x.pem" is not an absolute, clean path`,
		`dkim.path: "keys/x.pem" has no {domain}: keys would overwrite each other`,
		`dkim.path: "keys/x.pem" has no {selector}: keys would overwrite each other`,
		`dkim.owner: "root; rm" is not an account as in opendkim:opendkim`,
		`dkim.keys[0].selector: "A.b" is not a label of letters, digits and hyphens`,
		`dkim.keys[0].kind: "dsa" is neither rsa nor ed25519`,
		"dkim.keys[2].selector: ed is given twice",
		"dkim.keys: none is of kind rsa, the only kind that all receivers verify",
	}
	if err == nil {
		t.Fatal("no problem")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// FuzzSPF checks for any two records that merging keeps every term of theirs, adds every mechanism
// of ours before the end, and changes nothing the second time.
func FuzzSPF(f *testing.F) {
	f.Add("v=spf1 include:a.example ~all", "v=spf1 mx -all")
	f.Add("v=spf1 redirect=_spf.a.example exp=x.a.example", "v=spf1 a:%{d} ip6:::1/64 ?all")
	f.Add("V=SPF1 -MX all ip4:1.2.3.4", "v=spf1 mx/24 mx -all")
	f.Fuzz(func(t *testing.T, a, b string) {
		theirs, err := parseSPF(a)
		if err != nil {
			return
		}
		ours, err := parseSPF(b)
		if err != nil {
			return
		}
		merged, _, err := mergeSPF(theirs, ours)
		if err != nil {
			return
		}
		read, err := parseSPF(merged.String())
		if err != nil {
			t.Fatalf("%q: %v", merged, err)
		}
		end := read.all()
		if end < 0 {
			end = len(read.terms)
		}
		for _, t1 := range ours.terms {
			found := false
			for _, t2 := range read.terms[:end] {
				found = found || t2.key() == t1.key() && t2.qualifier == t1.qualifier
			}
			if !found && t1.name != "all" && t1.qualifier != 0 {
				t.Errorf("%q + %q = %q lacks %s", a, b, merged, t1.text)
			}
		}
		again, _, err := mergeSPF(read, ours)
		if err != nil || again.String() != merged.String() {
			t.Errorf("%q + %q = %q, and then %q, %v", a, b, merged, again, err)
		}
	})
}

// FuzzDMARC merges any published policy: it is refused as a conflict, or kept as it is.
func FuzzDMARC(f *testing.F) {
	for _, text := range []string{"v=DMARC1; p=none", "v=DMARC1;p=REJECT;rua=mailto:a@a.example;", "v=DMARC1; p",
		";", "", "p=none; v=DMARC1", "v=DMARC1; p=none; p=reject", "V=dmarc1; p=none"} {
		f.Add(text)
	}
	want, err := dns.NewRecord("_dmarc.a.example", "TXT", 300, "v=DMARC1; p=quarantine")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		published, err := dns.NewRecord("_dmarc.a.example", "TXT", 300, text)
		if err != nil {
			return
		}
		merged, _, err := mergePolicy("a.example", want, []dns.Record{published})
		if conflict, ok := errors.AsType[*ConflictError](err); err != nil && (!ok || conflict.Fix == "") {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && merged != published {
			t.Errorf("%q became %q", text, merged.Text())
		}
	})
}
