package render

import (
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

// CertificatesCommand is the slash command, as the app's manifest names it.
const CertificatesCommand = "/certificates"

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
		{CertificatesCommand, "how long the certificates last; with a domain, all about one"},
		{IsolationCommand, "whether tenants reach each other's rows; with a slug, of one"},
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

// HelpPage lists every command.
func HelpPage(command string) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	for _, topic := range topics {
		lines := []string{"*" + topic.name + "*"}
		for _, line := range topic.lines {
			typed := line[0]
			if !strings.HasPrefix(typed, "/") {
				typed = command + typed
			}
			lines = append(lines, blockkit.Code(typed)+" "+line[1])
		}
		page.Say(strings.Join(lines, "\n"))
	}
	page.Say("Everything that changes something waits for a *second operator*, who sees the change itself in the run's thread. " +
		"If the world moves before it is applied, it is asked again.")
	return page
}

// IsolationCommand asks for a report on isolation.
const IsolationCommand = "/isolation-report"

// What can follow the command's name. A word that is none of these is a slug.
const (
	WordHelp   = "help"
	WordList   = "list"
	WordStatus = "status"
	WordPlan   = "plan"
	WordCancel = "cancel"
	WordRetry  = "retry"
	WordReview = "review"
	WordLog    = "log"
	WordVerify = "verify"
	WordUndo   = "undo"
	WordFreeze = "freeze"
	WordThaw   = "thaw"
)
