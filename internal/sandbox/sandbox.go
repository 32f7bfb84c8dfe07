// Package sandbox is a world in a directory for the demo and the tests: everything that the
// runbook touches, as real daemons on one machine without the Internet, inside a private
// namespace.
//
// Each part is a package of its own below this one; here they are put together. Nothing of it
// belongs to the product, and only tests and the demo import it.
package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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

// Config is what a world starts with. Its zero value is a whole world.
type Config struct {
	// VPSes is how many there are, one or two. Default 1.
	VPSes int
	// Zones are empty zones to serve beside those of the Providers that are there already. Default
	// [Zones].
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

// Start builds a world in a directory that is made if it is missing, and returns when everything
// serves. It must run inside a namespace (see package namespace), of which it takes the ports; one
// namespace holds one world at a time. The directory must not lie below /run or /var, and its path
// is best short: PostgreSQL's socket is in it.
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
					Dir: w.path(m.name), Name: m.name, Host: hosts[1+i], IPv6: m.ipv6, Gateway: gateway,
					Gateway6:  m.gateway6,
					Directory: fmt.Sprintf("https://acme.%s:%d/dir", dns.InfrastructureZone, acmePort),
					CA:        w.path("authority.pem"),
					Quick:     w.config.Quick, Prefix: prefix, Keys: w.SSH,
				})
				if err == nil {
					w.closing(w.VPS[i].Close)
				}
				return err
			})
		}
		machine.Go(func() (err error) {
			w.Repo, err = repohost.Start(ctx,
				repohost.Config{Dir: w.path("apricot"), Host: apricot, Prefix: prefix, Keys: w.SSH})
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
