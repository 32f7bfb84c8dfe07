package repo

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
)

// Diff is the change to the files as a unified diff in git's form. Of a diff longer than limit
// bytes it gives whole lines up to there and says how many more there are; limit 0 means all of
// it.
func Diff(files []FileChange, limit int) string {
	var b strings.Builder
	for _, file := range files {
		if file.Before != nil && bytes.Equal(file.Before, file.After) && file.After != nil {
			continue
		}
		fmt.Fprintf(&b, "diff --git a/%s b/%s\n", file.Path, file.Path)
		from, to := "a/"+file.Path, "b/"+file.Path
		switch {
		case file.Before == nil:
			fmt.Fprintf(&b, "new file mode 100%o\n", file.Mode.Perm())
			from = "/dev/null"
		case file.After == nil:
			b.WriteString("deleted file\n")
			to = "/dev/null"
		}
		if binary(file.Before) || binary(file.After) {
			fmt.Fprintf(&b, "Binary files %s and %s differ (%d and %d bytes)\n", from, to, len(file.Before),
				len(file.After))
			continue
		}
		b.WriteString(udiff.Unified(from, to, string(file.Before), string(file.After)))
	}
	return capLines(b.String(), limit)
}

func binary(content []byte) bool {
	return bytes.IndexByte(content, 0) >= 0 || !utf8.Valid(content)
}

func capLines(text string, limit int) string {
	if limit <= 0 || len(text) <= limit {
		return text
	}
	end := strings.LastIndexByte(text[:limit], '\n') + 1
	return fmt.Sprintf("%s… %d more lines\n", text[:end], strings.Count(text[end:], "\n"))
}
