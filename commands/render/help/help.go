// Package help lists what people can type.
package help

import (
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

// topics are the commands that the help lists, in groups that fit on a phone.
var topics = []struct {
	name  string
	lines [][2]string
}{
	{"Start", [][2]string{
		{" merche-biche", "onboard a Provider: a form asks for the rest and saves what you type"},
		{" merche-biche name=\"Merche Biche\" email=… domains=…",
			"the same with values in the command; the form asks for what is missing"},
		{" merche-biche at=02:00", "apply no change before then, in your time zone; or `at=2026-12-01T02:00`"},
		{" plan merche-biche", "show every change that would be made, and make none"},
	}},
	{"Look", [][2]string{
		{" status", "what is waiting for you"},
		{" status merche-biche", "the state of a run"},
		{" list", "active runs, and the latest that ended"},
		{" log merche-biche", "the audit log: who requested, who approved what, what was done"},
		{" verify merche-biche", "run the success checks again"},
		{render.CertificatesCommand, "when certificates expire; with a domain, everything about its certificate; " +
			"add `at=02:00` for a button that renews it then"},
		{render.IsolationCommand, "check whether tenants can reach each other's rows; with a slug, for one tenant"},
	}},
	{"Decide and control", [][2]string{
		{" review merche-biche", "see every change that is known now, and approve in advance"},
		{" retry merche-biche", "retry every stuck step"},
		{" cancel merche-biche", "stop a run where it is"},
		{" undo merche-biche", "undo a finished onboarding; add `at=02:00` to apply no change before then"},
		{" freeze REASON", "stop every change of all runs"},
		{" thaw", "end the freeze"},
		{" away until=2026-12-24 cover=@cleo", "send your direct messages and mentions to somebody else until then"},
	}},
}

// Page lists every command.
func Page(command string) *mrkdwn.Builder {
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
	page.Say("Every change needs the approval of a *second operator*, " +
		"who sees the exact change in the run's thread. " +
		"If the target changes before it is applied, approval is requested again.")
	return page
}
