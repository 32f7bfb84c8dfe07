package runbook

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

// ErrNever says that a change would do what no run may: whatever a look returned and whoever approved it, it is not applied.
var ErrNever = errors.New("a run never does this")

// Authorize checks an item before it is applied: rows are only ever added, in the form of the runbook, without a past; records,
// files and commands are those of the step's own domain; no feature is named after a Provider.
func (b *Runbook) Authorize(grant onboarding.Authorization, item onboarding.Item) error {
	if err := b.permitItem(grant, item); err != nil {
		return fmt.Errorf("%s: %w: %w", grant.Step, ErrNever, err)
	}
	return nil
}

func (b *Runbook) permitItem(grant onboarding.Authorization, item onboarding.Item) error {
	if item.SQL != nil {
		return b.permitSQL(grant.Step.Kind(), *item.SQL)
	}
	site, err := b.site(grant.Run, grant.Step)
	if err != nil {
		return err
	}
	switch {
	case item.DNS != nil:
		return b.permitDNS(site, *item.DNS)
	case item.Command != nil:
		return b.permitCommand(grant, site, *item.Command)
	case item.Commit != nil:
		return permitCommit(grant.Run.Request, site, *item.Commit)
	case item.Probe != nil:
		return permitProbe(site, *item.Probe)
	}
	return errors.New("an item that does nothing")
}

// permitSQL knows the runbook's statements by their text. Those of an onboarding only add, and none has created_at in it; those of an
// undo take back what was added, by all of its values.
func (b *Runbook) permitSQL(kind onboarding.Kind, transaction onboarding.Transaction) error {
	known := b.db.Statements(kind == undo+database)
	for _, statement := range transaction.Statements {
		if !slices.Contains(known, statement.SQL) {
			return fmt.Errorf("a statement that is not the runbook's: %s", statement.SQL)
		}
	}
	return nil
}

func (b *Runbook) permitDNS(site *site, update onboarding.ZoneUpdate) error {
	if b.publisher == nil {
		return errors.New("records are made by hand here")
	}
	for _, set := range update.Sets {
		if set.Name != site.domain && !strings.HasSuffix(set.Name, "."+site.domain) {
			return fmt.Errorf("the record %s is not of %s", set.Name, site.domain)
		}
	}
	return nil
}

func (b *Runbook) permitCommand(grant onboarding.Authorization, site *site, command onboarding.Command) error {
	var known []onboarding.Command
	switch grant.Step.Kind() {
	case deploy:
		known = []onboarding.Command{site.makeWebroot(), b.deployCommand(site)}
	case certificate:
		for _, item := range b.certificateItems(grant.Run, site) {
			if item.Command != nil {
				known = append(known, *item.Command)
			}
		}
	case renew:
		if b.renews(site, command) {
			return nil
		}
	case mailKey:
		for _, file := range b.keyFiles(site) {
			known = append(known, b.makeKey(file))
		}
	case setupMail:
		known = []onboarding.Command{b.mailCommand(site, b.config.Mail.Setup.of(site.mail.Plan).Make)}
	case undo + setupMail:
		known = []onboarding.Command{b.mailCommand(site, b.config.Mail.Setup.of(site.mail.Plan).Undo)}
	case undo + mailKey:
		for _, file := range b.keyFiles(site) {
			known = append(known, b.deleteKey(file)...)
		}
	case undo + deploy:
		known = b.disableCommands(site)
	case undo + certificate:
		known = []onboarding.Command{b.deleteCertificate(site)}
	}
	if !slices.ContainsFunc(known, func(c onboarding.Command) bool { return sameCommand(c, command) }) {
		return fmt.Errorf("a command that is not the step's: %s", strings.Join(command.Argv, " "))
	}
	return nil
}

func sameCommand(a, b onboarding.Command) bool {
	return a.Host == b.Host && a.Dir == b.Dir && a.Lock == b.Lock && a.Stdin == b.Stdin && slices.Equal(a.Argv, b.Argv)
}

func permitProbe(site *site, probe onboarding.Probe) error {
	for _, name := range probe.Names {
		if !slices.Contains(site.names, name) {
			return fmt.Errorf("%s is not a name of %s", name, site.domain)
		}
	}
	for _, address := range probe.Addresses {
		if address != site.ipv4.String() && (!site.ipv6.IsValid() || address != site.ipv6.String()) {
			return fmt.Errorf("%s is not an address of %s", address, site.domain)
		}
	}
	return nil
}

func permitCommit(request onboarding.Request, site *site, commit onboarding.Commit) error {
	if commit.Folder != site.folder {
		return fmt.Errorf("the commit is of %q instead of %s", commit.Folder, site.folder)
	}
	for _, file := range commit.Files {
		if path.Clean(file.Path) != file.Path || !strings.HasPrefix(file.Path, site.folder+"/") {
			return fmt.Errorf("the file %q is not in %s", file.Path, site.folder)
		}
		_, after, err := file.Contents()
		if err != nil {
			return err
		}
		if file.Path != path.Join(site.folder, servicesFile) || after == nil {
			continue
		}
		services, err := deployconfig.ReadServices(after)
		if err != nil {
			return err
		}
		if err := checkFeature(services.Feature, request); err != nil {
			return err
		}
	}
	return nil
}

// generic is the word that the platform uses for everyone; a slug may begin with it without owning it.
const generic = "provider"

// checkFeature refuses a feature that is named after the Provider or their Org, by the whole slug or, as in merche-site, by its
// first word: what serves one serves all.
func checkFeature(feature string, request onboarding.Request) error {
	for _, slug := range []string{request.Slug, request.Org.Slug} {
		if slug == "" {
			continue
		}
		first, _, _ := strings.Cut(slug, "-")
		if strings.Contains("-"+feature+"-", "-"+slug+"-") || first != generic && strings.HasPrefix(feature, first+"-") {
			return fmt.Errorf("the feature %s is named after %s; features are provider-generic", feature, slug)
		}
	}
	return nil
}
