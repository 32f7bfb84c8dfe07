package runbook

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// portalPage asks for the page on which the Provider appears: their own portal, or that of the owner of the Org they join.
func (b *Runbook) portalPage(ctx context.Context, request onboarding.Request) (*url.URL, probe.Response, error) {
	pattern, owner := b.config.Portal.URL, ""
	if request.Mode == onboarding.ModeMember {
		org, err := b.db.FindOrg(ctx, request.Org.Slug)
		if err != nil {
			return nil, probe.Response{}, err
		}
		if org == nil {
			return nil, probe.Response{}, fmt.Errorf("there is no Org %s", request.Org.Slug)
		}
		pattern, owner = b.config.Portal.ParentURL, org.OwnerSlug
	}
	page, err := url.Parse(strings.NewReplacer("{slug}", request.Slug, "{owner}", owner, "{org}", request.Org.Slug).Replace(pattern))
	if err != nil {
		return nil, probe.Response{}, err
	}
	address, err := b.portalAddress(ctx, page.Hostname())
	if err != nil {
		return page, probe.Response{}, err
	}
	response, err := b.prober.HTTPS(ctx, page.Hostname(), address, page.RequestURI())
	return page, response, err
}

func (b *Runbook) portalAddress(ctx context.Context, name string) (netip.Addr, error) {
	if b.config.Portal.Address != "" {
		return netip.ParseAddr(b.config.Portal.Address)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%s does not resolve from here: %w", name, err)
	}
	if len(addresses) == 0 {
		return netip.Addr{}, errors.New(name + " has no address")
	}
	return addresses[0].Unmap(), nil
}

// preflightPortal says whether the portal answers at all. The Provider is not there yet.
func (b *Runbook) preflightPortal(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	finding := onboarding.Finding{Level: onboarding.OK, Name: "provider-portal"}
	page, response, err := b.portalPage(ctx, run.Request)
	switch {
	case err != nil:
		finding.Level, finding.Detail, finding.Fix = onboarding.Failed, platform.Explain(err), "Check the portal, its DNS and certificate, and portal in the configuration."
	case response.Status >= http.StatusInternalServerError:
		finding.Level, finding.Detail, finding.Fix = onboarding.Failed, fmt.Sprintf("%s answers %d", page, response.Status), "Look at the portal."
	default:
		finding.Detail = page.Host + " answers"
	}
	return []onboarding.Finding{finding}
}

// verifyPortal says whether the portal loads with the Provider's identity.
func (b *Runbook) verifyPortal(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	finding := onboarding.Finding{Level: onboarding.OK, Name: "provider-portal"}
	page, response, err := b.portalPage(ctx, run.Request)
	if err == nil && response.Status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", page, response.Status)
	}
	if err == nil {
		body := html.UnescapeString(string(response.Body))
		for _, pattern := range b.config.Portal.Expect {
			want := strings.NewReplacer("{slug}", run.Request.Slug, "{display_name}", run.Request.DisplayName, "{email}", run.Request.Email,
				"{org}", run.Request.Org.Slug).Replace(pattern)
			if !strings.Contains(body, want) {
				err = errors.Join(err, fmt.Errorf("%s does not show %q", page, want))
			}
		}
	}
	if err != nil {
		finding.Level, finding.Detail, finding.Fix = onboarding.Failed, platform.Explain(err), "Look at the portal with this Provider's session."
		return []onboarding.Finding{finding}
	}
	finding.Detail = page.String() + " loads with their identity"
	return []onboarding.Finding{finding}
}
