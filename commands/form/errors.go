package form

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// blockOf returns the block at which a problem is shown.
func (d Draft) blockOf(field onboarding.Field) string {
	switch field {
	case onboarding.FieldSlug:
		return blockSlug
	case onboarding.FieldName:
		return blockName
	case onboarding.FieldEmail:
		return blockEmail
	case onboarding.FieldMode:
		return blockMode
	case onboarding.FieldOrg:
		switch d.Mode {
		case onboarding.ModeOwner:
			return blockOrgSlug
		case onboarding.ModeMember:
			return blockJoin
		}
		return blockMode
	case onboarding.FieldOrgName:
		return blockOrgName
	case onboarding.FieldMail:
		switch d.Mail {
		case PerDomain:
			return BlockMails
		case string(onboarding.MailForward):
			return blockForward
		}
		return blockMail
	case onboarding.FieldHost:
		if d.Host == PerDomain {
			return blockHosts
		}
		return blockHost
	case onboarding.FieldBrand:
		if d.Mode == onboarding.ModeOwner {
			return blockCopy
		}
		return blockMode
	}
	return BlockDomains
}

// AtBlocks returns problems by the blocks of the form. With a single host the form does not ask
// for one.
func (d Draft) AtBlocks(problems onboarding.Problems, hosts []string) FieldErrors {
	said := FieldErrors{}
	for _, field := range slices.Sorted(maps.Keys(problems)) {
		block := d.blockOf(field)
		if block == blockHost && len(hosts) < 2 {
			block = BlockDomains
		}
		said.Add(block, problems[field])
	}
	for block, typed := range map[string]string{blockSlug: d.Slug, blockOrgSlug: d.OrgSlug} {
		if mended, ok := CorrectSlug(typed); ok && mended != typed && said[block] != "" {
			said[block] = fmt.Sprintf("A slug is kebab-case: write %s.", mended)
		}
	}
	return said
}

// OnlyGiven leaves out problems with inputs that are empty: the form asks for those anyway.
func (d Draft) OnlyGiven(problems FieldErrors) FieldErrors {
	said := FieldErrors{}
	for block, value := range map[string]string{
		blockSlug: d.Slug, blockName: d.Name, blockEmail: d.Email, blockMode: string(d.Mode), blockOrgSlug: d.OrgSlug,
		blockOrgName: d.OrgName, blockJoin: d.Join,
		BlockDomains: d.Domains, blockHost: d.Host, blockHosts: d.Hosts, blockMail: d.Mail, blockForward: d.Forward,
		BlockMails: d.Mails,
		blockCopy:  d.Copy, blockPalette: d.Palette, BlockLogo: d.Logo, blockAt: d.At,
	} {
		if value != "" {
			said.Add(block, problems[block])
		}
	}
	return said
}

// FieldErrors say what is wrong with a draft, with a sentence for each block.
type FieldErrors map[string]string

func (s FieldErrors) Error() string {
	lines := make([]string, 0, len(s))
	for _, block := range slices.Sorted(maps.Keys(s)) {
		lines = append(lines, s[block])
	}
	return strings.Join(lines, "\n")
}

// Merge adds the sentences of others.
func (s FieldErrors) Merge(others FieldErrors) {
	for block, problem := range others {
		s.Add(block, problem)
	}
}

// Mrkdwn returns all sentences, one per line.
func (s FieldErrors) Mrkdwn() string { return blockkit.Escape(s.Error()) }

// Add adds a sentence to those of a block. It adds nothing if the sentence is empty.
func (s FieldErrors) Add(block, problem string) {
	if problem != "" {
		s[block] = strings.TrimSpace(s[block] + " " + problem)
	}
}
