package inputs

import "strings"

// pairs are the quotes that are written, in the order of preference.
var pairs = [][2]string{{"", ""}, {`"`, `"`}, {"'", "'"}, {"«", "»"}, {"‹", "›"}}

// quote writes a value in the first quotes, if any, with which it is read back unchanged.
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

// shorten makes what somebody typed short enough for a sentence.
func shorten(text string) string {
	const limit = 40
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// join lists keys in a sentence.
func join(keys []Key) string {
	words := make([]string, len(keys))
	for i, key := range keys {
		words[i] = string(key)
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
