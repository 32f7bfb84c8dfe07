// Package sandbox starts a world for the demo and the tests: everything that the runbook touches,
// as real daemons in one directory, on one machine without the Internet, inside a private
// namespace.
//
// Each part is a package of its own below this one. Only tests and the demo import them.
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

// Config changes the defaults of a world.
type Config struct {
	// VPSes is the number of VPSes, 1 or 2. Default 1.
	VPSes int
	// Zones are the empty zones to serve, in addition to those of the Providers that exist.
	// Default [Zones].
	Zones []string
	// Quick removes certbot's fixed waits. Benchmarks leave it off.
	Quick bool
	// CertificateLifetime is how long certificates are valid. Default 90 days.
	CertificateLifetime time.Duration
	// RejectNonces makes the ACME server reject one valid nonce in twenty.
	RejectNonces bool
}

// Zones are the default empty zones of a world.
var Zones = []string{"merche-biche.com", "merche-biche.shop", "merche.example"}

// Database is the name of the bot's own database, which is empty, and of the role that owns it.
const Database = "onboardbot"

// World is a running world.
type World struct {
	// Dir has all files.
	Dir string
	// Postgres has the platform's database and the bot's.
	Postgres *postgres.Server
	// DNS is authoritative for all zones.
	DNS *dns.Server
	// ACME is certbot's certificate authority.
	ACME *acme.Server
	// VPS are the machines that run sites: quinn-vps and, if there are two, merche-vps.
	VPS []*vps.VPS
	// Repo is apricot, the host of the platform's repository.
	Repo *repohost.Host
	// Portal serves https://{slug}.my.
	Portal *portal.Portal
	// SSH has the keys and the configuration to reach all hosts. Inside the namespace, the
	// system's configuration is the same.
	SSH *ssh.Keys
	// Roots is a file with all root certificates that the world's clients trust.
	Roots string

	config    Config
	authority *acme.Authority
	closers   []func()

	mu    sync.Mutex
	acmes int
	roots []byte
}

// Start starts a world in a directory, which it creates if it is missing, and returns when all
// daemons are ready. It must run inside a namespace (see package namespace), which has room for
// one world at a time. The directory must not be below /run or /var. Its path must be short,
// because PostgreSQL's socket is in it.
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

	// All parts start at once. A part that has started is closed even if another one fails.
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

// closing adds a function for Close to call. Close calls them in reverse order.
func (w *World) closing(closer func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers = append(w.closers, closer)
}

// Close stops all daemons. It keeps the files.
func (w *World) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.closers) > 0 {
		last := len(w.closers) - 1
		w.closers[last]()
		w.closers = w.closers[:last]
	}
}
