package visible

import (
	"iter"
	"slices"
	"unicode"
)

// together are scripts that are written beside each other in one word, which is what Unicode calls
// highly restrictive (UTS 39 §5.2). Latin letters and those of any other script are not: "раypal"
// with two Cyrillic letters reads like a word that it is not.
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"},
}

// Script names the script of a letter, such as Cyrillic. It is empty for other characters, and for
// those that several scripts share.
func Script(r rune) string {
	if !unicode.IsLetter(r) || unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	if unicode.Is(unicode.Latin, r) {
		return "Latin"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// Mixed returns the first word of a text that mixes scripts that are not written together, empty
// if there is none.
func Mixed(text string) string {
	runes := []rune(text)
	for start, end := range words(runes) {
		if isMixed(scripts(runes[start:end])) {
			return string(runes[start:end])
		}
	}
	return ""
}

// Foreign lists the scripts of a text's letters other than Latin.
func Foreign(text string) []string {
	return slices.DeleteFunc(scripts([]rune(text)), func(script string) bool { return script == "Latin" })
}

// mixedLetters returns the places of letters that are not Latin in words that mix scripts.
func mixedLetters(runes []rune) map[int]bool {
	places := map[int]bool{}
	for start, end := range words(runes) {
		if !isMixed(scripts(runes[start:end])) {
			continue
		}
		for i := start; i < end; i++ {
			if script := Script(runes[i]); script != "" && script != "Latin" {
				places[i] = true
			}
		}
	}
	return places
}

// words yields where each word begins and ends that has a character outside ASCII.
func words(runes []rune) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		for start := 0; start < len(runes); start++ {
			end, foreign := start, false
			for end < len(runes) && unicode.In(runes[end], unicode.L, unicode.M) {
				foreign = foreign || runes[end] > unicode.MaxASCII
				end++
			}
			if foreign && !yield(start, end) {
				return
			}
			start = max(start, end)
		}
	}
}

func scripts(word []rune) []string {
	var found []string
	for _, r := range word {
		if script := Script(r); script != "" && !slices.Contains(found, script) {
			found = append(found, script)
		}
	}
	return found
}

func isMixed(found []string) bool {
	if len(found) < 2 {
		return false
	}
	return !slices.ContainsFunc(together, func(group []string) bool {
		return !slices.ContainsFunc(found, func(script string) bool { return !slices.Contains(group, script) })
	})
}
