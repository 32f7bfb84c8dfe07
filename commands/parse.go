package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/inputs"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
)

// words are the commands that can follow the name of the slash command.
var words = []string{render.WordHelp, render.WordList, render.WordStatus, render.WordPlan, render.WordCancel,
	render.WordRetry, render.WordReview, render.WordLog, render.WordVerify, render.WordUndo, render.WordFreeze,
	render.WordThaw, render.WordAway}

// Words are the slugs that no Provider can have, since they are commands. They belong in
// [onboarding.Policy.ReservedSlugs].
func Words() []string {
	return append(slices.Clone(words), "onboard", "new", "check", "home", "isolation", "certificates")
}

// parsedCommand is what was typed behind the slash command.
type parsedCommand struct {
	word string // empty for a new run
	slug string // well-formed or empty
	hint string // as mrkdwn: what was corrected, or may be a slip
	// inputs were typed behind the slug. unread reports whether some could not be parsed.
	inputs inputs.Line
	unread bool
	reason string // for a freeze
	rest   string // behind the word, as Slack sends it, for an absence
}

// parseCommand parses what was typed behind the slash command, as Slack sends it. Its errors are
// [refusal.Sentence].
func parseCommand(command, text string) (parsedCommand, error) {
	first, rest := cutWord(text)
	word := strings.ToLower(first)
	switch {
	case slices.Contains(words, word):
		return withWord(command, word, rest)
	case strings.ContainsAny(text, equals) && (nearest(word) == "" || !hasBareWord(rest)):
		return withInputs(text), nil
	case rest != "" && nearest(word) != "":
		guess := nearest(word)
		return parsedCommand{}, refusal.Sentence(fmt.Sprintf("%s is not a known command. Did you mean %s?",
			blockkit.Code(mrkdwn.Shorten(first)),
			blockkit.Code(command+" "+guess+" "+mrkdwn.Shorten(blockkit.Unescape(rest)))))
	case first == "":
		return parsedCommand{}, nil
	}
	read, err := slugOf(blockkit.Unescape(text))
	if guess := nearest(read.slug); err == nil && guess != "" {
		read.hint = strings.TrimSpace(fmt.Sprintf("Did you mean %s? If so, close this form. ",
			blockkit.Code(command+" "+guess)) + read.hint)
	}
	return read, err
}

// cutWord splits a text after its first word.
func cutWord(text string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(text), " ")
	return first, strings.TrimSpace(rest)
}

// equals are the characters between an input and its value.
const equals = "=＝"

// hasBareWord reports whether a text begins with a word that is not an input.
func hasBareWord(text string) bool {
	first, _ := cutWord(text)
	return first != "" && !strings.ContainsAny(first, equals)
}

// withInputs parses a slug with inputs behind it. The hint says what could not be parsed.
func withInputs(text string) parsedCommand {
	line, err := inputs.Parse(text)
	read := parsedCommand{inputs: line}
	var hints []string
	if line.Slug != "" {
		mended, problem := slugOf(line.Slug)
		if problem != nil {
			hints = append(hints, problem.Error())
		}
		read.slug = mended.slug
		hints = append(hints, mended.hint)
	}
	if err != nil {
		hints = append(hints, blockkit.Escape(mrkdwn.Visible(err.Error())))
		read.unread = true
	}
	read.hint = strings.Join(slices.DeleteFunc(hints, func(hint string) bool { return hint == "" }), "\n")
	return read
}

// withWord parses what follows a word.
func withWord(command, word, rest string) (parsedCommand, error) {
	switch word {
	case render.WordHelp, render.WordList, render.WordThaw:
		return parsedCommand{word: word}, nil
	case render.WordAway:
		return parsedCommand{word: word, rest: rest}, nil
	case render.WordFreeze:
		if rest == "" {
			return parsedCommand{}, refusal.Sentence(fmt.Sprintf("Give a reason, for example %s.",
				blockkit.Code(command+" freeze the registry is down")))
		}
		return parsedCommand{word: word, reason: blockkit.Unescape(rest)}, nil
	}
	if rest == "" && word == render.WordStatus {
		return parsedCommand{word: word}, nil
	}
	if rest == "" {
		return parsedCommand{}, refusal.Sentence(fmt.Sprintf("Which Provider? For example %s.",
			blockkit.Code(command+" "+word+" merche-biche")))
	}
	if word == render.WordPlan && strings.ContainsAny(rest, equals) {
		read := withInputs(rest)
		read.word = word
		return read, nil
	}
	line := inputs.Line{Slug: blockkit.Unescape(rest)}
	if word == render.WordUndo {
		var err error
		if line, err = parseTimed(command+" undo merche-biche at=02:00", rest); err != nil {
			return parsedCommand{}, err
		}
	}
	read, err := slugOf(line.Slug)
	read.word, read.inputs.Values = word, line.Values
	return read, err
}

// parseTimed reads what is in front of a time, a slug or a domain, and the time, empty if there is
// none. The example is a whole command.
func parseTimed(example, text string) (line inputs.Line, err error) {
	if !strings.ContainsAny(text, equals) {
		return inputs.Line{Slug: strings.TrimSpace(blockkit.Unescape(text))}, nil
	}
	line, err = inputs.Parse(text)
	switch {
	case err != nil:
		return line, refusal.Sentence(blockkit.Escape(mrkdwn.Visible(err.Error())))
	case line.Slug == "" || line.Values[inputs.At] == "" || len(line.Values) > 1:
		return line, refusal.Sentence(fmt.Sprintf("Only at= can be typed here, as in %s.", blockkit.Code(example)))
	}
	return line, nil
}

// slugOf parses a slug, and corrects it if the correction is obvious.
func slugOf(typed string) (parsedCommand, error) {
	typed = strings.TrimSpace(typed)
	problem := onboarding.CheckSlug(typed, nil)
	if problem == "" {
		return parsedCommand{slug: typed}, nil
	}
	slug, ok := form.CorrectSlug(typed)
	if !ok {
		return parsedCommand{}, refusal.Sentence(fmt.Sprintf("%s cannot be a slug. %s",
			blockkit.Code(mrkdwn.Shorten(typed)), problem))
	}
	return parsedCommand{slug: slug, hint: fmt.Sprintf("A slug is kebab-case, so %s became %s.",
		blockkit.Code(mrkdwn.Shorten(typed)), blockkit.Code(slug))}, nil
}

// nearest returns the word that is one slip away from a mistyped one, empty if there is none. A
// slip is one letter too many, too few or wrong, or two letters swapped.
func nearest(typed string) string {
	for _, word := range words {
		if typed != word && isOneSlipAway(typed, word) {
			return word
		}
	}
	return ""
}

// isOneSlipAway reports whether one word is one slip away from the other.
func isOneSlipAway(a, b string) bool {
	if utf8.RuneCountInString(a) > utf8.RuneCountInString(b) {
		a, b = b, a
	}
	short, long := []rune(a), []rune(b)
	if len(long)-len(short) > 1 {
		return false
	}
	i := 0
	for i < len(short) && short[i] == long[i] {
		i++
	}
	if len(short) < len(long) {
		return string(short[i:]) == string(long[i+1:])
	}
	if i == len(short) {
		return true
	}
	if string(short[i+1:]) == string(long[i+1:]) {
		return true
	}
	return i+1 < len(short) && short[i] == long[i+1] && short[i+1] == long[i] &&
		string(short[i+2:]) == string(long[i+2:])
}
