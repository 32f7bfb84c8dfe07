package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// provenance refuses presses in something that the bot did not deliver. Whoever holds the bot's
// token can post a message with the button of an approval or of a run, or change the text above
// it; what was pressed there says nothing about what the person agreed to.
type provenance struct {
	pool    *pgxpool.Pool
	outbox  *outbox.Outbox
	home    *home.Tabs
	service *service.Service
	gate    *access.Gate
	signer  onboarding.Signer
	// workspace opens modals, and has the configuration.
	workspace *bot.Workspace
	log       *slog.Logger
}

// Why a press did not count.
const (
	errForgedPress = refusal.Sentence("Your press did not count: this message is not as the bot posted it. " +
		"Somebody may be using the bot's token. The approval request is posted again in the run's thread.")
	errForgedControl = refusal.Sentence("Your press did not count: this message is not as the bot posted it. " +
		"Somebody may be using the bot's token. Use the buttons in the run's thread.")
	errForgedRequest = refusal.Sentence("This did not count: this message is not as the bot posted it. " +
		"Somebody may be using the bot's token. Type the command again.")
	errForgedRisk = refusal.Sentence("Your press did not count: this message is not as the bot posted it. " +
		"Somebody may be using the bot's token. Use the request in the thread of the isolation report.")
	errCopyPress = refusal.Sentence("Your press did not count, because Slack shows this message twice. " +
		"Press in the other one; this one is removed.")
	errUnknownQuestion = refusal.Sentence("Your press did not count, because the bot did not ask you this, or " +
		"asked it too long ago. Type the command again.")
	errUnknownForm   = refusal.Sentence("This did not count, because the form is too old. Close it, and open it again.")
	errOutdatedPress = refusal.Sentence("Your press did not count, because the message changed at the same moment. " +
		"Read it and press again.")
	errUnverifiedPress = refusal.Sentence("Your press did not count, because the message is from an earlier release. " +
		"It has just been renewed: press again.")
)

// subject is what a button is about: an approval, a run, a request to accept a risk, or a domain
// with the run that made it live. All are zero for a button that is about none of them.
type subject struct {
	approval, run, risk uuid.UUID
	domain              string
}

// press is a press of somebody about a subject that does not count.
func (s subject) press(person bot.Person) service.Press {
	return service.Press{Approval: s.approval, Run: s.run, Operator: person.ID}
}

// admit refuses who may do nothing here, and records that in the audit trail. Only presses that
// change nothing go without.
func (p *provenance) admit(ctx context.Context, person bot.Person, about subject) error {
	err := p.gate.RequireOperator(ctx, person)
	if refused, ok := errors.AsType[*onboarding.PermissionError](err); ok {
		return about.press(person).Refused(ctx, p.service, refused)
	}
	return err
}

// accept is [provenance.admit] and then [provenance.require].
func (p *provenance) accept(ctx context.Context, action bot.Action, about subject) (source string, err error) {
	if err := p.admit(ctx, action.Person, about); err != nil {
		return "", err
	}
	return p.require(ctx, action, about)
}

// require returns an error for the person unless they pressed in what the bot delivered, and
// otherwise what that was. A forged message is recorded in the audit trail, and everybody reads
// about it in the run's thread.
func (p *provenance) require(ctx context.Context, action bot.Action, about subject) (source string, err error) {
	if action.Ephemeral {
		return p.requireAsked(ctx, action, about)
	}
	key, from, err := p.origin(ctx, action)
	if err == nil && from == outbox.Unverified {
		if inForm(action) {
			return "", errUnknownForm
		}
		// Slack's answer to the delivery tells what the message shows.
		if err = p.restore(ctx, action, key); err == nil {
			key, from, err = p.origin(ctx, action)
		}
	}
	source = sourceOf(action, key)
	switch {
	case err != nil:
		return "", err
	case from == outbox.Delivered:
		return source, nil
	case from == outbox.Outdated && about.approval == uuid.Nil:
		return source, nil // whether the button still has something to do is for its handler to find out
	case from == outbox.Outdated && inForm(action):
		return "", errOutdatedPress
	case from == outbox.Outdated:
		return source, p.outdated(ctx, action, key, about.approval)
	case from == outbox.Unverified:
		return "", errUnverifiedPress
	}
	log := p.log.With("approval", about.approval, "run", about.run, "person", action.Person.ID,
		"channel", action.Channel, "ts", action.TS, "message", key)
	if from == outbox.Foreign && action.View == nil {
		root, copied, err := p.outbox.Copied(ctx, action.Channel, action.Shown)
		if err != nil {
			return "", err
		}
		if copied {
			return "", p.tidy(ctx, root)
		}
	}
	if from == outbox.Changed && p.workspace.Config().AcceptChanged {
		log.WarnContext(ctx, "a press counts in what the bot did not deliver, since slack.accept_changed is set")
		return source, nil
	}
	log.WarnContext(ctx, "a press did not count: the bot did not deliver what was pressed in")
	return "", p.forged(ctx, action, about, key)
}

