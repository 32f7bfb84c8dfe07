// Package form reads what people enter, in the modal and behind the slash command, and turns it into a request. It also shows the
// modal and the confirmation. It knows no database and no Slack client.
package form

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// Draft is what somebody has typed so far, in the form or behind the command. It is kept as JSON while it waits to be sent.
type Draft struct {
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

// PerDomain is chosen where the domains differ.
const PerDomain = "each"

// NewDraft is the form as it opens for a slug, which may be empty.
func NewDraft(slug string) Draft {
	d := Draft{Slug: slug, Mode: onboarding.ModePerson}
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
	BlockDomains = "domains"
	blockHost    = "host"
	blockHosts   = "hosts"
	blockMail    = "mail"
	blockForward = "forward"
	BlockMails   = "mails"
	blockCopy    = "copy"
	blockPalette = "palette"
	BlockLogo    = "logo"

	// ActionInput is the action id of every input but those that change the form.
	ActionInput = "input"
	ActionMode  = "onboard.mode"
	ActionOrg   = "onboard.org"
	ActionHost  = "onboard.host"
	ActionMail  = "onboard.mail"
)

// ReadDraft reads a form's state. Inputs that the form does not show at the moment are empty.
func ReadDraft(meta Meta, state map[string]map[string]slack.BlockAction) Draft {
	text := func(block string) string { return strings.TrimSpace(Storable(state[block][ActionInput].Value)) }
	join := state[blockJoin][ActionOrg].SelectedOption
	d := Draft{
		Slug: text(blockSlug), Name: text(blockName), Email: text(blockEmail),
		Mode:    onboarding.Mode(state[blockMode][ActionMode].SelectedOption.Value),
		OrgSlug: text(blockOrgSlug), OrgName: text(blockOrgName),
		Join:    join.Value,
		Domains: text(BlockDomains),
		Host:    state[blockHost][ActionHost].SelectedOption.Value, Hosts: text(blockHosts),
		Mail: state[blockMail][ActionMail].SelectedOption.Value, Forward: text(blockForward), Mails: text(BlockMails),
		Copy: text(blockCopy), Palette: text(blockPalette),
	}
	if join.Text != nil {
		d.JoinName = mrkdwn.Unescape(join.Text.Text)
	}
	if d.Mail == mailNone {
		d.Mail = ""
	}
	if d.Mode == onboarding.ModeOwner {
		d.Logo = meta.Logo
	}
	return d
}

// Storable is text without NUL, which PostgreSQL takes nowhere.
func Storable(text string) string { return strings.ReplaceAll(text, "\x00", "") }

// Remembering keeps of what was typed before what the form does not show at the moment, so that a look at another mode or plan loses
// nothing.
func (d Draft) Remembering(before Draft, state map[string]map[string]slack.BlockAction) Draft {
	for block, field := range map[string][2]*string{
		blockOrgSlug: {&d.OrgSlug, &before.OrgSlug}, blockOrgName: {&d.OrgName, &before.OrgName}, blockHosts: {&d.Hosts, &before.Hosts},
		blockForward: {&d.Forward, &before.Forward}, BlockMails: {&d.Mails, &before.Mails}, blockCopy: {&d.Copy, &before.Copy}, blockPalette: {&d.Palette, &before.Palette},
	} {
		if _, shown := state[block]; !shown {
			*field[0] = *field[1]
		}
	}
	if _, shown := state[blockJoin]; !shown {
		d.Join, d.JoinName = before.Join, before.JoinName
	}
	if _, shown := state[BlockLogo]; !shown {
		d.Logo = before.Logo
	}
	return d
}

// SuggestOrg fills in an Org's slug and name where the person chose to own one and typed none.
func (d Draft) SuggestOrg() Draft {
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
