package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Window is when an authority suggests to renew a certificate: RFC 9773 §4.2.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// CertID is a certificate's identifier towards its authority: RFC 9773 §4.1.
func CertID(leaf *x509.Certificate) (string, error) {
	if len(leaf.AuthorityKeyId) == 0 {
		return "", errors.New("the certificate names no authority key")
	}
	serial := leaf.SerialNumber.Bytes()
	if len(serial) == 0 || serial[0]&0x80 != 0 { // DER keeps positive integers positive
		serial = append([]byte{0}, serial...)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(leaf.AuthorityKeyId) + "." + encode(serial), nil
}

const (
	maxACMEReply = 64 << 10
	// An answer is kept at least and at most this long, whatever the authority says.
	minRenewalInfo = time.Minute
	maxRenewalInfo = 24 * time.Hour
	// unaware is how long an authority without renewal information is not asked again.
	unaware = 6 * time.Hour
)

// RenewalInfo asks authorities when they suggest to renew. It keeps each answer as long as the authority says, and is safe for
// concurrent use.
type RenewalInfo struct {
	client      *http.Client
	asking      singleflight.Group // by ACME directory
	mu          sync.Mutex
	directories map[string]kept[string] // ACME directory to its renewalInfo address, empty where not offered
	windows     map[string]kept[*Window]
}

type kept[T any] struct {
	value T
	until time.Time
}

// NewRenewalInfo makes an asker that trusts the given authorities for the connection.
func NewRenewalInfo(roots *x509.CertPool) *RenewalInfo {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: maxACMEReply,
		ForceAttemptHTTP2:      true,
	}
	return &RenewalInfo{
		client:      &http.Client{Transport: transport, Timeout: 10 * time.Second, CheckRedirect: onlyHTTPS},
		directories: make(map[string]kept[string]),
		windows:     make(map[string]kept[*Window]),
	}
}

func onlyHTTPS(request *http.Request, via []*http.Request) error {
	if request.URL.Scheme != "https" || len(via) > 3 {
		return errors.New("redirected away from https or too often")
	}
	return nil
}

// Window returns the window that the authority with this ACME directory suggests, nil when it offers none.
func (r *RenewalInfo) Window(ctx context.Context, directory string, leaf *x509.Certificate) (*Window, error) {
	id, err := CertID(leaf)
	if err != nil {
		return nil, err
	}
	endpoint, err := r.endpoint(ctx, directory)
	if err != nil || endpoint == "" {
		return nil, err
	}
	if window, ok := lookup(r, r.windows, id); ok {
		return window, nil
	}
	var reply struct {
		SuggestedWindow Window `json:"suggestedWindow"`
	}
	header, err := r.get(ctx, strings.TrimSuffix(endpoint, "/")+"/"+id, &reply)
	if err != nil {
		return nil, fmt.Errorf("renewal information: %w", err)
	}
	window := &reply.SuggestedWindow
	if window.Start.IsZero() || !window.End.After(window.Start) {
		return nil, fmt.Errorf("renewal information: the window from %s to %s is none", window.Start, window.End)
	}
	keep(r, r.windows, id, window, retryAfter(header))
	return window, nil
}

func (r *RenewalInfo) endpoint(ctx context.Context, directory string) (string, error) {
	if endpoint, ok := lookup(r, r.directories, directory); ok {
		return endpoint, nil
	}
	// All sites ask at the same time in the first sweep, and authorities limit how often they are asked.
	endpoint, err, _ := r.asking.Do(directory, func() (any, error) {
		if endpoint, ok := lookup(r, r.directories, directory); ok {
			return endpoint, nil
		}
		var reply struct {
			RenewalInfo string `json:"renewalInfo"`
		}
		if _, err := r.get(ctx, directory, &reply); err != nil {
			return "", fmt.Errorf("ACME directory: %w", err)
		}
		keep(r, r.directories, directory, reply.RenewalInfo, unaware)
		return reply.RenewalInfo, nil
	})
	return endpoint.(string), err
}

func (r *RenewalInfo) get(ctx context.Context, address string, reply any) (http.Header, error) {
	if target, err := url.Parse(address); err != nil || target.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an https address", address)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxACMEReply)).Decode(reply); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return response.Header, nil
}

// retryAfter is how long an answer holds: RFC 9773 §4.3.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	wait := maxRenewalInfo
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(seconds, int(maxRenewalInfo/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, minRenewalInfo), maxRenewalInfo)
}

func lookup[T any](r *RenewalInfo, from map[string]kept[T], key string) (T, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := from[key]
	return found.value, ok && time.Now().Before(found.until)
}

func keep[T any](r *RenewalInfo, in map[string]kept[T], key string, value T, howLong time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for old, entry := range in {
		if now.After(entry.until) {
			delete(in, old)
		}
	}
	in[key] = kept[T]{value, now.Add(howLong)}
}
