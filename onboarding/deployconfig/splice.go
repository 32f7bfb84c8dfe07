package deployconfig

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// errChanged guards against this package's own mistakes: the edited file says something other than
// what was intended.
var errChanged = errors.New("the edit would change more than was asked for; edit the file by hand")

// edit replaces src[start:end].
type edit struct {
	start, end int
	text       string
}

// splice applies edits that do not overlap; of two at the same place the earlier in the list comes
// first.
func splice(src []byte, edits []edit) []byte {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out bytes.Buffer
	last := 0
	for _, e := range edits {
		out.Write(src[last:e.start])
		out.WriteString(e.text)
		last = e.end
	}
	out.Write(src[last:])
	return out.Bytes()
}

// lineOf is the 1-based line of an offset.
func lineOf(src []byte, offset int) int {
	return 1 + bytes.Count(src[:offset], []byte("\n"))
}

// text returns why a source cannot be edited as text, nil if it can.
func text(src []byte) error {
	if !utf8.Valid(src) {
		return errors.New("is not valid UTF-8")
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return fmt.Errorf("line %d: holds a NUL byte", lineOf(src, i))
	}
	return nil
}

// oneLine returns why a value cannot be written into a file on one line, nil if it can.
func oneLine(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is empty", name)
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("%s %q is not valid UTF-8", name, value)
	}
	for _, r := range value {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%s %q contains a character that is not printable", name, value)
		}
	}
	return nil
}
