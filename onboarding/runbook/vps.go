package runbook

import (
	"context"
	_ "embed"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

//go:embed vps.sh
var vpsScript string

// checkVPS asks a VPS, in one round trip, whether it has what the steps use: the programs, the folders, and nginx with a
// configuration in order, since certbot refuses to work on one that is broken.
func (b *Runbook) checkVPS(ctx context.Context, host *hosts.Host, sites []*site) []onboarding.Finding {
	var folders []string
	for _, site := range sites {
		if site.host == host {
			folders = append(folders, path.Dir(site.conf), path.Dir(site.enabled))
		}
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	out, err := host.Output(ctx, hosts.Command{
		Argv: append([]string{"sh", "-c", vpsScript, "onboardbot", hosts.Tools, b.config.Certificate.Command[0]}, folders...)})
	if err != nil {
		return []onboarding.Finding{unreached(host, err)}
	}
	seen := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		word, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		seen[word] = append(seen[word], text)
	}
	said := func(word string) string { return strings.Join(seen[word], ", ") }
	on := func(what string) string { return what + " on " + host.Name() }
	findings := []onboarding.Finding{answered(host, seen["tool"])}
	switch {
	case seen["nginx"] == nil:
		findings = append(findings, bad(on("nginx"), "Install nginx there.", "%s", said("broken")))
	case seen["conf"] != nil:
		findings = append(findings, bad(on("nginx"), "Repair what nginx -t reports.", "%s", said("conf")))
	default:
		findings = append(findings, good(on("nginx"), "%s, its configuration is in order", said("nginx")))
	}
	if seen["certbot"] == nil {
		findings = append(findings, bad(on("certbot"), "Install certbot and its nginx plugin there.", "%s", said("uncertified")))
	} else {
		findings = append(findings, good(on("certbot"), "%s", said("certbot")))
	}
	if seen["folder"] != nil {
		return append(findings, bad(on("nginx folders"), "Make it, or correct deploy.nginx_conf and deploy.nginx_enabled.", "%s is missing", said("folder")))
	}
	return append(findings, good(on("nginx folders"), "%s", strings.Join(folders, ", ")))
}

func unreached(host *hosts.Host, err error) onboarding.Finding {
	return bad("host "+host.Name(), "Check that this account reaches it by ssh without a password, and its host key.", "%v", err)
}

// answered is about a host that was reached, without some of the programs that are needed of every host perhaps.
func answered(host *hosts.Host, missing []string) onboarding.Finding {
	if len(missing) > 0 {
		return bad("host "+host.Name(), "Install them there.", "missing programs: %s", strings.Join(missing, ", "))
	}
	return good("host "+host.Name(), "answers")
}
