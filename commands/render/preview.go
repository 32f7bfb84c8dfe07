package render

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

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
