package dns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/secret"
)

func primary(t *testing.T, records string) (*RFC2136, *Resolver) {
	t.Helper()
	port := freePort(t)
	server := startNamed(t, "127.0.0.1", port, map[string]string{zone: "@ IN NS ns1\nns1 IN A 127.0.0.1\n" + records})
	publisher, err := NewRFC2136(RFC2136Config{Server: server, Key: "quinn-key", Secret: secret.New(tsigKey)})
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := NewResolver(ResolverConfig{Servers: []string{server}, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	return publisher, resolver
}

func plan(t *testing.T, publisher *RFC2136, wanted []Record) []Change {
	t.Helper()
	state, err := publisher.Observe(t.Context(), zone, Questions(wanted))
	if err != nil {
		t.Fatal(err)
	}
	changes, err := Plan(wanted, state)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestPublishReplacesWhatWasSeenAndNothingElse(t *testing.T) {
	t.Parallel()
	publisher, resolver := primary(t, `@ 300 IN A 198.51.100.7
@ 300 IN TXT "google-site-verification=abc"
@ 300 IN TXT "v=spf1 " "-all"
www IN CNAME parking.example.
ftp IN A 198.51.100.7`)
	wanted := []Record{
		record(t, zone, "A", "203.0.113.10"),
		record(t, zone, "AAAA", "2001:db8::10"),
		record(t, zone, "MX", "10 mail."+zone),
		record(t, zone, "TXT", "v=spf1 mx -all"),
		record(t, "www."+zone, "A", "203.0.113.10"),
	}
	changes := plan(t, publisher, wanted)
	var shown string
	for _, change := range changes {
		shown += change.String()
	}
	want := `- merche-biche.com. 300 IN A 198.51.100.7
+ merche-biche.com. 60 IN A 203.0.113.10
+ merche-biche.com. 60 IN AAAA 2001:db8::10
+ merche-biche.com. 60 IN MX 10 mail.merche-biche.com.
- merche-biche.com. 300 IN TXT "v=spf1 " "-all"
+ merche-biche.com. 300 IN TXT "v=spf1 mx -all"
+ www.merche-biche.com. 60 IN A 203.0.113.10
- www.merche-biche.com. 60 IN CNAME parking.example.
`
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Fatal(diff)
	}
	if err := publisher.Publish(t.Context(), zone, changes); err != nil {
		t.Fatal(err)
	}
	if again := plan(t, publisher, wanted); len(again) != 0 {
		t.Errorf("left to do after publishing: %v", again)
	}
	ftp := record(t, "ftp."+zone, "A", "198.51.100.7")
	proof := record(t, zone, "TXT", "google-site-verification=abc")
	state, err := resolver.Observe(t.Context(), zone, Questions(append(wanted, ftp, proof)))
	if err != nil {
		t.Fatal(err)
	}
	if findings := Compare(append(wanted, ftp, proof), state); !Settled(findings) {
		t.Errorf("findings: %+v", findings)
	}
}

// TestLongTextTravels sends text that needs several strings, and TCP for the answer.
func TestLongTextTravels(t *testing.T) {
	t.Parallel()
	publisher, resolver := primary(t, "")
	wanted := []Record{record(t, "s._domainkey."+zone, "TXT", "v=DKIM1; p="+strings.Repeat("MIIB\"\\é", 400))}
	if err := publisher.Publish(t.Context(), zone, plan(t, publisher, wanted)); err != nil {
		t.Fatal(err)
	}
	state, err := resolver.Observe(t.Context(), zone, Questions(wanted))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, state.Servers[0].Answers[1].Records); diff != "" {
		t.Error(diff)
	}
}

func TestPublishIsAllOrNothing(t *testing.T) {
	t.Parallel()
	publisher, _ := primary(t, "@ IN A 198.51.100.7")
	wanted := []Record{record(t, zone, "A", "203.0.113.10"), record(t, "www."+zone, "A", "203.0.113.10")}
	approved := plan(t, publisher, wanted)
	meanwhile := plan(t, publisher, []Record{record(t, "www."+zone, "A", "192.0.2.99")})
	if err := publisher.Publish(t.Context(), zone, meanwhile); err != nil {
		t.Fatal(err)
	}
	if err := publisher.Publish(t.Context(), zone, approved); !errors.Is(err, ErrDrift) {
		t.Fatalf("error = %v, want %v", err, ErrDrift)
	}
	state, err := publisher.Observe(t.Context(), zone, Questions(wanted))
	if err != nil {
		t.Fatal(err)
	}
	got := []Record{}
	for _, answer := range state.Servers[0].Answers {
		got = append(got, answer.Records...)
	}
	want := []Record{record(t, zone, "A", "198.51.100.7"), record(t, "www."+zone, "A", "192.0.2.99")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The value-dependent prerequisite also notices a record that joined the set.
	approved = plan(t, publisher, wanted)
	approved[0].Before = nil
	if err := publisher.Publish(t.Context(), zone, approved); !errors.Is(err, ErrDrift) {
		t.Fatalf("error = %v, want %v", err, ErrDrift)
	}
}

func TestPublishSaysWhyNot(t *testing.T) {
	t.Parallel()
	good, _ := primary(t, "")
	config := RFC2136Config{Server: good.server, Key: "quinn-key", Secret: secret.New(tsigKey)}
	change := []Change{{Question: Question{zone, "A"}, After: []Record{record(t, zone, "A", "203.0.113.10")}}}
	foreign := []Change{{Question: Question{"foo.com", "A"},
		After: []Record{record(t, "foo.com", "A", "203.0.113.10")}}}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("d3Jvbmc=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		edit    func(*RFC2136Config)
		zone    string
		changes []Change
		want    error
	}{
		{"wrong secret", func(c *RFC2136Config) { c.Secret, c.SecretFile = secret.String{}, file }, zone, change,
			ErrBadSig},
		{"unknown key", func(c *RFC2136Config) { c.Key = "other-key" }, zone, change, ErrBadKey},
		{"wrong algorithm", func(c *RFC2136Config) { c.Algorithm = "hmac-sha512" }, zone, change, ErrBadKey},
		{"key without rights", func(c *RFC2136Config) { c.Key = "reader-key" }, zone, change, ErrRefused},
		{"foreign zone", func(*RFC2136Config) {}, "foo.com", foreign, ErrNotAuth},
		{"zone not configured", func(c *RFC2136Config) { c.Zones = []string{"foo.com"} }, zone, change, ErrNotAuth},
		{"name outside the zone", func(*RFC2136Config) {}, zone, foreign, ErrNotZone},
		{"nobody there", func(c *RFC2136Config) { c.Server = "127.0.0.99:9" }, zone, change, ErrNoReply},
		{"name servers", func(*RFC2136Config) {}, zone, []Change{{Question: Question{zone, "NS"}}}, ErrRecord},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := config
			test.edit(&config)
			publisher, err := NewRFC2136(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := publisher.Publish(t.Context(), test.zone, test.changes); !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
		})
	}
}
