package commands

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// The marks at the head of a line. A run's own mark tells its state from across the room.
const (
	markLive      = "🟢"
	markTrouble   = "🔴"
	markAsking    = "🟡"
	markWorking   = "🔵"
	markCancelled = "⚪"

	markDone    = "✅"
	markFailed  = "❌"
	markWarning = "⚠️"
	markAsk     = "✋"
	markBusy    = "⏳"
	markPending = "▫️"
	markClock   = "⏰"
	markFrozen  = "🧊"
	markAlarm   = "🚨"
)

// maxTitle cuts the longest names that DNS allows.
const maxTitle = 80

// title is a step's name for people: what it is, and of which domain.
func title(definition onboarding.Definition) string {
	name := oneLine(definition.Title)
	if name == "" {
		name = definition.Key.Kind()
	}
	if domain := definition.Key.Domain(); domain != "" && !strings.Contains(name, domain) {
		name += " · " + domain
	}
	return blockkit.Truncate(name, maxTitle)
}

// stepName is the title of one of a run's steps.
func stepName(view *onboarding.View, key onboarding.Key) string {
	if step := view.Step(key); step != nil {
		return title(step.Definition)
	}
	return key.Kind()
}

// why says what a step is for and why somebody is asked.
func why(key onboarding.Key) string {
	switch key.Kind() {
	case "database":
		return "With these rows the Provider becomes a tenant."
	case "dns":
		return "The names have to point at the VPS before anything can be served."
	case "deploy-config":
		return "The site gets its folder in the platform's repository."
	case "deploy":
		return "This puts the site on the VPS, over plain HTTP: the certificate needs it."
	case "certificate":
		return "Failed validations are rate-limited, so that the challenge was proven first."
	case "renew":
		return "certbot renews nothing that is not due, and what the authority allows was looked at first."
	case "sync":
		return "certbot edited the site's nginx file on the VPS. The next deploy would undo that."
	case "go-live":
		return "From here on, ordinary deploys include the site."
	case "mail-key":
		return "Mail from the domain is signed with it. The private half never leaves the host."
	case "mail":
		return "Without it, mail for the domain arrives nowhere."
	case "undo-deploy":
		return "From here on, visitors do not get the site any more."
	case "undo-certificate":
		return "A new one counts against the authority's limits."
	case "undo-deploy-config":
		return "The domain's folder becomes what it was before the run."
	case "undo-dns":
		return "The records become what they were before the run."
	case "undo-mail":
		return "From here on, mail for the domain arrives nowhere."
	case "undo-mail-key":
		return "Nothing can be signed with it any more."
	case "undo-database":
		return "Without these rows the Provider is no tenant any more."
	}
	return "It changes something outside the bot."
}

// took says a duration as people do.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
}

// cause is the beginning of an error or a reason, on one line.
func cause(text string) string {
	const limit = 300
	return blockkit.Truncate(oneLine(text), limit)
}

// markup is what would format text from people that stands amid mrkdwn, which has no escape for it; look-alikes do no harm.
var markup = strings.NewReplacer("`", "ˋ", "*", "∗")

// slants are pairs of the signs that slant and strike words, which do so at the ends of words alone: paths and names of tables keep
// theirs.
var slants = regexp.MustCompile(`(^|[^\pL\pN])(_(\S|\S.*?\S)_|~(\S|\S.*?\S)~)($|[^\pL\pN])`)

// inline is text from people or machines, to stand in a line of mrkdwn.
func inline(text string) string {
	text = markup.Replace(oneLine(text))
	// A sign that ends one match may begin the next.
	for range 2 {
		text = slants.ReplaceAllStringFunc(text, strings.NewReplacer("_", "ˍ", "~", "∼").Replace)
	}
	return blockkit.Escape(text)
}

// firstLine is the beginning of the first line of a longer text, for where there is room for no more.
func firstLine(text string) string {
	const limit = 140
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return blockkit.Truncate(strings.TrimSuffix(oneLine(first), ":"), limit)
}

