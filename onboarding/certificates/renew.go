package certificates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// ErrNotRenewed says that visitors still get the certificate that was to be renewed.
var ErrNotRenewed = errors.New("not renewed")

// RenewCommand renews one lineage now, if certbot finds it due: it never forces a renewal, so it cannot burn what the authority allows on
// a certificate that needs none. Ask [Doctor.MayRenew] first.
func RenewCommand(lineage Lineage) (hosts.Command, error) {
	if !lineageName.MatchString(lineage.Name) {
		return hosts.Command{}, fmt.Errorf("unusable certificate name %q", lineage.Name)
	}
	return hosts.Command{
		Argv:    []string{"certbot", "renew", "--cert-name", lineage.Name, "--non-interactive", "--no-random-sleep-on-renew"},
		Lock:    "certbot",
		Timeout: 10 * time.Minute,
	}, nil
}

// Renewed looks at a site again and makes sure that its visitors get another certificate than before, everywhere. certbot's exit status
// proves nothing: it is 0 as well when certbot thought that there was nothing to do. The report is there in either case; the error wraps
// [ErrNotRenewed].
func (s *Sweeper) Renewed(ctx context.Context, site Site, before Certificate) (SiteReport, error) {
	report, err := s.Sweep(ctx, []Site{site})
	if err != nil {
		return SiteReport{}, err
	}
	now := report.Sites[0]
	switch {
	case len(now.Certificates) == 0:
		return now, fmt.Errorf("%w: visitors of %s get no certificate at all", ErrNotRenewed, now.Shown())
	case slices.ContainsFunc(now.Certificates, func(c Certificate) bool { return c.Serial == before.Serial }):
		if i := slices.IndexFunc(now.Faults, func(f Fault) bool { return f.Kind == NotReloaded }); i >= 0 {
			return now, fmt.Errorf("%w: %s", ErrNotRenewed, now.Faults[i].Sentence)
		}
		return now, fmt.Errorf("%w: visitors of %s still get the certificate until %s, and the host has no newer one", ErrNotRenewed, now.Shown(), day(before.NotAfter))
	}
	return now, nil
}
