package bot

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/slack-go/slack"
)

var write = flag.Bool("write", false, "write the golden files anew")

// Each file of testdata/check holds blocks for a surface, N meaning a text of N characters where it is written {{N}}, and what Check
// says of them.
func TestCheckGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/check/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	named := map[string]Surface{"message": InMessage, "modal": InModal, "home": InHome}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			surface, ok := named[strings.TrimSpace(string(archive.Comment))]
			if !ok || len(archive.Files) != 2 {
				t.Fatalf("wants a surface, blocks.json and problems, has %q and %d files", archive.Comment, len(archive.Files))
			}
			blocks := stored([]byte(expand(t, string(archive.Files[0].Data))))
			if blocks == nil {
				t.Fatal("blocks.json is no list")
			}
			got := ""
			if err := Check(blocks, surface); err != nil {
				got = err.Error() + "\n"
			}
			if *write {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// expand writes N characters for {{N}}.
func expand(t *testing.T, text string) string {
	for {
		before, rest, found := strings.Cut(text, "{{")
		if !found {
			return text
		}
		number, after, _ := strings.Cut(rest, "}}")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		text = before + strings.Repeat("x", n) + after
	}
}

func TestCheckCounts(t *testing.T) {
	t.Parallel()
	divider := slack.NewDividerBlock()
	for surface, limit := range map[Surface]int{InMessage: 50, InModal: 100, InHome: 100} {
		blocks := make([]slack.Block, limit+1)
		for i := range blocks {
			blocks[i] = divider
		}
		if err := Check(blocks[:limit], surface); err != nil {
			t.Errorf("%s: %v", surface, err)
		}
		if err := Check(blocks, surface); err == nil || !strings.Contains(err.Error(), strconv.Itoa(limit)) {
			t.Errorf("%s: %v", surface, err)
		}
		fitting, over := Fit(blocks, surface, Context("more"))
		if !over || len(fitting) != limit || fitting[limit-1].BlockType() != slack.MBTContext {
			t.Errorf("%s: %d fit", surface, len(fitting))
		}
	}
}

func TestCheckView(t *testing.T) {
	t.Parallel()
	input := slack.NewInputBlock("slug", Plain("Slug", MaxInputLabel), nil, slack.NewPlainTextInputBlockElement(nil, "slug"))
	view := slack.ModalViewRequest{Type: slack.VTModal, Title: Plain("Onboard a Provider", MaxViewTitle), Blocks: slack.Blocks{BlockSet: []slack.Block{input}}}
	if err := CheckView(view); err == nil || err.Error() != "/view/submit: is missing, and there are inputs" {
		t.Error(err)
	}
	view.Submit = Plain("Go", MaxViewTitle)
	if err := CheckView(view); err != nil {
		t.Error(err)
	}
	view.Title = slack.NewTextBlockObject(slack.PlainTextType, strings.Repeat("t", 25), false, false)
	view.PrivateMetadata = strings.Repeat("m", 3001)
	view.CallbackID = strings.Repeat("c", 256)
	view.Blocks.BlockSet = append(view.Blocks.BlockSet, input)
	want := `/view/title: has 25 characters, at most 24
/view/private_metadata: has 3001 characters, at most 3000
/view/callback_id: has 256 characters, at most 255
/view/blocks/1/block_id: "slug" is used twice`
	if err := CheckView(view); err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, err.Error()))
	}
}

func TestSectionsKeepEverything(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a line of the log & more\n", 400)
	var kept strings.Builder
	for _, block := range PreSections(text) {
		code := block.(*slack.SectionBlock).Text.Text
		kept.WriteString(strings.TrimSuffix(strings.TrimPrefix(code, "```\n"), "\n```") + "\n")
	}
	if got := strings.TrimSuffix(kept.String(), "\n"); got != Escape(text) {
		t.Error(cmp.Diff(Escape(text), got))
	}
}

func TestBuildersStayWithinLimits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "blank": " \n", "long": strings.Repeat("ä& ", 9000), "lines": strings.Repeat("line <x>\n", 3000),
		"token": "<https://x.test/" + strings.Repeat("y", 9000) + ">", "ticks": strings.Repeat("```", 4000)} {
		blocks := []slack.Block{Header(text), Section(Escape(text)), Context(Escape(text)),
			slack.NewActionBlock("a", Button("b", "v", text, slack.StylePrimary).WithConfirm(Confirm(text, text, text, text)),
				slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, Plain(text, MaxPlaceholder), "s", Option("v", text, text)))}
		tasks := make([]slack.TaskCardBlock, 60)
		for i := range tasks {
			tasks[i] = Task(strconv.Itoa(i), text, slack.TaskCardStatusInProgress, text)
		}
		for _, set := range [][]slack.Block{blocks, {Plan(text, tasks...)}, {Fields(Escape(text), Escape(text))}} {
			if err := Check(set, InMessage); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for kind, many := range map[string][]slack.Block{"sections": Sections(text), "pre": PreSections(text)} {
			fitting, _ := Fit(many, InMessage, Context("more in the file"))
			if err := Check(fitting, InMessage); err != nil {
				t.Errorf("%s as %s: %v", name, kind, err)
			}
		}
	}
}
