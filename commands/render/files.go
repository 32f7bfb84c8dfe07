package render

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// Logged returns the attempts whose whole output goes into the thread as a file: those that failed
// or were cut short. The output of the others is in the audit log.
func Logged(view *onboarding.View) []*onboarding.Attempt {
	var found []*onboarding.Attempt
	for _, attempt := range view.Attempts {
		if attempt.Outcome != onboarding.OutcomeRunning && attempt.Outcome != onboarding.OutcomeDone &&
			attempt.Lines > 0 {
			found = append(found, attempt)
		}
	}
	return found
}

// LogKey is the outbox's key of an attempt's log.
func LogKey(attempt *onboarding.Attempt) string {
	return RootKey(attempt.RunID) + "/log/" + attempt.ID.String()
}

// LogFile is the output of an attempt, as a file in the thread.
func LogFile(view *onboarding.View, attempt *onboarding.Attempt, content string) post.Message {
	name := StepName(view.Run, attempt.Step)
	return post.Message{
		Key: LogKey(attempt), Channel: view.Channel, Thread: RootKey(view.ID),
		Text: mrkdwn.Inline("Log of " + name),
		File: &post.File{Name: logName(attempt), Title: mrkdwn.OneLine("Log of " + name), Content: []byte(content)},
	}
}

// logName returns a safe file name: kinds and domains have no other characters.
func logName(attempt *onboarding.Attempt) string {
	name := string(attempt.Step.Kind())
	if domain := attempt.Step.Domain(); domain != "" {
		name += "-" + blockkit.Truncate(domain, 80)
	}
	return name + "-" + attempt.ID.String()[:8] + ".log"
}

// PreviewKey is the outbox's key of the picture of a run's brand.
func PreviewKey(run uuid.UUID) string { return RootKey(run) + "/brand" }

// Preview is a PNG of the sites of the run's Org, as a file in the thread.
func Preview(view *onboarding.View, picture []byte) post.Message {
	title := "How the sites of " + mrkdwn.OneLine(view.Request.Org.Name) + " look"
	return post.Message{Key: PreviewKey(view.ID), Channel: view.Channel, Thread: RootKey(view.ID),
		Text: mrkdwn.Inline(title + ": " + BrandWords(view.Request.Brand)),
		File: &post.File{Name: "preview.png", Title: title, Content: picture}}
}

// BrandWords lists what a brand consists of.
func BrandWords(brand *onboarding.Brand) string {
	colors := brand.Palette
	words := []string{fmt.Sprintf("%s on %s with %s and %s", colors.Text, colors.Background, colors.Primary,
		colors.Accent)}
	if brand.Copy != "" {
		words = append(words, fmt.Sprintf("%d characters of copy", len([]rune(brand.Copy))))
	}
	if brand.Logo != "" {
		words = append(words, "a logo")
	}
	return strings.Join(words, ", ")
}
