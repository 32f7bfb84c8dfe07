// Package form reads what people enter, in the modal and behind the slash command, and turns it
// into a request. It also shows the modal and the confirmation. It uses no database and no Slack
// client.
package form

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/visible"
)

// Draft is what somebody has typed so far, in the form or behind the command. It is stored as
// JSON.
type Draft struct {
	Slug  string          `json:"slug,omitempty"`
	Name  string          `json:"name,omitempty"`
	Email string          `json:"email,omitempty"`
	Mode  onboarding.Mode `json:"mode,omitempty"`
	// OrgSlug and OrgName are those of the Org to create, Join and JoinName those of the Org to
	// join.
	OrgSlug  string `json:"org_slug,omitempty"`
	OrgName  string `json:"org_name,omitempty"`
	Join     string `json:"join,omitempty"`
	JoinName string `json:"join_name,omitempty"`
	Domains  string `json:"domains,omitempty"`
	// Host is the host of all domains, or [PerDomain]: then Hosts has a line for each that
	// differs. The same goes for Mail and Mails.
	Host    string `json:"host,omitempty"`
	Hosts   string `json:"hosts,omitempty"`
	Mail    string `json:"mail,omitempty"`
	Forward string `json:"forward,omitempty"`
	Mails   string `json:"mails,omitempty"`
	// Copy, Palette and Logo are the brand of an Org's sites. Logo is the digest of its content.
	Copy    string `json:"copy,omitempty"`
	Palette string `json:"palette,omitempty"`
	Logo    string `json:"logo,omitempty"`
	// At is when changes may be applied first, as [ParseAt] reads it. Empty for at once.
	At string `json:"when,omitempty"`
}

// PerDomain is the value of a choice that differs by domain.
const PerDomain = "each"

// NewDraft returns the draft that a form for a slug begins with. The slug may be empty.
func NewDraft(slug string) Draft {
	d := Draft{Slug: slug, Mode: onboarding.ModePerson}
	if slug != "" {
		d.Domains = slug + ".com"
	}
	return d
}

// The form's block ids. An input keeps its block and action id in every version of the form,
// since Slack keeps what was typed only then (https://docs.slack.dev/surfaces/modals#updating).
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
	blockAt      = "at"

	// ActionInput is the action id of every input that does not change the form.
	ActionInput = "input"
	ActionMode  = "onboard.mode"
	ActionOrg   = "onboard.org"
	ActionHost  = "onboard.host"
	ActionMail  = "onboard.mail"
)

// ReadDraft reads the state of a form. Inputs that the form does not show are empty.
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
		Copy: text(blockCopy), Palette: text(blockPalette), At: text(blockAt),
	}
	if join.Text != nil {
		d.JoinName = blockkit.Unescape(join.Text.Text)
	}
	if d.Mail == mailNone {
		d.Mail = ""
	}
	if d.Mode == onboarding.ModeOwner {
		d.Logo = meta.Logo
	}
	return d
}

// Storable returns what somebody typed in Unicode's normal form C, so that the same letters are
// the same bytes, and without NUL characters, which PostgreSQL does not store.
func Storable(text string) string { return visible.Compose(strings.ReplaceAll(text, "\x00", "")) }

// KeepHidden takes the inputs that the form does not show at the moment from the draft before,
// so nothing is lost when somebody tries another mode.
func (d Draft) KeepHidden(before Draft, state map[string]map[string]slack.BlockAction) Draft {
	for block, field := range map[string][2]*string{
		blockOrgSlug: {&d.OrgSlug, &before.OrgSlug}, blockOrgName: {&d.OrgName, &before.OrgName},
		blockHosts:   {&d.Hosts, &before.Hosts},
		blockForward: {&d.Forward, &before.Forward}, BlockMails: {&d.Mails, &before.Mails},
		blockCopy: {&d.Copy, &before.Copy}, blockPalette: {&d.Palette, &before.Palette},
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

// SuggestOrg fills in the slug and the name of a new Org if both are empty.
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

// DraftOf returns what somebody would have typed for a request. Hosts and mail plans that differ
// are lines by domain.
func DraftOf(request onboarding.Request) Draft {
	d := Draft{Slug: request.Slug, Name: request.DisplayName, Email: request.Email, Mode: request.Mode,
		At: AtText(request.At)}
	switch request.Mode {
	case onboarding.ModeOwner:
		d.OrgSlug, d.OrgName = request.Org.Slug, request.Org.Name
	case onboarding.ModeMember:
		d.Join, d.JoinName = request.Org.Slug, cmp.Or(request.Org.Name, request.Org.Slug)
	}
	var names, hosts, mails []string
	for i, domain := range request.Domains {
		names = append(names, domain.Name)
		hosts = append(hosts, domain.Name+": "+domain.Host)
		mails = append(mails, domain.Name+": "+mailText(domain.Mail))
		if i == 0 {
			d.Host, d.Mail, d.Forward = domain.Host, string(domain.Mail.Plan), domain.Mail.Forward
		}
		if domain.Host != request.Domains[0].Host {
			d.Host = PerDomain
		}
		if domain.Mail != request.Domains[0].Mail {
			d.Mail = PerDomain
		}
	}
	d.Domains = strings.Join(names, "\n")
	if d.Host == PerDomain {
		d.Hosts = strings.Join(hosts, "\n")
	}
	if d.Mail == PerDomain {
		d.Forward, d.Mails = "", strings.Join(mails, "\n")
	}
	if look := request.Brand; look != nil {
		d.Copy, d.Logo = look.Copy, look.Logo
		d.Palette = fmt.Sprintf("%s, %s, %s, %s", look.Palette.Background, look.Palette.Text, look.Palette.Primary,
			look.Palette.Accent)
	}
	return d
}

// mailText is a mail plan as people write it.
func mailText(mail onboarding.Mail) string {
	switch mail.Plan {
	case onboarding.MailNone:
		return mailNone
	case onboarding.MailForward:
		return string(mail.Plan) + " " + mail.Forward
	}
	return string(mail.Plan)
}

// KeepFixed takes what cannot be edited from the request of the run that is edited: its slug and,
// once the Provider's rows were begun, all that they hold.
func (d Draft) KeepFixed(meta Meta, request onboarding.Request, begun bool) Draft {
	d.Slug = request.Slug
	if !begun {
		return d
	}
	was := DraftOf(request)
	d.Name, d.Email, d.Mode = was.Name, was.Email, was.Mode
	d.OrgSlug, d.OrgName, d.Join, d.JoinName = was.OrgSlug, was.OrgName, was.Join, was.JoinName
	if d.Mode == onboarding.ModeOwner {
		d.Logo = meta.Logo
	}
	return d
}
