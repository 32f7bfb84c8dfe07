package sandbox

import (
	_ "embed"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
)

// Runbook is a bash script that does the runbook by hand, with production's commands. Its
// arguments are a slug, a domain, an email address and a display name. It needs
// [World.Environment].
//
//go:embed runbook.sh
var Runbook string

// Environment returns the variables that tell a shell script about the world.
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
