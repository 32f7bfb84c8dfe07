package apply

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// The reason comes first, not where certbot asks for help.
func TestCertbotsReason(t *testing.T) {
	t.Parallel()
	failure := fmt.Errorf("deploy: %w", &hosts.ExitError{Host: "vps-0", Command: "certbot --nginx", Code: 1,
		Tail: "Ask for help or search for solutions at https://community.letsencrypt.org."})
	for name, test := range map[string]struct{ log, want string }{
		"authority": {"  Domain: a.example\n  Type:   unauthorized\n  Detail: 192.0.2.9: Invalid response: 404\n" +
			"certbot.errors.AuthorizationError: Some challenges have failed.\nAttributeError: can't set attribute",
			"the certificate authority says: 192.0.2.9: Invalid response: 404 (vps-0: certbot --nginx: exit status 1)"},
		"rate limit": {"acme.messages.Error: urn:ietf:params:acme:error:rateLimited :: too many certificates",
			"the certificate authority says: acme.messages.Error: urn:ietf:params:acme:error:rateLimited :: too many " +
				"certificates (vps-0: certbot --nginx: exit status 1)"},
		"disk": {"Traceback (most recent call last):\nOSError: [Errno 28] No space left on device\n" +
			"AttributeError: can't set attribute",
			"certbot says: [Errno 28] No space left on device (vps-0: certbot --nginx: exit status 1)"},
		"nginx": {"certbot.errors.MisconfigurationError: nginx restart failed:",
			"certbot says: nginx restart failed: (vps-0: certbot --nginx: exit status 1)"},
		"nothing": {"2026-11-27 05:00:00:DEBUG:certbot: started",
			"vps-0: certbot --nginx: exit status 1: Ask for help or " +
				"search for solutions at https://community.letsencrypt.org."},
	} {
		err := certbotFailure(failure, strings.Split(test.log, "\n"))
		if err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.As(err, new(*hosts.ExitError)) {
			t.Errorf("%s: the exit status is gone", name)
		}
	}
}
