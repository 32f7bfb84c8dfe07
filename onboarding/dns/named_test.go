package dns

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	zone    = "merche-biche.com"
	tsigKey = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I="
)

// takenPorts are the ports that freePort has returned: tests run in parallel, and none gets the
// port of another that has not begun to listen.
var takenPorts sync.Map

// freePort finds a port that nothing listens on at any address, outside the range from which
// others get theirs by chance.
func freePort(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		port := uint16(20000 + rand.IntN(12000))
		if _, taken := takenPorts.LoadOrStore(port, true); taken {
			continue
		}
		address := fmt.Sprintf("0.0.0.0:%d", port)
		tcp, err := net.Listen("tcp4", address)
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp4", address)
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// startNamed runs BIND at an address with zones given as name and extra zone file lines, and
// returns when it serves them.
func startNamed(t *testing.T, ip string, port uint16, zones map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	fmt.Fprintf(&config, `key quinn-key { algorithm hmac-sha256; secret %q; };
key reader-key { algorithm hmac-sha256; secret %q; };
options {
  directory %q; pid-file none; session-keyfile none; lock-file none; managed-keys-directory %q;
  listen-on port %d { %s; }; listen-on-v6 { none; };
  recursion no; notify no; dnssec-validation no; empty-zones-enable no; minimal-responses yes;
};
controls { };
`, tsigKey, tsigKey, dir, dir, port, ip)
	for name, records := range zones {
		file := filepath.Join(dir, name+".zone")
		text := fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ IN SOA ns1 hostmaster 1 3600 600 86400 60\n%s\n", name, records)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&config, "zone %q { type primary; file %q; check-integrity no; allow-update { key quinn-key; }; "+
			"};\n", name, file)
	}
	path := filepath.Join(dir, "named.conf")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/named", "-4", "-g", "-n", "1", "-c", path)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		var said strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if said.Len() < 64<<10 {
				said.WriteString(lines.Text() + "\n")
			}
			if strings.HasSuffix(lines.Text(), " running") {
				ready <- ""
			}
		}
		select {
		case ready <- "named ended:\n" + said.String():
		default:
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	})
	if problem := <-ready; problem != "" {
		t.Fatal(problem)
	}
	return fmt.Sprintf("%s:%d", ip, port)
}

// record is NewRecord for tests.
func record(t *testing.T, name, kind, value string) Record {
	t.Helper()
	r, err := NewRecord(name, kind, 60, value)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
