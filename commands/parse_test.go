package commands

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/inputs"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
)

func TestParseCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want parsedCommand
		err  string
	}{
		{text: "", want: parsedCommand{}},
		{text: "  merche-biche ", want: parsedCommand{slug: "merche-biche"}},
		{text: "help", want: parsedCommand{word: "help"}},
		{text: "LIST", want: parsedCommand{word: "list"}},
		{text: "status merche-biche", want: parsedCommand{word: "status", slug: "merche-biche"}},
		{text: "cancel Merche_Biche",
			want: parsedCommand{word: "cancel", slug: "merche-biche",
				hint: "A slug is kebab-case, so `Merche_Biche` became `merche-biche`."}},
		{text: "Merche Biche",
			want: parsedCommand{slug: "merche-biche",
				hint: "A slug is kebab-case, so `Merche Biche` became `merche-biche`."}},
		{text: "Merche mode=agency",
			want: parsedCommand{slug: "merche", hint: "A slug is kebab-case, so `Merche` became `merche`.",
				inputs: inputs.Line{Slug: "Merche", Values: map[inputs.Key]string{inputs.Mode: "owner"}}}},
		{text: "plan merche name=“M”",
			want: parsedCommand{word: "plan", slug: "merche",
				inputs: inputs.Line{Slug: "merche", Values: map[inputs.Key]string{inputs.Name: "M"}}}},
		{text: "a&amp;b mode=person",
			want: parsedCommand{hint: "`a&amp;b` cannot be a slug. A slug is kebab-case: lower-case letters a-z and " +
				"digits, with single hyphens between them, such as merche-biche.",
				inputs: inputs.Line{Slug: "a&b", Values: map[inputs.Key]string{inputs.Mode: "person"}}}},
		{text: "merche naem=x", want: parsedCommand{slug: "merche",
			hint: `At character 8: "naem" isn't a known key. Did you mean name?`, unread: true,
			inputs: inputs.Line{Slug: "merche", Values: map[inputs.Key]string{}}}},
		{text: "undo Merche at=02:00",
			want: parsedCommand{word: "undo", slug: "merche",
				hint:   "A slug is kebab-case, so `Merche` became `merche`.",
				inputs: inputs.Line{Values: map[inputs.Key]string{inputs.At: "02:00"}}}},
		{text: "undo merche name=x at=02:00",
			err: "Only at= can be typed here, as in `/onboard undo merche-biche at=02:00`."},
		{text: "undo at=02:00", err: "Only at= can be typed here, as in `/onboard undo merche-biche at=02:00`."},
		{text: "undo merche at=", err: "At character 8: at has no value."},
		{text: "plna merche mode=person",
			err: "`plna` is not a known command. Did you mean `/onboard plan merche mode=person`?"},
		{text: "retyr",
			want: parsedCommand{slug: "retyr", hint: "Did you mean `/onboard retry`? If so, close this form."}},
		{text: "retry", err: "Which Provider? For example `/onboard retry merche-biche`."},
		{text: "retyr merche", err: "`retyr` is not a known command. Did you mean `/onboard retry merche`?"},
		{text: "&lt;!channel&gt;",
			err: "`&lt;!channel&gt;` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, " +
				"with single hyphens between them, such as merche-biche."},
		{text: "status ../..",
			err: "`../..` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, with single " +
				"hyphens between them, such as merche-biche."},
		{text: strings.Repeat("x", 300),
			err: "`" + strings.Repeat("x",
				39) + "…` cannot be a slug. A slug has at most 40 characters; this one has 300."},
		{text: "a`b\x00\u202e",
			err: "`aˋb\\u0000\\u202e` cannot be a slug. A slug is kebab-case: lower-case letters a-z and digits, " +
				"with single hyphens between them, such as merche-biche."},
	} {
		got, err := parseCommand("/onboard", c.text)
		if message := errorText(err); message != c.err {
			t.Errorf("%q: error %q, want %q", c.text, message, c.err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(parsedCommand{})); err == nil && diff != "" {
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

func TestCommandWordsAreReserved(t *testing.T) {
	t.Parallel()
	for _, word := range Words() {
		if problem := onboarding.CheckSlug(word, Words()); problem == "" {
			t.Errorf("%s could be a slug", word)
		}
	}
}

// TestInline reads testdata/inline: what is typed behind the command, and the draft and the
// problems that it becomes. A new case is a new file.
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
			read, err := parseCommand("/onboard", strings.TrimSuffix(string(archive.Files[0].Data), "\n"))
			if err != nil {
				t.Fatal(err)
			}
			typed := form.NewDraft(read.slug).With(read.inputs)
			request, problems := typed.Request([]string{"vps-0", "vps-1"}, time.Now())
			golden.Compare(t, file,
				txtar.Format(&txtar.Archive{Files: []txtar.File{archive.Files[0],
					{Name: "hint", Data: []byte(read.hint + "\n")},
					{Name: "draft", Data: golden.Indented(typed)}, {Name: "request", Data: golden.Indented(request)},
					{Name: "problems", Data: golden.Indented(problems)}}}))
		})
	}
}
