package blockkit

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// maxTaskTitle keeps a full plan within [MaxMessageWeight]; Slack names no limit.
const maxTaskTitle = 75

// maxTaskDetails is what a glance at a task can take; the rest belongs in the thread.
const maxTaskDetails = 300

// maxPlanWeight leaves room for what stands beside a plan.
const maxPlanWeight = MaxMessageWeight * 3 / 4

// Task is one line of a plan. Details are raw text, empty for none; both are cut where a plan is
// no place for more.
func Task(id, title string, status slack.TaskCardStatus, details string) slack.TaskCardBlock {
	task := slack.NewTaskCardBlock(id, Truncate(Escape(nonEmpty(title)), maxTaskTitle))
	task.Status = status
	if strings.TrimSpace(details) != "" {
		task.Details = RichText(Truncate(details, maxTaskDetails))
	}
	return *task
}

// Plan shows tasks, each with its state, under a title; messages only, and with a fallback for
// workspaces without it. Tasks beyond [MaxPlanTasks] are left out. Details are, when the message
// would be too long with them: first those of complete tasks, then all.
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

// RichText is raw text as rich text, where nothing needs escaping.
func RichText(text string) *slack.RichTextBlock {
	return slack.NewRichTextBlock("", slack.NewRichTextSection(
		slack.NewRichTextSectionTextElement(Truncate(nonEmpty(text), MaxTextObject), nil)))
}
