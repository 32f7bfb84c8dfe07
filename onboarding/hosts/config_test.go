package hosts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("d", 80)
	for _, test := range []struct {
		name   string
		config hosts.Config
		want   string // error, lines joined by " | "
	}{
		{"local", hosts.Config{Name: "apricot"}, ""},
		{"alias", hosts.Config{Name: "quinn-vps", SSH: "deploy@quinn-vps"}, ""},
		{"option as alias", hosts.Config{Name: "x", SSH: "-oProxyCommand=id"},
			`ssh: "-oProxyCommand=id" is not a host alias; use one of your ssh_config such as quinn-vps`},
		{"shell as alias", hosts.Config{Name: "x", SSH: "a;id"},
			`ssh: "a;id" is not a host alias; use one of your ssh_config such as quinn-vps`},
		{"many", hosts.Config{SSHConfig: "f", LockDir: "run", Timeout: -time.Second},
			`name: is empty; give the host a name such as quinn-vps | ssh_config: is set, but ssh is empty: name the host alias in ssh | lock_dir: "run" is not an absolute path | timeout: -1s is less than 1s`},
		{"socket path", hosts.Config{Name: "x", SSH: "x", ControlDir: long},
			`control_dir: "` + long + `" is longer than 73 bytes, too long for a unix socket`},
		{"socket tokens", hosts.Config{Name: "x", SSH: "x", ControlDir: "/tmp/%h"},
			`control_dir: "/tmp/%h" is not an absolute path free of %, quotes and backslashes`},
	} {
		got := ""
		if err := test.config.WithDefaults().Validate(); err != nil {
			got = strings.ReplaceAll(err.Error(), "\n", " | ")
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestControlDirOfOthers(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	open, link := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil { // whatever the umask
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, control := range []string{open, link} {
		_, err := hosts.New(hosts.Config{Name: "x", SSH: "x", ControlDir: control})
		if want := `host "x": control_dir: ` + control +
			` must be a directory of this account with mode 0700`; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