// tidy deletes the copies of messages in a thread. It returns what the person reads who pressed in
// one.
func (p *provenance) tidy(ctx context.Context, root string) error {
	if err := p.outbox.Compare(ctx, root); err != nil {
		return err
	}
	return errCopyPress
}

// forged records a press that did not count and shows again what the bot delivered. It returns
// what the person reads.
func (p *provenance) forged(ctx context.Context, action bot.Action, about subject, key string) error {
	if err := p.findRun(ctx, &about); err != nil {
		return err
	}
	keys := []string{key}
	refused := errForgedRequest
	switch {
	case about.approval != uuid.Nil:
		refused = errForgedPress
		if found, err := p.service.Records.Approval(ctx, about.approval); err == nil {
			keys = append(keys, render.ApprovalKey(found))
		}
	case about.run != uuid.Nil:
		refused = errForgedControl
	case about.risk != uuid.Nil:
		refused = errForgedRisk
		keys = append(keys, isolationreport.RiskKey(about.risk))
	}
	err := errors.Join(p.report(ctx, action, about, where(action, key)), p.restore(ctx, action, keys...))
	if err != nil {
		return err
	}
	return refused
}

// findRun sets the run of a subject that is about a domain which a run made live.
func (p *provenance) findRun(ctx context.Context, about *subject) error {
	if about.domain == "" {
		return nil
	}
	live, err := p.service.Records.LiveDomain(ctx, about.domain)
	if err == nil && live != nil {
		about.run = live.Run
	}
	return err
}

// report records a press that did not count in the audit trail.
func (p *provenance) report(ctx context.Context, action bot.Action, about subject, where string) error {
	return about.press(action.Person).Forged(ctx, p.service, where)
}

// sourceOf names what somebody pressed in, and what it showed; see [onboarding.Vote].
func sourceOf(action bot.Action, key string) string {
	name := "message " + key
	switch {
	case action.View != nil && action.View.Type == slack.VTHomeTab:
		name = "home tab of " + action.Person.ID
	case action.View != nil:
		name = "form " + action.View.ID
	}
	return fmt.Sprintf("%s showing %x", name, action.Shown)
}

// ask remembers a private question with buttons, of which Slack sends nothing back but the
// block_id and the value.
func (p *provenance) ask(ctx context.Context, person bot.Person, block, about string) error {
	return p.outbox.RecordView(ctx, outbox.Question{Block: block, Person: person.ID, About: about}.View())
}

// requireAsked is [provenance.require] for a press in a private message.
func (p *provenance) requireAsked(ctx context.Context, action bot.Action, about subject) (source string, err error) {
	question := outbox.Question{Block: action.Block, Person: action.Person.ID, About: action.Value}
	asked, err := p.outbox.Asked(ctx, question)
	switch {
	case err != nil:
		return "", err
	case !asked:
		p.log.WarnContext(ctx, "a press did not count: the bot did not ask this person", "action", action.ID,
			"person", action.Person.ID, "channel", action.Channel)
		if err := p.findRun(ctx, &about); err != nil {
			return "", err
		}
		err := p.report(ctx, action, about, "a private message that the bot did not send, or sent too long ago")
		if err != nil {
			return "", err
		}
		return "", errUnknownQuestion
	}
	return "question " + question.Block, nil
}

