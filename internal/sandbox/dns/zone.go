package dns

import (
	"fmt"
	"os"
	"strings"

	"github.com/miekg/dns"
)

// root is the root zone. Without it, the answer for an unknown name would be REFUSED and not
// NXDOMAIN. It contains the addresses of its servers, because named does not load it otherwise.
func (s *Server) root() Zone {
	zone := Zone{Name: ".", ReadOnly: true}
	for i, address := range s.config.Addresses {
		zone.Records = append(zone.Records, fmt.Sprintf("ns%d.%s A %s", i+1, InfrastructureZone, address))
	}
	return zone
}

func (s *Server) infrastructure() Zone {
	zone := Zone{Name: InfrastructureZone, ReadOnly: true}
	for i, address := range s.config.Addresses {
		zone.Records = append(zone.Records, fmt.Sprintf("ns%d A %s", i+1, address))
	}
	for name, address := range s.config.Hosts {
		zone.Records = append(zone.Records, name+" A "+address)
	}
	return zone
}

// writeZone writes a zone's file. named keeps updates to it in a journal beside it.
func (s *Server) writeZone(zone Zone) error {
	origin := dns.Fqdn(zone.Name)
	lines := []string{
		"$ORIGIN " + origin,
		"$TTL 60",
		"@ SOA ns1.sandbox. hostmaster.sandbox. 1 3600 600 86400 1",
		"@ NS ns1.sandbox.",
		"@ NS ns2.sandbox.",
	}
	lines = append(lines, zone.Records...)
	file := s.path("zone." + strings.TrimSuffix(zone.Name, "."))
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones = append(s.zones, zone)
	return nil
}

// writeConfig writes named.conf.
func (s *Server) writeConfig() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, _ := strings.Cut(backend, ":")
	var b strings.Builder
	fmt.Fprintf(&b, "key %q { algorithm hmac-sha256; secret %q; };\n", s.Key.Name, s.Key.Secret)
	fmt.Fprintf(&b, `options {
	directory %q; managed-keys-directory %[1]q;
	pid-file none; session-keyfile none; lock-file none;
	listen-on port %s { %s; }; listen-on-v6 { none; };
	recursion no; notify no; dnssec-validation no; empty-zones-enable no;
	allow-transfer { key %q; };
	version none; hostname none; server-id none; minimal-responses yes;
};
controls { };
logging {
	channel log { file %q; severity info; print-time yes; print-category yes; };
	category default { log; }; category update { log; }; category update-security { log; };
};
`, s.config.Dir, port, host, s.Key.Name, s.path("named.log"))
	for _, zone := range s.zones {
		update := "key \"" + s.Key.Name + "\";"
		if zone.ReadOnly {
			update = "none;"
		}
		fmt.Fprintf(&b, "zone %q { type primary; file %q; check-integrity no; allow-update { %s }; };\n",
			zone.Name, s.path("zone."+strings.TrimSuffix(zone.Name, ".")), update)
	}
	return os.WriteFile(s.path("named.conf"), []byte(b.String()), 0o600)
}
