// Package brand takes what an Org looks like, checks it, and turns it into the org-site files of a
// domain's folder and a picture to look at before they are approved.
//
// Here live colours and their contrast, site copy, logos and what may be in one, the rendered
// configuration and the preview. All of it is pure: nothing here knows of runs, of the repository
// or of chat.
package brand

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Brand is what an Org's site shows of it.
type Brand struct {
	// Name of the Org, one line.
	Name string `json:"name"`
	// Copy is plain text as [CheckCopy] returns it; it may be empty.
	Copy    string  `json:"copy,omitempty"`
	Palette Palette `json:"palette"`
	// Logo is nil where there is none.
	Logo *Logo `json:"logo,omitempty"`
}

// Field names one input of a brand, so that what is wrong can be said at its place.
type Field string

// The inputs of a brand.
const (
	FieldBackground Field = "background"
	FieldText       Field = "text"
	FieldPrimary    Field = "primary"
	FieldAccent     Field = "accent"
)

// MaxCopy is how many characters of site copy there may be: what Slack's text input takes
// (https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element).
const MaxCopy = 3000

// CheckCopy brings site copy into the form that is kept, with plain line ends and no space at
// theirs, or says what is wrong with it as a sentence. Copy is text and no markup, so that whoever
// puts it into a page has nothing to decide.
func CheckCopy(text string) (clean, problem string) {
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
		case r == '<' && tag(clean[i+1:]):
			return "", "Site copy is plain text: leave out HTML such as <b>."
		}
	}
	return clean, ""
}

// printable refuses controls, bidirectional ones too, since they make text read as something that
// it is not (Unicode TR36 §2.3), and line ends other than the plain one.
func printable(r rune) bool {
	return !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029' &&
		r != '\ufeff' && r != utf8.RuneError
}

// tag says whether what follows a less-than sign makes it the begin of markup: HTML §13.2.5.6.
func tag(rest string) bool {
	return rest != "" && (rest[0]|0x20 >= 'a' && rest[0]|0x20 <= 'z' || strings.ContainsRune("/!?", rune(rest[0])))
}

// checkLine says what is wrong with a name.
func checkLine(text string) error {
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
