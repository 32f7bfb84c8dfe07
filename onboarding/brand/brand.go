// Package brand checks how an Org's site should look, and renders it: as the org-site files of a
// domain's folder, and as a preview for those who approve them.
//
// It holds colours and their contrast, site copy, logos, the rendered configuration and the
// preview. It does no I/O.
package brand

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/onboarding/visible"
)

// Brand is how an Org's site looks.
type Brand struct {
	// Name is the Org's name, one line.
	Name string `json:"name"`
	// Copy is plain text as [CheckCopy] returns it, or empty.
	Copy    string  `json:"copy,omitempty"`
	Palette Palette `json:"palette"`
	// Logo is nil if there is none.
	Logo *Logo `json:"logo,omitempty"`
}

// Field names one input of a brand, for errors that are shown at it.
type Field string

// The inputs of a brand.
const (
	FieldBackground Field = "background"
	FieldText       Field = "text"
	FieldPrimary    Field = "primary"
	FieldAccent     Field = "accent"
)

// MaxCopy is how many characters site copy may have. It is the limit of Slack's text input
// (https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element).
const MaxCopy = 3000

// CheckCopy normalises site copy: line ends are plain, and no line ends with spaces. If the copy
// is unusable, it says in a sentence what is wrong. Copy is plain text, so whoever puts it into a
// page escapes it and has nothing else to decide.
func CheckCopy(text string) (clean, problem string) {
	if clean, problem = tidyCopy(text); problem != "" {
		return "", problem
	}
	spaced := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) { // typographers use them
			return ' '
		}
		return r
	}, clean)
	if r, found := visible.Unseen(spaced); found {
		return "", fmt.Sprintf("The character %U in the site copy cannot be printed: remove it.", r)
	}
	return clean, ""
}

// tidyCopy normalises site copy, and refuses what could not be published. Copy of an earlier
// release passes it.
func tidyCopy(text string) (clean, problem string) {
	if !utf8.ValidString(text) {
		return "", "The site copy is not valid UTF-8 text."
	}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", " ").Replace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(line, unicode.IsSpace)
	}
	clean = strings.TrimSpace(strings.Join(lines, "\n"))
	if n := utf8.RuneCountInString(clean); n > MaxCopy {
		return "", fmt.Sprintf("Site copy has at most %d characters; this has %d.", MaxCopy, n)
	}
	for i, r := range clean {
		switch {
		case r != '\n' && !printable(r):
			return "", fmt.Sprintf("The character %U in the site copy cannot be printed: remove it.", r)
		case r == '<' && isTag(clean[i+1:]):
			return "", "Site copy is plain text: leave out HTML such as <b>."
		}
	}
	return clean, ""
}

// printable refuses control characters and unusual line ends. It also refuses bidirectional
// controls, which can make text look like something else (Unicode TR36 §2.3).
func printable(r rune) bool {
	return !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029' &&
		r != '\ufeff' && r != utf8.RuneError
}

// isTag reports whether a less-than sign begins markup, given what follows it: HTML §13.2.5.6.
func isTag(rest string) bool {
	return rest != "" && (rest[0]|0x20 >= 'a' && rest[0]|0x20 <= 'z' || strings.ContainsRune("/!?", rune(rest[0])))
}

// checkName returns an error for a name that is empty or does not print.
func checkName(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("brand: name: is empty")
	}
	for _, r := range text {
		if !printable(r) {
			return fmt.Errorf("brand: name: the character %U does not print", r)
		}
	}
	return nil
}
