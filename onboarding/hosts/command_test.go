package hosts_test

import (
	"os/exec"
	"slices"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func TestCommandString(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		command hosts.Command
		want    string
	}{
		{"plain", hosts.Command{Argv: []string{"./run", "deploy:merche-biche.com", "--from-local", "--nginx"}},
			"./run deploy:merche-biche.com --from-local --nginx"},
		{"home", hosts.Command{Argv: []string{"ls"}, Dir: "~"}, "cd ~ && ls"},
		{"below home", hosts.Command{Argv: []string{"ls"}, Dir: "~/Code/@projects/my site"},
			"cd ~/'Code/@projects/my site' && ls"},
		{"tilde elsewhere", hosts.Command{Argv: []string{"ls", "~/x"}, Dir: "/srv/~"}, "cd '/srv/~' && ls '~/x'"},
		{"hostile", hosts.Command{Argv: []string{"echo", "x;rm -rf /", "$(id)", "it's", "", "a\nb"}},
			"echo 'x;rm -rf /' '$(id)' 'it'\"'\"'s' '' 'a\nb'"},
		{"environment in order", hosts.Command{Argv: []string{"env"}, Env: map[string]string{"B": "2 3", "A": "1"}},
			"A=1 B='2 3' env"},
		{"lock and input do not show", hosts.Command{Argv: []string{"cat"}, Lock: "repo", Stdin: []byte("secret")},
			"cat"},
	} {
		if got := test.command.String(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// What String shows must do what Run does.
func TestCommandStringPastes(t *testing.T) {
	t.Parallel()
	command := hosts.Command{
		Argv: []string{"sh", "-c", `printf '%s|' "$PWD" "$A" "$@"`, "sh", "x;id", "$(id)", "it's", "", "a\nb", "*",
			"\\", "é"},
		Dir: "/usr", Env: map[string]string{"A": "`id` \"q\""},
	}
	want, err := local(t).Output(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command("bash", "-c", command.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pasted: %q, run: %q", got, want)
	}
}

func TestPaste(t *testing.T) {
	t.Parallel()
	command := hosts.Command{Argv: []string{"certbot", "--nginx", "-m", "o'brien@example.com"}}
	there := open(t, hosts.Config{Name: "quinn-vps", SSH: "quinn-vps", ControlDir: shortDir(t)})
	if got, want := there.Paste(command),
		`ssh quinn-vps 'certbot --nginx -m '"'"'o'"'"'"'"'"'"'"'"'brien@example.com'"'"''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := local(t).Paste(command); got != command.String() {
		t.Errorf("got %s", got)
	}
}
