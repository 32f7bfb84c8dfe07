// Package sandbox is a world in a directory for the demo and the tests: everything that the runbook touches, as real daemons
// on one machine without the Internet, inside a private namespace.
//
// Each part is a package of its own below this one; here they are put together. Nothing of it belongs to the product, and
// only tests and the demo import it.
package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/internal/sandbox/acme"
	"github.com/atlilith/onboardbot/internal/sandbox/dns"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/platform"
	"github.com/atlilith/onboardbot/internal/sandbox/portal"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/repohost"
	"github.com/atlilith/onboardbot/internal/sandbox/ssh"
	"github.com/atlilith/onboardbot/internal/sandbox/vps"
)

// Addresses of the world. The VPSes have those that RFC 5737 and RFC 3849 keep for documentation.
const (
	// WorkspaceAddress is slack.sandbox, free for a Slack workspace to listen on.
	WorkspaceAddress = "192.0.2.20"

	gateway        = "192.0.2.1"
	acmeAddress    = "192.0.2.14"
	nameServer2    = "192.0.2.54"
	portalAddress  = "192.0.2.80"
	apricotAddress = "127.0.0.1"
)

// Aliases under which ssh knows the hosts.
const (
	Apricot   = "apricot"
	QuinnVPS  = "quinn-vps"
	MercheVPS = "merche-vps"
)

// machines are the VPSes that a world may have, in order.
var machines = []struct{ name, alias, ipv4, ipv6, gateway6 string }{
	{"vps-0", QuinnVPS, "203.0.113.10", "2001:db8::10", "2001:db8:ffff::10"},
	{"vps-1", MercheVPS, "203.0.113.20", "2001:db8::20", "2001:db8:ffff::20"},
}

// Config is what a world starts with. Its zero value is a whole world.
type Config struct {
	// VPSes is how many there are, one or two. Default 1.
	VPSes int
	// Zones are empty zones to serve beside those of the Providers that are there already. Default [Zones].
	Zones []string
	// Quick spares certbot its waits; a benchmark leaves it off.
	Quick bool
	// CertificateLifetime is how long certificates are valid. Default 90 days.
	CertificateLifetime time.Duration
	// RejectNonces makes the ACME server reject one good nonce in twenty.
	RejectNonces bool
}

// Zones are the empty zones of a world whose configuration names none.
var Zones = []string{"merche-biche.com", "merche-biche.shop", "merche.example"}

// Database is the bot's own, empty database, and the role that owns it.
const Database = "onboardbot"

// World is everything, running.
type World struct {
	// Dir holds every file.
	Dir string
	// Postgres holds the platform's database and the bot's.
	Postgres *postgres.Server
	// DNS is authoritative for every zone.
	DNS *dns.Server
	// ACME is the authority that certbot asks.
	ACME *acme.Server
	// VPS are the machines that sites run on: quinn-vps and, if there are two, merche-vps.
	VPS []*vps.VPS
	// Repo is apricot.
	Repo *repohost.Host
	// Portal serves https://{slug}.my.
	Portal *portal.Portal
	// SSH reaches every host; its configuration is also the system's own inside.
	SSH *ssh.Keys
	// Roots is a file with every root certificate that the world's clients trust.
	Roots string

	config    Config
	authority *acme.Authority
	closers   []func()

	mu    sync.Mutex
	acmes int
	roots []byte
}

