package onboarding

import "testing"

func TestWhatIsLeftOfAChange(t *testing.T) {
	t.Parallel()
	command := func(argv ...string) Item { return Item{Command: &Command{Host: "vps-0", Argv: argv}} }
	commit := func(before, after string) Item {
		return Item{Commit: &Commit{Folder: "f", Subject: "Put it live",
			Files: []FileChange{{Path: "f/a", Mode: "100644", Before: &before, After: &after}}}}
	}
	whole := Change{Summary: "all", Items: []Item{command("a"), commit("was", "is"), command("b")}}
	for name, test := range map[string]struct {
		items []Item
		rest  bool
	}{
		"nothing":                      {nil, false},
		"all of it":                    {whole.Items, true},
		"its end":                      {whole.Items[1:], true},
		"its beginning":                {whole.Items[:2], false},
		"more than it":                 {append([]Item{command("z")}, whole.Items...), false},
		"the commit is to be pushed":   {[]Item{commit("is", "is"), command("b")}, true},
		"the commit comes to another":  {[]Item{commit("is", "else"), command("b")}, false},
		"what was there is another":    {[]Item{commit("else", "is"), command("b")}, false},
		"a push with something before": {[]Item{command("z"), commit("is", "is"), command("b")}, false},
	} {
		if got := (Change{Summary: "rest", Items: test.items}).RestOf(whole); got != test.rest {
			t.Errorf("%s: %v", name, got)
		}
	}
}
