package runbook

import (
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// zoneState is what is wanted of a zone and what was seen of it.
type zoneState struct {
	zone    string
	wanted  []dns.Record
	seen    dns.State // by all of the zone's own name servers
	primary dns.State // by the publisher
	notes   []string  // what is kept of the mail records of others
}

// judge returns the update that is left, or else what to wait for: the step is done when every
// name server answers right.
func (r *records) judge(s *site.Site, z zoneState) (onboarding.Observation, error) {
	var kept []onboarding.Finding
	for _, note := range z.notes {
		kept = append(kept, onboarding.Finding{Level: onboarding.Warning, Name: "mail of " + s.Domain, Detail: note})
	}
	if !r.byHand() {
		change, err := r.zoneUpdate(z.zone, z.wanted, z.primary)
		if err != nil || !change.Empty() {
			return onboarding.Observation{Change: change, Findings: append(kept, r.reservations()...)}, err
		}
	}
	findings := dns.Compare(z.wanted, z.seen)
	var seen onboarding.Observation
	for _, finding := range findings {
		seen.Findings = append(seen.Findings, recordFinding(finding))
	}
	seen.Findings = append(seen.Findings, kept...)
	if dns.Settled(findings) {
		return seen, nil
	}
	seen.Again = r.config.Again
	seen.Waiting = "Waiting until all name servers of " + s.Domain + " return these records."
	if r.byHand() {
		seen.Waiting = copyRecords(z.wanted)
	}
	return seen, nil
}

// reservations tell an approver what the publisher does not guarantee.
func (r *records) reservations() []onboarding.Finding {
	var list []onboarding.Finding
	for _, sentence := range r.publisher.Guarantees().Reservations() {
		list = append(list, onboarding.Finding{Level: onboarding.Warning, Name: "DNS provider", Detail: sentence})
	}
	return list
}

// copyRecords is text that somebody can paste where the zone is kept.
func copyRecords(wanted []dns.Record) string {
	lines := []string{"Make these records. No other address, mail exchanger or SPF record may stand beside them; " +
		"other text stays:"}
	for _, record := range wanted {
		lines = append(lines, record.String())
	}
	return strings.Join(lines, "\n")
}

func recordFinding(f dns.Finding) onboarding.Finding {
	finding := onboarding.Finding{Level: onboarding.OK, Name: f.Name + " " + f.Type, Detail: f.Value}
	problem := map[dns.Status]string{
		dns.Missing: "not yet at ", dns.Wrong: "something else at ", dns.Extra: "to be removed, still at ",
		dns.Unknown: "no usable answer",
	}[f.Status]
	if problem != "" || len(f.Silent) > 0 {
		finding.Level = onboarding.Warning
	}
	finding.Detail += strings.TrimRight("; "+problem+strings.Join(f.Behind, ", "), "; ")
	if len(f.Silent) > 0 {
		finding.Detail += "; no usable answer from " + strings.Join(f.Silent, ", ")
	}
	return finding
}
