package certificates

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// fixedReport is a report with a site of each severity.
func fixedReport() Report {
	now := start.Add(80 * days)
	address := netip.MustParseAddr("203.0.113.10")
	site := func(domain string, severity Severity, from, to int, faults ...Fault) SiteReport {
		c := Certificate{Serial: "1f", Names: []string{domain, "www." + domain}, Issuer: "CN=R13,O=Let's Encrypt,C=US",
			Key:       "ECDSA P-256",
			NotBefore: now.AddDate(0, 0, from), NotAfter: now.AddDate(0, 0, to)}
		return SiteReport{
			Site:         Site{Domain: domain, Names: c.Names, Host: "quinn-vps", Addresses: []netip.Addr{address}},
			Severity:     severity,
			Certificates: []Certificate{c}, Chain: []Link{{"CN=" + domain, c.Issuer, c.NotAfter}}, Faults: faults,
			Observations: []Observation{{Name: domain, Address: address, Visited: true, Serials: []string{"1f"},
				Done: now, Took: 20 * time.Millisecond}},
		}
	}
	report := Report{At: now, Took: 1234 * time.Millisecond, Sites: []SiteReport{
		site("merche-biche.com", Healthy, -10, 80),
		site("xn--bcher-kva.example", Attention, -70, 20, NewFault(NotReloaded, Attention, "renewed but not reloaded"),
			NewFault(ResolverDisagrees, Healthy, "a remark")),
		site("transquinnftw.com", Critical, -94, -4, NewFault("expired", Critical,
			"the certificate for transquinnftw.com expired")),
		{Site: Site{Domain: "broken.example", Names: []string{"broken.example"}}, Severity: Unchecked,
			Faults: []Fault{NewFault(NoNameServer, Unchecked,
				"could not find out where visitors of broken.example land")}},
	}}
	report.Sort()
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
	digest := Thresholds{}.Digest(fixedReport())
	got := digest.Summary + "\n"
	for _, line := range digest.Lines {
		got += line + "\n"
	}
	golden(t, "digest.text", []byte(got))
}
