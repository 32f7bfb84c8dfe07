package sandbox

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/atlilith/onboardbot/internal/sandbox/dns"
	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/portal"
)

// Addresses in the world. Those of the VPSes are reserved for documentation (RFC 5737, RFC 3849).
const (
	// WorkspaceAddress is slack.sandbox, free for a Slack workspace to listen on.
	WorkspaceAddress = "192.0.2.20"

	gateway        = "192.0.2.1"
	acmeAddress    = "192.0.2.14"
	nameServer2    = "192.0.2.54"
	portalAddress  = "192.0.2.80"
	apricotAddress = "127.0.0.1"
)

// Aliases of the hosts for ssh.
const (
	Apricot   = "apricot"
	QuinnVPS  = "quinn-vps"
	MercheVPS = "merche-vps"
)

// machines are the VPSes that a world can have, in order.
var machines = []struct{ name, alias, ipv4, ipv6, gateway6 string }{
	{"vps-0", QuinnVPS, "203.0.113.10", "2001:db8::10", "2001:db8:ffff::10"},
	{"vps-1", MercheVPS, "203.0.113.20", "2001:db8::20", "2001:db8:ffff::20"},
}

// address adds the world's addresses to the namespace, and removes them at the end.
func (w *World) address(ctx context.Context) error {
	var add, remove strings.Builder
	for _, address := range []string{gateway, acmeAddress, WorkspaceAddress, namespace.Resolver,
		nameServer2, portalAddress} {
		fmt.Fprintf(&add, "addr add %s/32 dev lo\n", address)
		fmt.Fprintf(&remove, "addr del %s/32 dev lo\n", address)
	}
	run := func(ctx context.Context, batch string) error {
		cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(batch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("addresses of the world (is this inside a namespace, and the only world there?): %w: %s",
				err, out)
		}
		return nil
	}
	if err := run(ctx, add.String()); err != nil {
		return err
	}
	w.closing(func() { _ = run(context.WithoutCancel(ctx), remove.String()) })
	return nil
}

// shareSSHConfig makes the world's ssh configuration the system's inside the namespace, because
// the runbook's commands use that.
func (w *World) shareSSHConfig() error {
	const system = "/etc/ssh/ssh_config"
	if err := syscall.Mount(w.SSH.Config, system, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("replace %s, of the package openssh-client: %w", system, err)
	}
	w.closing(func() { _ = syscall.Unmount(system, syscall.MNT_DETACH) })
	return nil
}

func (w *World) dnsConfig() dns.Config {
	zones := []dns.Zone{{Name: strings.TrimPrefix(portal.Suffix, "."),
		Records: []string{"* A " + portalAddress}, ReadOnly: true}}
	for _, provider := range []string{"cocotte.com", "sansonnet.com", "transquinnftw.com"} {
		zones = append(zones, dns.Zone{Name: provider, Records: []string{
			"@ A " + machines[0].ipv4, "@ AAAA " + machines[0].ipv6, "www A " + machines[0].ipv4,
			"www AAAA " + machines[0].ipv6,
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
