package runbook

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// certificateItems prove that the CA's challenge can work and then let certbot answer it. The proof comes first because failed
// validations are rate-limited, and its file is gone before certbot starts, however the proof went.
func (b *Runbook) certificateItems(run *onboarding.Run, s *site) []onboarding.Item {
	token := "onboardbot-" + run.ID.String()
	file := path.Join(s.challenge, token)
	addresses := make([]string, 0, 2)
	for _, address := range s.addresses() {
		addresses = append(addresses, address.String())
	}
	command := func(always bool, stdin string, argv ...string) onboarding.Item {
		return onboarding.Item{Command: &onboarding.Command{Host: s.hostName, Argv: argv, Stdin: stdin, Lock: lockNginx, Always: always}}
	}
	return []onboarding.Item{
		command(false, token, "install", "-D", "-m", "0644", "/dev/stdin", file),
		{Probe: &onboarding.Probe{Names: s.names, Addresses: addresses, Path: "/" + path.Join(b.config.Certificate.Challenge, token), Body: token}},
		command(true, "", "rm", "-f", file),
		command(false, "", s.fillAll(b.config.Certificate.Command)...),
	}
}

// lookCertificate is done when visitors get a certificate in order, with enough life left, for both names at all addresses, and
// are sent there from HTTP. Exit 0 of certbot is no proof of either. Run again over a certificate that is valid, certbot keeps it
// and repairs what is around it, so that nothing is issued twice.
func (b *Runbook) lookCertificate(ctx context.Context, v *view) (onboarding.Observation, error) {
	var there *remote
	if lock := b.unsettled(v); lock != "" {
		var err error
		if there, err = b.remote(ctx, v.site, lock); err != nil {
			return onboarding.Observation{}, err
		}
	}
	expires := make(chan time.Time, 2*len(v.names))
	bad := v.everywhere(func(at visit) error {
		until, err := b.visitTLS(ctx, at)
		if err == nil {
			expires <- until
		}
		return err
	})
	if len(bad) == 0 {
		until := <-expires
		return onboarding.Observation{
			Facts:    onboarding.Facts{onboarding.CertificateFact(v.domain): until.UTC().Format(time.RFC3339)},
			Findings: []onboarding.Finding{{Level: onboarding.OK, Name: "certificate of " + v.domain, Detail: "valid until " + until.UTC().Format("2006-01-02 15:04 UTC")}},
		}, nil
	}
	if !v.early {
		if look, err := b.challengeable(ctx, v, there); err != nil || look.Waiting != "" {
			return look, err
		}
	}
	return onboarding.Observation{Change: onboarding.Change{
		Summary: "Obtain and install a certificate for " + strings.Join(v.names, " and "),
		Items:   b.certificateItems(v.run, v.site),
	}}, nil
}

// challengeable says what keeps the authority, or certbot, from finding the site; the VPS is looked at unless it was.
func (b *Runbook) challengeable(ctx context.Context, v *view, there *remote) (onboarding.Observation, error) {
	look := onboarding.Observation{Again: b.config.DNS.Again}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		look.Waiting, err = b.elsewhere(ctx, v.site)
		return err
	})
	group.Go(func() (err error) {
		if there == nil {
			there, err = b.remote(ctx, v.site, "")
		}
		return err
	})
	if err := group.Wait(); err != nil || look.Waiting != "" {
		return look, err
	}
	if there.conf == nil || there.enabled != linked {
		return onboarding.Observation{}, conflict("Deploy it again, then retry.", "%s is not enabled on %s by a symbolic link %s to %s, where certbot would look for it.",
			v.domain, v.hostName, v.enabled, v.conf)
	}
	return onboarding.Observation{}, nil
}

// visitTLS says what is wrong for one visitor, or until when nothing will be.
func (b *Runbook) visitTLS(ctx context.Context, at visit) (time.Time, error) {
	seen, err := b.prober.TLS(ctx, at.name, at.address)
	if err != nil {
		return time.Time{}, err
	}
	if !seen.Verified() {
		return time.Time{}, seen.Problems[0]
	}
	leaf := seen.Leaf()
	lifetime, left := leaf.NotAfter.Sub(leaf.NotBefore), time.Until(leaf.NotAfter)
	if float64(left) < b.config.Certificate.Left*float64(lifetime) {
		return time.Time{}, fmt.Errorf("the certificate for %s is valid for %s more, less than the share of its life that it must have left", at.name, left.Round(time.Minute))
	}
	_, err = b.prober.Redirects(ctx, at.name, at.address)
	return leaf.NotAfter, err
}

// elsewhere says which names lead somewhere else than to the VPS, by the word of the zone's own name servers.
func (b *Runbook) elsewhere(ctx context.Context, s *site) (string, error) {
	found := make([][]netip.Addr, len(s.names))
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range s.names {
		group.Go(func() (err error) {
			found[i], err = b.resolver.Addresses(ctx, name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	for i, name := range s.names {
		if !slices.Contains(found[i], s.ipv4) {
			return fmt.Sprintf("%s no longer resolves to %s, the address of %s.", name, s.ipv4, s.hostName), nil
		}
		for _, address := range found[i] {
			if !slices.Contains(s.addresses(), address) {
				return fmt.Sprintf("%s also resolves to %s, which is not %s: the certificate authority may ask there.", name, address, s.hostName), nil
			}
		}
	}
	return "", nil
}

// logTail is how many lines of certbot's log are read after it failed.
const logTail = 60

// explainCertbot adds what certbot's own log on the host says: version 2.1 can hide the authority's answer behind an error of its
// own (AttributeError: can't set attribute).
func (b *Runbook) explainCertbot(ctx context.Context, host *hosts.Host, failure error, log onboarding.Log) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
	defer cancel()
	command := hosts.Command{Argv: []string{"tail", "-n", strconv.Itoa(logTail), "--", b.config.Certificate.Log}}
	log.Line("$ " + host.Paste(command))
	result, err := host.Run(ctx, command, func(line hosts.Line) { log.Line(line.Text) })
	if err != nil {
		log.Line(err.Error())
		return failure
	}
	reason := ""
	for _, line := range result.Last(logTail, hosts.Stdout) {
		// certbot prints the authority's problem documents (RFC 8555 §6.7) as "Detail: …" or with the error's URN.
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "Detail:") || strings.Contains(text, "urn:ietf:params:acme:error:") {
			reason = text
		}
	}
	if reason == "" {
		return failure
	}
	return fmt.Errorf("%w; the certificate authority says: %s", failure, reason)
}
