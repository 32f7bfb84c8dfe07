package mail

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

var update = flag.Bool("update", false, "write the golden files anew")

// pattern is the configuration of the tests.
const pattern = `
ttl: 300
forwarding:
  mx: [10 fwd.quinn.example]
  spf: v=spf1 include:quinn.example -all
  dmarc: v=DMARC1; p=none; rua=mailto:dmarc@{domain}
mailbox:
  mx: [10 mail.quinn.example, 20 mx2.quinn.example]
  spf: v=spf1 mx -all
  dmarc: v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}
  dkim: true
dkim:
  host: quinn-vps
  owner: opendkim:opendkim
  keys: [{selector: onboard}, {selector: onboard-ed, kind: ed25519}]
`

func config(t testing.TB, text string) Config {
	t.Helper()
	var c Config
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	c.Defaults()
	return c
}

// freePort finds a port on which nothing listens at any address, outside the range of ephemeral
// ports.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("0.0.0.0:%d", 20000+rand.IntN(12000))
		tcp, err := net.Listen("tcp4", address)
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp4", address)
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return tcp.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// named runs BIND with zones, given by their names and the lines of their files, and returns a
// resolver that asks only this server. It adds the zones' SOA and NS records.
func named(t *testing.T, zones map[string]string) *dns.Resolver {
	t.Helper()
	port := freePort(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	conf := fmt.Sprintf(`options { directory %q; pid-file none; session-keyfile none; lock-file none;
  managed-keys-directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; notify no; dnssec-validation no; empty-zones-enable no; };
controls { };
`, dir, dir, port)
	for name, lines := range zones {
		head := fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A "+
			"127.0.0.1\n", name)
		conf += fmt.Sprintf("zone %q { type primary; file %q; check-integrity no; check-spf ignore; };\n", name,
			write(name+".zone", head+lines+"\n"))
	}
	cmd := exec.Command("/usr/sbin/named", "-4", "-g", "-n", "1", "-c", write("named.conf", conf))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, drained := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		var said strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
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
	resolver, err := dns.NewResolver(dns.ResolverConfig{Servers: []string{fmt.Sprintf("127.0.0.1:%d", port)},
		Port: uint16(port)})
	if err != nil {
		t.Fatal(err)
	}
	return resolver
}
