package runbook

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
)

// disableCommands take a site off a VPS: first the link, so that nginx forgets it, then what is no longer served.
func (b *Runbook) disableCommands(s *site) []onboarding.Command {
	command := func(argv ...string) onboarding.Command {
		return onboarding.Command{Host: s.hostName, Argv: argv, Lock: lockNginx}
	}
	return []onboarding.Command{
		command("rm", "-f", s.enabled), command(b.config.Deploy.Reload...), command("rm", "-f", s.conf), command("rm", "-rf", "--one-file-system", s.webroot),
	}
}

// lookUndoDeploy is done when the site is gone from the VPS. A webroot that was there before the run stays.
func (b *Runbook) lookUndoDeploy(ctx context.Context, v *view) (onboarding.Observation, error) {
	there, err := b.remote(ctx, v.site, b.unsettled(v))
	if err != nil {
		return onboarding.Observation{}, err
	}
	made := slices.ContainsFunc(applied(v.run, v.domain, deploy), func(item onboarding.Item) bool {
		return item.Command != nil && sameCommand(*item.Command, v.makeWebroot())
	})
	if there.enabled == absent && there.conf == nil && !(made && there.webroot) {
		return onboarding.Observation{}, nil
	}
	if there.enabled == notALink {
		return onboarding.Observation{}, conflict("Look at it and take it away by hand.", "%s on %s is not a symbolic link to %s.", v.enabled, v.hostName, v.conf)
	}
	if there.conf != nil {
		if err := v.serves(there.conf); err != nil {
			return onboarding.Observation{}, conflict("Look whose it is: it is not deleted.", "%s on %s is not that of %s: %v.", v.conf, v.hostName, v.domain, err)
		}
	}
	commands := b.disableCommands(v.site)
	if !made {
		commands = commands[:3]
	}
	look := onboarding.Observation{Change: onboarding.Change{Summary: fmt.Sprintf("Disable %s on %s", v.domain, v.hostName)}}
	for _, command := range commands {
		look.Change.Items = append(look.Change.Items, onboarding.Item{Command: &command})
	}
	return look, nil
}

func (b *Runbook) deleteCertificate(s *site) onboarding.Command {
	return onboarding.Command{Host: s.hostName, Argv: s.fillAll(b.config.Certificate.Delete), Lock: lockNginx}
}

// lookUndoCertificate is done when certbot no longer keeps a certificate of that name.
func (b *Runbook) lookUndoCertificate(ctx context.Context, v *view) (onboarding.Observation, error) {
	infos, err := v.host.Inspect(ctx, b.unsettled(v), v.fill(b.config.Certificate.Renewal))
	if err != nil || !infos[0].Exists {
		return onboarding.Observation{}, err
	}
	command := b.deleteCertificate(v.site)
	return onboarding.Observation{Change: onboarding.Change{Summary: "Delete the certificate of " + v.domain, Items: []onboarding.Item{{Command: &command}}}}, nil
}

