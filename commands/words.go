package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/inputs"
)

// What can follow the command's name. A word that is none of these is a slug.
const (
	wordHelp   = "help"
	wordList   = "list"
	wordStatus = "status"
	wordPlan   = "plan"
	wordCancel = "cancel"
	wordRetry  = "retry"
	wordReview = "review"
	wordLog    = "log"
	wordVerify = "verify"
	wordUndo   = "undo"
	wordFreeze = "freeze"
	wordThaw   = "thaw"
)

var words = []string{wordHelp, wordList, wordStatus, wordPlan, wordCancel, wordRetry, wordReview, wordLog, wordVerify, wordUndo, wordFreeze, wordThaw}

// Words are the slugs that no Provider can have, since they mean something behind the command's name. They belong into
// [onboarding.Config.ReservedSlugs].
func Words() []string {
	return append(slices.Clone(words), "onboard", "new", "check", "home", "isolation", "certificates")
}

// phrase is a typed command, understood.
type phrase struct {
	word string // empty for a new run
	slug string // may be empty; always well-formed
	hint string // what the person should know, as mrkdwn, when something was mended or may be a slip
	// inputs are those that were typed behind the slug; unread says that not all of them could be read.
	inputs inputs.Line
	unread bool
	reason string // for a freeze
}

// misunderstood is what the person reads when a typed command makes no sense, as mrkdwn.
type misunderstood string

func (m misunderstood) Error() string { return string(m) }

// understand reads what was typed behind the command's name, as Slack sends it. The error is a [misunderstood].
func understand(command, text string) (phrase, error) {
	first, rest := cutWord(text)
	word := strings.ToLower(first)
	switch {
	case slices.Contains(words, word):
		return withWord(command, word, rest)
	case strings.ContainsAny(text, equals) && (nearest(word) == "" || !bare(rest)):
		return withInputs(text), nil
	case rest != "" && nearest(word) != "":
		guess := nearest(word)
		return phrase{}, misunderstood(fmt.Sprintf("%s is not something I know. Did you mean %s?",
			blockkit.Code(shorten(first)), blockkit.Code(command+" "+guess+" "+shorten(unescape(rest)))))
	case first == "":
		return phrase{}, nil
	}
	read, err := slugOf(unescape(text))
	if guess := nearest(read.slug); err == nil && guess != "" {
		read.hint = strings.TrimSpace(fmt.Sprintf("Did you mean %s? Then close this. ", blockkit.Code(command+" "+guess)) + read.hint)
	}
	return read, err
}

// cutWord cuts a text behind its first word.
func cutWord(text string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(text), " ")
	return first, strings.TrimSpace(rest)
}

// equals are the signs between an input and its value.
const equals = "=＝"

// bare reports that a text begins with a word that gives no input.
func bare(text string) bool {
	first, _ := cutWord(text)
	return first != "" && !strings.ContainsAny(first, equals)
}

// withInputs reads a slug with inputs behind it. What cannot be read is said in the hint, and the rest kept.
func withInputs(text string) phrase {
	line, err := inputs.Parse(text)
	read := phrase{inputs: line}
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
		hints = append(hints, blockkit.Escape(visible(err.Error())))
		read.unread = true
	}
	read.hint = strings.Join(slices.DeleteFunc(hints, func(hint string) bool { return hint == "" }), "\n")
	return read
}

func withWord(command, word, rest string) (phrase, error) {
	switch word {
	case wordHelp, wordList, wordThaw:
		return phrase{word: word}, nil
	case wordFreeze:
		if rest == "" {
			return phrase{}, misunderstood(fmt.Sprintf("Say why, for everyone who will wonder: %s.", blockkit.Code(command+" freeze the registry is down")))
		}
		return phrase{word: word, reason: unescape(rest)}, nil
	}
	if rest == "" && word == wordStatus {
		return phrase{word: word}, nil
	}
	if rest == "" {
		return phrase{}, misunderstood(fmt.Sprintf("Which Provider? Say %s.", blockkit.Code(command+" "+word+" merche-biche")))
	}
	if word == wordPlan && strings.ContainsAny(rest, equals) {
		read := withInputs(rest)
		read.word = word
		return read, nil
	}
	read, err := slugOf(unescape(rest))
	read.word = word
	return read, err
}

// slugOf reads a slug, mended where what was meant is plain.
func slugOf(typed string) (phrase, error) {
	typed = strings.TrimSpace(typed)
	problem := onboarding.CheckSlug(typed, nil)
	if problem == "" {
		return phrase{slug: typed}, nil
	}
	slug, ok := mendSlug(typed)
	if !ok {
		return phrase{}, misunderstood(fmt.Sprintf("%s cannot be a slug. %s", blockkit.Code(shorten(typed)), problem))
	}
	return phrase{slug: slug, hint: fmt.Sprintf("A slug is kebab-case, so %s became %s.", blockkit.Code(shorten(typed)), blockkit.Code(slug))}, nil
}

// unescape undoes what Slack escapes in the text of a command
// (https://docs.slack.dev/interactivity/implementing-slash-commands).
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// shorten shows the beginning of what somebody typed, with what does not print made visible.
func shorten(typed string) string {
	const limit = 40
	return blockkit.Truncate(visible(typed), limit)
}

// nearest returns the word of which a mistyped one is one slip away, empty if there is none. A slip is a letter too much, too
// few, wrong, or two swapped.
func nearest(typed string) string {
	for _, word := range words {
		if typed != word && slip(typed, word) {
			return word
		}
	}
	return ""
}

func slip(a, b string) bool {
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
	return i+1 < len(short) && short[i] == long[i+1] && short[i+1] == long[i] && string(short[i+2:]) == string(long[i+2:])
}
