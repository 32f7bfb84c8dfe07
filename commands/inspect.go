package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// topics are what the help lists, in groups that a phone can show.
var topics = []struct {
	name  string
	lines [][2]string
}{
	{"Begin", [][2]string{
		{" merche-biche", "onboard a Provider: a form asks for the rest, and keeps what is typed"},
		{" merche-biche name=\"Merche Biche\" email=… domains=…", "the same without the form, as far as you say it"},
		{" plan merche-biche", "every change that would be made; nothing is done"},
	}},
	{"Look", [][2]string{
		{" status", "what waits for you"},
		{" status merche-biche", "where a run stands"},
		{" list", "runs under way, and the latest that ended"},
		{" log merche-biche", "who asked, who approved what, what was done"},
		{" verify merche-biche", "make the success checks again"},
		{certificatesCommand, "how long the certificates last; with a domain, all about one"},
		{isolationCommand, "whether tenants reach each other's rows; with a slug, of one"},
	}},
	{"Decide and steer", [][2]string{
		{" review merche-biche", "see every change that can be known now, and approve ahead"},
		{" retry merche-biche", "let what is stuck look again"},
		{" cancel merche-biche", "end a run where it stands"},
		{" undo merche-biche", "take back what a run did that has ended"},
		{" freeze REASON", "hold every change of all runs"},
		{" thaw", "let them go on"},
	}},
}

func (d *Handlers) help() bot.Reply {
	var page sheet
	for _, topic := range topics {
		lines := []string{"*" + topic.name + "*"}
		for _, line := range topic.lines {
			command := line[0]
			if !strings.HasPrefix(command, "/") {
				command = d.config.Command + command
			}
			lines = append(lines, blockkit.Code(command)+" "+line[1])
		}
		page.say(strings.Join(lines, "\n"))
	}
	page.say("Everything that changes something waits for a *second operator*, who sees the change itself in the run's thread. " +
		"If the world moves before it is applied, it is asked again.")
	return page.reply()
}

// waitingFor lists what waits for one person.
func (d *Handlers) waitingFor(ctx context.Context, person string) bot.Reply {
	content, err := d.waiting(ctx, person)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "person", person)}
	}
	return d.scribe.waitingFor(content).reply()
}

// waitingFor is what waits for one person, with the way to it.
func (s scribe) waitingFor(content home) *sheet {
	page := new(sheet)
	var lines []string
	for _, each := range content.Waiting {
		lines = append(lines, s.asks(each))
	}
	for _, each := range content.Stuck {
		lines = append(lines, "Your run needs you: "+s.line(each.Run)+behind(each.Link))
	}
	if len(lines) == 0 {
		lines = []string{"Nothing waits for you."}
	}
	for _, block := range chunks(strings.Join(lines, "\n"), blockkit.MaxSectionText) {
		page.say(block)
	}
	if content.Freeze != nil {
		page.note(held(content.Freeze))
	}
	return page
}

// maxListed is how many runs a list shows.
const maxListed = 15

func (d *Handlers) list(ctx context.Context) bot.Reply {
	runs, err := d.service.List(ctx, maxListed)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "command", "")}
	}
	if len(runs) == 0 {
		return bot.Reply{Text: fmt.Sprintf("There are no runs yet. %s begins one.", blockkit.Code(d.config.Command+" merche-biche"))}
	}
	var page sheet
	lines := make([]string, len(runs))
	for i, run := range runs {
		lines[i] = d.scribe.line(run) + d.link(ctx, run)
	}
	page.say(whole(lines, blockkit.MaxSectionText))
	freeze, err := d.service.Frozen(ctx)
	if err != nil {
		d.log.WarnContext(ctx, "whether a freeze holds is not known", "error", err)
	}
	if freeze != nil {
		page.note(held(freeze))
	}
	return page.reply()
}

// whole joins lines as far as there is room, and says how many are left: one that is cut would lose the end of its link.
func whole(lines []string, limit int) string {
	const more = "\n… and %d more"
	room := limit - len(more)
	for i, line := range lines {
		if room -= len([]rune(line)) + 1; room < 0 {
			return strings.Join(lines[:i], "\n") + fmt.Sprintf(more, len(lines)-i)
		}
	}
	return strings.Join(lines, "\n")
}

// line is a run in one line: its mark, who, and where it stands.
func (s scribe) line(run *onboarding.Run) string {
	view := &onboarding.View{Run: run}
	mark, words := state(view)
	done, all := progress(run)
	line := fmt.Sprintf("%s *%s* (%s) ", mark, inline(run.Request.DisplayName), blockkit.Code(run.Request.Slug))
	if run.State != onboarding.RunActive {
		return line + words[0]
	}
	first, _, _ := strings.Cut(words[0], "\n")
	return line + fmt.Sprintf("%d of %d · %s · asked by %s", done, all, first, mention(run.Requester))
}

func (d *Handlers) status(ctx context.Context, run *onboarding.Run) bot.Reply {
	view, err := d.service.View(ctx, run.ID)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "run", run.ID.String())}
	}
	page := d.scribe.status(view)
	if address := d.address(ctx, rootKey(run.ID)); address != "" {
		page.note("Everything about it is in its " + blockkit.Link(address, "thread") + ".")
	}
	return page.reply()
}

// status is a run as it stands, for one person.
func (s scribe) status(view *onboarding.View) *sheet {
	page := new(sheet)
	page.say(headline(view))
	tasks := tasksOf(view)
	lines := make([]string, len(tasks))
	for i, task := range tasks {
		lines[i] = task.line()
	}
	for _, block := range chunks(strings.Join(lines, "\n"), blockkit.MaxSectionText) {
		page.say(block)
	}
	page.note(fmt.Sprintf("Asked for by %s %s · run %s", mention(view.Requester), blockkit.Date(view.Created), blockkit.Code(view.ID.String())))
	return page
}
