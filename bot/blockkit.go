package bot

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Builders never exceed Slack's limits: what is too long is cut, or split where that is said. Those that take mrkdwn want text from
// people escaped with [Escape] before; those that take plain text escape it themselves.

// Plain is a plain_text object.
func Plain(text string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, Truncate(Escape(nonEmpty(text)), limit), false, false)
}

// Mrkdwn is a mrkdwn object. It is verbatim: nothing in it becomes a link or a mention by itself.
func Mrkdwn(mrkdwn string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, Truncate(nonEmpty(mrkdwn), limit), false, true)
}

// nonEmpty stands in for no text at all, which Slack refuses.
func nonEmpty(text string) string {
	if strings.TrimSpace(text) == "" {
		return "–"
	}
	return text
}

// Header is a header block of plain text.
func Header(text string) *slack.HeaderBlock { return slack.NewHeaderBlock(Plain(text, MaxHeader)) }

// Section is one section; what is too long for it is cut. [Sections] keeps everything.
func Section(mrkdwn string) *slack.SectionBlock {
	return slack.NewSectionBlock(Mrkdwn(mrkdwn, MaxSectionText), nil, nil)
}

// Sections shows mrkdwn in as many sections as it takes, cut at line ends where there are any. A code block is better split with
// [PreSections].
func Sections(mrkdwn string) []slack.Block {
	var blocks []slack.Block
	for _, part := range split(mrkdwn, MaxSectionText) {
		blocks = append(blocks, Section(part))
	}
	return blocks
}

// PreSections shows raw text as code in as many sections as it takes, each a code block of its own.
func PreSections(text string) []slack.Block {
	var blocks []slack.Block
	for _, part := range split(inPre(text), MaxSectionText-len("```\n\n```")) {
		blocks = append(blocks, Section("```\n"+part+"\n```"))
	}
	return blocks
}

// split cuts text into parts of at most limit characters, at the last line end of each where there is one.
func split(text string, limit int) []string {
	var parts []string
	for utf8.RuneCountInString(text) > limit {
		end := cut(text, limit)
		if line := strings.LastIndexByte(text[:end], '\n'); line > 0 {
			parts, text = append(parts, text[:line]), text[line+1:]
			continue
		}
		if end == 0 {
			// A token longer than a whole part cannot stay in one piece.
			end = len(string([]rune(text)[:limit]))
		}
		parts, text = append(parts, text[:end]), text[end:]
	}
	return append(parts, text)
}

// Fields is a section of up to ten mrkdwn fields, in two columns.
func Fields(fields ...string) *slack.SectionBlock {
	section := slack.NewSectionBlock(nil, nil, nil)
	for _, field := range fields[:min(len(fields), MaxSectionFields)] {
		section.Fields = append(section.Fields, Mrkdwn(field, MaxSectionField))
	}
	return section
}

// Context is a line of small mrkdwn texts, ten at most.
func Context(texts ...string) *slack.ContextBlock {
	var elements []slack.MixedElement
	for _, text := range texts[:min(len(texts), MaxContextElements)] {
		elements = append(elements, Mrkdwn(text, MaxTextObject))
	}
	return slack.NewContextBlock("", elements...)
}

// Button is a button that carries an id. style is empty, slack.StylePrimary or slack.StyleDanger.
func Button(actionID, value, text string, style slack.Style) *slack.ButtonBlockElement {
	button := slack.NewButtonBlockElement(actionID, value, Plain(text, MaxButtonText))
	button.Style = style
	return button
}

// Confirm asks before a click counts. Text is plain.
func Confirm(title, text, confirm, deny string) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(Plain(title, MaxConfirmTitle), Plain(text, MaxConfirmText),
		Plain(confirm, MaxConfirmButton), Plain(deny, MaxConfirmButton))
}

// Option is an option of a select, of radio buttons or checkboxes. Values are ids, at most [MaxOptionValue] characters, and never cut.
func Option(value, text, description string) *slack.OptionBlockObject {
	option := slack.NewOptionBlockObject(value, Plain(text, MaxOptionText), nil)
	if description != "" {
		option.Description = Plain(description, MaxOptionDescription)
	}
	return option
}

// maxTaskTitle keeps a full plan within [MaxMessageWeight]; Slack names no limit.
const maxTaskTitle = 75

// maxTaskDetails is what a glance at a task can take; the rest belongs in the thread.
const maxTaskDetails = 300

// maxPlanWeight leaves room for what stands beside a plan.
const maxPlanWeight = MaxMessageWeight * 3 / 4

// Task is one line of a plan. Details are raw text, empty for none; both are cut where a plan is no place for more.
func Task(id, title string, status slack.TaskCardStatus, details string) slack.TaskCardBlock {
	task := slack.NewTaskCardBlock(id, Truncate(Escape(nonEmpty(title)), maxTaskTitle))
	task.Status = status
	if strings.TrimSpace(details) != "" {
		task.Details = RichText(Truncate(details, maxTaskDetails))
	}
	return *task
}

// Plan shows tasks, each with its state, under a title; messages only, and with a fallback for workspaces without it. Tasks beyond
// [MaxPlanTasks] are left out. Details are, when the message would be too long with them: first those of complete tasks, then all.
func Plan(title string, tasks ...slack.TaskCardBlock) *slack.PlanBlock {
	plan := slack.NewPlanBlock(Truncate(Escape(nonEmpty(title)), MaxHeader))
	plan.Tasks = slices.Clone(tasks[:min(len(tasks), MaxPlanTasks)])
	for _, all := range []bool{false, true} {
		if weight(1, plan) <= maxPlanWeight {
			break
		}
		for i := range plan.Tasks {
			if task := &plan.Tasks[i]; all || task.Status == slack.TaskCardStatusComplete {
				task.Details, task.Output = nil, nil
			}
		}
	}
	return plan
}

// RichText is raw text as rich text, where nothing needs escaping.
func RichText(text string) *slack.RichTextBlock {
	return slack.NewRichTextBlock("", slack.NewRichTextSection(
		slack.NewRichTextSectionTextElement(Truncate(nonEmpty(text), MaxTextObject), nil)))
}
