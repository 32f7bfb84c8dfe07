package form

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/atlilith/onboardbot/onboarding"
)

// maxCorrected is the length, in characters, up to which a mistyped slug is corrected.
const maxCorrected = 2 * onboarding.MaxSlug

// CorrectSlug turns what somebody typed into kebab-case, as in "Merche Biche" and "mercé_biche".
// It returns false if it would have to guess.
func CorrectSlug(typed string) (slug string, ok bool) {
	if utf8.RuneCountInString(typed) > maxCorrected {
		return "", false
	}
	var out strings.Builder
	for _, r := range norm.NFKD.String(strings.TrimSpace(typed)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			out.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			out.WriteRune(unicode.ToLower(r))
		case r == ' ' || r == '-' || r == '_':
			out.WriteByte('-')
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’':
		default:
			return "", false
		}
	}
	parts := strings.FieldsFunc(out.String(), func(r rune) bool { return r == '-' })
	slug = strings.Join(parts, "-")
	return slug, onboarding.CheckSlug(slug, nil) == ""
}
