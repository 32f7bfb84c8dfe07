package probe_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

const name = "merche-biche.com"

var local = netip.MustParseAddr("127.0.0.1")

func prober(t *testing.T, config probe.Config) *probe.Prober {
	t.Helper()
	p, err := probe.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// look is what came of a handshake: the kinds and sentences of everything that is wrong, the
// address left out.
func look(seen probe.Handshake, err error, address netip.AddrPort) []string {
	problems := seen.Problems
	if one := (*probe.Problem)(nil); errors.As(err, &one) {
		problems = []*probe.Problem{one}
	}
	text := []string{}
	for _, p := range problems {
		sentence := strings.NewReplacer(address.String(), "ADDRESS", address.Addr().String(),
			"HOST").Replace(p.Sentence)
		text = append(text, string(p.Kind)+": "+sentence)
	}
	return text
}

func TestBadConditionsAreToldApart(t *testing.T) {
	t.Parallel()
	trusted, stranger := probetest.NewAuthority(t, "Trusted"), probetest.NewAuthority(t, "Stranger")
	roots := trusted.RootFile(t)
	order := probetest.Order{Names: []string{name, "www." + name}}
	year := func(y int) time.Time { return time.Date(y, 3, 1, 12, 0, 0, 0, time.UTC) }
	soon := time.Now().UTC().AddDate(0, 0, 7)
	leafOnly := trusted.Issue(t, order)
	leafOnly.Certificate = leafOnly.Certificate[:1]
	old := *trusted
	old.Expire(t)
	with := func(certificate tls.Certificate) func(testing.TB, string) netip.AddrPort {
		return func(t testing.TB, address string) netip.AddrPort { return probetest.TLS(t, address, certificate) }
	}
	for _, test := range []struct {
		name  string
		serve func(testing.TB, string) netip.AddrPort
		want  []string
	}{
		{"good", with(trusted.Issue(t, order)), []string{}},
		{"wrong name", with(trusted.Issue(t, probetest.Order{Names: []string{"cocotte.example"}})),
			[]string{"wrong name: the certificate served for merche-biche.com is for cocotte.example"}},
		{"expired", with(trusted.Issue(t,
			probetest.Order{Names: []string{name}, NotBefore: year(2024), NotAfter: year(2025)})),
			[]string{"expired: the certificate for merche-biche.com expired on 2025-03-01 12:00 UTC"}},
		{"expired and of the wrong name", with(trusted.Issue(t,
			probetest.Order{Names: []string{"a.example"}, NotBefore: year(2024), NotAfter: year(2025)})),
			[]string{"wrong name: the certificate served for merche-biche.com is for a.example",
				"expired: the certificate for merche-biche.com expired on 2025-03-01 12:00 UTC"}},
		{"not yet valid", with(trusted.Issue(t, probetest.Order{Names: []string{name}, NotBefore: soon})),
			[]string{"not yet valid: the certificate for merche-biche.com is not valid before " +
				soon.Format("2006-01-02 15:04 UTC") + ": either it was installed too early or this machine's clock " +
				"is slow"}},
		{"issuer expired", with(old.Issue(t, order)),
			[]string{"issuer expired: the certificate of CN=Trusted intermediate, above the one for " +
				"merche-biche.com, expired on " + old.Intermediate.NotAfter.Format("2006-01-02 15:04 UTC")}},
		{"self-signed", with(probetest.SelfSigned(t, order)),
			[]string{"self-signed: the certificate for merche-biche.com is signed by itself, not by an authority"}},
		{"incomplete chain", with(leafOnly),
			[]string{"incomplete chain: the server for merche-biche.com does not send the certificate of its " +
				"issuer, CN=Trusted intermediate: the chain is incomplete, or the issuer is not trusted"}},
		{"unknown issuer", with(stranger.Issue(t, order)),
			[]string{"unknown issuer: the certificate for merche-biche.com comes from an authority that is not " +
				"trusted: CN=Stranger root"}},
		{"silent", probetest.Silent, []string{"silent: ADDRESS accepts the connection for merche-biche.com and then " +
			"sends nothing"}},
		{"endless handshake", probetest.Endless, []string{"endless handshake: ADDRESS begins a handshake for " +
			"merche-biche.com and never completes it"}},
		{"closed", probetest.Closing, []string{"closed: ADDRESS closes the connection during the handshake for " +
			"merche-biche.com"}},
		{"not TLS", func(t testing.TB, address string) netip.AddrPort { return probetest.HTTP(t, address, nil) },
			[]string{"not TLS: ADDRESS does not speak TLS for merche-biche.com"}},
		{"alert", func(t testing.TB, address string) netip.AddrPort {
			return probetest.TLSFunc(t, address,
				&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
					return nil,
						errors.New("no")
				}})
		}, []string{"alert: ADDRESS aborts the handshake for merche-biche.com: internal error"}},
		{"refused", func(t testing.TB, address string) netip.AddrPort {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			_ = listener.Close()
			return listener.Addr().(*net.TCPAddr).AddrPort()
		}, []string{"refused: HOST refuses connections for merche-biche.com: nothing listens on port PORT"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := test.serve(t, "127.0.0.1:0")
			p := prober(t, probe.Config{RootsFiles: []string{roots}, HTTPSPort: at.Port(), Timeout: time.Second})
			seen, err := p.TLS(t.Context(), name, local)
			got := look(seen, err, at)
			for i := range got {
				got[i] = strings.Replace(got[i], "port "+at.String()[len("127.0.0.1:"):], "port PORT", 1)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if err == nil && (seen.Leaf() == nil || seen.Verified() != (len(test.want) == 0) || seen.Address != at ||
				seen.Version != tls.VersionTLS13) {
				t.Errorf("seen = %+v", seen)
			}
		})
	}
}

