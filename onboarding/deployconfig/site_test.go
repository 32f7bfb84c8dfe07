package deployconfig_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

func TestServers(t *testing.T) {
	t.Parallel()
	got, err := deployconfig.Servers(cases(t, "site")[filepath.Join("testdata", "site", "after-certbot.txt")][0])
	want := []deployconfig.Server{
		{Line: 1, Listen: []string{"[::]:443 ssl ipv6only=on", "443 ssl"},
			ServerNames: []string{"cocotte.com", "www.cocotte.com"}, Root: "/var/www/cocotte.com",
			TLS: true},
		{Line: 15, Listen: []string{"80", "[::]:80"}, ServerNames: []string{"cocotte.com", "www.cocotte.com"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestManagedByCertbot(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		"listen 443 ssl; # managed by Certbot\n":     true,
		"server { } # managed by Certbot":            true,
		"# not yet managed by Certbot\nlisten 80;\n": false,
		"return 200 \"# managed by Certbot\";":       false,
		"server { # managed by Certbot\n":            false,
		"":                                           false,
	} {
		if got := deployconfig.ManagedByCertbot([]byte(source)); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}

func TestSameButBlankLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"a\nb\n", "\n\na\r\n \t\nb", true},
		{"a\n", "a;\n", false},
		{"a\nb\n", "b\na\n", false},
		{"  a\n", "a\n", false},
		{"", "\n", true},
	} {
		if got := deployconfig.SameButBlankLines([]byte(test.a), []byte(test.b)); got != test.want {
			t.Errorf("%q and %q: %v", test.a, test.b, got)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	site := []byte("server { server_name x.example; root /x; }")
	for _, test := range []struct {
		names []string
		root  string
		want  string
	}{
		{nil, "/x", "no server names"},
		{[]string{"a.example;"}, "/x", `server name "a.example;" is not a host name`},
		{[]string{"a.example b"}, "/x", `server name "a.example b" is not a host name`},
		{[]string{"*.example"}, "/x", `server name "*.example" is not a host name`},
		{[]string{"é.example"}, "/x", `server name "é.example" is not a host name`},
		{[]string{"A.example"}, "/x", `server name "A.example" is not a host name`},
		{[]string{"example"}, "/x", `server name "example" is not a host name`},
		{[]string{"a.example", "a.example"}, "/x", `server name "a.example" appears twice`},
		{[]string{"a.example"}, "", `root "" is not a plain absolute path`},
		{[]string{"a.example"}, "/", `root "/" is not a plain absolute path`},
		{[]string{"a.example"}, "x", `root "x" is not a plain absolute path`},
		{[]string{"a.example"}, "/x/../etc", `root "/x/../etc" is not a plain absolute path`},
		{[]string{"a.example"}, "/x;}", `root "/x;}" is not a plain absolute path`},
		{[]string{"a.example"}, "/$host", `root "/$host" is not a plain absolute path`},
	} {
		_, err := deployconfig.SetSite(site, deployconfig.Site{ServerNames: test.names, Root: test.root})
		if err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	for _, value := range []string{"", "a\nb", "a\x00", "a\u202e", "\xff"} {
		if _, err := deployconfig.SetScript([]byte("REMOTE_DEST=a\nREMOTE_NGINX_CONF=b\n"),
			deployconfig.Script{RemoteDest: value, RemoteNginxConf: "b"}); err == nil {
			t.Errorf("script: %q is accepted", value)
		}
		if _, err := deployconfig.SetServices([]byte("domain: a\n"),
			deployconfig.Services{Domain: "a", Feature: "b", Aliases: []string{value}}); err == nil {
			t.Errorf("services: %q is accepted", value)
		}
	}
}

// Values that need quoting come back as they were, whatever the style of what they replace.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"x;rm -rf /", "$(id)", "`id`", `a"b`, "it's", `a\`, "true", "null", "1e3", "~",
		"~/x", "- a", "a: b", "a #b", "{a}", "[a]", "&a", "*a", "!a", "%a", "@a", "é 日本", "2026-01-01", "<<", "="} {
		for _, quote := range []string{"", "'", `"`} {
			script, err := deployconfig.SetScript([]byte("REMOTE_DEST="+quote+"a"+quote+" # c\nREMOTE_NGINX_CONF=b\n"),
				deployconfig.Script{RemoteDest: value, RemoteNginxConf: value})
			if err != nil {
				t.Errorf("script %q: %v", value, err)
				continue
			}
			out, err := exec.Command("bash", "-c", string(script)+`printf %s "$REMOTE_DEST"`).Output()
			if err != nil || string(out) != value {
				t.Errorf("bash reads %q from %s: %v", out, script, err)
			}
			want := deployconfig.Services{Domain: value, Feature: value, Aliases: []string{value, value}}
			before := "domain: " + quote + "a" + quote + " # c\naliases: [" + quote + "a" + quote + "]\n"
			services, err := deployconfig.SetServices([]byte(before), want)
			if err != nil {
				t.Errorf("services %q: %v", value, err)
				continue
			}
			if got, err := deployconfig.ReadServices(services); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%s reads as %v: %v", services, got, err)
			}
		}
	}
}

func TestAliasesAllGo(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"domain: a\naliases: [ b, 'c', ] # x\n":             "domain: a\naliases: [  ] # x\n",
		"domain: a\naliases: # x\n  - b # y\n\n  - c\nz: 1": "domain: a\naliases: [] # x\n\nz: 1",
		"domain: a\n": "domain: a\n",
	} {
		got, err := deployconfig.SetServices([]byte(source), deployconfig.Services{Domain: "a", Feature: "f"})
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		kept := strings.NewReplacer("feature: f\n", "", "\nfeature: f", "", "deploy_state:\n  held_back: false\n", "",
			"\ndeploy_state:\n  held_back: false", "").Replace(string(got))
		if kept != want {
			t.Errorf("%q: got %q, want %q", source, kept, want)
		}
	}
}