// outdated returns why a press does not count in what the bot delivered some updates ago. Several
// approvals share a message, so the press counts if what the message says about this one is still
// the same. An approval that was decided meanwhile is left to the decision, which says by whom.
func (p *provenance) outdated(ctx context.Context, action bot.Action, key string, approval uuid.UUID) error {
	found, err := p.service.Records.Approval(ctx, approval)
	if err != nil || found.State != onboarding.ApprovalOpen && found.State != onboarding.ApprovalAhead {
		return err
	}
	if action.Message == nil || key != render.ApprovalKey(found) {
		return errOutdatedPress
	}
	now, err := p.outbox.Content(ctx, key)
	if err != nil {
		return err
	}
	seen := blockkit.PartFingerprint(action.Message, approval.String())
	if seen == nil || !bytes.Equal(seen, blockkit.PartFingerprint(now, approval.String())) {
		return errOutdatedPress
	}
	return nil
}

// origin returns where a press comes from, and the key of the message if the outbox posted it.
func (p *provenance) origin(ctx context.Context, action bot.Action) (string, outbox.Origin, error) {
	switch {
	case action.View == nil:
		return p.outbox.Origin(ctx, action.Channel, action.TS, action.Shown)
	case action.View.Type == slack.VTHomeTab:
		from, err := p.home.Origin(ctx, action.Person, action.Shown)
		return "", from, err
	}
	from, err := p.outbox.ViewOrigin(ctx, p.signed(action.View.ID, action.Shown),
		p.signed(openingID(action.View.ExternalID), action.Shown))
	return "", from, err
}

// inForm reports whether somebody pressed in a modal, which can hold several approvals.
func inForm(action bot.Action) bool { return action.View != nil && action.View.Type == slack.VTModal }

// opener opens a modal with a trigger.
type opener func(context.Context, string, slack.ModalViewRequest, ...bot.Announce) (bot.ShownView, error)

// open opens a modal, and remembers what it shows.
func (p *provenance) open(ctx context.Context, trigger string, modal slack.ModalViewRequest) error {
	return p.openBy(ctx, p.workspace.OpenView, trigger, modal)
}

// openBy is [provenance.open] with a method of the workspace. Slack's answer, with the id of the
// modal, may be lost with this process, so what it shows is remembered under an external_id first.
func (p *provenance) openBy(ctx context.Context, open opener, trigger string, modal slack.ModalViewRequest) error {
	modal.ExternalID = uuid.NewString()
	opened, err := open(ctx, trigger, modal, p.announce(openingID(modal.ExternalID)))
	if err != nil {
		return err
	}
	return p.outbox.RecordView(ctx, p.signed(opened.ID, opened.Shown))
}

// openingID is the id under which a modal with an external_id is remembered before it is opened.
func openingID(external string) string { return "opening/" + external }

// announce remembers what a modal is about to show.
func (p *provenance) announce(id string) bot.Announce {
	return func(ctx context.Context, sent []byte) error { return p.outbox.AnnounceView(ctx, p.signed(id, sent)) }
}

// signed is a view with a signature of what it shows.
func (p *provenance) signed(id string, shown []byte) bot.ShownView {
	return bot.ShownView{ID: id, Shown: p.signer.SignView(id, shown)}
}

// where says in what somebody pressed.
func where(action bot.Action, key string) string {
	switch {
	case action.View != nil:
		return "a view that was changed after the bot showed it"
	case key != "":
		return "a message of the bot that was changed after the bot delivered it"
	}
	return "a message that the bot did not post"
}

// update replaces the modal in which somebody pressed, and remembers what it shows now.
func (p *provenance) update(ctx context.Context, action bot.Action, modal slack.ModalViewRequest) error {
	return p.replace(ctx, openModal(action), modal)
}

// openModal is the modal in which somebody pressed.
func openModal(action bot.Action) bot.OpenModal {
	return bot.OpenModal{ID: action.View.ID, Hash: action.View.Hash}
}

// replace replaces a modal, and remembers what it shows now.
func (p *provenance) replace(ctx context.Context, open bot.OpenModal, modal slack.ModalViewRequest) error {
	updated, err := p.workspace.UpdateView(ctx, open, modal, p.announce(open.ID))
	if err != nil {
		return err
	}
	return p.outbox.RecordView(ctx, p.signed(updated.ID, updated.Shown))
}

// restore makes Slack show again what the bot delivered.
func (p *provenance) restore(ctx context.Context, action bot.Action, keys ...string) error {
	if err := p.home.Refresh(ctx, action); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error { return p.outbox.Restore(ctx, tx, keys...) })
}
