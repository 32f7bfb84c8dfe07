package certificates

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// fixedReport is a sweep of the past with a site in each state.
func fixedReport() Report {
	now := start.Add(80 * days)
	address := netip.MustParseAddr("203.0.113.10")
	site := func(domain string, severity Severity, from, to int, faults ...Fault) SiteReport {
		c := Certificate{Serial: "1f", Names: []string{domain, "www." + domain}, Issuer: "CN=R13,O=Let's Encrypt,C=US", Key: "ECDSA P-256",
			NotBefore: now.AddDate(0, 0, from), NotAfter: now.AddDate(0, 0, to)}
		return SiteReport{
			Site: Site{Domain: domain, Names: c.Names, Host: "quinn-vps", Addresses: []netip.Addr{address}}, Severity: severity,
			Certificates: []Certificate{c}, Chain: []Link{{"CN=" + domain, c.Issuer, c.NotAfter}}, Faults: faults,
			Looks: []Look{{Name: domain, Address: address, Visited: true, Serials: []string{"1f"}, Done: now, Took: 20 * time.Millisecond}},
		}
	}
	report := Report{At: now, Took: 1234 * time.Millisecond, Sites: []SiteReport{
		site("merche-biche.com", Well, -10, 80),
		site("xn--bcher-kva.example", Attention, -70, 20, fault(NotReloaded, Attention, "renewed but not reloaded"), fault(LyingResolver, Well, "a remark")),
		site("transquinnftw.com", Critical, -94, -4, fault("expired", Critical, "the certificate for transquinnftw.com expired")),
		{Site: Site{Domain: "broken.example", Names: []string{"broken.example"}}, Severity: Blind, Faults: []Fault{fault(NoNameServer, Blind, "could not find out where visitors of broken.example land")}},
	}}
	report.sort()
	return report
}

func TestPrinter(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{Text, JSON} {
		var out bytes.Buffer
		print, err := Printer(&out, format)
		if err != nil {
			t.Fatal(err)
		}
		if err := print(fixedReport()); err != nil {
			t.Fatal(err)
		}
		golden(t, "report."+string(format), out.Bytes())
	}
	if _, err := Printer(nil, "xml"); err == nil || err.Error() != `format: "xml" is neither text nor json` {
		t.Errorf("error = %v", err)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	digest := new(Sweeper).Digest(fixedReport())
	got := digest.Summary + "\n"
	for _, line := range digest.Lines {
		got += line + "\n"
	}
	golden(t, "digest.text", []byte(got))
}

type failing struct{}

func (failing) Sites(context.Context) ([]Site, error) { return nil, errors.New("database is down") }

func TestRunEndsWithAStatus(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := reservedPorts(t)
	at := netip.MustParseAddr("127.11.0.1")
	serveSite(t, at, ports, authority.Issue(t, probetest.Order{Names: []string{"good.example"}}))
	z := zone{addresses: map[string][]netip.Addr{"good.example": {at}}}
	s := sweeper(t, authority, z, disk{}, ports)
	good, bad, broken := Site{Domain: "good.example", Names: []string{"good.example"}}, Site{Domain: "bad.example"}, Site{Domain: "broken.example"}
	for name, test := range map[string]struct {
		inventory Inventory
		status    int
		err       string
	}{
		"well":                         {Fixed{good}, 0, ""},
		"urgent":                       {Fixed{good, bad}, 1, ""},
		"urgent and could not look":    {Fixed{bad, broken}, 1, ""},
		"could not look":               {Fixed{good, broken}, 2, ""},
		"nothing to watch":             {Fixed{}, 0, ""},
		"no inventory":                 {failing{}, 2, "certificates to watch: database is down"},
		"a name that cannot be a name": {Inventories{Fixed{good}, Fixed{{Domain: "a b"}}}, 2, `certificates to watch: domain: not a usable domain name: "a b": label "a b" holds ' '`},
		"a name that stands for many":  {Fixed{{Domain: "a.example", Names: []string{"*.a.example"}}}, 2, `names[0]: "*.a.example" stands for many names: give one that visitors use (of a.example)`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			print, err := Printer(&out, JSON)
			if err != nil {
				t.Fatal(err)
			}
			status, err := Run(t.Context(), s, test.inventory, print)
			if status != test.status || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
				t.Errorf("status %d, error %v, want %d, %q", status, err, test.status, test.err)
			}
			if err == nil && !json.Valid(out.Bytes()) {
				t.Errorf("printed %s", out.Bytes())
			}
		})
	}
}
