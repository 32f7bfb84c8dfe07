// Package portal checks the provider-portal, where a Provider sees who they are.
package portal

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
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// Portal is the provider-portal.
type Portal struct {
	config settings.Portal
	db     *platform.DB
	prober *probe.Prober
}

// New returns the portal of a configuration.
func New(config settings.Portal, db *platform.DB, prober *probe.Prober) *Portal {
	return &Portal{config, db, prober}
}

// page asks for the page on which the Provider appears: their own portal, or that of the owner of
// the Org they join.
func (p *Portal) page(ctx context.Context, request onboarding.Request) (*url.URL, probe.Response, error) {
	pattern, owner := p.config.URL, ""
	if request.Mode == onboarding.ModeMember {
		org, err := p.db.FindOrg(ctx, request.Org.Slug)
		if err != nil {
			return nil, probe.Response{}, errors.New(platform.Explain(err))
		}
		if org == nil {
			return nil, probe.Response{}, fmt.Errorf("there is no Org %s", request.Org.Slug)
		}
		pattern, owner = p.config.ParentURL, org.OwnerSlug
	}
	replacer := strings.NewReplacer("{slug}", request.Slug, "{owner}", owner, "{org}", request.Org.Slug)
	page, err := url.Parse(replacer.Replace(pattern))
	if err != nil {
		return nil, probe.Response{}, err
	}
	address, err := p.address(ctx, page.Hostname())
	if err != nil {
		return page, probe.Response{}, err
	}
	response, err := p.prober.HTTPS(ctx, page.Hostname(), address, page.RequestURI())
	return page, response, err
}

func (p *Portal) address(ctx context.Context, name string) (netip.Addr, error) {
	if p.config.Address != "" {
		return netip.ParseAddr(p.config.Address)
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

const findingName = "provider-portal"

// Preflight finds whether the portal answers at all. The Provider does not exist there yet.
func (p *Portal) Preflight(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	page, response, err := p.page(ctx, run.Request)
	switch {
	case err != nil:
		return []onboarding.Finding{onboarding.Failing(findingName,
			"Check the portal, its DNS and certificate, and portal in the configuration.", "%v", err)}
	case response.Status >= http.StatusInternalServerError:
		return []onboarding.Finding{onboarding.Failing(findingName, "Check the portal.", "%s answers %d", page,
			response.Status)}
	}
	return []onboarding.Finding{onboarding.Passed(findingName, "%s answers", page.Host)}
}

// Verify finds whether the portal loads with the Provider's identity.
func (p *Portal) Verify(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	page, response, err := p.page(ctx, run.Request)
	if err == nil && response.Status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", page, response.Status)
	}
	if err == nil {
		body := html.UnescapeString(string(response.Body))
		replacer := strings.NewReplacer("{slug}", run.Request.Slug, "{display_name}", run.Request.DisplayName,
			"{email}", run.Request.Email, "{org}", run.Request.Org.Slug)
		for _, pattern := range p.config.Expect {
			if want := replacer.Replace(pattern); !strings.Contains(body, want) {
				err = errors.Join(err, fmt.Errorf("%s does not show %q", page, want))
			}
		}
	}
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(findingName, "Open the portal with this Provider's session.",
			"%v", err)}
	}
	return []onboarding.Finding{onboarding.Passed(findingName, "%s loads with their identity", page)}
}