// Start builds a world in a directory that is made if it is missing, and returns when everything serves. It must run inside
// a namespace (see package namespace), of which it takes the ports; one namespace holds one world at a time. The directory
// must not lie below /run or /var, and its path is best short: PostgreSQL's socket is in it.
func Start(ctx context.Context, dir string, config Config) (*World, error) {
	if config.VPSes == 0 {
		config.VPSes = 1
	}
	if config.VPSes > len(machines) {
		return nil, fmt.Errorf("sandbox: %d VPSes asked for, there are at most %d", config.VPSes, len(machines))
	}
	if config.Zones == nil {
		config.Zones = Zones
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	w := &World{Dir: dir, Roots: filepath.Join(dir, "roots.pem"), config: config}
	if err := w.start(ctx); err != nil {
		w.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return w, nil
}

func (w *World) start(ctx context.Context) error {
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		return err
	}
	if err := w.address(ctx); err != nil {
		return err
	}
	var err error
	if w.authority, err = acme.NewAuthority(); err != nil {
		return err
	}
	if err := os.WriteFile(w.path("authority.pem"), w.authority.PEM(), 0o644); err != nil {
		return err
	}
	user, prefix, err := namespace.User()
	if err != nil {
		return err
	}
	apricot := ssh.Host{Alias: Apricot, Address: apricotAddress, User: user}
	hosts := []ssh.Host{apricot}
	for _, m := range machines[:w.config.VPSes] {
		hosts = append(hosts, ssh.Host{Alias: m.alias, Address: m.ipv4, User: user})
	}

	// Everything at once. A part that has started is closed even when another has failed.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if w.Postgres, err = postgres.Start(ctx, w.path("pg"), platform.Setting); err != nil {
			return err
		}
		w.closing(func() { _ = w.Postgres.Close() })
		if err := w.createDatabases(ctx); err != nil {
			return err
		}
		w.Portal, err = portal.Start(ctx, portal.Config{
			Address:      portalAddress + ":443",
			AppDSN:       w.Postgres.DSNAs(platform.App, platform.Database),
			SSODSN:       w.Postgres.DSNAs(platform.SSO, platform.Database),
			Certificates: w.authority,
		})
		if err == nil {
			w.closing(w.Portal.Close)
		}
		return err
	})
	group.Go(func() (err error) {
		if w.DNS, err = dns.Start(ctx, w.dnsConfig()); err == nil {
			w.closing(w.DNS.Close)
		}
		return err
	})
	group.Go(func() (err error) {
		w.ACME, err = w.StartAuthority(ctx, w.config.CertificateLifetime)
		return err
	})
	group.Go(func() (err error) {
		if w.SSH, err = ssh.Generate(ctx, w.path("ssh"), hosts...); err != nil {
			return err
		}
		if err := w.shareSSHConfig(); err != nil {
			return err
		}
		machine, ctx := errgroup.WithContext(ctx)
		w.VPS = make([]*vps.VPS, w.config.VPSes)
		for i, m := range machines[:w.config.VPSes] {
			machine.Go(func() (err error) {
				w.VPS[i], err = vps.Start(ctx, vps.Config{
					Dir: w.path(m.name), Name: m.name, Host: hosts[1+i], IPv6: m.ipv6, Gateway: gateway, Gateway6: m.gateway6,
					Directory: fmt.Sprintf("https://acme.%s:%d/dir", dns.InfrastructureZone, acmePort), CA: w.path("authority.pem"),
					Quick: w.config.Quick, Prefix: prefix, Keys: w.SSH,
				})
				if err == nil {
					w.closing(w.VPS[i].Close)
				}
				return err
			})
		}
		machine.Go(func() (err error) {
			w.Repo, err = repohost.Start(ctx, repohost.Config{Dir: w.path("apricot"), Host: apricot, Prefix: prefix, Keys: w.SSH})
			if err == nil {
				w.closing(w.Repo.Close)
			}
			return err
		})
		return machine.Wait()
	})
	return group.Wait()
}

func (w *World) path(name string) string { return filepath.Join(w.Dir, name) }

// address gives the namespace the world's addresses, and takes them away again at the end.
func (w *World) address(ctx context.Context) error {
	var add, remove strings.Builder
	for _, address := range []string{gateway, acmeAddress, WorkspaceAddress, namespace.Resolver, nameServer2, portalAddress} {
		fmt.Fprintf(&add, "addr add %s/32 dev lo\n", address)
		fmt.Fprintf(&remove, "addr del %s/32 dev lo\n", address)
	}
	run := func(ctx context.Context, batch string) error {
		cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(batch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("addresses of the world (is this inside a namespace, and the only world there?): %w: %s", err, out)
		}
		return nil
	}
	if err := run(ctx, add.String()); err != nil {
		return err
	}
	w.closing(func() { _ = run(context.WithoutCancel(ctx), remove.String()) })
	return nil
}

// shareSSHConfig makes the world's hosts known to every ssh inside, as the runbook's commands expect.
func (w *World) shareSSHConfig() error {
	const system = "/etc/ssh/ssh_config"
	if err := syscall.Mount(w.SSH.Config, system, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("replace %s, of the package openssh-client: %w", system, err)
	}
	w.closing(func() { _ = syscall.Unmount(system, syscall.MNT_DETACH) })
	return nil
}

func (w *World) dnsConfig() dns.Config {
	zones := []dns.Zone{{Name: strings.TrimPrefix(portal.Suffix, "."), Records: []string{"* A " + portalAddress}, ReadOnly: true}}
	for _, provider := range []string{"cocotte.com", "sansonnet.com", "transquinnftw.com"} {
		zones = append(zones, dns.Zone{Name: provider, Records: []string{
			"@ A " + machines[0].ipv4, "@ AAAA " + machines[0].ipv6, "www A " + machines[0].ipv4, "www AAAA " + machines[0].ipv6,
		}})
	}
	for _, zone := range w.config.Zones {
		zones = append(zones, dns.Zone{Name: zone})
	}
	return dns.Config{
		Dir:       w.path("dns"),
		Addresses: [2]string{namespace.Resolver, nameServer2},
		Hosts:     map[string]string{"acme": acmeAddress, "slack": WorkspaceAddress, "portal": portalAddress},
		Zones:     zones,
	}
}

// closing adds what Close has to do, last first.
func (w *World) closing(closer func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers = append(w.closers, closer)
}

// Close stops everything. The files stay.
func (w *World) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.closers) > 0 {
		last := len(w.closers) - 1
		w.closers[last]()
		w.closers = w.closers[:last]
	}
}

// Client is an HTTP client that trusts the world's roots alone and follows no redirect.
func (w *World) Client() (*http.Client, error) {
	pem, err := os.ReadFile(w.Roots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New(w.Roots + " holds no certificate")
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}, nil
}
