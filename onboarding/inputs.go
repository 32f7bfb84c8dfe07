package onboarding

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/onboarding/visible"
)

// Limits of the inputs, in characters.
const (
	MaxSlug        = 40 // leaves room in a DNS label (RFC 1035 §2.3.4: 63 octets) and in file names
	MaxDisplayName = 80
	MaxEmail       = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
	MaxDomains     = 10

	maxLocalPart = 64 // RFC 5321 §4.5.3.1.1
)

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// CheckSlug returns a sentence about what is wrong with the form of a slug, or nothing. Reserved
// slugs come from the configuration.
func CheckSlug(slug string, reserved []string) string {
	switch {
	case slug == "":
		return "Give a slug, such as merche-biche."
	case utf8.RuneCountInString(slug) > MaxSlug:
		return fmt.Sprintf("A slug has at most %d characters; this one has %d.", MaxSlug, utf8.RuneCountInString(slug))
	case !slugForm.MatchString(slug):
		return "A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, " +
			"such as merche-biche."
	case slices.Contains(reserved, slug):
		return fmt.Sprintf("The slug %s is reserved for the platform; choose another.", slug)
	}
	return ""
}

// CheckText returns a sentence about what is wrong with a line of free text, or nothing: it is
// empty, too long, not UTF-8, has characters that cannot be seen, or letters that look like those
// of another alphabet. Two names must not look the same.
func CheckText(what, text string, limit int) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "Give " + what + "."
	case !utf8.ValidString(text):
		return "This is not valid UTF-8 text."
	case utf8.RuneCountInString(text) > limit:
		return fmt.Sprintf("At most %d characters; this has %d.", limit, utf8.RuneCountInString(text))
	case strings.Contains(text, "\n"):
		return "The character U+000A cannot be printed: remove it."
	}
	if r, found := visible.Unseen(text); found {
		return fmt.Sprintf("The character %U cannot be printed: remove it.", r)
	}
	if r, plain := visible.Disguised(text); plain != "" {
		return fmt.Sprintf("Write %s instead of %c (%U).", plain, r, r)
	}
	if word := visible.Mixed(text); word != "" {
		return fmt.Sprintf("The word %s has letters of several alphabets that look alike, %s: write it in one.",
			shorten(word), visible.Text(word))
	}
	return ""
}

// CheckEmail returns a sentence about what is wrong with an address, or nothing. It accepts only
// a bare ASCII addr-spec (RFC 5322 §3.4.1) whose domain has a dot, since the address also becomes
// the account of an ACME client.
func CheckEmail(address string) string {
	if problem := CheckText("an email address", address, MaxEmail); problem != "" {
		return problem
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.HasPrefix(address, "-") {
		return "This is not an email address, such as merche@example.com."
	}
	at := strings.LastIndexByte(address, '@')
	if at > maxLocalPart {
		return fmt.Sprintf("At most %d characters may come before the @; this has %d.", maxLocalPart, at)
	}
	domain := address[at+1:]
	if ascii, err := asciiForm.ToASCII(domain); err != nil || !strings.Contains(ascii, ".") {
		return "The part after the @ is not a domain."
	}
	for _, r := range address {
		if r > unicode.MaxASCII || r == '"' || unicode.IsSpace(r) {
			return "Only plain ASCII addresses are supported, without quotes or spaces."
		}
	}
	return ""
}

// shorten returns the beginning of what somebody typed, for use in a sentence. Characters that
// cannot be printed are replaced, since they would change how the rest of the sentence reads.
func shorten(text string) string {
	const limit = 60
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
