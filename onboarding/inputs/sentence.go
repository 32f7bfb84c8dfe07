package inputs

import "strings"

// pairs are the quotes to write with, in the order of preference.
var pairs = [][2]string{{"", ""}, {`"`, `"`}, {"'", "'"}, {"«", "»"}, {"‹", "›"}}

// quote writes a value with the quotes that it needs: the first that are read back right.
func quote(key Key, value string) string {
	for _, pair := range pairs {
		written := pair[0] + value + pair[1]
		l := lexer{text: []rune(written)}
		var read string
		var err error
		switch {
		case key == Slug && pair[0] == "":
			read = l.bareWord()
		case key.list():
			var items []string
			items, err = l.list()
			read = strings.Join(items, ",")
		default:
			read, err = l.value("")
		}
		if err == nil && l.ended() && read == value {
			return written
		}
	}
	return `"` + value + `"`
}

// shorten keeps what people typed short enough for a sentence.
func shorten(text string) string {
	const limit = 40
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

func join(keys []Key) string {
	words := make([]string, len(keys))
	for i, key := range keys {
		words[i] = string(key)
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
