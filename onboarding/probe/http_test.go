package probe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

func TestRedirects(t *testing.T) {
	t.Parallel()
	redirect := func(status int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Host != name {
				http.Error(w, "wrong host", http.StatusNotFound)
				return
			}
			w.Header().Set("Location", location)
			w.WriteHeader(status)
		}
	}
	for _, test := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"301", redirect(301, "https://"+name+"/"), ""},
		{"308 with the port", redirect(308, "https://"+strings.ToUpper(name)+":443/"), ""},
		{"302", redirect(302, "https://"+name+"/"), "http://merche-biche.com at ADDRESS answers 302 instead of a " +
			"permanent redirect to https"},
		{"no redirect", redirect(200, ""), "http://merche-biche.com at ADDRESS answers 200 instead of a permanent " +
			"redirect to https"},
		{"other host", redirect(301, "https://evil.example/"),
			`http://merche-biche.com at ADDRESS redirects to "https://evil.example/" instead of https on the same host`},
		{"plain", redirect(301, "http://"+name+"/x"),
			`http://merche-biche.com at ADDRESS redirects to "http://merche-biche.com/x" instead of https on the same host`},
		{"relative", redirect(301, "/elsewhere"),
			`http://merche-biche.com at ADDRESS redirects to "/elsewhere" instead of https on the same host`},
		{"nonsense", redirect(301, "%zz"),
			`http://merche-biche.com at ADDRESS redirects to something that is not an address: "%zz"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := probetest.HTTP(t, "127.0.0.1:0", test.handler)
			_, err := prober(t, probe.Config{HTTPPort: at.Port()}).Redirects(t.Context(), name, local)
			got := ""
			if err != nil {
				got = strings.Replace(err.Error(), at.String(), "ADDRESS", 1)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUp(t *testing.T) {
	t.Parallel()
	password := http.Header{"Www-Authenticate": {`Basic realm="staging"`}}
	for _, test := range []struct {
		response     probe.Response
		up, password bool
	}{
		{probe.Response{Status: 200}, true, false},
		{probe.Response{Status: 301}, true, false},
		{probe.Response{Status: 302}, false, false},
		{probe.Response{Status: 401, Header: password}, false, true},
		{probe.Response{Status: 401}, false, false},
		{probe.Response{Status: 403, Header: password}, false, false},
		{probe.Response{Status: 502}, false, false},
	} {
		if test.response.Up() != test.up || test.response.AsksForPassword() != test.password {
			t.Errorf("%d %v: up %v, password %v", test.response.Status, test.response.Header, test.response.Up(),
				test.response.AsksForPassword())
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	at := probetest.HTTP(t, "[::1]:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a" || r.URL.RawQuery != "b=c" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, strings.Repeat("x", probe.MaxBody+1))
	}))
	got, err := prober(t, probe.Config{HTTPPort: at.Port()}).HTTP(t.Context(), name, at.Addr(), "/a?b=c")
	if err != nil || got.Status != 200 || len(got.Body) != probe.MaxBody || got.Address != at {
		t.Errorf("status %d, %d octets, %v, error %v", got.Status, len(got.Body), got.Address, err)
	}
}

func TestAnswersBegunWithAPromise(t *testing.T) {
	t.Parallel()
	at := probetest.Listen(t, "127.0.0.1:0", func(conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err == nil && request.Host == name && request.UserAgent() == "onboardbot" && request.Close {
			_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 "+
				"OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		}
	})
	got, err := prober(t, probe.Config{HTTPPort: at.Port()}).HTTP(t.Context(), name, local, "/")
	if err != nil || got.Status != 200 || string(got.Body) != "hello" {
		t.Errorf("status %d, %q, error %v", got.Status, got.Body, err)
	}
}

func TestBrokenOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	at := probetest.Listen(t, "127.0.0.1:0", func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	_, err := prober(t, probe.Config{HTTPPort: at.Port()}).HTTP(ctx, name, local, "/")
	if problem := (*probe.Problem)(nil); !errors.As(err, &problem) || problem.Kind != probe.Aborted {
		t.Errorf("error = %v, want that it was cancelled", err)
	}
}

func TestHTTPSComesOnlyFromAVerifiedServer(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello "+r.Host) })
	at := probetest.HTTP(t, "127.0.0.1:0", handler, authority.Issue(t, probetest.Order{Names: []string{name}}))
	p := prober(t, probe.Config{RootsFiles: []string{authority.RootFile(t)}, HTTPSPort: at.Port()})
	got, err := p.HTTPS(t.Context(), name, local, "/")
	if err != nil || string(got.Body) != "hello "+name {
		t.Errorf("body = %q, error = %v", got.Body, err)
	}
	_, err = p.HTTPS(t.Context(), "cocotte.example", local, "/")
	if problem := (*probe.Problem)(nil); !errors.As(err, &problem) || problem.Kind != probe.WrongName {
		t.Errorf("error = %v, want the wrong name", err)
	}
}

func TestBadHTTP(t *testing.T) {
	t.Parallel()
	say := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, text)
		}
	}
	for _, test := range []struct {
		name  string
		path  string
		serve func(net.Conn)
		want  probe.Kind
	}{
		{"hangs up", "/", say(""), probe.Closed},
		{"not HTTP", "/", say("220 smtp.example ESMTP\r\n"), probe.BadAnswer},
		{"nothing but promises", "/", say(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1<<15)), probe.BadAnswer},
		{"endless header", "/", say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), probe.BadAnswer},
		{"silent", "/", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, probe.Silent},
		{"another host's address as path", "//evil.example/", say(""), probe.BadAnswer},
		{"another scheme as path", "https://" + name + "/", say(""), probe.BadAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := probetest.Listen(t, "127.0.0.1:0", test.serve)
			_, err := prober(t, probe.Config{HTTPPort: at.Port(), Timeout: time.Second}).HTTP(t.Context(), name, local,
				test.path)
			if problem := (*probe.Problem)(nil); !errors.As(err, &problem) || problem.Kind != test.want {
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
}
