package repo

import (
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzState reads whatever a host prints as the state of a repository: it is refused or becomes
// files below the folders that were asked for.
func FuzzState(f *testing.F) {
	const id = "01936000-0000-7000-8000-000000000001"
	digest := strings.Repeat("0", 64)
	f.Add([]byte("100644 blob 1\td/a.example/nginx.conf\x00\x001 blob 3\nabc\n"))
	f.Add([]byte("100644 blob\td/a.example/x\x00120000 blob\td/_template/y\x00\x00" +
		"blob 3\nabc\nblob 1\nz\n0 2\nhiend\n>\tc0ffee\tp\tbot@a.example\t" + id + "\t" + digest +
		"\tbot\tsubject\x00\x00end\na.example\x00\x00"))
	f.Add([]byte("160000 commit\td/a.example/sub\x00\x00x missing\nend\n\x00\x00"))
	f.Add([]byte("\x00end\n\x00\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		r := &Repo{author: &mail.Address{Name: "bot", Address: "bot@a.example"}}
		state, err := r.parse(out, "d/a.example/", "d/_template/")
		if err != nil {
			return
		}
		for _, file := range append(state.Committed, state.Template...) {
			if strings.HasPrefix(file.Path, "d/") && len(out) < len(file.Path) {
				t.Errorf("%q is longer than what was read", file.Path)
			}
		}
		if len(state.Committed)+len(state.Template)+len(state.Unpushed)+len(state.Domains) > len(out) {
			t.Error("more than what was read")
		}
	})
}

// FuzzReasons quotes whatever git prints, bounded.
func FuzzReasons(f *testing.F) {
	f.Add("remote: error: GH006: Protected branch update failed\nTo github.com:a/b\n ! [remote rejected] main -> main")
	f.Add("\xff\xfe error \u202e")
	f.Fuzz(func(t *testing.T, out string) {
		quoted := reasons(strings.Split(out, "\n"))
		if count := utf8.RuneCountInString(quoted); count > maxReasons*(maxReason+3) {
			t.Errorf("%d characters are quoted", count)
		}
	})
}
