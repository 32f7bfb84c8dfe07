package form

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
)

func TestConfirmation(t *testing.T) {
	t.Parallel()
	request, _ := Draft{Slug: "merche-biche", Name: "Merche <Biche>", Email: "merche@example.com",
		Mode: onboarding.ModeOwner, OrgSlug: "m", OrgName: "M & *F*",
		Domains: "merche-biche.com merche.example", Mail: PerDomain, Mails: "merche.example: forward me@example.org",
		Copy: "Hello", Palette: "#fff"}.Request(twoHosts, time.Now())
	reply := Confirmation(request, twoHosts, "merche-biche",
		uuid.MustParse("0198c0de-0000-7000-8000-000000000009")).Reply()
	golden.CheckMessages(t, []post.Message{{Key: "offer", Text: reply.Text, Blocks: reply.Blocks}})
	golden.Compare(t, filepath.Join("testdata", "reply", "offer.txtar"),
		txtar.Format(&txtar.Archive{Files: []txtar.File{
			{Name: "text", Data: []byte(reply.Text + "\n")},
			{Name: "blocks.json", Data: golden.Indented(reply.Blocks)}}}))
}

var twoHosts = []string{"vps-0", "vps-1"}

func TestForm(t *testing.T) {
	t.Parallel()
	typed := Draft{Slug: "merche-biche", Name: "Merche <Biche>", Email: "merche@example.com",
		Mode: onboarding.ModePerson, Domains: "merche-biche.com\nmerche.example"}
	owner, member := typed, typed
	owner.Mode = onboarding.ModeOwner
	member.Mode, member.Join, member.JoinName = onboarding.ModeMember, "cocotte", "Cocotte & Friends"
	meta := Meta{Channel: "C0OPS"}
	for name, form := range map[string]Form{
		"empty": {Meta: meta, Draft: NewDraft("")},
		"person": {Meta: meta, Draft: NewDraft("merche-biche"), Hosts: []string{"vps-0"},
			Hints: []string{"A slug is kebab-case, so `Merche Biche` became `merche-biche`."}},
		"owner":  {Meta: meta, Draft: owner.SuggestOrg(), Hosts: twoHosts},
		"member": {Meta: Meta{Channel: "C0OPS", Plan: true}, Draft: member, Hosts: twoHosts},
		"problems": {Meta: meta, Draft: member, Hosts: twoHosts, Problems: member.AtBlocks(onboarding.Problems{
			onboarding.FieldSlug: "transquinnftw is taken by a Provider.",
			onboarding.FieldName: strings.Repeat("n", 500), onboarding.FieldEmail: "e", onboarding.FieldMode: "m",
			onboarding.FieldOrg: "o", onboarding.FieldDomains: "d", onboarding.FieldHost: "h",
			onboarding.FieldMail: "m"}, twoHosts), Hints: []string{mrkdwn.MarkFailed + " Look again."}},
		"brand-problems": {Meta: Meta{Channel: "C0OPS", Slug: "merche-biche", Resumed: true}, Draft: withBrand(),
			Hosts: twoHosts, Problems: FieldErrors{
				blockPalette: "Text #eeeeee on #ffffff has a contrast of 1.16:1.",
				BlockMails:   "pigeon is not a mail plan.",
				BlockLogo:    "logo.svg cannot be used: it contains <script>.",
			}, Hints: []string{"This is what you typed."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := form.View()
			golden.CheckView(t, view)
			golden.Compare(t, filepath.Join("testdata", "view", name+".json"), golden.Indented(view))
		})
	}
}

func withBrand() Draft {
	return Draft{Slug: "merche-biche", Mode: onboarding.ModeOwner, Domains: "merche-biche.com", Host: PerDomain,
		Hosts: "merche-biche.com: vps-1", Mail: PerDomain, Mails: "merche-biche.com: pigeon",
		Copy: "Hello", Palette: "#fff #eee", Logo: strings.Repeat("ab", 32)}
}
