package blockkit

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// maxTaskTitle keeps a full plan within [MaxMessageWeight]; Slack names no limit.
const maxTaskTitle = 75

// maxTaskDetails is as much as people read at a glance; the rest belongs in the thread.
const maxTaskDetails = 300

// maxPlanWeight leaves room in the message for other blocks.
const maxPlanWeight = MaxMessageWeight * 3 / 4

// Task is one line of a plan. Details are raw text, empty for none. Title and details are cut to
// what people read in a plan.
func Task(id, title string, status slack.TaskCardStatus, details string) slack.TaskCardBlock {
	task := slack.NewTaskCardBlock(id, Truncate(Escape(nonEmpty(title)), maxTaskTitle))
	task.Status = status
	if strings.TrimSpace(details) != "" {
		task.Details = richText(Truncate(details, maxTaskDetails))
	}
	return *task
}

// Plan shows tasks, each with its state, under a title. It is for messages, which need a fallback
// for workspaces that refuse plans. Tasks beyond [MaxPlanTasks] are left out. When the message
// would be too long, so are details: first those of complete tasks, then all.
func Plan(title string, tasks ...slack.TaskCardBlock) *slack.PlanBlock {
	plan := slack.NewPlanBlock(Truncate(Escape(nonEmpty(title)), MaxHeader))
	plan.Tasks = slices.Clone(tasks[:min(len(tasks), MaxPlanTasks)])
	for _, all := range []bool{false, true} {
		if Weight(plan) <= maxPlanWeight {
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

// richText is raw text as rich text, in which nothing needs escaping.
func richText(text string) *slack.RichTextBlock {
	return slack.NewRichTextBlock("", slack.NewRichTextSection(
		slack.NewRichTextSectionTextElement(Truncate(nonEmpty(text), MaxTextObject), nil)))
}