func TestBothKindsOfKeyAreSeen(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	at := probetest.TLS(t, "[::1]:0", authority.Issue(t, probetest.Order{Names: []string{name}}),
		authority.Issue(t, probetest.Order{Names: []string{name}, RSA: true}))
	p := prober(t, probe.Config{RootsFiles: []string{authority.RootFile(t)}, HTTPSPort: at.Port()})
	var got []string
	for _, key := range []probe.KeyType{probe.AnyKey, probe.RSA, probe.ECDSA} {
		seen, err := p.TLSWithKey(t.Context(), name, at.Addr(), key)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, probe.KeyName(seen.Leaf())+" over "+tls.VersionName(seen.Version))
	}
	want := []string{"ECDSA P-256 over TLS 1.3", "RSA 2048 over TLS 1.2", "ECDSA P-256 over TLS 1.2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheEnvironmentHasNoSayInTrust(t *testing.T) {
	authority := probetest.NewAuthority(t, "Interceptor")
	t.Setenv("SSL_CERT_FILE", authority.RootFile(t))
	t.Setenv("SSL_CERT_DIR", t.TempDir())
	at := probetest.TLS(t, "127.0.0.1:0", authority.Issue(t, probetest.Order{Names: []string{name}}))
	seen, err := prober(t, probe.Config{HTTPSPort: at.Port()}).TLS(t.Context(), name, local)
	if err != nil || seen.Verified() {
		t.Errorf("verified = %v, error = %v", seen.Verified(), err)
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config probe.Config
		want   string
	}{
		{probe.Config{Timeout: -1}, "probe: timeout: -1ns is negative"},
		{probe.Config{RootsFiles: []string{"testdata/none.pem"}},
			"probe: roots_files[0]: open testdata/none.pem: no such file or directory"},
		{probe.Config{RootsFiles: []string{"tls_test.go"}},
			"probe: roots_files[0]: tls_test.go contains no certificate in PEM"},
	} {
		if _, err := probe.New(test.config); err == nil || err.Error() != test.want {
			t.Errorf("error = %v, want %s", err, test.want)
		}
	}
}
