package runbook

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// ErrNotAllowed says that an item of a change is outside the bounds of the runbook. Such an item
// is never applied, no matter who approved it.
var ErrNotAllowed = errors.New("no run may do this")

// guard judges changes by the registry alone: it trusts neither what was observed nor what was
// approved.
type guard struct {
	registry *registry
	sites    *site.Finder
}

// authorize returns nil if an item may be part of a change of the step, else an error that wraps
// [ErrNotAllowed].
func (g *guard) authorize(auth onboarding.Authorization, item onboarding.Item) error {
	if err := g.judge(auth, item); err != nil {
		return fmt.Errorf("%s: %w: %w", auth.Step, ErrNotAllowed, err)
	}
	return nil
}

func (g *guard) judge(auth onboarding.Authorization, item onboarding.Item) error {
	step := g.registry.find(auth.Step.Kind())
	switch {
	case step == nil:
		return errors.New("the runbook has no such step")
	case step.Allows == nil:
		return errors.New("the step changes nothing")
	case actions(item) != 1:
		return fmt.Errorf("the item holds %d actions instead of one", actions(item))
	}
	s := &scope{run: auth.Run, key: auth.Step}
	if step.PerDomain {
		var err error
		if s.site, err = g.sites.Of(auth.Run, auth.Step); err != nil {
			return err
		}
	}
	return step.Allows(s, item)
}

func actions(item onboarding.Item) int {
	count := 0
	for _, set := range []bool{
		item.SQL != nil, item.DNS != nil, item.Command != nil, item.Commit != nil, item.Probe != nil,
	} {
		if set {
			count++
		}
	}
	return count
}

// errOtherKind says that a step never makes items of this type.
var errOtherKind = errors.New("the step makes no changes of this type")

// allowance is what a step may change, by the type of the item. A nil field allows no item of that
// type.
type allowance struct {
	sql      func(onboarding.Transaction) error
	dns      func(*scope, onboarding.ZoneUpdate) error
	commands func(*scope, onboarding.Command) error
	commit   func(*scope, onboarding.Commit) error
	probe    func(*scope, onboarding.Probe) error
}

// allows implements [Step.Allows].
func (a allowance) allows(s *scope, item onboarding.Item) error {
	switch {
	case item.SQL != nil && a.sql != nil:
		return a.sql(*item.SQL)
	case item.DNS != nil && a.dns != nil:
		return a.dns(s, *item.DNS)
	case item.Command != nil && a.commands != nil:
		return a.commands(s, *item.Command)
	case item.Commit != nil && a.commit != nil:
		return a.commit(s, *item.Commit)
	case item.Probe != nil && a.probe != nil:
		return a.probe(s, *item.Probe)
	}
	return errOtherKind
}

// statements allows the statements whose text is known, with any parameters.
func statements(known func() []string) func(onboarding.Transaction) error {
	return func(transaction onboarding.Transaction) error {
		for _, statement := range transaction.Statements {
			if !slices.Contains(known(), statement.SQL) {
				return fmt.Errorf("this statement is not one of the runbook: %s", statement.SQL)
			}
		}
		return nil
	}
}

// oneOf allows the commands that are known, argument by argument.
func oneOf(known func(*scope) []onboarding.Command) func(*scope, onboarding.Command) error {
	return func(s *scope, command onboarding.Command) error {
		if slices.ContainsFunc(known(s), func(c onboarding.Command) bool { return sameCommand(c, command) }) {
			return nil
		}
		return fmt.Errorf("this command is not one of the step: %s", strings.Join(command.Argv, " "))
	}
}

func sameCommand(a, b onboarding.Command) bool {
	return a.Host == b.Host && a.Dir == b.Dir && a.Lock == b.Lock && a.Stdin == b.Stdin &&
		a.AlsoLock == b.AlsoLock && slices.Equal(a.Argv, b.Argv) && slices.Equal(a.Sources, b.Sources)
}

// ownRecords allows the records of the domain and below it.
func ownRecords(s *scope, update onboarding.ZoneUpdate) error {
	for _, set := range update.Sets {
		if set.Name != s.site.Domain && !strings.HasSuffix(set.Name, "."+s.site.Domain) {
			return fmt.Errorf("the record %s does not belong to %s", set.Name, s.site.Domain)
		}
	}
	return nil
}

// ownEndpoints allows probes of the domain's names at the addresses of its VPS.
func ownEndpoints(s *scope, probe onboarding.Probe) error {
	for _, name := range probe.Names {
		if !slices.Contains(s.site.Names, name) {
			return fmt.Errorf("%s is not a name of %s", name, s.site.Domain)
		}
	}
	for _, address := range probe.Addresses {
		if address != s.site.IPv4.String() && (!s.site.IPv6.IsValid() || address != s.site.IPv6.String()) {
			return fmt.Errorf("%s is not an address of %s", address, s.site.Domain)
		}
	}
	return nil
}

// ownFolder allows files in the deploy folder of the domain, with a feature that is not named
// after the Provider.
func ownFolder(s *scope, commit onboarding.Commit) error {
	own := s.site.Folder
	if commit.Folder != own {
		return fmt.Errorf("the commit is for %q instead of %s", commit.Folder, own)
	}
	for _, unpushed := range commit.Unpushed {
		for _, file := range unpushed.Files {
			if path.Clean(file.Path) != file.Path || !strings.HasPrefix(file.Path, path.Dir(own)+"/") {
				return fmt.Errorf("commit %s, which would be pushed too, has the file %q", unpushed.Commit, file.Path)
			}
		}
	}
	for _, file := range commit.Files {
		if path.Clean(file.Path) != file.Path || !strings.HasPrefix(file.Path, own+"/") {
			return fmt.Errorf("the file %q is not in %s", file.Path, own)
		}
		_, after, err := file.Contents()
		if err != nil {
			return err
		}
		if file.Path != path.Join(own, folder.ServicesFile) || after == nil {
			continue
		}
		services, err := deployconfig.ReadServices(after)
		if err != nil {
			return err
		}
		if err := folder.CheckFeature(services.Feature, s.run.Request); err != nil {
			return err
		}
	}
	return nil
}
