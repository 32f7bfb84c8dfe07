package onboarding

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding/windows"
)

// Policy is what an operator of the bot configures about runs and their approvals.
type Policy struct {
	// ReservedSlugs cannot be taken by a Provider or an Org. Default: none.
	ReservedSlugs []string `yaml:"reserved_slugs"`
	// ReservedDomains cannot be taken by a Provider, nor any name below them. Default: none.
	ReservedDomains []string `yaml:"reserved_domains"`
	// Portals are the addresses of people's portals, with {slug}, {owner} and {org} for the
	// people. The wiring takes them from the runbook's configuration.
	Portals []string `yaml:"-"`
	// Hosts are the names of the VPSes that a domain may point at. The wiring takes them from the
	// runbook's configuration.
	Hosts []string `yaml:"-"`
	// ApprovalLife is how long a second operator has to decide. Default: 24h.
	ApprovalLife time.Duration `yaml:"approval_life"`
	// RemindBefore is how long before an approval expires the approvers are reminded.
	// Default: 1h.
	RemindBefore time.Duration `yaml:"remind_before"`
	// EscalateAfter is how long an approval may stay open before the second group is told.
	// Default: 0, never.
	EscalateAfter time.Duration `yaml:"escalate_after"`
	// Rules say what an approval of a kind of step needs, by kind, such as certificate. Default:
	// one approver, no reason.
	Rules map[Kind]Rule `yaml:"rules"`
	// Calendar says when changes may be applied. Default: at any time.
	Calendar windows.Calendar `yaml:",inline"`
	// BreakGlass lets an operator approve their own request, with a reason and told to everyone
	// who was skipped. Default: false.
	BreakGlass bool `yaml:"break_glass"`
	// Settle is how long a step may take to show its effect after its change was applied.
	// Default: 15s.
	Settle time.Duration `yaml:"settle"`
	// StepTimeout bounds one step, its observations and its application together. It must stay
	// below half an hour, the timeout of the job that carries it. Default: 20m.
	StepTimeout time.Duration `yaml:"step_timeout"`
}

// Rule is what an approval needs.
type Rule struct {
	// Approvers is how many distinct people must agree. Default: 1.
	Approvers int `yaml:"approvers"`
	// Reason makes those who agree say why. Default: false.
	Reason bool `yaml:"reason"`
	// Confirm makes those who agree type a code from their authenticator app: totp. It needs
	// second_factor.key. Default: Slack alone says who somebody is.
	Confirm Confirm `yaml:"confirm"`
}

// Rule returns what an approval of a kind of step needs.
func (p *Policy) Rule(kind Kind) Rule {
	rule := p.Rules[kind]
	rule.Approvers = max(rule.Approvers, 1)
	return rule
}

// CheckDomain returns a sentence about why nobody can have a domain, or nothing: it is reserved,
// or the portal of somebody is there.
func (p *Policy) CheckDomain(domain string) string {
	for name := domain; name != ""; _, name, _ = strings.Cut(name, ".") {
		if slices.Contains(p.ReservedDomains, name) {
			return fmt.Sprintf("%s is reserved for the platform; choose another.", name)
		}
		for _, portal := range p.Portals {
			if portalHost(portal).MatchString(name) {
				return fmt.Sprintf("%s is reserved for Providers' portals; choose another.", name)
			}
		}
	}
	return ""
}

var placeholder = regexp.MustCompile(`\\\{[a-z_]+\\\}`)

// portalHost matches the host names of an address with placeholders.
func portalHost(address string) *regexp.Regexp {
	_, host, _ := strings.Cut(address, "://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	return regexp.MustCompile(`^(www\.)?` +
		placeholder.ReplaceAllString(regexp.QuoteMeta(strings.ToLower(host)), `[a-z0-9-]+`) + `$`)
}

// Defaults fills what is not set.
func (p *Policy) Defaults() {
	for _, field := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{
		{&p.ApprovalLife, 24 * time.Hour}, {&p.RemindBefore, time.Hour},
		{&p.Settle, 15 * time.Second}, {&p.StepTimeout, 20 * time.Minute},
	} {
		if *field.value == 0 {
			*field.value = field.otherwise
		}
	}
}

// Validate reports every invalid value, each with its key.
func (p *Policy) Validate() error {
	var problems []error
	if p.ApprovalLife < 0 || p.RemindBefore < 0 || p.Settle < 0 {
		problems = append(problems, errors.New("approval_life, remind_before, settle: a duration cannot be negative"))
	}
	if p.RemindBefore >= p.ApprovalLife {
		problems = append(problems, fmt.Errorf("remind_before: %s is not shorter than approval_life %s",
			p.RemindBefore, p.ApprovalLife))
	}
	if p.StepTimeout <= 0 || p.StepTimeout >= 30*time.Minute {
		problems = append(problems, fmt.Errorf("step_timeout: %s is not between 0 and 30m", p.StepTimeout))
	}
	if p.EscalateAfter < 0 || p.EscalateAfter >= p.ApprovalLife {
		problems = append(problems, fmt.Errorf("escalate_after: %s is not between 0 and approval_life %s",
			p.EscalateAfter, p.ApprovalLife))
	}
	for i, domain := range p.ReservedDomains {
		if name, _ := ParseDomain(domain); name != domain {
			problems = append(problems,
				fmt.Errorf("reserved_domains[%d]: %q is not a domain such as example.com", i, domain))
		}
	}
	for kind, rule := range p.Rules {
		if rule.Approvers < 0 {
			problems = append(problems, fmt.Errorf("rules.%s.approvers: %d is negative", kind, rule.Approvers))
		}
		if rule.Confirm != ConfirmNone && rule.Confirm != ConfirmTOTP {
			problems = append(problems, fmt.Errorf("rules.%s.confirm: %q is not totp", kind, rule.Confirm))
		}
	}
	return errors.Join(append(problems, p.Calendar.Validate())...)
}

// NewApproval returns the open approval that asks whether a change of a step may be applied.
func (p *Policy) NewApproval(run *Run, step Key, change Change, now time.Time) (*Approval, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	digest, err := change.Digest()
	if err != nil {
		return nil, err
	}
	rule := p.Rule(step.Kind())
	approval := &Approval{ID: id, RunID: run.ID, Step: step, Change: change, Digest: digest, State: ApprovalOpen,
		Needs: rule.Approvers, ReasonNeeded: rule.Reason, Confirm: rule.Confirm, Expires: now.Add(p.ApprovalLife)}
	approval.Remind = approval.Expires.Add(-p.RemindBefore)
	if p.EscalateAfter > 0 {
		approval.Escalate = now.Add(p.EscalateAfter)
	}
	return approval, nil
}
