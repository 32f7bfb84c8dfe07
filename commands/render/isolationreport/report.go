// Package isolationreport shows reports on the isolation of tenants in Slack.
package isolationreport

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports/record"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// Key is the outbox's key of a report.
func Key(report uuid.UUID) string { return "isolation/" + report.String() }

const (
	// maxProven is how many findings a message shows. The file has all of them.
	maxProven = 35
	// maxNamed is how many findings a line names, and how many lines say what could not be
	// checked.
	maxNamed = 5
	// maxCell is the length of a table cell, in characters.
	maxCell = 250
)

// MaxTenant is the longest slug that is looked up, in characters. The platform may have slugs
// that onboarding would not give.
const MaxTenant = 100

// reportText is a record that is put into words.
type reportText struct{ *record.Record }

// Messages shows a report: one line if all is well, a table if not, and the full report as a file
// in the thread.
func Messages(record *record.Record, approvers []string, command string) []post.Message {
	p := reportText{record}
	page := p.message(approvers, command)
	messages := []post.Message{{Key: Key(record.ID), Channel: record.Channel, Text: page.Text(),
		Blocks: page.Blocks, Fallback: page.Fallback()}}
	if record.Report != nil {
		messages = append(messages, p.file())
	}
	return messages
}

func (p reportText) message(approvers []string, command string) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	if p.isQuiet() {
		said, more := p.changes(), p.accepted()+p.askedBy()
		if more != "" {
			said = strings.TrimSuffix(said, ".")
		}
		page.Note(fmt.Sprintf("%s %s: %s. %s%s", mrkdwn.MarkDone, p.outcome(), p.coverage(), said, more))
		p.listAccepted(page)
		return page
	}
	head := fmt.Sprintf("%s *%s*", p.mark(), p.outcome())
	if p.Count(results.Leak) > 0 {
		head = fmt.Sprintf("%s %s *%s*", p.mark(), mrkdwn.MentionAll(approvers), p.outcome())
	}
	page.Say(head + "\n" + p.changes())
	if p.Count(results.Leak) > 0 {
		page.Say(fmt.Sprintf("*Now*: %s stops every run. Tell the platform's owners.",
			blockkit.Code(command+" "+render.WordFreeze+" tenants reach each other's rows")))
	}
	if p.Report == nil {
		page.Say(mrkdwn.Inline(mrkdwn.Summary(p.Problem)))
	} else {
		p.writeFindings(page)
		p.offerRisks(page)
		p.writeUnchecked(page)
		p.listAccepted(page)
	}
	if names := findingNames(p.Changes.Fixed); names != "" {
		page.Say(mrkdwn.MarkDone + " Fixed: " + names)
	}
	if names := findingNames(p.Unseen); names != "" {
		page.Say(mrkdwn.MarkWarning + " Seen before, and not checked again: " + names)
	}
	if p.Report != nil {
		whole := " · The full report is in the thread."
		if len(p.Report.Findings) > 0 {
			whole = " · The full report, with SQL that fixes each finding, is in the thread."
		}
		page.Note(p.coverage() + p.accepted() + p.askedBy() + whole)
	} else if by := p.askedBy(); by != "" {
		page.Note(strings.TrimPrefix(by, " · "))
	}
	return page
}

// Outcome is the mark of a report, and the report in one sentence without a full stop.
func Outcome(record *record.Record) (mark, sentence string) {
	p := reportText{record}
	return p.mark(), p.outcome()
}

// isQuiet reports whether all is well now and was before.
func (p reportText) isQuiet() bool {
	return p.Report != nil && p.Report.Verdict == results.Sound && len(p.Changes.Fixed)+len(p.Unseen) == 0
}

func (p reportText) mark() string {
	switch {
	case p.Report == nil:
		return mrkdwn.MarkFailed
	case p.Report.Verdict == results.Sound:
		return mrkdwn.MarkDone
	case p.Count(results.Leak) > 0:
		return mrkdwn.MarkAlarm
	}
	return mrkdwn.MarkWarning
}

// outcome is a report in a sentence without its end.
func (p reportText) outcome() string {
	words := "Isolation could not be checked"
	if p.Report != nil {
		switch {
		case p.Report.Verdict == results.Sound:
			words = "No tenant can reach another tenant's rows"
		case p.Report.Verdict == results.Leaking:
			words = "Tenants can reach each other's rows: " + mrkdwn.Count(p.Count(results.Leak), "leak") + " proven"
		case len(p.Report.Unchecked()) == 0:
			words = "No leak was proven"
		default:
			words = "Isolation could not be checked in full"
		}
	}
	if risks := p.Count(results.Risk); risks > 0 {
		words += ", " + mrkdwn.Count(risks, "risk")
	}
	if p.Tenant != "" {
		words += " (" + mrkdwn.Inline(blockkit.Truncate(p.Tenant, MaxTenant)) + " against all others)"
	}
	return words
}

// coverage says what was tried.
func (p reportText) coverage() string {
	c := p.Report.Coverage
	return fmt.Sprintf("%s, %s, %s and %s in %.1f s", mrkdwn.Count(c.Tenants, "tenant"),
		mrkdwn.Count(c.Tables, "table"), mrkdwn.Count(c.Reads, "read"),
		mrkdwn.Count(c.WriteAttempts, "write attempt"), c.Seconds)
}

