package runbook

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/mail"
)

const kindMailKey onboarding.Kind = "mail-key"

// mailKeyStep makes the keys that sign the domain's mail. A key is made on the host that uses it
// and never leaves that host. Nobody has seen it when the change is approved; its public half is
// approved with the records.
func mailKeyStep(c *components) Step {
	k := &mailKeys{c.mail}
	return Step{
		Kind: kindMailKey, Title: "DKIM key of", PerDomain: true, Destructive: true,
		Why:   "Mail from the domain is signed with it. The private half never leaves the host.",
		After: []onboarding.Kind{kindPreflight},
		Applies: func(_ *onboarding.Run, domain onboarding.Domain) bool {
			return len(c.mail.keyFiles(domain.Name, domain.Mail)) > 0
		},
		Observe: k.observe,
		Allows:  allowance{commands: oneOf(k.commands)}.allows,
		Undo: &Step{
			Title:   "Delete the DKIM key of",
			Why:     "Nothing can be signed with it afterwards.",
			Observe: k.observeUndo,
			Allows:  allowance{commands: oneOf(k.undoCommands)}.allows,
		},
	}
}

type mailKeys struct{ mail *siteMail }

func (k *mailKeys) generate(file mail.KeyFile) onboarding.Command {
	return onboarding.Command{Host: k.mail.config.DKIM.Host, Argv: file.Generate(), Lock: lockMail}
}

func (k *mailKeys) commands(s *scope) []onboarding.Command {
	var list []onboarding.Command
	for _, file := range k.mail.keyFiles(s.site.Domain, s.site.Mail) {
		list = append(list, k.generate(file))
	}
	return list
}

func (k *mailKeys) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	keys, missing, err := k.mail.publicKeys(ctx, s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	var seen onboarding.Observation
	for _, key := range keys {
		seen.Findings = append(seen.Findings,
			onboarding.Passed("DKIM key "+key.Selector, "%s, %s", key.Kind, key.Fingerprint()))
	}
	var names []string
	for _, file := range missing {
		command := k.generate(file)
		seen.Change.Items = append(seen.Change.Items, onboarding.Item{Command: &command})
		names = append(names, fmt.Sprintf("%s (%s)", file.Selector, file.Kind))
	}
	if len(missing) > 0 {
		seen.Change.Summary = fmt.Sprintf("Make the DKIM key %s of %s on %s, where it stays",
			strings.Join(names, " and "), s.site.Domain, k.mail.config.DKIM.Host)
	}
	return seen, nil
}

// remove deletes a key, and its folder if nothing else is in it.
func (k *mailKeys) remove(file mail.KeyFile) []onboarding.Command {
	command := func(argv ...string) onboarding.Command {
		return onboarding.Command{Host: k.mail.config.DKIM.Host, Argv: argv, Lock: lockMail}
	}
	return []onboarding.Command{
		command("rm", "-f", "--", file.Path),
		command("rmdir", "--ignore-fail-on-non-empty", "--", path.Dir(file.Path)),
	}
}

// emptyFolder reports whether a folder exists on the host of the keys and has nothing in it.
func (k *mailKeys) emptyFolder(ctx context.Context, folder string) (bool, error) {
	const script = `[ ! -d "$1" ] || find "$1" -maxdepth 0 -empty`
	out, err := k.mail.hosts[k.mail.config.DKIM.Host].Output(ctx,
		hosts.Command{Argv: []string{"sh", "-c", script, "sh", folder}})
	if err != nil {
		return false, fmt.Errorf("folder of the DKIM key: %w", err)
	}
	return len(out) > 0, nil
}

func (k *mailKeys) undoCommands(s *scope) []onboarding.Command {
	var list []onboarding.Command
	for _, file := range k.mail.keyFiles(s.site.Domain, s.site.Mail) {
		list = append(list, k.remove(file)...)
	}
	return list
}

// observeUndo finds nothing to do when the keys that the run made are gone. They are not kept:
// their public halves were withdrawn before, so no signature of theirs could be checked, and
// another run makes its own.
func (k *mailKeys) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	_, missing, err := k.mail.publicKeys(ctx, s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	seen := onboarding.Observation{}
	for _, file := range k.mail.keyFiles(s.site.Domain, s.site.Mail) {
		own := slices.ContainsFunc(applied(s.run, s.site.Domain, kindMailKey), func(item onboarding.Item) bool {
			return item.Command != nil && sameCommand(*item.Command, k.generate(file))
		})
		if !own {
			continue
		}
		commands := k.remove(file)
		if slices.Contains(missing, file) {
			// The bot may have died after it deleted the key and before it deleted the folder.
			// What deletes another key deletes the folder that they share.
			left, err := k.emptyFolder(ctx, path.Dir(file.Path))
			if err != nil {
				return onboarding.Observation{}, err
			}
			if !left || len(seen.Change.Items) > 0 {
				continue
			}
			commands = commands[1:]
		}
		for _, command := range commands {
			seen.Change.Items = append(seen.Change.Items, onboarding.Item{Command: &command})
		}
	}
	if len(seen.Change.Items) > 0 {
		seen.Change.Summary = "Delete the DKIM key of " + s.site.Domain
	}
	return seen, nil
}
