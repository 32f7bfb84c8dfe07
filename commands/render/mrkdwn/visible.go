package mrkdwn

import (
	"strings"

	"github.com/atlilith/onboardbot/onboarding/visible"
)

// Visible escapes what does not print, and what could make a line look different from what it is.
// Line breaks and tabs stay.
func Visible(text string) string { return visible.Text(text) }

// OneLine makes text visible and replaces its line breaks by spaces.
func OneLine(text string) string { return strings.Join(strings.Fields(Visible(text)), " ") }
