package commands

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/onboarding"
)

// draft is what somebody has typed into the form so far.
type draft struct {
	slug, name, email string
	mode              onboarding.Mode
	// orgSlug and orgName are of the Org to create, join and joinName of the one to join.
	orgSlug, orgName, join, joinName string
	domains                          string
}

// newDraft is the form as it opens for a slug, which may be empty.
func newDraft(slug string) draft {
	d := draft{slug: slug, mode: onboarding.ModePerson}
	if slug != "" {
		d.domains = slug + ".com"
	}
	return d
}

// The form's block ids. An input keeps its block and action id in every version of the form, since Slack keeps what was typed
// only then (https://docs.slack.dev/surfaces/modals#updating).
const (
	blockSlug    = "slug"
	blockName    = "name"
	blockEmail   = "email"
	blockMode    = "mode"
	blockOrgSlug = "org_slug"
	blockOrgName = "org_name"
	blockJoin    = "org"
	blockDomains = "domains"

	// actionInput is the action id of every input but the two that send something by themselves.
	actionInput = "input"
	actionMode  = "onboard.mode"
	actionOrg   = "onboard.org"
)

// readDraft reads a form's state. Inputs that the form does not show at the moment are empty.
func readDraft(state map[string]map[string]slack.BlockAction) draft {
	text := func(block string) string { return strings.TrimSpace(state[block][actionInput].Value) }
	join := state[blockJoin][actionOrg].SelectedOption
	d := draft{
		slug: text(blockSlug), name: text(blockName), email: text(blockEmail),
		mode:    onboarding.Mode(state[blockMode][actionMode].SelectedOption.Value),
		orgSlug: text(blockOrgSlug), orgName: text(blockOrgName),
		join:    join.Value,
		domains: text(blockDomains),
	}
	if join.Text != nil {
		d.joinName = unescape(join.Text.Text)
	}
	return d
}

// request is what the draft asks for; each domain points at the host. Domains that cannot be read stay as they were typed, for
// the domain to say what is wrong.
func (d draft) request(host string) onboarding.Request {
	request := onboarding.Request{Slug: d.slug, DisplayName: d.name, Email: d.email, Mode: d.mode}
	switch d.mode {
	case onboarding.ModeOwner:
		request.Org = onboarding.Org{Slug: d.orgSlug, Name: d.orgName}
	case onboarding.ModeMember:
		request.Org = onboarding.Org{Slug: d.join}
	}
	for _, typed := range strings.FieldsFunc(d.domains, func(r rune) bool { return strings.ContainsRune(", ;\n\r\t", r) }) {
		name := typed
		if parsed, problem := onboarding.ParseDomain(typed); problem == "" {
			name = parsed
		}
		request.Domains = append(request.Domains, onboarding.Domain{Name: name, Host: host})
	}
	return request
}

// suggestOrg fills in an Org's slug and name where the person chose to own one and typed none.
func (d draft) suggestOrg() draft {
	if d.mode != onboarding.ModeOwner || d.orgSlug != "" || d.orgName != "" {
		return d
	}
	if d.slug != "" && len(d.slug)+len("-collective") <= onboarding.MaxSlug {
		d.orgSlug = d.slug + "-collective"
	}
	if first, _, _ := strings.Cut(d.name, " "); first != "" {
		d.orgName = first + " Collective"
	}
	return d
}

// blockOf is where a problem is said.
func blockOf(field onboarding.Field, mode onboarding.Mode) string {
	switch field {
	case onboarding.FieldSlug:
		return blockSlug
	case onboarding.FieldName:
		return blockName
	case onboarding.FieldEmail:
		return blockEmail
	case onboarding.FieldMode:
		return blockMode
	case onboarding.FieldOrg:
		switch mode {
		case onboarding.ModeOwner:
			return blockOrgSlug
		case onboarding.ModeMember:
			return blockJoin
		}
		return blockMode
	case onboarding.FieldOrgName:
		return blockOrgName
	}
	return blockDomains
}

// atBlocks says problems where they belong in the form that was sent.
func atBlocks(problems onboarding.Problems, mode onboarding.Mode) map[string]string {
	errors := make(map[string]string, len(problems))
	for field, problem := range problems {
		block := blockOf(field, mode)
		if errors[block] != "" {
			problem = errors[block] + " " + problem
		}
		errors[block] = problem
	}
	return errors
}
