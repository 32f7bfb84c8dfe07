package dns_test

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Text of any length becomes quoted strings of at most 255 octets, as a zone file has them.
// Everything in it is data: a quote or a newline cannot begin another record.
func ExampleNewRecord() {
	record, err := dns.NewRecord("Merche-Biche.com.", "txt", 300, "say \"hi\";\nmerche A 192.0.2.66")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(record)
	long, err := dns.NewRecord("key._domainkey.merche-biche.com", "TXT", 300, "v=DKIM1; p="+strings.Repeat("A", 300))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(long.Value, `"`)/2, "strings,", len(long.Text()), "octets")
	// Output:
	// merche-biche.com. 300 IN TXT "say \"hi\";\010merche A 192.0.2.66"
	// 2 strings, 311 octets
}

// A plan is the difference between the records wanted and what the primary name server has: one
// change for each record set. Records that are in nobody's way stay.
func ExamplePlan() {
	wanted, err := dns.NewRecord("merche-biche.com", "A", 300, "192.0.2.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	parked := dns.Record{Name: "merche-biche.com", Type: "A", TTL: 3600, Value: "198.51.100.7"}
	primary := dns.State{Zone: "merche-biche.com", Servers: []dns.Server{{Name: "ns1.example", Answers: []dns.Answer{
		{Question: dns.Question{Name: "merche-biche.com", Type: "A"}, Records: []dns.Record{parked}},
		{Question: dns.Question{Name: "merche-biche.com", Type: "CNAME"}},
	}}}}
	changes, err := dns.Plan([]dns.Record{wanted}, primary)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, change := range changes {
		fmt.Print(change)
	}
	// Output:
	// - merche-biche.com. 3600 IN A 198.51.100.7
	// + merche-biche.com. 300 IN A 192.0.2.1
}
