package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"
	"golang.org/x/net/idna"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// RootKey is the outbox's key of a run's root message.
func RootKey(run uuid.UUID) string { return "run/" + run.String() }

// RunOfRoot is the run of whose thread a key is the root.
func RunOfRoot(key string) (run uuid.UUID, ok bool) {
	id, found := strings.CutPrefix(key, "run/")
	run, err := uuid.Parse(id)
	return run, found && err == nil
}

// rootMessage shows the state of a run at a glance: the Provider, what is next, and every step.
func (r Renderer) rootMessage(view *onboarding.View) post.Message {
	tasks := tasksOf(view)
	head := r.headline(view)
	foot := fmt.Sprintf("Requested by %s %s · run %s", mrkdwn.Mention(view.Requester), blockkit.Date(view.Created),
		blockkit.Code(view.ID.String()))
	if view.State != onboarding.RunActive {
		foot += " · audit " + blockkit.Code(view.Head)
	}
	cards := make([]slack.TaskCardBlock, len(tasks))
	lines := make([]string, len(tasks))
	for i, task := range tasks {
		cards[i] = blockkit.Task(task.id, task.name, task.status, task.words)
		lines[i] = task.line()
	}
	done, all := progress(view.Run)
	plan := blockkit.Plan(fmt.Sprintf("%d of %d steps", done, all), cards...)
	top := []slack.Block{blockkit.Section(head)}
	bottom := []slack.Block{blockkit.Context(foot)}
	var buttons []slack.BlockElement
	if view.State == onboarding.RunActive && len(view.Stuck()) > 1 {
		buttons = append(buttons, blockkit.Button(ActionAgain, view.ID.String(), "Retry all", slack.StylePrimary))
	}
	if reviewable(view) {
		buttons = append(buttons, blockkit.Button(ActionReview, view.ID.String(), "Review all", ""))
	}
	if len(buttons) > 0 {
		bottom = append(bottom, slack.NewActionBlock("review", buttons...))
	}
	blocks := slices.Concat(top, []slack.Block{plan}, bottom)
	fallback := slices.Concat(top, blockkit.Sections(strings.Join(lines, "\n")), bottom)
	text := strings.Join([]string{head, strings.Join(lines, "\n"), foot}, "\n")
	return post.Message{Key: RootKey(view.ID), Channel: view.Channel,
		Text: blockkit.Truncate(text, blockkit.MaxText), Blocks: blocks, Fallback: fallback,
		Urgent: view.State != onboarding.RunActive}
}

// reviewable reports whether there may be changes to decide on.
func reviewable(view *onboarding.View) bool {
	return view.State == onboarding.RunActive && slices.ContainsFunc(view.Steps, func(step onboarding.Step) bool {
		return step.Destructive && (step.State == onboarding.StepPending || step.State == onboarding.StepAsking ||
			step.State == onboarding.StepWaiting)
	})
}

// About says in one line what is requested.
func About(request onboarding.Request) string {
	mode := request.Mode.String()
	switch request.Mode {
	case onboarding.ModeOwner:
		mode = "Owns the new Org " + mrkdwn.Inline(request.Org.Name)
	case onboarding.ModeMember:
		mode = "Joins the Org " + mrkdwn.Inline(OrgName(request.Org))
	}
	names := make([]string, len(request.Domains))
	for i, domain := range request.Domains {
		names[i] = blockkit.Escape(DomainName(domain.Name))
	}
	return mode + " · " + blockkit.Truncate(strings.Join(names, ", "), 400)
}

// DomainName returns a domain as DNS has it, with its Unicode form in parentheses if that
// differs.
func DomainName(name string) string {
	if read, err := idna.ToUnicode(name); err == nil && read != name {
		return name + " (" + mrkdwn.OneLine(read) + ")"
	}
	return name
}

// OrgName returns the name of an Org, or its slug if it has none.
func OrgName(org onboarding.Org) string {
	return cmp.Or(org.Name, org.Slug)
}

func progress(run *onboarding.Run) (done, all int) {
	for i := range run.Steps {
		if run.Steps[i].State == onboarding.StepDone {
			done++
		}
	}
	return done, len(run.Steps)
}

// taskLine is one line of the root message: a step, or all steps of a domain if there are too
// many.
type taskLine struct {
	id, name, words string
	status          slack.TaskCardStatus
	mark            string
}

func (t taskLine) line() string {
	const limit = 170
	line := t.name
	if t.words != "" {
		line += " – " + t.words
	}
	return t.mark + " " + blockkit.Truncate(blockkit.Escape(line), limit)
}

func tasksOf(view *onboarding.View) []taskLine {
	if len(view.Steps) > blockkit.MaxPlanTasks {
		return domainTasks(view)
	}
	tasks := make([]taskLine, len(view.Steps))
	for i := range view.Steps {
		tasks[i] = stepTask(view, i)
	}
	return tasks
}

func stepTask(view *onboarding.View, i int) taskLine {
	step := &view.Steps[i]
	return taskLine{id: stepID(i), name: title(step.Definition), words: stepStatus(view, step),
		status: taskStatus(view, step), mark: stepMark(view, step)}
}

// domainTasks returns one line for each domain, for runs with more steps than a plan block can
// show.
func domainTasks(view *onboarding.View) []taskLine {
	var order []string
	steps := map[string][]int{}
	for i := range view.Steps {
		domain := cmp.Or(view.Steps[i].Key.Domain(), string(view.Steps[i].Key))
		if steps[domain] == nil {
			order = append(order, domain)
		}
		steps[domain] = append(steps[domain], i)
	}
	tasks := make([]taskLine, len(order))
	for n, domain := range order {
		places := steps[domain]
		if view.Steps[places[0]].Key.Domain() == "" {
			tasks[n] = stepTask(view, places[0])
			continue
		}
		tasks[n] = domainTask(view, domain, places)
	}
	return tasks
}

// domainTask returns one line for a domain: how many of its steps are done, and the most urgent of
// the others.
func domainTask(view *onboarding.View, domain string, places []int) taskLine {
	urgent, done := -1, 0
	for _, place := range places {
		state := view.Steps[place].State
		if state == onboarding.StepDone {
			done++
		} else if urgent < 0 || urgency(state) > urgency(view.Steps[urgent].State) {
			urgent = place
		}
	}
	words := fmt.Sprintf("%d of %d done", done, len(places))
	if urgent < 0 {
		return taskLine{id: stepID(places[0]), name: domain, words: words, status: slack.TaskCardStatusComplete,
			mark: mrkdwn.MarkDone}
	}
	line := stepTask(view, urgent)
	step := line.name
	line.id, line.name = stepID(places[0]), domain
	line.words = strings.TrimSuffix(words+"; "+step+": "+line.words, ": ")
	return line
}

// urgency ranks the states of steps that are not done.
func urgency(state onboarding.StepState) int {
	switch {
	case state.Stuck():
		return 3
	case state == onboarding.StepAsking:
		return 2
	case state != onboarding.StepPending:
		return 1
	}
	return 0
}

// stepID names a step of a run by its index, since a domain can be longer than a block id.
func stepID(place int) string { return fmt.Sprintf("step-%d", place) }

// StepAt returns the step that an id names, nil if there is none.
func StepAt(run *onboarding.Run, id string) *onboarding.Step {
	for i := range run.Steps {
		if stepID(i) == id {
			return &run.Steps[i]
		}
	}
	return nil
}