// changes says what changed since the report before.
func (p reportText) changes() string {
	changes, unseen := p.Changes, ""
	if len(p.Unseen) > 0 {
		unseen = fmt.Sprintf(", %d not checked again", len(p.Unseen))
	}
	switch {
	case p.Since.IsZero():
		return "This is the first report."
	case p.Report == nil:
		return "The last complete check was on " + blockkit.Date(p.Since) + "."
	case len(changes.New)+len(changes.Fixed)+len(changes.Unchanged)+len(p.Unseen) == 0:
		return "No change since " + blockkit.Date(p.Since) + "."
	}
	return fmt.Sprintf("%d new, %d fixed, %d unchanged%s since %s.", len(changes.New), len(changes.Fixed),
		len(changes.Unchanged), unseen, blockkit.Date(p.Since))
}

// accepted says how many risks count no longer, since somebody accepted them.
func (p reportText) accepted() string {
	if len(p.Report.Accepted) == 0 {
		return ""
	}
	return " · " + mrkdwn.Count(len(p.Report.Accepted), "accepted risk")
}

func (p reportText) askedBy() string {
	if p.By == "" {
		return ""
	}
	return " · requested by " + blockkit.User(p.By)
}

// writeFindings shows the table: leaks before risks, and new findings before known ones.
func (p reportText) writeFindings(page *mrkdwn.Builder) {
	fresh := map[string]bool{}
	for _, finding := range p.Changes.New {
		fresh[finding.Key()] = !p.Since.IsZero()
	}
	findings := slices.Clone(p.Report.Findings)
	rank := func(f results.Finding) int {
		rank := 0
		if f.Kind != results.Leak {
			rank = 2
		}
		if !fresh[f.Key()] {
			rank++
		}
		return rank
	}
	slices.SortStableFunc(findings, func(a, b results.Finding) int { return cmp.Compare(rank(a), rank(b)) })
	if len(findings) == 0 {
		return
	}
	rows := [][]string{{"Finding", "Attacker and evidence"}} // a phone has no room for a third column
	for _, finding := range findings[:min(len(findings), maxProven)] {
		what := fmt.Sprintf("%s: %s of %s", finding.Kind, finding.Operation, finding.Table)
		if fresh[finding.Key()] {
			what = "new " + what
		}
		rows = append(rows, []string{cell(what), cell(finding.As + ": " + finding.Evidence)})
	}
	page.DataTable(blockkit.Table{Caption: "What was found", Rows: rows})
	if more := len(findings) - maxProven; more > 0 {
		page.Note(fmt.Sprintf("… and %d more in the report.", more))
	}
}

func cell(text string) string { return blockkit.Truncate(mrkdwn.OneLine(text), maxCell) }

// writeUnchecked lists what could not be checked.
func (p reportText) writeUnchecked(page *mrkdwn.Builder) {
	coverage := p.Report.Coverage
	lines := slices.Concat(coverage.LeftOut, coverage.Unclassified)
	if len(lines) == 0 {
		return
	}
	said := []string{fmt.Sprintf("%s %s could not be checked:", mrkdwn.MarkWarning,
		mrkdwn.Count(len(lines), "thing"))}
	for _, line := range lines[:min(len(lines), maxNamed)] {
		said = append(said, "• "+mrkdwn.Inline(mrkdwn.Summary(line)))
	}
	if more := len(lines) - maxNamed; more > 0 {
		said = append(said, fmt.Sprintf("… and %d more in the report.", more))
	}
	page.Say(strings.Join(said, "\n"))
}

// findingNames lists findings by operation and table, empty for none.
func findingNames(findings []results.Finding) string {
	names := make([]string, 0, maxNamed+1)
	for _, finding := range findings[:min(len(findings), maxNamed)] {
		names = append(names, fmt.Sprintf("%s of %s", mrkdwn.Inline(string(finding.Operation)),
			blockkit.Code(cell(finding.Table))))
	}
	if more := len(findings) - maxNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// file is the full report.
func (p reportText) file() post.Message {
	at := p.At.UTC()
	var content bytes.Buffer
	fmt.Fprintf(&content, "Isolation of tenants, %s\n", at.Format(time.RFC3339))
	if p.Tenant != "" {
		fmt.Fprintf(&content, "%s against all others\n", mrkdwn.OneLine(p.Tenant))
	}
	if p.Since.IsZero() {
		content.WriteString("the first report\n\n")
	} else {
		fmt.Fprintf(&content, "compared with %s\n\n", p.Since.UTC().Format(time.RFC3339))
	}
	_ = results.WriteText(&content, p.Report, &p.Changes) // a buffer takes everything
	for _, list := range []struct {
		title    string
		findings []results.Finding
	}{{"New", p.Changes.New}, {"Fixed", p.Changes.Fixed}, {"Unchanged", p.Changes.Unchanged},
		{"Seen before, not checked again", p.Unseen}} {
		if len(list.findings) > 0 {
			fmt.Fprintf(&content, "\n%s:\n", list.title)
		}
		for _, finding := range list.findings {
			fmt.Fprintf(&content, "   - %s\n", mrkdwn.OneLine(finding.Key()))
		}
	}
	title := "Isolation report " + at.Format("2006-01-02 15:04 UTC")
	return post.Message{Key: Key(p.ID) + "/report", Channel: p.Channel, Thread: Key(p.ID), Text: title + ". " +
		p.outcome() + ".",
		File: &post.File{Name: "isolation-" + at.Format("20060102-1504") + ".txt", Title: title,
			Content: content.Bytes()}}
}
