package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/net/idna"
)

// Kind tells bad conditions apart.
type Kind string

// What can be wrong with what visitors get.
const (
	Aborted          Kind = "aborted"           // the caller gave up
	NoAnswer         Kind = "no answer"         // nothing at that address accepts the connection
	Refused          Kind = "refused"           // the machine answers, the port is closed
	Unreachable      Kind = "unreachable"       // no way to that address from here
	Silent           Kind = "silent"            // it accepts the connection and sends nothing
	EndlessHandshake Kind = "endless handshake" // it says something, but never finishes the handshake
	Closed           Kind = "closed"            // it closes the connection
	NotTLS           Kind = "not TLS"           // it speaks, but not TLS
	Alert            Kind = "alert"             // it ends the handshake with an alert
	WrongName        Kind = "wrong name"
	SelfSigned       Kind = "self-signed"
	Expired          Kind = "expired"
	IssuerExpired    Kind = "issuer expired" // a certificate above the site's own
	NotYetValid      Kind = "not yet valid"
	IncompleteChain  Kind = "incomplete chain"
	UnknownIssuer    Kind = "unknown issuer"
	BadRedirect      Kind = "bad redirect" // plain HTTP does not lead to https on the same host
	BadAnswer        Kind = "bad answer"   // not HTTP, or too much of it
)

// Problem is one bad condition, as a sentence for people.
type Problem struct {
	Kind     Kind
	Sentence string
	cause    error
}

// Error implements error with the sentence.
func (p *Problem) Error() string { return p.Sentence }

// Unwrap returns the error that the condition showed itself by, or nil.
func (p *Problem) Unwrap() error { return p.cause }

func problem(kind Kind, cause error, format string, args ...any) *Problem {
	return &Problem{Kind: kind, Sentence: fmt.Sprintf(format, args...), cause: cause}
}

// Unicode is a name as people read it: punycode undone where that cannot mislead (UTS #46), else
// as it is.
func Unicode(name string) string {
	if shown, err := idna.Display.ToUnicode(name); err == nil {
		return shown
	}
	return name
}

func aborted(name string, address netip.AddrPort, err error) *Problem {
	return problem(Aborted, err, "the probe of %s for %s was cancelled", address, name)
}

func dialProblem(name string, address netip.AddrPort, err error) *Problem {
	name = Unicode(name)
	switch {
	case errors.Is(err, context.Canceled):
		return aborted(name, address, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return problem(Refused, err, "%s refuses connections for %s: nothing listens on port %d", address.Addr(), name,
			address.Port())
	case isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT):
		return problem(Unreachable, err, "there is no route from this machine to %s for %s", address, name)
	}
	return problem(NoAnswer, err, "%s does not answer for %s", address, name)
}

func handshakeProblem(name string, address netip.AddrPort, read int, err error) *Problem {
	name = Unicode(name)
	var record tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return aborted(name, address, err)
	case errors.As(err, &record):
		return problem(NotTLS, err, "%s does not speak TLS for %s", address, name)
	case errors.As(err, &alert) && alert.Op == "remote error": // as crypto/tls reports an alert
		return problem(Alert, err, "%s aborts the handshake for %s: %s", address, name,
			strings.TrimPrefix(alert.Err.Error(), "tls: "))
	case timedOut(err) && read == 0:
		return problem(Silent, err, "%s accepts the connection for %s and then sends nothing", address, name)
	case timedOut(err):
		return problem(EndlessHandshake, err, "%s begins a handshake for %s and never completes it", address, name)
	case hungUp(err):
		return problem(Closed, err, "%s closes the connection during the handshake for %s", address, name)
	}
	return problem(NotTLS, err, "%s does not complete a handshake for %s: %v", address, name, err)
}

func httpProblem(name string, address netip.AddrPort, err error) *Problem {
	name = Unicode(name)
	if known := (*Problem)(nil); errors.As(err, &known) {
		return known
	}
	switch {
	case errors.Is(err, context.Canceled):
		return aborted(name, address, err)
	case timedOut(err):
		return problem(Silent, err, "%s accepts the request for %s and does not answer in time", address, name)
	case hungUp(err):
		return problem(Closed, err, "%s closes the connection during the request for %s", address, name)
	}
	return problem(BadAnswer, err, "%s does not answer the request for %s with HTTP: %v", address, name, err)
}

func timedOut(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

func hungUp(err error) bool {
	return isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE)
}

// isAny reports whether an error is one of several.
func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// names lists a certificate's names for a sentence.
func names(certificate *x509.Certificate) string {
	var all []string
	for _, name := range certificate.DNSNames {
		all = append(all, Unicode(name))
	}
	for _, ip := range certificate.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "no name"
	case len(all) > 5:
		return fmt.Sprintf("%s and %d more", strings.Join(all[:5], ", "), len(all)-5)
	}
	return strings.Join(all, ", ")
}