var unknownDirective = regexp.MustCompile(`(?s)unknown directive "(.*)" in `)

// nginx itself says how it reads a word: as the name of a directive that it does not know.
func TestReadsAsNginx(t *testing.T) {
	t.Parallel()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx" // off the PATH of ordinary accounts on Debian
	}
	dir := t.TempDir()
	for _, source := range []string{
		`zz;`, `"z z";`, `'z z' ;`, `"z\"z";`, `'z\'z';`, `"z'z";`, `z"z";`, `z"z;`, `z'z z';`, `z\ z;`, `z\;z;`,
		`z\{z;`, `z\\z;`, `z\nz\tz;`, `z\xz;`,
		`${z}z;`, `z${z};`, `z$z{}`, `z$z {}`, `z{}`, `z{{`, `z$${z};`, `z#z;`, `z}z;`, `z};`, "z\r\n;", "\tz\t;",
		`""z;`, `"z"z;`, `"z")z;`, `"z"{}`, `"z`, `z`, `z "`,
		`;`, `{`, `}`, `z; }`, `"";`, `é日本;`, `# z`, "# z\nz;", `z\`, `"z\`, `"z\\";`, `$z;`, `\z;`, `{z};`, `"{z}";`,
		`z "a"b;`, `z 'a' "b"c;`, `z {`, "z\n# }\n{ # {\n}",
	} {
		file := filepath.Join(dir, "conf")
		if err := os.WriteFile(file, []byte(source+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(nginx, "-t", "-q", "-e", "stderr", "-p", dir, "-c", file).CombinedOutput()
		theirs := unknownDirective.FindStringSubmatch(string(out))
		ours, err := deployconfig.FirstWord([]byte(source + "\n"))
		switch {
		case theirs == nil && err == nil && ours != "":
			t.Errorf("%s: nginx refuses it (%s), read here as %q", source, out, ours)
		case theirs != nil && err == nil && ours != theirs[1]:
			t.Errorf("%s: nginx reads %q, read here as %q", source, theirs[1], ours)
		case theirs != nil && err != nil && !strings.Contains(source, "{") && !laterFault[source]:
			t.Errorf("%s: nginx reads %q, refused here: %v", source, theirs[1], err)
		}
	}
}

// laterFault are sources of which nginx, ending at the unknown directive, never sees the fault
// that is refused here.
var laterFault = map[string]bool{`z; }`: true}
