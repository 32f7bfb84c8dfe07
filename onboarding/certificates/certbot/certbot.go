// Package certbot reads what certbot has and did on a host: its certificates, its history, its
// log, and what starts it. It changes nothing, never reads a private key, and treats whatever a
// host prints as hostile text.
package certbot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// Host runs commands where certbot is.
type Host interface {
	Output(ctx context.Context, c hosts.Command) ([]byte, error)
}

var _ Host = (*hosts.Host)(nil)

// Hosts are the hosts on which certbot runs, by their configured name.
type Hosts map[string]Host

// ErrNoHost is returned for a host that is not configured.
var ErrNoHost = errors.New("no such host")

// lineageName is the form of a lineage's name that is used in a command. The name comes from the
// host, so it is checked first.
var lineageName = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9._*-]{0,254}$`)

// output runs a shell script on a host with arguments, and returns what it prints.
func (h Hosts) output(ctx context.Context, host, script string, args ...string) ([]byte, error) {
	machine, ok := h[host]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoHost, host)
	}
	return machine.Output(ctx, hosts.Command{
		Argv:    append([]string{"sh", "-c", script, "sh"}, args...),
		Timeout: time.Minute,
	})
}
