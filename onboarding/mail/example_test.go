package mail_test

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/mail"
)

// published is a zone that somebody else manages.
type published map[dns.Question][]dns.Record

// Observe implements [mail.Resolver].
func (p published) Observe(_ context.Context, domain string, questions []dns.Question) (dns.State, error) {
	server := dns.Server{Name: "ns1." + domain}
	for _, question := range questions {
		server.Answers = append(server.Answers, dns.Answer{Question: question, Records: p[question]})
	}
	return dns.State{Zone: domain, Servers: []dns.Server{server}}, nil
}

// A domain that already sends newsletters gets a mailbox. Its SPF record keeps what is there, and
// how it ends.
func ExampleZone_Merge() {
	record := func(name, kind, value string) dns.Record {
		r, err := dns.NewRecord(name, kind, 3600, value)
		if err != nil {
			panic(err)
		}
		return r
	}
	theirs := record("merche.example", "TXT", "v=spf1 ip4:198.51.100.7 ~all")
	ours := record("merche.example", "TXT", "v=spf1 mx -all")
	zone := mail.Zone{Domain: "merche.example", Resolver: published{
		{Name: "merche.example", Type: "MX"}: {record("merche.example", "MX", "10 mail.quinn.example")},
	}}

	merged, err := zone.Merge(context.Background(), []dns.Record{ours}, []dns.Record{theirs})
	if err != nil {
		panic(err)
	}
	fmt.Println(merged.Records[0].Text())
	fmt.Println(merged.Notes[0])
	// Output:
	// v=spf1 ip4:198.51.100.7 mx ~all
	// The published SPF record was kept. It ends with ~all; the configuration says -all.
}