// lookUndoFiles brings every file that the run committed back to what it was before, unless it was changed since.
func (b *Runbook) lookUndoFiles(ctx context.Context, v *view) (onboarding.Observation, error) {
	have, err := b.folder(ctx, v.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	commit := &onboarding.Commit{Folder: v.folder, Subject: "Take back the deploy config of " + v.domain}
	settled := &onboarding.Commit{Folder: v.folder, Subject: commit.Subject}
	for _, past := range b.pastFiles(v) {
		var now []byte
		if file := find(have.files, strings.TrimPrefix(past.path, v.folder+"/")); file != nil {
			now = append([]byte{}, file.Content...)
		}
		switch {
		case same(now, past.before):
			settled.Files = append(settled.Files, onboarding.NewFileChange(past.path, past.mode, now, now))
		case slices.ContainsFunc(past.after, func(after []byte) bool { return same(now, after) }):
			commit.Files = append(commit.Files, onboarding.NewFileChange(past.path, past.mode, now, past.before))
		default:
			return onboarding.Observation{}, conflict("Look at it and take it back by hand.", "%s was changed since the run.", past.path)
		}
	}
	if len(commit.Files) > 0 {
		return onboarding.Observation{Change: onboarding.Change{Summary: "Commit: " + commit.Subject, Items: []onboarding.Item{{Commit: commit}}}}, nil
	}
	return onboarding.Observation{Change: b.push(v, have, settled)}, nil
}

// same compares two files, nil being none.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// pastFile is one file that the run changed: what it was before, and what the run made of it, one after the other.
type pastFile struct {
	path, mode string
	before     []byte
	after      [][]byte
}

func (b *Runbook) pastFiles(v *view) []pastFile {
	var files []pastFile
	for _, item := range applied(v.run, v.domain, deployConfig, syncConf, goLive) {
		if item.Commit == nil {
			continue
		}
		for _, change := range item.Commit.Files {
			before, after, err := change.Contents()
			if err != nil || path.Clean(change.Path) != change.Path {
				continue // never applied
			}
			i := slices.IndexFunc(files, func(f pastFile) bool { return f.path == change.Path })
			if i < 0 {
				files = append(files, pastFile{path: change.Path, mode: change.Mode, before: before})
				i = len(files) - 1
			}
			files[i].after = append(files[i].after, after)
		}
	}
	return files
}

// lookUndoDNS brings every record set that the run published back to what it was before, unless it was changed since.
func (b *Runbook) lookUndoDNS(ctx context.Context, v *view) (onboarding.Observation, error) {
	zone, sets := "", []onboarding.RecordsEdit{}
	for _, item := range applied(v.run, v.domain, publish) {
		if item.DNS == nil {
			continue
		}
		zone = item.DNS.Zone
		for _, set := range item.DNS.Sets {
			i := slices.IndexFunc(sets, func(s onboarding.RecordsEdit) bool { return s.Name == set.Name && s.Type == set.Type })
			if i < 0 {
				sets = append(sets, set)
			} else {
				sets[i].After = set.After
			}
		}
	}
	if b.publisher == nil {
		return onboarding.Observation{}, conflict("Take the records of "+v.domain+" back where the zone is kept.", "The bot no longer publishes in the zone %s.", zone)
	}
	questions := make([]dns.Question, len(sets))
	for i, set := range sets {
		questions[i] = dns.Question{Name: set.Name, Type: set.Type}
	}
	seen, err := b.publisher.Observe(ctx, zone, questions)
	if err != nil {
		return onboarding.Observation{}, err
	}
	update := &onboarding.ZoneUpdate{Zone: zone}
	for i, answer := range seen.Servers[0].Answers {
		if answer.Problem != "" {
			return onboarding.Observation{}, fmt.Errorf("%s %s: the name server %s", answer.Name, answer.Type, answer.Problem.Sentence())
		}
		now := values(answer.Records)
		switch {
		case slices.Equal(now, slices.Sorted(slices.Values(sets[i].Before))):
		case slices.Equal(now, slices.Sorted(slices.Values(sets[i].After))):
			update.Sets = append(update.Sets, onboarding.RecordsEdit{
				Name: sets[i].Name, Type: sets[i].Type, TTL: cmp.Or(sets[i].BeforeTTL, sets[i].TTL), BeforeTTL: ttl(answer.Records), Before: now, After: sets[i].Before})
		default:
			return onboarding.Observation{}, conflict("Look at it and take it back by hand.", "%s %s was changed since the run, to %s.", answer.Name, answer.Type, strings.Join(now, ", "))
		}
	}
	if len(update.Sets) == 0 {
		return onboarding.Observation{}, nil
	}
	return onboarding.Observation{Change: onboarding.Change{
		Summary: fmt.Sprintf("Take back %d record sets in the zone %s", len(update.Sets), zone), Items: []onboarding.Item{{DNS: update}},
	}}, nil
}
