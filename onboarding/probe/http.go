package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	// MaxBody is how many octets of an answer's body are kept.
	MaxBody = 64 << 10
	// maxHeader bounds an answer's header.
	maxHeader = 64 << 10
)

// Response is the answer to one request, redirects not followed.
type Response struct {
	Name    string
	Address netip.AddrPort
	Status  int
	Header  http.Header
	Body    []byte // the first MaxBody octets
}

// HTTP asks one address for a path of the name's site, in plain HTTP at the HTTP port. The error
// is a [*Problem].
func (p *Prober) HTTP(ctx context.Context, name string, address netip.Addr, path string) (Response, error) {
	return p.get(ctx, url.URL{Scheme: "http", Host: name}, netip.AddrPortFrom(address, p.httpPort), path)
}

// HTTPS asks as [Prober.HTTP] does, but over TLS at the HTTPS port, and only from a server whose
// certificate is in order.
func (p *Prober) HTTPS(ctx context.Context, name string, address netip.Addr, path string) (Response, error) {
	return p.get(ctx, url.URL{Scheme: "https", Host: name}, netip.AddrPortFrom(address, p.httpsPort), path)
}

func (p *Prober) get(ctx context.Context, site url.URL, to netip.AddrPort, path string) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	name := site.Host
	target, err := site.Parse(path)
	if err != nil || target.Host != name || target.Scheme != site.Scheme {
		return Response{}, problem(BadAnswer, err, "%q is not a path on %s", path, name)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return Response{}, problem(BadAnswer, err, "%q is not a path on %s", path, name)
	}
	request.Header.Set("User-Agent", "onboardbot")
	request.Close = true
	conn, err := p.connect(ctx, site.Scheme, name, to)
	if err != nil {
		return Response{}, httpProblem(name, to, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	response, body, err := exchange(conn, request)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // and not that the connection was closed because of it
		}
		return Response{}, httpProblem(name, to, err)
	}
	return Response{Name: name, Address: to, Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// connect goes to one address whatever the name resolves to, through no proxy.
func (p *Prober) connect(ctx context.Context, scheme, name string, to netip.AddrPort) (net.Conn, error) {
	conn, err := p.dial(ctx, name, to)
	if err != nil || scheme == "http" {
		return conn, err
	}
	client := tls.Client(conn, p.clientConfig(name, AnyKey))
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, handshakeProblem(name, to, conn.read, err)
	}
	if problems := p.judge(name, client.ConnectionState().PeerCertificates, time.Now()); len(problems) > 0 {
		_ = conn.Close()
		return nil, problems[0]
	}
	return client, nil
}

var errLongHeader = errors.New("the header of its answer never ends")

// exchange makes one request and reads one answer, with the first octets of its body.
// [http.Transport] would do the same with three goroutines for each request of a sweep.
func exchange(conn net.Conn, request *http.Request) (*http.Response, []byte, error) {
	if err := request.Write(conn); err != nil {
		return nil, nil, err
	}
	bounded := &io.LimitedReader{R: conn, N: maxHeader}
	reader := bufio.NewReader(bounded)
	for {
		response, err := http.ReadResponse(reader, request)
		switch {
		case err != nil && bounded.N <= 0:
			return nil, nil, errLongHeader
		case err != nil:
			return nil, nil, err
		case response.StatusCode < http.StatusOK && response.StatusCode != http.StatusSwitchingProtocols:
			continue // RFC 9110 §15.2: the answer is still to come
		}
		bounded.N = math.MaxInt64
		body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody))
		return response, body, err
	}
}

// Redirects checks that plain HTTP leads to https on the same host for good (301 or 308). A nil
// error means that it does; else it is a [*Problem]. The response is what was answered, if
// anything was.
func (p *Prober) Redirects(ctx context.Context, name string, address netip.Addr) (Response, error) {
	response, err := p.HTTP(ctx, name, address, "/")
	if err != nil {
		return response, err
	}
	bad := func(format string, args ...any) (Response, error) {
		return response, problem(BadRedirect, nil, "http://%s at %s %s", Unicode(name), response.Address,
			fmt.Sprintf(format, args...))
	}
	if response.Status != http.StatusMovedPermanently && response.Status != http.StatusPermanentRedirect {
		return bad("answers %d instead of a permanent redirect to https", response.Status)
	}
	location, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		return bad("redirects to something that is not an address: %.100q", response.Header.Get("Location"))
	}
	port := location.Port()
	if location.Scheme != "https" || !strings.EqualFold(location.Hostname(), name) ||
		port != "" && port != fmt.Sprint(p.httpsPort) {
		return bad("redirects to %.100q instead of https on the same host", location.Redacted())
	}
	return response, nil
}
