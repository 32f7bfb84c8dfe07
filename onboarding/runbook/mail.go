package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/mail"
)

// lockMail is held by what changes keys, mailboxes and forwards on a host.
const lockMail = "mail"

// plan is the site's mail plan in the mail package's words.
func (s *site) plan() mail.Plan { return mail.Plan{Kind: kinds[s.mail.Plan], To: s.mail.Forward} }

// offered refuses a plan that the configuration has no pattern for.
func (b *Runbook) offered(s *site) error {
	if !slices.Contains(b.config.MailPlans(), s.mail.Plan) {
		return conflict("Configure its pattern under mail, or choose the mail plan none.", "%s is to have mail (%s), which is not configured.", s.domain, s.mail.Plan)
	}
	return nil
}

// keyFiles are the keys that sign the site's mail.
func (b *Runbook) keyFiles(s *site) []mail.KeyFile { return b.config.Mail.Files(s.domain, s.plan()) }

// publicKeys reads the public halves of the site's keys where they are. A key that is not made yet is among the missing.
func (b *Runbook) publicKeys(ctx context.Context, s *site, idle string) (keys []mail.PublicKey, missing []mail.KeyFile, err error) {
	files := b.keyFiles(s)
	found := make([]mail.PublicKey, len(files))
	exists := make([]bool, len(files))
	group, ctx := errgroup.WithContext(ctx)
	for i, file := range files {
		group.Go(func() error {
			out, err := b.hosts[b.config.Mail.DKIM.Host].Output(ctx, hosts.Command{Argv: file.Read(), Idle: idle})
			var exit *hosts.ExitError
			if errors.As(err, &exit) { // the script's text is nobody's reading
				err = fmt.Errorf("%s: %s: %s", exit.Host, file.Path, exit.Tail)
			}
			if err == nil {
				found[i], exists[i], err = file.Parse(out)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, fmt.Errorf("DKIM key of %s: %w", s.domain, err)
	}
	for i, file := range files {
		if exists[i] {
			keys = append(keys, found[i])
		} else {
			missing = append(missing, file)
		}
	}
	return keys, missing, nil
}

func (b *Runbook) makeKey(file mail.KeyFile) onboarding.Command {
	return onboarding.Command{Host: b.config.Mail.DKIM.Host, Argv: file.Generate(), Lock: lockMail}
}

// lookMailKey is done when every key that signs the site's mail is there. A key is made where it is used and never leaves that host;
// nobody has seen it when the change is approved, and its public half is approved with the records.
func (b *Runbook) lookMailKey(ctx context.Context, v *view) (onboarding.Observation, error) {
	keys, missing, err := b.publicKeys(ctx, v.site, b.unsettledMail(v))
	if err != nil {
		return onboarding.Observation{}, err
	}
	var look onboarding.Observation
	for _, key := range keys {
		look.Findings = append(look.Findings, good("DKIM key "+key.Selector, "%s, %s", key.Kind, key.Fingerprint()))
	}
	var names []string
	for _, file := range missing {
		command := b.makeKey(file)
		look.Change.Items = append(look.Change.Items, onboarding.Item{Command: &command})
		names = append(names, fmt.Sprintf("%s (%s)", file.Selector, file.Kind))
	}
	if len(missing) > 0 {
		look.Change.Summary = fmt.Sprintf("Make the DKIM key %s of %s on %s, where it stays", strings.Join(names, " and "), v.domain, b.config.Mail.DKIM.Host)
	}
	return look, nil
}

// unsettledMail is [Runbook.unsettled] for what works on mail.
func (b *Runbook) unsettledMail(v *view) string {
	if b.unsettled(v) == "" {
		return ""
	}
	return lockMail
}

// mailRecords are the records that the site's mail needs, fitted to those that exist already, which must hold the sets of
// [Runbook.mailPattern]. The notes say what was kept of others.
func (b *Runbook) mailRecords(ctx context.Context, s *site, pattern []dns.Record, seen dns.State) (mail.Merged, error) {
	merged, err := mail.Merge(ctx, b.resolver, s.domain, pattern, mail.Existing(seen))
	if theirs, ok := errors.AsType[*mail.ConflictError](err); ok {
		return merged, &onboarding.ConflictError{What: theirs.What, Fix: theirs.Fix}
	}
	return merged, err
}

// mailPattern are the records of the configured pattern.
func (b *Runbook) mailPattern(s *site, keys []mail.PublicKey) ([]dns.Record, error) {
	if err := b.offered(s); err != nil {
		return nil, err
	}
	return b.config.Mail.Records(s.domain, s.plan(), keys)
}

// mailCommand is one of the commands that make what the site's plan needs beyond the DNS.
func (b *Runbook) mailCommand(s *site, pattern []string) onboarding.Command {
	return onboarding.Command{Host: b.config.Mail.Setup.Host, Argv: s.fillAll(pattern), Lock: lockMail}
}

// hasMail asks whether what the site's plan needs beyond the DNS is there.
func (b *Runbook) hasMail(ctx context.Context, v *view) (bool, error) {
	check := b.config.Mail.Setup.of(v.mail.Plan).Check
	_, err := b.hosts[b.config.Mail.Setup.Host].Output(ctx, hosts.Command{Argv: v.fillAll(check), Idle: b.unsettledMail(v), Timeout: b.config.Mail.Setup.Timeout})
	switch {
	case err == nil:
		return true, nil
	case hosts.IsExit(err, 1):
		return false, nil
	}
	return false, fmt.Errorf("mail of %s: %w", v.domain, err)
}

// lookMail is done when what the plan needs beyond the DNS is there, by the word of the configured check.
func (b *Runbook) lookMail(ctx context.Context, v *view) (onboarding.Observation, error) {
	there, err := b.hasMail(ctx, v)
	if err != nil || there {
		return onboarding.Observation{}, err
	}
	command := b.mailCommand(v.site, b.config.Mail.Setup.of(v.mail.Plan).Make)
	return onboarding.Observation{Change: onboarding.Change{Summary: "Make the " + v.mailNoun(), Items: []onboarding.Item{{Command: &command}}}}, nil
}

// mailNoun names what the plan needs beyond the DNS.
func (s *site) mailNoun() string {
	if s.mail.Plan == onboarding.MailForward {
		return "forward of mail for " + s.domain + " to " + s.mail.Forward
	}
	return "mailbox of " + s.domain
}

// preflightMail finds now what the site's mail would meet: a plan without a pattern, mail that goes elsewhere, a host without openssl.
func (b *Runbook) preflightMail(ctx context.Context, s *site) []onboarding.Finding {
	if s.mail.Plan == onboarding.MailNone {
		return nil
	}
	name := "mail of " + s.domain
	const fix = "Correct what is said here, then retry."
	pattern, err := b.mailPattern(s, nil)
	if err == nil && len(b.keyFiles(s)) > 0 {
		_, err = b.hosts[b.config.Mail.DKIM.Host].Output(ctx, hosts.Command{Argv: []string{"sh", "-c", "command -v openssl"}})
		if hosts.IsExit(err, 127) || hosts.IsExit(err, 1) {
			err = fmt.Errorf("there is no openssl on %s to make its DKIM key with", b.config.Mail.DKIM.Host)
		}
	}
	if err != nil {
		return []onboarding.Finding{bad(name, fix, "%v", err)}
	}
	seen, err := b.resolver.Observe(ctx, s.domain, dns.Questions(pattern))
	if errors.Is(err, dns.ErrNoZone) {
		return nil // it is said of the zone
	}
	var merged mail.Merged
	if err == nil {
		merged, err = b.mailRecords(ctx, s, pattern, seen)
	}
	if err != nil {
		return []onboarding.Finding{bad(name, fix, "%v", err)}
	}
	detail := strings.ToLower(s.mail.Plan.String())
	return []onboarding.Finding{good(name, "%s", strings.Join(append([]string{detail}, merged.Notes...), "; "))}
}

// verifyMail looks once more whether the site's mail works, and says what is left to be done by hand.
func (b *Runbook) verifyMail(ctx context.Context, s *site) []onboarding.Finding {
	if s.mail.Plan == onboarding.MailNone {
		return nil
	}
	name := "mail of " + s.domain
	const fix = "Correct it where the zone is kept, then press Retry."
	keys, missing, err := b.publicKeys(ctx, s, "")
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("the key %s is gone from %s", missing[0].Path, b.config.Mail.DKIM.Host)
	}
	var pattern []dns.Record
	if err == nil {
		pattern, err = b.mailPattern(s, keys)
	}
	var seen dns.State
	if err == nil {
		seen, err = b.resolver.Observe(ctx, s.domain, dns.Questions(pattern))
	}
	var merged mail.Merged
	if err == nil {
		merged, err = b.mailRecords(ctx, s, pattern, seen)
	}
	var checks []mail.Check
	if err == nil {
		checks, err = mail.Verify(ctx, b.resolver, s.domain, merged.Records)
	}
	if err != nil {
		return []onboarding.Finding{bad(name, fix, "%v", err)}
	}
	var findings []onboarding.Finding
	for _, check := range checks {
		if check.Status != dns.OK {
			findings = append(findings, bad(name, fix, "%s", check.Sentence))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, good(name, "%d records stand at every name server, and what they name works", len(checks)))
	}
	if b.config.Mail.Setup.of(s.mail.Plan).Make == nil {
		findings = append(findings, onboarding.Finding{Level: onboarding.Warning, Name: "to do by hand", Detail: "Make the " + s.mailNoun() + ".",
			Fix: "Its DNS is done. Configure mail.setup to have it made from now on."})
	}
	return findings
}
