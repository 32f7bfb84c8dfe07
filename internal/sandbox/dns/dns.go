// Package dns runs the sandbox's authoritative name server: a real named that accepts RFC 2136
// updates signed with TSIG (RFC 8945), behind two addresses that a test can make slow, silent or
// wrong.
package dns

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/atlilith/onboardbot/internal/sandbox/daemon"
)

// InfrastructureZone holds the names of the sandbox's own machines; every zone names its servers
// here.
const InfrastructureZone = "sandbox"

// backend is the address of named itself. Clients query a [NameServer].
const backend = "127.0.0.1:5353"

// Config is what the server starts with.
type Config struct {
	// Dir is the directory for its files.
	Dir string
	// Addresses are the IPv4 addresses of the two name servers, ns1.sandbox and ns2.sandbox, which
	// answer at port 53.
	Addresses [2]string
	// Hosts are the IPv4 addresses of names in the infrastructure zone, without the zone.
	Hosts map[string]string
	// Zones are the zones to serve. [Server.AddZone] adds more.
	Zones []Zone
}

// Zone is one primary zone and the records it starts with.
type Zone struct {
	// Name is the zone without its last dot.
	Name string
	// Records are lines of a zone file (RFC 1035, section 5), names relative to the zone.
	Records []string
	// ReadOnly zones refuse updates.
	ReadOnly bool
}

// Key is a TSIG key with the algorithm hmac-sha256.
type Key struct {
	// Name is the key's name, with its last dot.
	Name string
	// Secret is the key in base64.
	Secret string
	// SecretFile contains only the secret.
	SecretFile string
	// ClientFile has the key in the format of knsupdate -k and nsupdate -k: algorithm:name:secret.
	ClientFile string
}

// Server is the running name server.
type Server struct {
	// Key signs updates to every zone but the infrastructure's.
	Key Key
	// NameServers are ns1 and ns2.
	NameServers [2]*NameServer

	config Config
	named  *daemon.Daemon

	mu    sync.Mutex
	zones []Zone
}

// Start runs the name server and returns when both addresses answer.
func Start(ctx context.Context, config Config) (*Server, error) {
	named, err := daemon.Program("named", "bind9")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return nil, err
	}
	s := &Server{config: config}
	if s.Key, err = newKey(config.Dir); err != nil {
		return nil, err
	}
	zones := append([]Zone{s.root(), s.infrastructure()}, config.Zones...)
	for _, zone := range zones {
		if err := s.writeZone(zone); err != nil {
			return nil, err
		}
	}
	if err := s.writeConfig(); err != nil {
		return nil, err
	}
	s.named, err = daemon.Start(ctx, daemon.Config{
		Name:    "named",
		Command: []string{named, "-4", "-f", "-n", "1", "-c", s.path("named.conf")},
		Log:     s.path("output"),
		Ready:   func(ctx context.Context) error { return s.serves(ctx, InfrastructureZone) },
	})
	if err != nil {
		return nil, err
	}
	for i, address := range config.Addresses {
		if s.NameServers[i], err = newNameServer(address + ":53"); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close stops the name servers and named.
func (s *Server) Close() {
	for _, ns := range s.NameServers {
		if ns != nil {
			ns.close()
		}
	}
	s.named.Kill()
}

// Daemon is named itself.
func (s *Server) Daemon() *daemon.Daemon { return s.named }

// Zones returns the names of the zones that accept updates.
func (s *Server) Zones() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, zone := range s.zones {
		if !zone.ReadOnly {
			names = append(names, zone.Name)
		}
	}
	return names
}

// AddZone adds a zone and returns when named serves it.
func (s *Server) AddZone(ctx context.Context, zone Zone) error {
	if err := s.writeZone(zone); err != nil {
		return err
	}
	if err := s.writeConfig(); err != nil {
		return err
	}
	if err := s.named.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	for {
		err := s.serves(ctx, zone.Name)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("zone %s: %w", zone.Name, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// serves queries named for a zone's SOA record.
func (s *Server) serves(ctx context.Context, zone string) error {
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(zone), dns.TypeSOA)
	reply, _, err := new(dns.Client).ExchangeContext(ctx, query, backend)
	if err != nil {
		return err
	}
	if reply.Rcode != dns.RcodeSuccess || len(reply.Answer) == 0 {
		return fmt.Errorf("%s for the SOA of %s", dns.RcodeToString[reply.Rcode], zone)
	}
	return nil
}

func (s *Server) path(name string) string { return filepath.Join(s.config.Dir, name) }

func newKey(dir string) (Key, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return Key{}, err
	}
	key := Key{
		Name:       "quinn-key.",
		Secret:     base64.StdEncoding.EncodeToString(secret),
		SecretFile: filepath.Join(dir, "tsig.secret"),
		ClientFile: filepath.Join(dir, "knsupdate.key"),
	}
	if err := os.WriteFile(key.SecretFile, []byte(key.Secret+"\n"), 0o600); err != nil {
		return Key{}, err
	}
	client := "hmac-sha256:" + key.Name + ":" + key.Secret + "\n"
	if err := os.WriteFile(key.ClientFile, []byte(client), 0o600); err != nil {
		return Key{}, err
	}
	return key, nil
}
