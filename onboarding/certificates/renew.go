package certificates

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

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

// Served returns the certificate that visitors get of those that certbot has, the first to expire. The error is a sentence: certbot's exit
// status proves nothing, and what it has is of no use to anybody until a visitor gets it.
func (r SiteReport) Served() (Certificate, error) {
	for _, c := range r.Certificates {
		if slices.ContainsFunc(r.Lineages, func(l Lineage) bool { return l.Certificate.Serial == c.Serial }) {
			return c, nil
		}
	}
	for _, fault := range r.Faults {
		if len(r.Certificates) == 0 || fault.Kind == NotReloaded || fault.Kind == NotCertbots {
			return Certificate{}, errors.New(fault.Sentence)
		}
	}
	return Certificate{}, fmt.Errorf("visitors of %s do not get what certbot has", r.Shown())
}
