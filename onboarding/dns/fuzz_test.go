package dns

import (
	"strings"
	"testing"

	wire "github.com/miekg/dns"
)

// FuzzNewRecord makes sure that whatever comes in is refused or becomes exactly one record that
// means the same on the wire.
func FuzzNewRecord(f *testing.F) {
	f.Add("merche-biche.com", "A", "203.0.113.10")
	f.Add("*.merche-biche.com", "TXT", "v=spf1 mx -all\n$INCLUDE /etc/passwd")
	f.Add("bücher.example", "CNAME", "a.example ; comment")
	f.Add("_sip._tcp.a.example", "SRV", "1 2 3 ( \n a.example )")
	f.Add("a.example", "CAA", `0 issue "letsencrypt.org"`)
	f.Fuzz(func(t *testing.T, name, kind, value string) {
		record, err := NewRecord(name, kind, 60, value)
		if err != nil {
			return
		}
		rr, err := parse(record)
		if err != nil {
			t.Fatalf("%s is not readable: %v", record, err)
		}
		message := &wire.Msg{Answer: []wire.RR{rr}}
		packed, err := message.Pack()
		if err != nil {
			return // too long for one message
		}
		if err := message.Unpack(packed); err != nil {
			t.Fatal(err)
		}
		again, err := fromWire(message.Answer[0])
		if err != nil || again != record || len(message.Answer) != 1 {
			t.Errorf("became %v over the wire, was %v, error %v", again, record, err)
		}
		if record.Type == "TXT" && record.Text() != value {
			t.Errorf("text became %q, was %q", record.Text(), value)
		}
		if strings.ContainsAny(record.String(), "\r\n") {
			t.Errorf("%q has more than one line", record)
		}
	})
}
