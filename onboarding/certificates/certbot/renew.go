package certbot

import (
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// RenewCommand returns the command that renews one lineage if certbot finds it due. It never
// forces a renewal, so it cannot use up the rate limits of the certificate authority on a
// certificate that needs none.
func RenewCommand(lineage certificates.Lineage) (hosts.Command, error) {
	if !lineageName.MatchString(lineage.Name) {
		return hosts.Command{}, fmt.Errorf("unusable certificate name %q", lineage.Name)
	}
	return hosts.Command{
		Argv: []string{
			"certbot", "renew", "--cert-name", lineage.Name, "--non-interactive", "--no-random-sleep-on-renew",
		},
		Lock:    "certbot",
		Timeout: 10 * time.Minute,
	}, nil
}
