package commands

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/onboarding"
)

// draft is what somebody has typed so far, in the form or behind the command. It is kept as JSON while it waits to be sent.
type draft struct {
	Slug  string          `json:"slug,omitempty"`
	Name  string          `json:"name,omitempty"`
	Email string          `json:"email,omitempty"`
	Mode  onboarding.Mode `json:"mode,omitempty"`
	// OrgSlug and OrgName are of the Org to create, Join and JoinName of the one to join.
	OrgSlug  string `json:"org_slug,omitempty"`
	OrgName  string `json:"org_name,omitempty"`
	Join     string `json:"join,omitempty"`
	JoinName string `json:"join_name,omitempty"`
	Domains  string `json:"domains,omitempty"`
	// Host is the one of all domains, or [each]: then Hosts has a line for those that differ. Mail and Mails likewise.
	Host    string `json:"host,omitempty"`
	Hosts   string `json:"hosts,omitempty"`
	Mail    string `json:"mail,omitempty"`
	Forward string `json:"forward,omitempty"`
	Mails   string `json:"mails,omitempty"`
	// Copy, Palette and Logo, the digest of its content, are how an Org's sites look.
	Copy    string `json:"copy,omitempty"`
	Palette string `json:"palette,omitempty"`
	Logo    string `json:"logo,omitempty"`
}

// each is chosen where the domains differ.
const each = "each"

// newDraft is the form as it opens for a slug, which may be empty.
func newDraft(slug string) draft {
	d := draft{Slug: slug, Mode: onboarding.ModePerson}
	if slug != "" {
		d.Domains = slug + ".com"
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
	blockHost    = "host"
	blockHosts   = "hosts"
	blockMail    = "mail"
	blockForward = "forward"
	blockMails   = "mails"
	blockCopy    = "copy"
	blockPalette = "palette"
	blockLogo    = "logo"

	// actionInput is the action id of every input but those that change the form.
	actionInput = "input"
	actionMode  = "onboard.mode"
	actionOrg   = "onboard.org"
	actionHost  = "onboard.host"
	actionMail  = "onboard.mail"
)

// readDraft reads a form's state. Inputs that the form does not show at the moment are empty.
func readDraft(meta formMeta, state map[string]map[string]slack.BlockAction) draft {
	text := func(block string) string { return strings.TrimSpace(storable(state[block][actionInput].Value)) }
	join := state[blockJoin][actionOrg].SelectedOption
	d := draft{
		Slug: text(blockSlug), Name: text(blockName), Email: text(blockEmail),
		Mode:    onboarding.Mode(state[blockMode][actionMode].SelectedOption.Value),
		OrgSlug: text(blockOrgSlug), OrgName: text(blockOrgName),
		Join:    join.Value,
		Domains: text(blockDomains),
		Host:    state[blockHost][actionHost].SelectedOption.Value, Hosts: text(blockHosts),
		Mail: state[blockMail][actionMail].SelectedOption.Value, Forward: text(blockForward), Mails: text(blockMails),
		Copy: text(blockCopy), Palette: text(blockPalette),
	}
	if join.Text != nil {
		d.JoinName = unescape(join.Text.Text)
	}
	if d.Mail == mailNone {
		d.Mail = ""
	}
	if d.Mode == onboarding.ModeOwner {
		d.Logo = meta.Logo
	}
	return d
}

// storable is text without NUL, which PostgreSQL takes nowhere.
func storable(text string) string { return strings.ReplaceAll(text, "\x00", "") }

// remembering keeps of what was typed before what the form does not show at the moment, so that a look at another mode or plan loses
// nothing.
func (d draft) remembering(before draft, state map[string]map[string]slack.BlockAction) draft {
	for block, field := range map[string][2]*string{
		blockOrgSlug: {&d.OrgSlug, &before.OrgSlug}, blockOrgName: {&d.OrgName, &before.OrgName}, blockHosts: {&d.Hosts, &before.Hosts},
		blockForward: {&d.Forward, &before.Forward}, blockMails: {&d.Mails, &before.Mails}, blockCopy: {&d.Copy, &before.Copy}, blockPalette: {&d.Palette, &before.Palette},
	} {
		if _, shown := state[block]; !shown {
			*field[0] = *field[1]
		}
	}
	if _, shown := state[blockJoin]; !shown {
		d.Join, d.JoinName = before.Join, before.JoinName
	}
	if _, shown := state[blockLogo]; !shown {
		d.Logo = before.Logo
	}
	return d
}

// suggestOrg fills in an Org's slug and name where the person chose to own one and typed none.
func (d draft) suggestOrg() draft {
	if d.Mode != onboarding.ModeOwner || d.OrgSlug != "" || d.OrgName != "" {
		return d
	}
	if d.Slug != "" && len(d.Slug)+len("-collective") <= onboarding.MaxSlug {
		d.OrgSlug = d.Slug + "-collective"
	}
	if first, _, _ := strings.Cut(d.Name, " "); first != "" {
		d.OrgName = first + " Collective"
	}
	return d
}

// blockOf is where a problem is said.
func (d draft) blockOf(field onboarding.Field) string {
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
		switch d.Mode {
		case onboarding.ModeOwner:
			return blockOrgSlug
		case onboarding.ModeMember:
			return blockJoin
		}
		return blockMode
	case onboarding.FieldOrgName:
		return blockOrgName
	case onboarding.FieldMail:
		switch d.Mail {
		case each:
			return blockMails
		case string(onboarding.MailForward):
			return blockForward
		}
		return blockMail
	case onboarding.FieldHost:
		if d.Host == each {
			return blockHosts
		}
		return blockHost
	case onboarding.FieldBrand:
		if d.Mode == onboarding.ModeOwner {
			return blockCopy
		}
		return blockMode
	}
	return blockDomains
}

// atBlocks says problems where they belong in the form of the draft; with one host alone the form does not ask for it.
func (d draft) atBlocks(problems onboarding.Problems, hosts []string) slips {
	said := slips{}
	for _, field := range slices.Sorted(maps.Keys(problems)) {
		block := d.blockOf(field)
		if block == blockHost && len(hosts) < 2 {
			block = blockDomains
		}
		said.at(block, problems[field])
	}
	for block, typed := range map[string]string{blockSlug: d.Slug, blockOrgSlug: d.OrgSlug} {
		if mended, ok := mendSlug(typed); ok && mended != typed && said[block] != "" {
			said[block] = fmt.Sprintf("A slug is kebab-case: write %s.", mended)
		}
	}
	return said
}

// given leaves out what is said of inputs that were not given yet: the form asks for those anyway.
func (d draft) given(problems slips) slips {
	said := slips{}
	for block, value := range map[string]string{
		blockSlug: d.Slug, blockName: d.Name, blockEmail: d.Email, blockMode: string(d.Mode), blockOrgSlug: d.OrgSlug, blockOrgName: d.OrgName, blockJoin: d.Join,
		blockDomains: d.Domains, blockHost: d.Host, blockHosts: d.Hosts, blockMail: d.Mail, blockForward: d.Forward, blockMails: d.Mails,
		blockCopy: d.Copy, blockPalette: d.Palette, blockLogo: d.Logo,
	} {
		if value != "" {
			said.at(block, problems[block])
		}
	}
	return said
}
