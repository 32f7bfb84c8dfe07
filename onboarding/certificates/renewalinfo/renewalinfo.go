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
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"golang.org/x/sync/singleflight"

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
	// failureKept is how long an authority that fails to answer for a certificate is not asked
	// about it again.
	failureKept = 10 * time.Minute
	// directoryKept is how long an ACME directory is used, also one that offers no renewal
	// information.
	directoryKept = 6 * time.Hour
)

// Client asks authorities for renewal windows. It keeps each answer for as long as the authority
// says. It is safe for concurrent use.
type Client struct {
	http *http.Client
	// asking lets all sites that ask at the same time share one request: authorities limit
	// requests.
	asking      singleflight.Group
	directories cache[*acme.Client] // by the URL of the directory
	windows     cache[answer]       // by the URL of the directory and the certificate's identifier
}

// answer is what an authority said about one certificate.
type answer struct {
	window *certificates.Window
	err    error
}

// New returns a client that trusts roots for its connections, nil for those of the system.
func New(roots *x509.CertPool) *Client {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: maxResponse,
		ForceAttemptHTTP2:      true,
	}
	return &Client{http: &http.Client{Transport: bounded{transport}, Timeout: 10 * time.Second}}
}

// Window returns the window in which the authority with this ACME directory suggests to renew a
// certificate, nil if it offers none.
func (c *Client) Window(ctx context.Context, directory string, leaf *x509.Certificate) (*certificates.Window, error) {
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
	authority, err := c.authority(ctx, directory)
	if err != nil {
		return nil, fmt.Errorf("ACME directory: %w", err)
	}
	key := directory + " " + id
	if known, ok := c.windows.get(key); ok {
		return known.window, known.err
	}
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	info, err := authority.GetRenewalInfo(ctx, leaf)
	switch {
	case errors.Is(err, acme.ErrUnsupported):
		return nil, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("renewal information: %w", ctx.Err())
	case err != nil:
		err = fmt.Errorf("renewal information: %w", err)
		c.windows.put(key, answer{err: err}, failureKept)
		return nil, err
	}
	window := &certificates.Window{Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End}
	c.windows.put(key, answer{window: window}, keptFor(info.RetryAfter, time.Now()))
	return window, nil
}

// authority returns a client that has fetched the directory.
func (c *Client) authority(ctx context.Context, directory string) (*acme.Client, error) {
	if known, ok := c.directories.get(directory); ok {
		return known, nil
	}
	fetched, err, _ := c.asking.Do(directory, func() (any, error) {
		if known, ok := c.directories.get(directory); ok {
			return known, nil
		}
		ctx, cancel := context.WithTimeout(ctx, questionTimeout)
		defer cancel()
		client := &acme.Client{Directory: directory, HTTPClient: c.http, UserAgent: "onboardbot"}
		if _, err := client.GetDirectory(ctx); err != nil {
			return nil, err
		}
		c.directories.put(directory, client, directoryKept)
		return client, nil
	})
	if err != nil {
		return nil, err
	}
	return fetched.(*acme.Client), nil
}

// keptFor is how long an answer holds until the time that Retry-After gave, if it did: RFC 9773
// §4.3.
func keptFor(retryAfter *time.Time, now time.Time) time.Duration {
	if retryAfter == nil {
		return maxKept
	}
	return min(max(retryAfter.Sub(now), minKept), maxKept)
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

// cache keeps values until they are out of date. The zero cache is empty.
type cache[T any] struct {
	mu      sync.Mutex
	entries map[string]entry[T]
}

type entry[T any] struct {
	value T
	until time.Time
}

func (c *cache[T]) get(key string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.entries[key]
	return found.value, ok && time.Now().Before(found.until)
}

func (c *cache[T]) put(key string, value T, kept time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for old, entry := range c.entries {
		if now.After(entry.until) {
			delete(c.entries, old)
		}
	}
	if c.entries == nil {
		c.entries = make(map[string]entry[T])
	}
	c.entries[key] = entry[T]{value, now.Add(kept)}
}
