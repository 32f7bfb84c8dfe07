package runbook

import (
	"context"
	"path"
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/mail"
)

// lookUndoMail is done when the mailbox or forward that the run made is gone, by the word of the configured check. Without a command
// that takes it away, somebody has to.
func (b *Runbook) lookUndoMail(ctx context.Context, v *view) (onboarding.Observation, error) {
	there, err := b.hasMail(ctx, v)
	if err != nil || !there {
		return onboarding.Observation{}, err
	}
	pattern := b.config.Mail.Setup.of(v.mail.Plan).Undo
	if pattern == nil {
		return onboarding.Observation{Findings: []onboarding.Finding{{Level: onboarding.Warning, Name: "to do by hand", Detail: "Take away the " + v.mailNoun() + ".",
			Fix: "Configure undo in mail.setup to have it taken away from now on."}}}, nil
	}
	command := b.mailCommand(v.site, pattern)
	return onboarding.Observation{Change: onboarding.Change{Summary: "Take away the " + v.mailNoun(), Items: []onboarding.Item{{Command: &command}}}}, nil
}

// deleteKey takes a key away, and its folder if nothing else is in it.
func (b *Runbook) deleteKey(file mail.KeyFile) []onboarding.Command {
	command := func(argv ...string) onboarding.Command {
		return onboarding.Command{Host: b.config.Mail.DKIM.Host, Argv: argv, Lock: lockMail}
	}
	return []onboarding.Command{command("rm", "-f", "--", file.Path), command("rmdir", "--ignore-fail-on-non-empty", "--", path.Dir(file.Path))}
}

// lookUndoMailKey is done when the keys that the run made are gone. They are not kept: their public halves are withdrawn before, so
// that nothing could be checked that they sign, and another run makes its own.
func (b *Runbook) lookUndoMailKey(ctx context.Context, v *view) (onboarding.Observation, error) {
	_, missing, err := b.publicKeys(ctx, v.site, b.unsettledMail(v))
	if err != nil {
		return onboarding.Observation{}, err
	}
	look := onboarding.Observation{}
	for _, file := range b.keyFiles(v.site) {
		made := slices.ContainsFunc(applied(v.run, v.domain, mailKey), func(item onboarding.Item) bool {
			return item.Command != nil && sameCommand(*item.Command, b.makeKey(file))
		})
		if !made || slices.Contains(missing, file) {
			continue
		}
		for _, command := range b.deleteKey(file) {
			look.Change.Items = append(look.Change.Items, onboarding.Item{Command: &command})
		}
	}
	if len(look.Change.Items) > 0 {
		look.Change.Summary = "Delete the DKIM key of " + v.domain
	}
	return look, nil
}
