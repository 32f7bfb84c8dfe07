package sandbox_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox"
)

// TestSiteHelper has an account that is not root install sites through sudo on a VPS, with the rule
// of docs/install.md, and try what would make it root.
func TestSiteHelper(t *testing.T) {
	sandbox.New(t, sandbox.Config{})
	helper, err := os.ReadFile("../../templates/onboardbot-site")
	if err != nil {
		t.Fatal(err)
	}
	const setUp = `set -e; umask 022; mkdir -p /run/site && cd /run/site &&
	cat > onboardbot-site && chmod 755 onboardbot-site
printf '%s\n' 'root ALL=(ALL:ALL) ALL' \
	'nobody ALL=(root) NOPASSWD: /run/site/onboardbot-site ^(install|remove) [a-z0-9.-]+$' > sudoers
chmod 440 sudoers; visudo -cqf sudoers`
	over(t, string(helper), setUp)
	// as runs a command as the account, where /etc/sudoers is the one above.
	as := func(stdin, command string) (string, error) {
		run := exec.CommandContext(t.Context(), "ssh", sandbox.QuinnVPS,
			`unshare --mount sh -c 'mount --bind /run/site/sudoers /etc/sudoers && `+
				`exec setpriv --reuid=nobody --regid=nogroup --clear-groups -- `+command+`'`)
		run.Stdin = strings.NewReader(stdin)
		out, err := run.CombinedOutput()
		return string(out), err
	}
	const sudo = "sudo -n /run/site/onboardbot-site "
	site := func(name string, lines ...string) string {
		return "# HTTP only.\nserver {\n\tlisten 80;\n\tlisten [::]:80;\n\n" +
			"\tserver_name \"" + name + "\" \"www." + name + "\";\n" +
			"\troot \"/var/www/" + name + "\";\n\tindex index.html;\n" + strings.Join(lines, "\n") +
			"\n\tlocation / {\n\t\ttry_files $uri $uri/ =404;\n\t}\n}\n"
	}
	const conf = "/etc/nginx/sites-available/merche"
	if out, err := as(site("merche.com"), sudo+"install merche"); err != nil {
		t.Fatalf("a site of the template: %v: %s", err, out)
	}
	served := output(t, "ssh", sandbox.QuinnVPS, "cat "+conf+" && readlink /etc/nginx/sites-enabled/merche")
	if served != site("merche.com")+conf+"\n" {
		t.Errorf("installed is\n%s", served)
	}
	certified := strings.Replace(site("merche.com"), "listen 80;\n\tlisten [::]:80;",
		"listen 443 ssl; # managed by Certbot\n"+
			"    ssl_certificate /etc/letsencrypt/live/none/fullchain.pem; # managed by Certbot\n"+
			"    ssl_certificate_key /etc/letsencrypt/live/none/privkey.pem; # managed by Certbot", 1)
	for name, c := range map[string]struct{ stdin, command, want string }{
		"another command": {"", "sudo -n id", "password is required"},
		"nginx's master": {site("merche.com", "access_log /etc/cron.d/x;"), sudo + "install merche",
			"neither of the template"},
		"a line of code": {site("merche.com", "include /tmp/x;"), sudo + "install merche", "neither of the template"},
		"a second on a line": {site("merche.com", "listen 80; error_log /etc/passwd;"), sudo + "install merche",
			"neither of the template"},
		"a hidden line": {site("merche.com", "listen 80;\rerror_log /etc/passwd;"), sudo + "install merche",
			"neither of the template"},
		"a NUL":               {site("merche.com", "\x00"), sudo + "install merche", "NUL"},
		"another root":        {site("merche.com", "root /etc;"), sudo + "install merche", "neither of the template"},
		"out of the webroot":  {site("merche.com", "root /var/www/..;"), sudo + "install merche", ".."},
		"a path":              {site("merche.com"), sudo + "install ../nginx.conf", "password is required"},
		"the system's site":   {site("merche.com"), sudo + "install default", "system"},
		"too much":            {strings.Repeat("# x\n", 20000), sudo + "install merche", "more than"},
		"the name of another": {site("merche.com"), sudo + "install eve", "conflicting server name"},
		"what nginx refuses":  {certified, sudo + "install merche", "the one of before is back"},
	} {
		out, err := as(c.stdin, c.command)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if again := output(t, "ssh", sandbox.QuinnVPS, "cat "+conf+"; ls /etc/nginx/sites-enabled"); again !=
			site("merche.com")+"default\nmerche\n" {
			t.Errorf("%s: afterwards there is\n%s", name, again)
		}
	}
	if mode := output(t, "ssh", sandbox.QuinnVPS, "stat -c %a /run/onboardbot-site.lock"); mode != "600\n" {
		t.Errorf("the lock file has mode %s", mode)
	}
	if out, err := as("", sudo+"remove merche"); err != nil {
		t.Errorf("remove: %v: %s", err, out)
	}
	left := output(t, "ssh", sandbox.QuinnVPS, "ls /etc/nginx/sites-available /etc/nginx/sites-enabled")
	if strings.Contains(left, "merche") {
		t.Errorf("left is\n%s", left)
	}
}

// over runs a script on the VPS with something to read.
func over(t *testing.T, stdin, script string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), "ssh", sandbox.QuinnVPS, script)
	run.Stdin = strings.NewReader(stdin)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
