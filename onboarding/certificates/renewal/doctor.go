package renewal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Zone asks each of a domain's own name servers.
type Zone interface {
	Observe(ctx context.Context, domain string, questions []dns.Question) (dns.State, error)
}

var _ Zone = (*dns.Resolver)(nil)

// Doctor finds out why a renewal is not happening.
type Doctor struct {
	certbot certbot.Hosts
	zone    Zone
	prober  *probe.Prober
	limits  certificates.Limits
}

// NewDoctor returns a doctor.
func NewDoctor(hosts certbot.Hosts, zone Zone, prober *probe.Prober, limits certificates.Limits) *Doctor {
	return &Doctor{hosts, zone, prober, limits.WithDefaults()}
}

// Diagnose examines a site's host, its DNS and its port 80. It changes nothing and sends nothing
// to the authority. What cannot be examined is a reason too.
func (d *Doctor) Diagnose(ctx context.Context, site certificates.SiteReport, now time.Time) certificates.Diagnosis {
	var found certificates.Diagnosis
	for _, fault := range site.Faults {
		switch fault.Kind {
		case certificates.NotReloaded, certificates.RenewalOff, certificates.UnknownToCertbot,
			certificates.DNSElsewhere:
			found.Reasons = append(found.Reasons, fault.Sentence)
		}
	}
	found.Reasons = append(found.Reasons, d.examineDNS(ctx, site)...)
	found.Reasons = append(found.Reasons, d.examinePort80(ctx, site)...)
	if site.Host == "" {
		found.Reasons = append(found.Reasons,
			"the configuration does not say on which host certbot manages the certificate of "+site.Shown())
		return found
	}
	timer, reasons := d.certbot.Timer(ctx, site.Host)
	found.Timer, found.Reasons = timer, append(found.Reasons, reasons...)
	var err error
	if found.Log, err = d.certbot.LogErrors(ctx, site.Host); err != nil {
		found.Reasons = append(found.Reasons, err.Error())
	}
	for _, lineage := range site.Lineages {
		err := d.MayRenew(ctx, site.Host, lineage, now)
		if limit, ok := errors.AsType[*certificates.LimitError](err); ok {
			found.Refused = limit.Error()
		} else if err != nil {
			found.Reasons = append(found.Reasons, err.Error())
		}
	}
	return found
}

// ExamineTimers adds a [certificates.NotStarted] fault to each site that certbot renews on a host
// where nothing starts it. It asks each host once.
func (d *Doctor) ExamineTimers(ctx context.Context, report *certificates.Report) {
	problems := map[string][]string{}
	for i := range report.Sites {
		site := &report.Sites[i]
		if site.Host == "" || len(site.Lineages) == 0 {
			continue
		}
		if _, known := problems[site.Host]; !known {
			_, problems[site.Host] = d.certbot.Timer(ctx, site.Host)
		}
		for _, problem := range problems[site.Host] {
			site.Faults = append(site.Faults, certificates.NewFault(certificates.NotStarted, certificates.Attention,
				"%s", problem))
			site.Severity = max(site.Severity, certificates.Attention)
		}
		site.Faults = certificates.WorstFirst(site.Faults)
	}
	report.Sort()
}

// MayRenew returns a [*certificates.LimitError] if, by the host's records, an attempt would run
// into a rate limit of the authority.
func (d *Doctor) MayRenew(ctx context.Context, host string, lineage certificates.Lineage, now time.Time) error {
	history, err := d.certbot.History(ctx, host, lineage.Name)
	if err != nil {
		return err
	}
	return d.limits.Check(history, lineage.Certificate.Names, now)
}

// examineDNS returns what the domain's name servers say that would make an authority refuse.
func (d *Doctor) examineDNS(ctx context.Context, site certificates.SiteReport) []string {
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
			reasons = append(reasons, examineAnswer(site, server.Name, answer)...)
		}
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

func examineAnswer(site certificates.SiteReport, server string, answer dns.Answer) []string {
	name := probe.Unicode(answer.Name)
	if answer.Problem != "" {
		return []string{fmt.Sprintf("the name server %s %s (asked for %s %s)", server, answer.Problem.Sentence(), name,
			answer.Type)}
	}
	if answer.Type == "CAA" {
		if forbids(answer.Records, site.Lineages) {
			return []string{fmt.Sprintf("the CAA records of %s do not allow its authority to issue", name)}
		}
		return nil
	}
	var reasons []string
	for _, record := range answer.Records {
		address, err := netip.ParseAddr(record.Value)
		if len(site.Addresses) > 0 && (err != nil || !slices.Contains(site.Addresses, address)) {
			reasons = append(reasons, fmt.Sprintf("the name server %s says that %s is at %s, which is not the host",
				server, name, record.Value))
		}
	}
	return reasons
}

// forbids reports whether CAA records (RFC 8659) do not allow Let's Encrypt to issue, for
// certificates that come from there.
func forbids(records []dns.Record, lineages []certificates.Lineage) bool {
	const authority = "letsencrypt.org"
	if !slices.ContainsFunc(lineages, func(l certificates.Lineage) bool {
		return strings.Contains(l.Directory, authority)
	}) {
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

// examinePort80 asks every address for a challenge, as an authority would. Any answer from the web
// server itself is good.
func (d *Doctor) examinePort80(ctx context.Context, site certificates.SiteReport) []string {
	var reasons []string
	add := func(reason string) {
		reasons = append(reasons, "an authority cannot check the domain over port 80: "+reason)
	}
	for _, seen := range site.Observations {
		if !seen.Visited {
			continue
		}
		response, err := d.prober.HTTP(ctx, seen.Name, seen.Address, "/.well-known/acme-challenge/onboardbot")
		switch {
		case err != nil:
			add(err.Error())
		case response.Status >= http.StatusInternalServerError:
			add(fmt.Sprintf("%s answers %d for %s", seen.Address, response.Status, probe.Unicode(seen.Name)))
		}
	}
	return reasons
}
