package form

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
)

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
	got, problems := d.Request(twoHosts)
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}
