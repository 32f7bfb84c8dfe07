package apply

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// probeApplier asks a site for a file, as a certificate authority will.
type probeApplier struct{ prober *probe.Prober }

func (a probeApplier) apply(ctx context.Context, wanted onboarding.Probe, log onboarding.Log) error {
	group, ctx := routine.WithContext(ctx)
	for _, name := range wanted.Names {
		for _, text := range wanted.Addresses {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("probe: %w", err)
			}
			group.Go(func() error {
				return probe.PollUntil(ctx, time.Now().Add(probe.ReloadTime), func() error {
					seen, err := a.prober.HTTP(ctx, name, address, wanted.Path)
					if err != nil {
						return fmt.Errorf("the certificate authority could not reach %s: %w", name, err)
					}
					return judge(seen, wanted, log)
				})
			})
		}
	}
	return group.Wait()
}

// judge returns nil if the answer is what the certificate authority has to find.
func judge(seen probe.Response, wanted onboarding.Probe, log onboarding.Log) error {
	at := fmt.Sprintf("http://%s%s at %s", seen.Name, wanted.Path, seen.Address.Addr())
	switch {
	case string(seen.Body) == wanted.Body:
		log.Line(at + " serves the file")
	case toHTTPS(seen):
		// certbot was here before. The answer to the challenge that it adds comes before its own
		// redirect.
		log.Line(at + " leads to HTTPS")
	case toOther(seen, wanted):
		log.Line(at + " leads to another name of the site, which is asked too")
	default:
		return fmt.Errorf("the certificate authority would not find the file of the challenge: "+
			"%s answers %d with other content", at, seen.Status)
	}
	return nil
}

// toOther reports whether the answer leads to the same path of another name that is asked. The
// authority follows redirects (RFC 8555 §8.3).
func toOther(seen probe.Response, wanted onboarding.Probe) bool {
	location, err := url.Parse(seen.Header.Get("Location"))
	return err == nil && seen.Up() && location.Scheme == "http" && location.Path == wanted.Path &&
		location.Host != seen.Name && slices.Contains(wanted.Names, location.Host)
}

// toHTTPS reports whether the answer leads to HTTPS on the same host.
func toHTTPS(seen probe.Response) bool {
	location, err := url.Parse(seen.Header.Get("Location"))
	return err == nil && seen.Up() && location.Scheme == "https" && strings.EqualFold(location.Host, seen.Name)
}
