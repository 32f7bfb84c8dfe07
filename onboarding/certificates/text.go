package certificates

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Span writes a duration in the largest whole unit of which there are at least three, such as "27
// days" or "120 minutes".
func Span(d time.Duration) string {
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour), int64(d/time.Minute)
	switch {
	case days >= 3:
		return count(days, "day")
	case hours >= 3:
		return count(hours, "hour")
	case minutes >= 3:
		return count(minutes, "minute")
	}
	return count(int64(max(d, 0)/time.Second), "second")
}

func count(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// Time writes a time for people, to the minute in UTC.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Names writes DNS names in Unicode with commas between them.
func Names(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = probe.Unicode(name)
	}
	return strings.Join(shown, ", ")
}

// Printable makes text from a host fit to be shown: without control characters, and at most limit
// runes long.
func Printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if utf8.RuneCountInString(text) > limit {
		text = string([]rune(text)[:limit-1]) + "…"
	}
	return text
}

// capitalize makes the first letter of a sentence a capital, unless the sentence begins with a
// domain name.
func capitalize(sentence string) string {
	first, _, _ := strings.Cut(sentence, " ")
	if strings.Contains(first, ".") || sentence == "" || sentence[0] < 'a' || sentence[0] > 'z' {
		return sentence
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:]
}
