package renewalinfo

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// exampleLeaf is the certificate of RFC 9773 §4.1 and appendix A.
func exampleLeaf(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := hex.DecodeString("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{AuthorityKeyId: key, SerialNumber: big.NewInt(0x87654321)}
}

// required are the fields that every ACME directory has: RFC 8555 §7.1.1.
const required = `"newNonce":"https://ca.example/nonce","newOrder":"https://ca.example/order"`

func TestRenewalInfo(t *testing.T) {
	t.Parallel()
	const good = `{"suggestedWindow":{"start":"2027-01-02T04:00:00Z","end":"2027-01-03T04:00:00Z"},` +
		`"explanationURL":"https://ca.example/why"}`
	var cases sync.WaitGroup
	for _, test := range []struct {
		name, reply string
		status      int
		offered     bool
		want        *certificates.Window
		err         string
		asked       int32 // in two calls: each answer is kept, and a bad one is asked for three times
	}{
		{"offered", good, 200, true, &certificates.Window{Start: time.Date(2027, 1, 2, 4, 0, 0, 0, time.UTC),
			End: time.Date(2027, 1, 3, 4, 0, 0, 0, time.UTC)}, "", 1},
		{"not offered", good, 200, false, nil, "", 0},
		{"ends before it starts", `{"suggestedWindow":{"start":"2027-01-03T04:00:00Z","end":"2027-01-02T04:00:00Z"}}`,
			200, true, nil, "usable ARI window", 3},
		{"not JSON", `<html>`, 200, true, nil, "invalid character", 3},
		{"no such certificate", `{}`, 404, true, nil, "HTTP 404", 3},
		{"too much", `{"x":"` + strings.Repeat("x", maxResponse) + `"}`, 200, true, nil,
			"unexpected end of JSON input", 3},
	} {
		cases.Go(func() { // the client waits between attempts, and more cases wait at once than tests run in parallel
			var asked atomic.Int32
			authority := probetest.NewAuthority(t, "Endpoint")
			mux := http.NewServeMux()
			mux.HandleFunc("GET /dir", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if test.offered {
					fmt.Fprintf(w, `{`+required+`,"renewalInfo":"https://%s/info"}`, r.Host)
				} else {
					fmt.Fprint(w, `{`+required+`}`)
				}
			})
			mux.HandleFunc("GET /info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
				func(w http.ResponseWriter, _ *http.Request) {
					asked.Add(1)
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Retry-After", "21600")
					w.WriteHeader(test.status)
					fmt.Fprint(w, test.reply)
				})
			server := probetest.HTTP(t, "127.0.0.1:0", mux, authority.Issue(t,
				probetest.Order{Names: []string{"localhost"}}))
			roots := x509.NewCertPool()
			roots.AddCert(authority.Root)
			info := New(roots)
			for range 2 {
				got, err := info.Window(t.Context(), fmt.Sprintf("https://localhost:%d/dir", server.Port()),
					exampleLeaf(t))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(test.name, diff)
				}
				if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("%s: error = %v, want %q", test.name, err, test.err)
				}
			}
			if asked.Load() != test.asked {
				t.Errorf("%s: asked %d times, want %d", test.name, asked.Load(), test.asked)
			}
		})
	}
	cases.Wait()
	if _, err := New(x509.NewCertPool()).Window(t.Context(), "http://ca.example/dir", exampleLeaf(t)); err == nil ||
		!strings.Contains(err.Error(), "is not an https address") {
		t.Errorf("error = %v", err)
	}
}

// TestOneAsksForTheDirectory has many sites of one authority ask at once.
func TestOneAsksForTheDirectory(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Endpoint")
	var asked atomic.Int32
	server := probetest.HTTP(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{`+required+`}`)
	}), authority.Issue(t, probetest.Order{Names: []string{"localhost"}}))
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root)
	info, leaf := New(roots), exampleLeaf(t)
	var sites sync.WaitGroup
	for range 50 {
		sites.Go(func() {
			if window, err := info.Window(t.Context(), fmt.Sprintf("https://localhost:%d/dir", server.Port()),
				leaf); window != nil || err != nil {
				t.Errorf("window %v, error %v", window, err)
			}
		})
	}
	sites.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestHowLongAnAnswerIsKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for after, want := range map[time.Duration]time.Duration{
		6 * time.Hour: 6 * time.Hour, time.Second: time.Minute, 1e6 * time.Hour: 24 * time.Hour,
		-5 * time.Second: time.Minute,
	} {
		at := now.Add(after)
		if got := keptFor(&at, now); got != want {
			t.Errorf("keptFor(%s) = %s, want %s", after, got, want)
		}
	}
	if got := keptFor(nil, now); got != 24*time.Hour {
		t.Errorf("keptFor(nil) = %s", got)
	}
}
