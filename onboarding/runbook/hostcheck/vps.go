package hostcheck

import (
	"context"
	_ "embed"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

//go:embed vps.sh
var vpsScript string

// VPS checks in one round trip whether a VPS has what the steps use: the programs, the
// folders, and nginx with a valid configuration, because certbot refuses to work on a broken one.
func VPS(ctx context.Context, host *hosts.Host, certbot string, sites []*site.Site) []onboarding.Finding {
	var folders []string
	for _, each := range sites {
		if each.Host == host {
			folders = append(folders, path.Dir(each.Conf), path.Dir(each.Enabled))
		}
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	out, err := host.Output(ctx, hosts.Command{
		Argv: append([]string{"sh", "-c", vpsScript, "onboardbot", hosts.Tools, certbot}, folders...)})
	if err != nil {
		return []onboarding.Finding{Unreached(host, err)}
	}
	seen := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		word, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		seen[word] = append(seen[word], text)
	}
	said := func(word string) string { return strings.Join(seen[word], ", ") }
	on := func(what string) string { return what + " on " + host.Name() }
	findings := []onboarding.Finding{reached(host, seen["tool"])}
	switch {
	case seen["nginx"] == nil:
		findings = append(findings, onboarding.Failing(on("nginx"), "Install nginx there.", "%s", said("broken")))
	case seen["conf"] != nil:
		findings = append(findings,
			onboarding.Failing(on("nginx"), "Repair what nginx -t reports.", "%s", said("conf")))
	default:
		findings = append(findings, onboarding.Passed(on("nginx"), "%s, its configuration is valid", said("nginx")))
	}
	if seen["certbot"] == nil {
		findings = append(findings, onboarding.Failing(on("certbot"), "Install certbot and its nginx plugin there.",
			"%s", said("uncertified")))
	} else {
		findings = append(findings, onboarding.Passed(on("certbot"), "%s", said("certbot")))
	}
	if seen["folder"] != nil {
		return append(findings, onboarding.Failing(on("nginx folders"),
			"Create it, or correct deploy.nginx_conf and deploy.nginx_enabled.", "%s is missing", said("folder")))
	}
	return append(findings, onboarding.Passed(on("nginx folders"), "%s", strings.Join(folders, ", ")))
}

// Reachable checks that a host answers.
func Reachable(ctx context.Context, host *hosts.Host) []onboarding.Finding {
	if _, err := host.Ping(ctx); err != nil {
		return []onboarding.Finding{Unreached(host, err)}
	}
	return []onboarding.Finding{reached(host, nil)}
}

// Unreached is the finding about a host that does not answer.
func Unreached(host *hosts.Host, err error) onboarding.Finding {
	return onboarding.Failing("host "+host.Name(),
		"Check that this account can log in there by ssh without a password, and the host key.", "%v", err)
}

// reached is the finding about a host that answers. It fails if programs are missing that every
// host needs.
func reached(host *hosts.Host, missing []string) onboarding.Finding {
	if len(missing) > 0 {
		return onboarding.Failing("host "+host.Name(), "Install them there.", "missing programs: %s",
			strings.Join(missing, ", "))
	}
	if greeting := host.Greeting(); greeting != "" {
		return onboarding.Passed("host "+host.Name(), "answers; before each command it prints %q, which is ignored",
			greeting)
	}
	return onboarding.Passed("host "+host.Name(), "answers")
}
