package form

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// TestDraftOf turns requests into drafts and back.
func TestDraftOf(t *testing.T) {
	t.Parallel()
	hosts := []string{"vps-0", "vps-1"}
	mailbox := onboarding.Mail{Plan: onboarding.MailMailbox}
	forward := onboarding.Mail{Plan: onboarding.MailForward, Forward: "me@example.org"}
	base := onboarding.Request{Slug: "merche-biche", DisplayName: "Merche Biche", Email: "merche@example.com",
		Mode: onboarding.ModePerson,
		At:   &onboarding.Moment{Time: time.Now().UTC().Add(20 * time.Hour).Truncate(time.Minute), Zone: "Asia/Tokyo"}}
	owner := base
	owner.Mode, owner.Org = onboarding.ModeOwner, onboarding.Org{Slug: "merche-collective", Name: "Merche Collective"}
	owner.Brand = &onboarding.Brand{Copy: "Welcome.", Palette: brand.DefaultPalette, Logo: "abc"}
	member := base
	member.Mode, member.Org = onboarding.ModeMember, onboarding.Org{Slug: "cocotte"}
	for name, request := range map[string]onboarding.Request{"person": base, "owner": owner, "member": member} {
		for _, domains := range [][]onboarding.Domain{
			{{Name: "a.example", Host: "vps-1"}},
			{{Name: "a.example", Host: "vps-0", Mail: forward}, {Name: "b.example", Host: "vps-0", Mail: forward}},
			{{Name: "a.example", Host: "vps-0", Mail: mailbox}, {Name: "b.example", Host: "vps-1", Mail: forward},
				{Name: "c.example", Host: "vps-0"}},
		} {
			request.Domains = domains
			got, problems := DraftOf(request).Request(hosts, time.Now())
			if diff := cmp.Diff(request, got); diff != "" || len(problems) > 0 {
				t.Errorf("%s: problems %v (-want +got)\n%s", name, problems, diff)
			}
		}
	}
}

func TestCorrectSlug(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"Merche Biche": "merche-biche", "--merche__biche--": "merche-biche", "Mercé O’Biche": "merce-obiche",
		"ÅNGSTRÖM 2": "angstrom-2",
		"x;rm -rf /": "", "../..": "", "@ana": "", "": "", "---": "", "日本": "", strings.Repeat("ab ", 20): "",
		"a\nb": "",
	} {
		if got, ok := CorrectSlug(typed); ok != (want != "") || ok && got != want {
			t.Errorf("%q became %q, %t; want %q", typed, got, ok, want)
		}
	}
}

// TestProblemAlertsKeepEverySentence shows more text than one alert can hold.
func TestProblemAlertsKeepEverySentence(t *testing.T) {
	t.Parallel()
	one := strings.Repeat("é", 120) + "."
	alerts := string(golden.Indented(problemAlerts(one + " <b> is short. " + one + " & that is all.")))
	for _, want := range []string{one + ` &lt;b&gt; is short."`, one + ` &amp; that is all."`} {
		if !strings.Contains(alerts, want) {
			t.Errorf("%s is not in\n%s", want, alerts)
		}
	}
	if got := strings.Count(alerts, `"alert"`); got != 2 {
		t.Errorf("%d alerts", got)
	}
}

func TestDraftBecomesARequest(t *testing.T) {
	t.Parallel()
	d := Draft{Slug: "merche-biche", Name: "Merche", Email: "m@example.com", Mode: onboarding.ModeMember,
		Host: PerDomain, Hosts: "Mañana.example: VPS-1", OrgSlug: "left-over", OrgName: "Left over", Join: "cocotte",
		Domains: "Merche-Biche.COM., mañana.example;www.x.example\n\n not_a_domain", Mail: PerDomain,
		Mails: "mañana.example: Forward me@example.com\nmerche-biche.com mailbox"}
	want := onboarding.Request{Slug: "merche-biche", DisplayName: "Merche", Email: "m@example.com",
		Mode: onboarding.ModeMember, Org: onboarding.Org{Slug: "cocotte"},
		Domains: []onboarding.Domain{{Name: "merche-biche.com", Host: "vps-0",
			Mail: onboarding.Mail{Plan: onboarding.MailMailbox}},
			{Name: "xn--maana-pta.example", Host: "vps-1",
				Mail: onboarding.Mail{Plan: onboarding.MailForward, Forward: "me@example.com"}},
			{Name: "www.x.example", Host: "vps-0"}, {Name: "not_a_domain", Host: "vps-0"}}}
	got, problems := d.Request(twoHosts, time.Now())
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}
