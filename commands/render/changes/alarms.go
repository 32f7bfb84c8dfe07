package changes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

// Alarms are what an approver must not overlook in a change, as lines of mrkdwn: addresses that
// are replaced, commits that are pushed too, and what a sync would commit that certbot did not
// write.
func Alarms(approval *onboarding.Approval) []string {
	var lines []string
	for _, item := range approval.Change.Items {
		if item.DNS != nil {
			lines = append(lines, replacedAddresses(item.DNS)...)
		}
		if item.Commit != nil {
			lines = append(lines, otherCommits(item.Commit.Unpushed)...)
		}
		if item.Commit != nil && approval.Step.Kind() == onboarding.KindSync {
			lines = append(lines, strangeLines(item.Commit)...)
		}
	}
	return lines
}

// addressTypes are the records that say where visitors and mail go.
var addressTypes = []string{"A", "AAAA", "CNAME", "MX"}

func replacedAddresses(update *onboarding.ZoneUpdate) []string {
	var lines []string
	for _, set := range update.Sets {
		gone := slices.DeleteFunc(slices.Clone(set.Before),
			func(value string) bool { return slices.Contains(set.After, value) })
		if len(gone) == 0 || len(set.After) == 0 || !slices.Contains(addressTypes, set.Type) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s *%s %s already exists:* %s. The change replaces it, and "+
			"this name will no longer reach what is there now.", mrkdwn.MarkTrouble,
			mrkdwn.Inline(strings.TrimSuffix(set.Name, ".")), set.Type, mrkdwn.Inline(mrkdwn.FirstFew(gone, ", "))))
	}
	return lines
}

// otherCommits names the commits that are pushed too and change something else than the change
// does.
func otherCommits(commits []onboarding.UnpushedCommit) []string {
	var subjects []string
	for _, commit := range commits {
		if len(commit.Files) > 0 {
			subjects = append(subjects, mrkdwn.Inline(mrkdwn.FirstLine(commit.Subject)))
		}
	}
	if len(subjects) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s *Pushed too:* %s in the bot's name, which the remote does not have yet: %s. "+
		"An earlier push failed, or somebody else committed in its name.", mrkdwn.MarkTrouble,
		mrkdwn.Count(len(subjects), "other commit"), mrkdwn.FirstFew(subjects, " · "))}
}

func strangeLines(commit *onboarding.Commit) []string {
	var lines []string
	for _, file := range commit.Files {
		before, after, err := file.Contents()
		if err != nil || before == nil {
			continue
		}
		strange := deployconfig.NotByCertbot(before, after)
		if len(strange) == 0 {
			continue
		}
		for i, line := range strange {
			strange[i] = mrkdwn.Inline(mrkdwn.FirstLine(line))
		}
		lines = append(lines, fmt.Sprintf("%s *certbot did not write this* in %s: %s", mrkdwn.MarkTrouble,
			mrkdwn.Inline(file.Path), mrkdwn.FirstFew(strange, " · ")))
	}
	return lines
}
