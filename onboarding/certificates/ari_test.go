package certificates

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

func TestCertID(t *testing.T) {
	t.Parallel()
	got, err := CertID(exampleLeaf(t))
	if err != nil || got != "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" {
		t.Errorf("id = %q, error = %v", got, err)
	}
}

func TestRenewalInfo(t *testing.T) {
	t.Parallel()
	const good = `{"suggestedWindow":{"start":"2027-01-02T04:00:00Z","end":"2027-01-03T04:00:00Z"},"explanationURL":"https://ca.example/why"}`
	for _, test := range []struct {
		name, reply string
		status      int
		offered     bool
		want        *Window
		err         string
		asked       int32 // in two calls: a good answer is kept
	}{
		{"offered", good, 200, true, &Window{time.Date(2027, 1, 2, 4, 0, 0, 0, time.UTC), time.Date(2027, 1, 3, 4, 0, 0, 0, time.UTC)}, "", 1},
		{"not offered", good, 200, false, nil, "", 0},
		{"ends before it starts", `{"suggestedWindow":{"start":"2027-01-03T04:00:00Z","end":"2027-01-02T04:00:00Z"}}`, 200, true, nil, "is none", 2},
		{"not JSON", `<html>`, 200, true, nil, "invalid character", 2},
		{"no such certificate", `{}`, 404, true, nil, "answers 404", 2},
		{"too much", `{"x":"` + strings.Repeat("x", maxACMEReply) + `"}`, 200, true, nil, "unexpected EOF", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			authority := probetest.NewAuthority(t, "Endpoint")
			mux := http.NewServeMux()
			mux.HandleFunc("GET /dir", func(w http.ResponseWriter, r *http.Request) {
				if test.offered {
					fmt.Fprintf(w, `{"renewalInfo":"https://%s/info"}`, r.Host)
				} else {
					fmt.Fprint(w, `{"newNonce":"https://ca.example/nonce"}`)
				}
			})
			mux.HandleFunc("GET /info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Retry-After", "21600")
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.reply)
			})
			server := probetest.HTTP(t, "127.0.0.1:0", mux, authority.Issue(t, probetest.Order{Names: []string{"localhost"}}))
			roots := x509.NewCertPool()
			roots.AddCert(authority.Root)
			info := NewRenewalInfo(roots)
			for range 2 {
				got, err := info.Window(t.Context(), fmt.Sprintf("https://localhost:%d/dir", server.Port()), exampleLeaf(t))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
				if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("error = %v, want %q", err, test.err)
				}
			}
			if asked.Load() != test.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), test.asked)
			}
		})
	}
	if _, err := NewRenewalInfo(x509.NewCertPool()).Window(t.Context(), "http://ca.example/dir", exampleLeaf(t)); err == nil || !strings.Contains(err.Error(), "is not an https address") {
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
		fmt.Fprint(w, `{}`)
	}), authority.Issue(t, probetest.Order{Names: []string{"localhost"}}))
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root)
	info, leaf := NewRenewalInfo(roots), exampleLeaf(t)
	var sites sync.WaitGroup
	for range 50 {
		sites.Go(func() {
			if window, err := info.Window(t.Context(), fmt.Sprintf("https://localhost:%d/dir", server.Port()), leaf); window != nil || err != nil {
				t.Errorf("window %v, error %v", window, err)
			}
		})
	}
	sites.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 24 * time.Hour, "21600": 6 * time.Hour, "1": time.Minute, "999999999": 24 * time.Hour, "-5": time.Minute, "soon": 24 * time.Hour} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", text, got, want)
		}
	}
}
