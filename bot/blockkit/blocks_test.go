package blockkit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

func TestFitCountsBlocks(t *testing.T) {
	t.Parallel()
	divider := slack.NewDividerBlock()
	for surface, limit := range map[Surface]int{InMessage: 50, InModal: 100, InHome: 100} {
		blocks := make([]slack.Block, limit+1)
		for i := range blocks {
			blocks[i] = divider
		}
		fitting, over := Fit(blocks, surface, Context("more"))
		if !over || len(fitting) != limit || fitting[limit-1].BlockType() != slack.MBTContext {
			t.Errorf("%s: %d fit", surface, len(fitting))
		}
	}
}

func TestSectionsKeepEverything(t *testing.T) {
	t.Parallel()
	text := Escape(strings.Repeat("a line of the log & more\n", 400))
	var kept []string
	for _, block := range Sections(text) {
		kept = append(kept, block.(*slack.SectionBlock).Text.Text)
	}
	diff := cmp.Diff(strings.TrimSuffix(text, "\n"), strings.TrimSuffix(strings.Join(kept, "\n"), "\n"))
	if diff != "" {
		t.Error(diff)
	}
}

func TestBuildersStayWithinLimits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "",
		"blank": " \n",
		"long":  strings.Repeat("ä& ", 9000),
		"lines": strings.Repeat("line <x>\n", 3000),
		"token": "<https://x.test/" + strings.Repeat("y", 9000) + ">",
		"ticks": strings.Repeat("```", 4000),
	} {
		blocks := []slack.Block{Header(text), Section(Escape(text)), Context(Escape(text)),
			slack.NewActionBlock(
				"a",
				Button("b", "v", text, slack.StylePrimary).WithConfirm(Confirm(text, text, text, text)),
				slack.NewOptionsSelectBlockElement(
					slack.OptTypeStatic,
					Plain(text, MaxPlaceholder),
					"s",
					Option("v", text, text),
				),
			)}
		tasks := make([]slack.TaskCardBlock, 60)
		for i := range tasks {
			tasks[i] = Task(strconv.Itoa(i), text, slack.TaskCardStatusInProgress, text)
		}
		for _, set := range [][]slack.Block{blocks, {Plan(text, tasks...)}} {
			if err := accepted(set); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		fitting, _ := Fit(Sections(text), InMessage, Context("more in the file"))
		if err := accepted(fitting); err != nil {
			t.Errorf("%s as sections: %v", name, err)
		}
	}
}

// accepted reports why Slack would refuse blocks in a message: by its schema, or by their weight,
// for which no schema exists.
func accepted(blocks []slack.Block) error {
	if weight := Weight(blocks...); weight > MaxMessageWeight {
		return fmt.Errorf("weighs %d, at most %d", weight, MaxMessageWeight)
	}
	encoded, err := json.Marshal(blocks)
	if err != nil {
		return err
	}
	_, problems, err := blockcheck.Blocks(encoded, blockcheck.Options{})
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%v", problems)
	}
	return err
}

func TestAboutIsPlain(t *testing.T) {
	t.Parallel()
	button := About(Button("a", "1", "Approve <all>", ""), "Merche & Co")
	if button.Text.Text != "Approve &lt;all&gt;" || button.AccessibilityLabel != "Approve <all> Merche & Co" {
		t.Errorf("it shows %q, a screen reader reads %q", button.Text.Text, button.AccessibilityLabel)
	}
}
