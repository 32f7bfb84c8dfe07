package mail

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// TestVerify publishes records that are right, missing or wrong, and compares the results.
func TestVerify(t *testing.T) {
	t.Parallel()
	const (
		good = `@ IN MX 10 mail.quinn.example.
@ IN MX 20 mx2.quinn.example.
@ IN TXT "v=spf1 mx -all"
@ IN TXT "other=1"
_dmarc IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@merche.example"
onboard-ed._domainkey IN TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="`
		bad = `@ IN MX 10 mail.quinn.example.
@ IN MX 30 mail.other.example.
@ IN TXT "v=spf1 mx -all"
@ IN TXT "v=spf1 a -all"
_dmarc IN TXT "v=DMARC1; p=none"
onboard-ed._domainkey IN TXT "v=DKIM1; k=ed25519; p="`
		hosts = "mail IN A 203.0.113.10\nmx2 IN AAAA 2001:db8::11"
	)
	for name, test := range map[string]struct {
		zones map[string]string
		want  []Check
	}{
		"good": {map[string]string{domain: good, "quinn.example": hosts}, []Check{
			{"merche.example MX", dns.OK, "MX 10 mail.quinn.example of merche.example is published."},
			{"merche.example MX", dns.OK, "MX 20 mx2.quinn.example of merche.example is published."},
			{"merche.example TXT", dns.OK, "SPF at merche.example is published."},
			{"_dmarc.merche.example TXT", dns.OK, "DMARC at _dmarc.merche.example is published."},
			{"onboard-ed._domainkey.merche.example TXT", dns.OK,
				"DKIM at onboard-ed._domainkey.merche.example is published."},
		}},
		"nothing": {map[string]string{domain: ""}, []Check{
			{"merche.example MX", dns.Missing,
				"MX 10 mail.quinn.example of merche.example is not published yet at ns.merche.example."},
			{"merche.example MX", dns.Missing,
				"MX 20 mx2.quinn.example of merche.example is not published yet at ns.merche.example."},
			{"merche.example TXT", dns.Missing, "SPF at merche.example is not published yet at ns.merche.example."},
			{"_dmarc.merche.example TXT", dns.Missing,
				"DMARC at _dmarc.merche.example is not published yet at ns.merche.example."},
			{"onboard-ed._domainkey.merche.example TXT", dns.Missing,
				"DKIM at onboard-ed._domainkey.merche.example is not published yet at ns.merche.example."},
		}},
		"others": {map[string]string{domain: bad, "quinn.example": hosts}, []Check{
			{"merche.example MX", dns.Wrong,
				"MX 10 mail.quinn.example of merche.example is wrong: ns.merche.example also has 30 " +
					"mail.other.example."},
			{"merche.example MX", dns.Wrong,
				"MX 20 mx2.quinn.example of merche.example is wrong: ns.merche.example also has 30 " +
					"mail.other.example."},
			{"merche.example TXT", dns.Wrong,
				"SPF at merche.example is wrong: ns.merche.example has 2 SPF records, and one is allowed."},
			{"_dmarc.merche.example TXT", dns.Wrong,
				`DMARC at _dmarc.merche.example is wrong: ns.merche.example has "v=DMARC1; p=none".`},
			{"onboard-ed._domainkey.merche.example TXT", dns.Wrong,
				"DKIM at onboard-ed._domainkey.merche.example is wrong: ns.merche.example says that its key is " +
					"revoked."},
		}},
		"exchanger without address": {map[string]string{domain: good, "quinn.example": "mail IN A 203.0.113.10"},
			[]Check{
				{"merche.example MX", dns.OK, "MX 10 mail.quinn.example of merche.example is published."},
				{"merche.example MX", dns.Wrong,
					"The exchanger mx2.quinn.example has no address, so mail to merche.example cannot be delivered."},
				{"merche.example TXT", dns.OK, "SPF at merche.example is published."},
				{"_dmarc.merche.example TXT", dns.OK, "DMARC at _dmarc.merche.example is published."},
				{"onboard-ed._domainkey.merche.example TXT", dns.OK,
					"DKIM at onboard-ed._domainkey.merche.example is published."},
			}},
		"silent": {map[string]string{domain: "@ IN NS silent\nsilent IN A 127.0.0.250\n" + good,
			"quinn.example": hosts}, []Check{
			{"merche.example MX", dns.Unknown,
				"MX 10 mail.quinn.example of merche.example could not be checked: no usable answer from " +
					"silent.merche.example."},
			{"merche.example MX", dns.Unknown,
				"MX 20 mx2.quinn.example of merche.example could not be checked: no usable answer from " +
					"silent.merche.example."},
			{"merche.example TXT", dns.Unknown,
				"SPF at merche.example could not be checked: no usable answer from silent.merche.example."},
			{"_dmarc.merche.example TXT", dns.Unknown,
				"DMARC at _dmarc.merche.example could not be checked: no usable answer from silent.merche.example."},
			{"onboard-ed._domainkey.merche.example TXT", dns.Unknown,
				"DKIM at onboard-ed._domainkey.merche.example could not be checked: no usable answer from " +
					"silent.merche.example."},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wanted, err := config(t, pattern).Records(domain, Mailbox, keys[1:])
			if err != nil {
				t.Fatal(err)
			}
			got, err := Zone{domain, named(t, test.zones)}.Verify(t.Context(), wanted)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExistingIsOneServersWord(t *testing.T) {
	t.Parallel()
	record := func(value string) dns.Record { return dns.Record{Name: domain, Type: "TXT", TTL: 60, Value: value} }
	question := dns.Question{Name: domain, Type: "TXT"}
	got := Existing(dns.State{Servers: []dns.Server{
		{Name: "broken", Answers: []dns.Answer{{Question: question, Problem: dns.Timeout}}},
		{Name: "new", Answers: []dns.Answer{{Question: question, Records: []dns.Record{record(`"new"`)}}}},
		{Name: "old", Answers: []dns.Answer{{Question: question, Records: []dns.Record{record(`"old"`)}}}},
	}})
	if want := []dns.Record{record(`"new"`)}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
