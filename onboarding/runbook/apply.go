package runbook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// cleanup is how long what a failed change left may take to be taken away, also while the bot is shutting down.
const cleanup = 30 * time.Second

// ApplyItem carries out one item of a change. What the guard does not allow is not carried out.
func (b *Runbook) ApplyItem(ctx context.Context, grant onboarding.Authorization, item onboarding.Item, log onboarding.Log) error {
	if err := b.Authorize(grant, item); err != nil {
		return err
	}
	this := application{grant.Run.ID, grant.Step}
	err := b.applyItem(ctx, grant, item, log)
	if err != nil {
		b.ends.Store(this, failedUnder(grant.Approval))
		return err
	}
	// What failed before in this application may still run on a host.
	if end, seen := b.ends.Load(this); !seen || end != failedUnder(grant.Approval) {
		b.ends.Store(this, true)
	}
	return nil
}

// failedUnder is the approval under which an item failed.
type failedUnder string

func (b *Runbook) applyItem(ctx context.Context, grant onboarding.Authorization, item onboarding.Item, log onboarding.Log) error {
	switch {
	case item.SQL != nil:
		return b.applySQL(ctx, *item.SQL, log)
	case item.DNS != nil:
		return b.applyDNS(ctx, *item.DNS, log)
	case item.Command != nil:
		return b.applyCommand(ctx, grant, *item.Command, log)
	case item.Commit != nil:
		return b.applyCommit(ctx, grant, *item.Commit, log)
	case item.Probe != nil:
		return b.applyProbe(ctx, *item.Probe, log)
	}
	return errors.New("the change holds an item that does nothing")
}

func (b *Runbook) applySQL(ctx context.Context, transaction onboarding.Transaction, log onboarding.Log) error {
	for _, statement := range transaction.Statements {
		log.Line(statement.SQL)
	}
	if err := b.db.Execute(ctx, transaction); err != nil {
		return err
	}
	log.Line("committed")
	return nil
}

func (b *Runbook) applyDNS(ctx context.Context, update onboarding.ZoneUpdate, log onboarding.Log) error {
	changes := make([]dns.Change, len(update.Sets))
	for i, set := range update.Sets {
		changes[i] = dns.Change{Question: dns.Question{Name: set.Name, Type: set.Type}, Before: records(set, set.Before), After: records(set, set.After)}
		for line := range strings.Lines(changes[i].String()) {
			log.Line(strings.TrimSuffix(line, "\n"))
		}
	}
	if err := b.publisher.Publish(ctx, update.Zone, changes); err != nil {
		return err
	}
	log.Line("published in the zone " + update.Zone)
	return nil
}

func records(set onboarding.RecordsEdit, values []string) []dns.Record {
	list := make([]dns.Record, len(values))
	for i, value := range values {
		list[i] = dns.Record{Name: set.Name, Type: set.Type, TTL: set.TTL, Value: value}
	}
	return list
}

func (b *Runbook) applyCommand(ctx context.Context, grant onboarding.Authorization, command onboarding.Command, log onboarding.Log) error {
	host := b.hosts[command.Host]
	run := hosts.Command{Argv: command.Argv, Dir: command.Dir, Lock: command.Lock, Timeout: b.timeout(grant.Step)}
	if command.Stdin != "" {
		run.Stdin = []byte(command.Stdin)
	}
	log.Line("$ " + host.Paste(run))
	_, err := host.Run(ctx, run, func(line hosts.Line) { log.Line(line.Text) })
	if err != nil && slices.Contains(command.Argv, "certbot") {
		return b.explainCertbot(ctx, host, err, log)
	}
	return err
}

// timeout is what a command of a step may take, 0 for the host's own limit.
func (b *Runbook) timeout(key onboarding.Key) time.Duration {
	switch key.Kind() {
	case deploy:
		return b.config.Deploy.Timeout
	case certificate, renew:
		return b.config.Certificate.Timeout
	case setupMail, undo + setupMail:
		return b.config.Mail.Setup.Timeout
	}
	return 0
}

func (b *Runbook) applyCommit(ctx context.Context, grant onboarding.Authorization, commit onboarding.Commit, log onboarding.Log) error {
	made := repo.Commit{Folder: commit.Folder, Subject: commit.Subject, Trailers: trailers(grant)}
	for _, file := range commit.Files {
		before, after, err := file.Contents()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if file.Mode == "100755" {
			mode = 0o755
		}
		made.Files = append(made.Files, repo.FileChange{Path: file.Path, Mode: mode, Before: before, After: after})
		log.Line(file.Path)
	}
	hash, err := b.repo.Apply(ctx, made)
	if err != nil {
		return err
	}
	log.Line("commit " + hash)
	return nil
}

// trailers say in the commit who stands for it.
func trailers(grant onboarding.Authorization) []repo.Trailer {
	list := []repo.Trailer{{Key: "Requester", Value: person(grant.Run.Requester)}}
	for _, approver := range grant.Approvers {
		list = append(list, repo.Trailer{Key: "Approver", Value: person(approver)})
	}
	return append(list, repo.Trailer{Key: "Run", Value: grant.Run.ID.String()}, repo.Trailer{Key: "Digest", Value: string(grant.Digest)})
}

// person names an operator on one line: what people call themselves is theirs to choose.
func person(operator onboarding.Operator) string {
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '<' || r == '>' {
			return -1
		}
		return r
	}, operator.Name)
	if name = strings.TrimSpace(name); name == "" {
		return operator.ID
	}
	return name + " (" + operator.ID + ")"
}

func (b *Runbook) applyProbe(ctx context.Context, wanted onboarding.Probe, log onboarding.Log) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range wanted.Names {
		for _, text := range wanted.Addresses {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("probe: %w", err)
			}
			group.Go(func() error {
				return patiently(ctx, time.Now().Add(reloading), func() error { return b.probe(ctx, visit{name, address}, wanted, log) })
			})
		}
	}
	return group.Wait()
}

func (b *Runbook) probe(ctx context.Context, at visit, wanted onboarding.Probe, log onboarding.Log) error {
	seen, err := b.prober.HTTP(ctx, at.name, at.address, wanted.Path)
	switch {
	case err != nil:
		return fmt.Errorf("the certificate authority could not reach %s: %w", at.name, err)
	case string(seen.Body) == wanted.Body:
		log.Line(fmt.Sprintf("http://%s%s at %s serves the file", at.name, wanted.Path, at.address))
	case toHTTPS(at.name, seen):
		// certbot has been here: what it puts in front of its own redirect answers the authority.
		log.Line(fmt.Sprintf("http://%s%s at %s leads to HTTPS", at.name, wanted.Path, at.address))
	default:
		return fmt.Errorf("the certificate authority would not find its proof: http://%s%s at %s answers %d with something else than the file that was put there",
			at.name, wanted.Path, at.address, seen.Status)
	}
	return nil
}

// toHTTPS says whether an answer leads to HTTPS on the same host.
func toHTTPS(name string, seen probe.Response) bool {
	location, err := url.Parse(seen.Header.Get("Location"))
	return err == nil && answers(seen.Status) && location.Scheme == "https" && strings.EqualFold(location.Host, name)
}
