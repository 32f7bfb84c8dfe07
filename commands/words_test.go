package commands

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/inputs"
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
		{text: "Merche mode=agency", want: phrase{slug: "merche", hint: "A slug is kebab-case, so `Merche` became `merche`.",
			inputs: inputs.Line{Slug: "Merche", Values: map[inputs.Key]string{inputs.Mode: "owner"}}}},
		{text: "plan merche name=“M”", want: phrase{word: "plan", slug: "merche", inputs: inputs.Line{Slug: "merche", Values: map[inputs.Key]string{inputs.Name: "M"}}}},
		{text: "a&amp;b mode=person", want: phrase{hint: "`a&amp;b` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such as merche-biche.",
			inputs: inputs.Line{Slug: "a&b", Values: map[inputs.Key]string{inputs.Mode: "person"}}}},
		{text: "merche naem=x", want: phrase{slug: "merche", hint: "At character 8: naem is no input. Did you mean name?", unread: true,
			inputs: inputs.Line{Slug: "merche", Values: map[inputs.Key]string{}}}},
		{text: "plna merche mode=person", err: "`plna` is not something I know. Did you mean `/onboard plan merche mode=person`?"},
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
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(phrase{})); err == nil && diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
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
		"👩\u200d👧 ❤\ufe0f\u200d🔥": "👩\u200d👧 ❤\ufe0f\u200d🔥", "mer\u200dche": `mer\u200dche`, "👩\u200d": `👩\u200d`,
	} {
		if got := visible(text); got != want {
			t.Errorf("%q shows as %q, want %q", text, got, want)
		}
	}
}

// TestNothingIsMarkup writes text from people into a line of mrkdwn, where it must neither format nor lose anything.
func TestNothingIsMarkup(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"*b* `c`": "∗b∗ ˋcˋ", "_i_ _j_ ~s~": "ˍiˍ ˍjˍ ∼s∼", "(_two words_)": "(ˍtwo wordsˍ)", "<!channel> & <@U1>": "&lt;!channel&gt; &amp; &lt;@U1&gt;",
		"org_members of _template": "org_members of _template", "~/Code/@projects": "~/Code/@projects", "a\nb": "a b",
	} {
		if got := inline(text); got != want {
			t.Errorf("%q reads %q, want %q", text, got, want)
		}
	}
}

func TestDomainsAsTheyAreRead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"merche-biche.com": "merche-biche.com", "xn--bcher-kva.example": "xn--bcher-kva.example (bücher.example)", "xn--99999.example": "xn--99999.example",
	} {
		if got := domainName(name); got != want {
			t.Errorf("%s reads %s, want %s", name, got, want)
		}
	}
}

func TestWholeLines(t *testing.T) {
	t.Parallel()
	if got := whole([]string{"one", "two"}, 100); got != "one\ntwo" {
		t.Errorf("got %q", got)
	}
	if got := whole([]string{"one", "two", strings.Repeat("x", 100)}, 30); got != "one\ntwo\n… and 1 more" {
		t.Errorf("got %q", got)
	}
}

// TestExcerptShares gives a long file the room that its neighbours do not need, and no more.
func TestExcerptShares(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("x\n", 40))
	left := room{lines: 44, chars: 1000, each: 22}
	for _, c := range []struct {
		parts  []part
		hidden int
	}{
		{[]part{{body: "subject"}, {body: long}}, 0},
		{[]part{{body: long}, {body: long}}, 37},
		{[]part{{body: "subject"}, {body: strings.Repeat("x\n", 60)}}, 19},
	} {
		if _, hidden := excerpt(c.parts, left); hidden != c.hidden {
			t.Errorf("%d lines are hidden, want %d", hidden, c.hidden)
		}
	}
}

// TestComplaintsKeepEverySentence says more than one alert takes.
func TestComplaintsKeepEverySentence(t *testing.T) {
	t.Parallel()
	one := strings.Repeat("é", 120) + "."
	alerts := string(indented(complaints(one + " <b> is short. " + one + " & that is all.")))
	for _, want := range []string{one + ` &lt;b&gt; is short."`, one + ` &amp; that is all."`} {
		if !strings.Contains(alerts, want) {
			t.Errorf("%s is not in\n%s", want, alerts)
		}
	}
	if got := strings.Count(alerts, `"alert"`); got != 2 {
		t.Errorf("%d alerts", got)
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
	d := draft{Slug: "merche-biche", Name: "Merche", Email: "m@example.com", Mode: onboarding.ModeMember, Host: each, Hosts: "Mañana.example: VPS-1", OrgSlug: "left-over", OrgName: "Left over", Join: "cocotte",
		Domains: "Merche-Biche.COM., mañana.example;www.x.example\n\n not_a_domain", Mail: each, Mails: "mañana.example: Forward me@example.com\nmerche-biche.com mailbox"}
	want := onboarding.Request{Slug: "merche-biche", DisplayName: "Merche", Email: "m@example.com", Mode: onboarding.ModeMember, Org: onboarding.Org{Slug: "cocotte"},
		Domains: []onboarding.Domain{{Name: "merche-biche.com", Host: "vps-0", Mail: onboarding.Mail{Plan: onboarding.MailMailbox}},
			{Name: "xn--maana-pta.example", Host: "vps-1", Mail: onboarding.Mail{Plan: onboarding.MailForward, Forward: "me@example.com"}},
			{Name: "www.x.example", Host: "vps-0"}, {Name: "not_a_domain", Host: "vps-0"}}}
	got, problems := d.request(twoHosts)
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}

// TestInline reads testdata/inline: what is typed behind the command, and the draft and the problems that it becomes. A new case is
// a new file.
func TestInline(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inline/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			read, err := understand("/onboard", strings.TrimSuffix(string(archive.Files[0].Data), "\n"))
			if err != nil {
				t.Fatal(err)
			}
			typed := newDraft(read.slug).with(read.inputs)
			request, problems := typed.request(twoHosts)
			golden(t, file, txtar.Format(&txtar.Archive{Files: []txtar.File{archive.Files[0], {Name: "hint", Data: []byte(read.hint + "\n")},
				{Name: "draft", Data: indented(typed)}, {Name: "request", Data: indented(request)}, {Name: "problems", Data: indented(problems)}}}))
		})
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
