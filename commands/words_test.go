package commands

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestUnderstand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want phrase
		err  string
	}{
		{text: "", want: phrase{}},
		{text: "  merche-biche ", want: phrase{slug: "merche-biche"}},
		{text: "help", want: phrase{word: "help"}},
		{text: "LIST", want: phrase{word: "list"}},
		{text: "status merche-biche", want: phrase{word: "status", slug: "merche-biche"}},
		{text: "cancel Merche_Biche", want: phrase{word: "cancel", slug: "merche-biche", hint: "A slug is kebab-case, so `Merche_Biche` became `merche-biche`."}},
		{text: "Merche Biche", want: phrase{slug: "merche-biche", hint: "A slug is kebab-case, so `Merche Biche` became `merche-biche`."}},
		{text: "retyr", want: phrase{slug: "retyr", hint: "Did you mean `/onboard retry`? Then close this."}},
		{text: "retry", err: "Which Provider? Say `/onboard retry merche-biche`."},
		{text: "retyr merche", err: "`retyr` is not something I know. Did you mean `/onboard retry merche`?"},
		{text: "&lt;!channel&gt;", err: "`&lt;!channel&gt;` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such as merche-biche."},
		{text: "status ../..", err: "`../..` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such as merche-biche."},
		{text: strings.Repeat("x", 300), err: "`" + strings.Repeat("x", 39) + "…` cannot be a slug. A slug has at most 40 characters; this one has 300."},
		{text: "a`b\x00\u202e", err: "`aˋb\\u0000\\u202e` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such as merche-biche."},
	} {
		got, err := understand("/onboard", c.text)
		if message := errorText(err); message != c.err {
			t.Errorf("%q: error %q, want %q", c.text, message, c.err)
		}
		if err == nil && got != c.want {
			t.Errorf("%q: %+v, want %+v", c.text, got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMendSlug(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"Merche Biche": "merche-biche", "--merche__biche--": "merche-biche", "Mercé O’Biche": "merce-obiche", "ÅNGSTRÖM 2": "angstrom-2",
		"x;rm -rf /": "", "../..": "", "@ana": "", "": "", "---": "", "日本": "", strings.Repeat("ab ", 20): "", "a\nb": "",
	} {
		if got, ok := mendSlug(typed); ok != (want != "") || ok && got != want {
			t.Errorf("%q became %q, %t; want %q", typed, got, ok, want)
		}
	}
}

func TestWordsAreNoSlugs(t *testing.T) {
	t.Parallel()
	for _, word := range Words() {
		if problem := onboarding.CheckSlug(word, Words()); problem == "" {
			t.Errorf("%s could be a slug", word)
		}
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain\ttext\n": "plain\ttext\n", "\x1b[31m": `\u001b[31m`, "a\u202eb": `a\u202eb`, "\xff": `\xff`, "\U000e0041": `\U000e0041`, "ñ – 日本 😀": "ñ – 日本 😀", "\u00a0": `\u00a0`,
	} {
		if got := visible(text); got != want {
			t.Errorf("%q shows as %q, want %q", text, got, want)
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"ab\ncd\n", []string{"ab\ncd"}},
		{"abcd\nefgh\nij", []string{"abcd", "efgh\nij"}},
		{"abcdefghijklmnop\nq", []string{"abcdefgh", "ijklmnop", "\nq"}},
		{"ééééééééé", []string{"éééééééé", "é"}},
	} {
		if diff := cmp.Diff(c.want, chunks(c.text, 8)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestDraftBecomesARequest(t *testing.T) {
	t.Parallel()
	d := draft{slug: "merche-biche", name: "Merche", email: "m@example.com", mode: onboarding.ModeMember, orgSlug: "left-over", orgName: "Left over", join: "cocotte",
		domains: "Merche-Biche.COM., mañana.example;www.x.example\n\n not_a_domain"}
	want := onboarding.Request{Slug: "merche-biche", DisplayName: "Merche", Email: "m@example.com", Mode: onboarding.ModeMember, Org: onboarding.Org{Slug: "cocotte"},
		Domains: []onboarding.Domain{{Name: "merche-biche.com", Host: "vps-0"}, {Name: "xn--maana-pta.example", Host: "vps-0"}, {Name: "www.x.example", Host: "vps-0"}, {Name: "not_a_domain", Host: "vps-0"}}}
	if diff := cmp.Diff(want, d.request("vps-0")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	config := Config{Command: "onboard", Channels: []string{"#ops"}, Operators: []string{"ana"}}
	config.Defaults()
	want := `command: "onboard" is not a slash command, such as /onboard
channels[0]: "#ops" is not the id of a channel, such as C0123ABCD
operators[0]: "ana" is not the id of a person (U…) or a user group (S…)
approvers: name at least one person or user group`
	if got := errorText(config.Validate()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
