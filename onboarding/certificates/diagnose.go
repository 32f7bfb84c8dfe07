package certificates

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Zone is what a domain's own name servers say, each for itself.
type Zone interface {
	Observe(ctx context.Context, domain string, questions []dns.Question) (dns.State, error)
}

var _ Zone = (*dns.Resolver)(nil)

// Diagnosis is why a certificate is not being renewed, as far as can be seen.
type Diagnosis struct {
	// Reasons are what stands in the way, the likeliest first.
	Reasons []string `json:"reasons"`
	// Timer is the state of what starts certbot.
	Timer []string `json:"timer"`
	// Log are certbot's last warnings and errors.
	Log []string `json:"log"`
	// Refused says that the authority's limits allow no attempt now, empty when they do.
	Refused string `json:"refused,omitempty"`
}

// Doctor finds out why a renewal is not happening.
type Doctor struct {
	certbot Certbot
	zone    Zone
	prober  *probe.Prober
	limits  Limits
}

// NewDoctor makes a doctor.
func NewDoctor(certbot Certbot, zone Zone, prober *probe.Prober, limits Limits) *Doctor {
	return &Doctor{certbot, zone, prober, limits.WithDefaults()}
}

// Diagnose looks at a site's host, its DNS and its port 80. It changes nothing, and asks nothing of the authority. What cannot be seen
// is a reason too.
func (d *Doctor) Diagnose(ctx context.Context, site SiteReport, now time.Time) Diagnosis {
	var found Diagnosis
	for _, fault := range site.Faults {
		switch fault.Kind {
		case NotReloaded, RenewalOff, UnknownToHost, Elsewhere:
			found.Reasons = append(found.Reasons, fault.Sentence)
		}
	}
	found.Reasons = append(found.Reasons, d.names(ctx, site)...)
	found.Reasons = append(found.Reasons, d.port80(ctx, site)...)
	if site.Host == "" {
		found.Reasons = append(found.Reasons, "nobody said on which host certbot looks after "+site.Shown())
		return found
	}
	timer, reasons := d.timer(ctx, site.Host)
	found.Timer, found.Reasons = timer, append(found.Reasons, reasons...)
	var err error
	if found.Log, err = d.certbot.LastWords(ctx, site.Host); err != nil {
		found.Reasons = append(found.Reasons, err.Error())
	}
	for _, lineage := range site.Lineages {
		err := d.MayRenew(ctx, site.Host, lineage, now)
		if limit := (*LimitError)(nil); errors.As(err, &limit) {
			found.Refused = limit.Error()
		} else if err != nil {
			found.Reasons = append(found.Reasons, err.Error())
		}
	}
	return found
}

// MayRenew refuses with a [*LimitError] when the host's records say that an attempt would only burn what the authority allows.
func (d *Doctor) MayRenew(ctx context.Context, host string, lineage Lineage, now time.Time) error {
	history, err := d.certbot.History(ctx, host, lineage.Name)
	if err != nil {
		return err
	}
	return d.limits.Check(history, lineage.Certificate.Names, now)
}

// names says what the domain's name servers say that an authority would stumble over.
func (d *Doctor) names(ctx context.Context, site SiteReport) []string {
	questions := []dns.Question{{Name: site.Domain, Type: "CAA"}}
	for _, name := range site.Names {
		questions = append(questions, dns.Question{Name: name, Type: "A"}, dns.Question{Name: name, Type: "AAAA"})
	}
	state, err := d.zone.Observe(ctx, site.Domain, questions)
	if err != nil {
		return []string{"the domain's name servers cannot be asked: " + err.Error()}
	}
	var reasons []string
	for _, server := range state.Servers {
		for _, answer := range server.Answers {
			switch {
			case answer.Problem != "":
				reasons = append(reasons, fmt.Sprintf("the name server %s %s (asked for %s %s)", server.Name, answer.Problem.Sentence(), probe.Unicode(answer.Name), answer.Type))
			case answer.Type == "CAA" && forbids(answer.Records, site.Lineages):
				reasons = append(reasons, fmt.Sprintf("the CAA records of %s do not allow its authority to issue", probe.Unicode(answer.Name)))
			case answer.Type != "CAA" && len(site.Addresses) > 0:
				for _, record := range answer.Records {
					if address, err := netip.ParseAddr(record.Value); err != nil || !slices.Contains(site.Addresses, address) {
						reasons = append(reasons, fmt.Sprintf("the name server %s says that %s is at %s, which is not the host", server.Name, probe.Unicode(answer.Name), record.Value))
					}
				}
			}
		}
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// forbids says whether CAA records (RFC 8659) leave out Let's Encrypt, for certificates that come from there.
func forbids(records []dns.Record, lineages []Lineage) bool {
	const authority = "letsencrypt.org"
	if !slices.ContainsFunc(lineages, func(l Lineage) bool { return strings.Contains(l.Directory, authority) }) {
		return false
	}
	issue := 0
	for _, record := range records {
		fields := strings.SplitN(record.Value, " ", 3)
		if len(fields) != 3 || !strings.EqualFold(fields[1], "issue") {
			continue
		}
		issue++
		issuer, _, _ := strings.Cut(strings.Trim(fields[2], `"`), ";")
		if strings.EqualFold(strings.TrimSpace(issuer), authority) {
			return false
		}
	}
	return issue > 0
}

// port80 asks, as an authority would, for a challenge at every address: any answer from the web server will do.
func (d *Doctor) port80(ctx context.Context, site SiteReport) []string {
	var reasons []string
	for _, look := range site.Looks {
		if !look.Visited {
			continue
		}
		response, err := d.prober.HTTP(ctx, look.Name, look.Address, "/.well-known/acme-challenge/onboardbot")
		switch {
		case err != nil:
			reasons = append(reasons, "an authority cannot check the domain over port 80: "+err.Error())
		case response.Status >= http.StatusInternalServerError:
			reasons = append(reasons, fmt.Sprintf("an authority cannot check the domain over port 80: %s answers %d for %s", look.Address, response.Status, probe.Unicode(look.Name)))
		}
	}
	return reasons
}
