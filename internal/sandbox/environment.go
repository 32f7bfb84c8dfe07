package sandbox

import (
	_ "embed"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// Runbook is the runbook by hand as a bash script, with the production's commands. It takes a
// slug, a domain, an email and a display name, and wants [World.Environment].
//
//go:embed runbook.sh
var Runbook string

// Environment names the world to a shell.
func (w *World) Environment() []string {
	return []string{
		"PLATFORM_DSN=" + w.PlatformDSN(),
		"PLATFORM_REPO=" + w.Repo.Repo,
		"DNS_SERVER=" + namespace.Resolver,
		"DNS_SERVER_2=" + nameServer2,
		"TSIG_FILE=" + w.DNS.Key.ClientFile,
		"VPS_IPV4=" + w.VPS[0].Host.Address,
		"VPS_IPV6=" + w.VPS[0].IPv6,
		"ROOTS=" + w.Roots,
	}
}
