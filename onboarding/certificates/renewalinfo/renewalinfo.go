// Package renewalinfo asks certificate authorities when they suggest to renew a certificate (ACME
// Renewal Information, RFC 9773).
package renewalinfo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/atlilith/onboardbot/onboarding/certificates"
)

const (
	// maxResponse bounds what is read of one response, and its headers.
	maxResponse = 64 << 10
	// questionTimeout bounds one question with the attempts that the ACME client makes.
	questionTimeout = 15 * time.Second
	// A window is kept at least and at most this long, whatever Retry-After says.
	minKept = time.Minute
	maxKept = 24 * time.Hour
	// failureKept is how long an authority that failed to answer for a certificate is not asked
	// about it again.
	failureKept = 10 * time.Minute
)

// Client asks authorities for renewal windows. It keeps each answer for as long as the authority
// says. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	mu      sync.Mutex
	answers map[string]answer // by the URL of the ACME directory and the certificate's identifier
}

// answer is what an authority said about one certificate.
type answer struct {
	window *certificates.Window
	err    error
	until  time.Time
}

// New returns a client that trusts roots for its connections, nil for those of the system.
func New(roots *x509.CertPool) *Client {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: maxResponse,
		ForceAttemptHTTP2:      true,
	}
	return &Client{
		http:    &http.Client{Transport: bounded{transport}, Timeout: 10 * time.Second},
		answers: make(map[string]answer),
	}
}

// Window returns the window in which the authority with this ACME directory suggests to renew a
// certificate, nil if it offers none.
func (c *Client) Window(ctx context.Context, directory string,
	leaf *x509.Certificate) (*certificates.Window, error) {
	if !strings.HasPrefix(directory, "https://") {
		return nil, fmt.Errorf("%q is not an https address", directory)
	}
	if len(leaf.AuthorityKeyId) == 0 {
		return nil, errors.New("the certificate names no authority key")
	}
	id, err := acme.ARIUniqueIdentifier(leaf)
	if err != nil {
		return nil, err
	}
	key := directory + " " + id
	if known, ok := c.known(key); ok {
		return known.window, known.err
	}
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	// All clients of the process share the directories that they fetched, for 12 hours.
	authority := &acme.Client{Directory: directory, HTTPClient: c.http, UserAgent: "onboardbot"}
	info, err := authority.GetRenewalInfo(ctx, leaf)
	switch {
	case errors.Is(err, acme.ErrUnsupported):
		return nil, nil
	case err != nil:
		err = fmt.Errorf("renewal information: %w", err)
		if ctx.Err() == nil {
			c.keep(key, answer{err: err, until: time.Now().Add(failureKept)})
		}
		return nil, err
	}
	window := &certificates.Window{Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End}
	now := time.Now()
	c.keep(key, answer{window: window, until: now.Add(keptFor(info.RetryAfter, now))})
	return window, nil
}

// keptFor is how long an answer holds, given the time that Retry-After names: RFC 9773 §4.3.
func keptFor(retryAfter *time.Time, now time.Time) time.Duration {
	if retryAfter == nil {
		return maxKept
	}
	return min(max(retryAfter.Sub(now), minKept), maxKept)
}

// known returns an answer that still holds.
func (c *Client) known(key string) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.answers[key]
	return found, ok && time.Now().Before(found.until)
}

// keep keeps an answer and drops those that no longer hold.
func (c *Client) keep(key string, kept answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(c.answers, func(_ string, old answer) bool { return now.After(old.until) })
	c.answers[key] = kept
}

// bounded refuses requests without TLS, redirected ones too, and cuts long responses.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an https address", request.URL)
	}
	response, err := b.next.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxResponse), response.Body}
	}
	return response, err
}