// mention names somebody so that Slack tells them; people without an id are named in words.
func mention(person onboarding.Operator) string {
	if person.ID == "" {
		return "the bot"
	}
	return blockkit.User(person.ID)
}

// calls mentions people and user groups by their ids.
func calls(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = blockkit.User(id)
		if groupForm.MatchString(id) {
			names[i] = blockkit.Group(id)
		}
	}
	return list(names)
}

// mentions lists all of some people and groups.
func mentions(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = calls([]string{id})
	}
	return strings.Join(names, ", ")
}

// list joins words as in a sentence.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// task is a step's state in the words of Slack's plan block.
func task(state onboarding.StepState) slack.TaskCardStatus {
	switch {
	case state == onboarding.StepDone:
		return slack.TaskCardStatusComplete
	case state.Stuck():
		return slack.TaskCardStatusError
	case state == onboarding.StepPending:
		return slack.TaskCardStatusPending
	}
	return slack.TaskCardStatusInProgress
}

// markOf is a step's state as a mark, where there is no plan block.
func markOf(state onboarding.StepState) string {
	switch {
	case state == onboarding.StepDone:
		return markDone
	case state.Stuck():
		return markFailed
	case state == onboarding.StepPending:
		return markPending
	case state == onboarding.StepAsking:
		return markAsk
	}
	return markBusy
}

// lastEvent returns the newest event about a step of one of the kinds, nil if there is none.
func lastEvent(view *onboarding.View, key onboarding.Key, kinds ...onboarding.EventKind) *onboarding.Event {
	for i := len(view.Events) - 1; i >= 0; i-- {
		event := &view.Events[i]
		if event.Step != key {
			continue
		}
		for _, kind := range kinds {
			if event.Kind == kind {
				return event
			}
		}
	}
	return nil
}

// aboutToStart is where an approved step stands, unless a freeze holds it.
const aboutToStart = "approved, about to start"

// standing says in plain words where a step stands, empty for one whose turn has not come.
func standing(view *onboarding.View, step *onboarding.Step) string {
	switch step.State {
	case onboarding.StepPending:
		return aheadWords(view, step)
	case onboarding.StepWaiting:
		return firstLine(step.Detail)
	case onboarding.StepAsking:
		return "needs approval"
	case onboarding.StepApproved:
		return aboutToStart
	case onboarding.StepApplying:
		return "under way"
	case onboarding.StepFailed:
		return "failed: " + firstLine(step.Detail)
	case onboarding.StepRejected:
		return "rejected: " + firstLine(step.Detail)
	case onboarding.StepExpired:
		return "nobody decided in time"
	case onboarding.StepUnknown:
		return "outcome unknown: " + firstLine(step.Detail)
	case onboarding.StepDone:
		return doneWords(view, step)
	}
	return ""
}

// aheadWords says who approved a step before its turn, empty where nobody did.
func aheadWords(view *onboarding.View, step *onboarding.Step) string {
	var names []string
	for _, approval := range view.Approvals {
		if approval.Step != step.Key || approval.State != onboarding.ApprovalAheadApproved {
			continue
		}
		names = nil
		for _, vote := range approval.Votes {
			names = append(names, oneLine(vote.By.Name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "approved ahead by " + strings.Join(names, " and ")
}

// doneWords says how a step was done, empty for what only looked.
func doneWords(view *onboarding.View, step *onboarding.Step) string {
	event := lastEvent(view, step.Key, onboarding.EventDone)
	if event == nil || event.Approval == uuid.Nil {
		if step.Destructive {
			return "nothing was left to do"
		}
		return ""
	}
	words := "done"
	if event.Took > 0 {
		words = "done in " + took(event.Took)
	}
	var names []string
	if approval := view.Approval(event.Approval); approval != nil {
		for _, vote := range approval.Votes {
			switch {
			case vote.BrokeGlass:
				return words + ", glass broken by " + oneLine(vote.By.Name)
			case vote.Agrees:
				names = append(names, oneLine(vote.By.Name))
			}
		}
	}
	if len(names) > 0 {
		words += ", approved by " + strings.Join(names, " and ")
	}
	return words
}
