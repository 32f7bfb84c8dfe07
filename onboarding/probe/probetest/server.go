package probetest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// Listen serves each connection at an address, such as "127.0.0.1:0", with serve until the test
// ends, and returns the address.
func Listen(t testing.TB, address string, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() }) // before the cleanup, which waits
			running.Go(func() {
				serve(conn)
				stop()
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// TLS shows certificates: the one that suits the visitor.
func TLS(t testing.TB, address string, certificates ...tls.Certificate) netip.AddrPort {
	t.Helper()
	return TLSFunc(t, address, &tls.Config{Certificates: certificates})
}

// TLSFunc makes handshakes as the config says.
func TLSFunc(t testing.TB, address string, config *tls.Config) netip.AddrPort {
	t.Helper()
	return Listen(t, address, func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.Handshake() == nil {
			_, _ = server.Read(make([]byte, 1))
		}
	})
}

// Silent takes connections and says nothing.
func Silent(t testing.TB, address string) netip.AddrPort {
	t.Helper()
	return Listen(t, address, func(conn net.Conn) {
		for buffer := make([]byte, 4096); ; {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	})
}

// Endless begins a handshake message of 60,000 octets and sends it at a crawl.
func Endless(t testing.TB, address string) netip.AddrPort {
	t.Helper()
	return Listen(t, address, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			return
		}
		const handshake, serverHello = 22, 2
		_, err := conn.Write([]byte{handshake, 3, 3, 0, 4, serverHello, 0, 0xea, 0x60})
		for crawl := time.NewTicker(20 * time.Millisecond); err == nil; <-crawl.C {
			_, err = conn.Write([]byte{handshake, 3, 3, 0, 1, 0})
		}
	})
}

// Closing accepts connections and closes them.
func Closing(t testing.TB, address string) netip.AddrPort {
	t.Helper()
	return Listen(t, address, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) })
}

// HTTP serves a handler, over TLS when certificates are given.
func HTTP(t testing.TB, address string, handler http.Handler, certificates ...tls.Certificate) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	at := listener.Addr().(*net.TCPAddr).AddrPort()
	if len(certificates) > 0 {
		listener = tls.NewListener(listener, &tls.Config{Certificates: certificates})
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return at
}
