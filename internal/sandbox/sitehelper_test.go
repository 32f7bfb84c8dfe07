package sandbox_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox"
)

// fromInstall is the block of docs/install.md that contains a line, for the account nobody, with the
// helper in /run/site.
func fromInstall(t *testing.T, line string) string {
	t.Helper()
	guide, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```(?:sh)?\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1) {
		if strings.Contains(block[1], line) {
			return strings.NewReplacer("/usr/local/sbin/onboardbot-site", "/run/site/onboardbot-site",
				"onboardbot ALL", "nobody ALL", "Defaults:onboardbot", "Defaults:nobody").Replace(block[1])
		}
	}
	t.Fatalf("docs/install.md has no block with %q", line)
	return ""
}

// TestSiteHelper has an account that is not root install and remove sites on a VPS, with the rules and
// wrappers of docs/install.md, and try what would make it root or give it the site of somebody else.
func TestSiteHelper(t *testing.T) {
	sandbox.New(t, sandbox.Config{})
	helper, err := os.ReadFile("../../templates/onboardbot-site")
	if err != nil {
		t.Fatal(err)
	}
	const custom = "/etc/nginx/sites-available/quinn"
	over(t, string(helper), `set -e; umask 022; mkdir -p /run/site && cd /run/site &&
	cat > onboardbot-site && chmod 755 onboardbot-site
printf 'server { listen 443; server_name\n\tQuinn.com *.shop.com; return 204; }\n' > `+custom+`
ln -s `+custom+` /etc/nginx/sites-enabled/quinn; nginx -t -q`)
	over(t, "root ALL=(ALL:ALL) ALL\n"+fromInstall(t, "closefrom_override"),
		`umask 022; cd /run/site && cat > sudoers && chmod 440 sudoers && visudo -cqf sudoers`)
	over(t, fromInstall(t, "# /usr/local/bin/rm"), `umask 022; cd /run/site && cat > rm && chmod 755 rm`)
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
		"a NUL": {site("merche.com", "\x00"), sudo + "install merche", "NUL"},
		"another root": {site("merche.com", "root /etc;"), sudo + "install merche",
			"neither of the template"},
		"out of the webroot":        {site("merche.com", "root /var/www/..;"), sudo + "install merche", ".."},
		"a path":                    {site("merche.com"), sudo + "install ../nginx.conf", "password is required"},
		"the system's site":         {site("merche.com"), sudo + "install default", "system"},
		"too much":                  {strings.Repeat("# x\n", 20000), sudo + "install merche", "more than"},
		"the name of another":       {site("merche.com"), sudo + "install eve", "another site has the name"},
		"a name on another port":    {site("quinn.com"), sudo + "install eve", "another site has the name quinn.com"},
		"a name below a wildcard":   {site("my.shop.com"), sudo + "install eve", "another site has the name"},
		"a wildcard":                {site(".com"), sudo + "install eve", "neither of the template"},
		"the site of somebody else": {site("eve.com"), sudo + "install quinn", "belongs to somebody else"},
		"to remove one":             {"", sudo + "remove quinn", "belongs to somebody else"},
		"to remove one by rm":       {"", "/run/site/rm -f /etc/nginx/sites-enabled/quinn", "belongs to somebody else"},
		"to remove its file by rm":  {"", "/run/site/rm -f " + custom, "denied"},
		"to remove by the rm of sudo": {"", "sudo -n /usr/bin/rm -f /etc/nginx/sites-enabled/quinn",
			"password is required"},
		"a hook of certbot": {"", "sudo -n /usr/bin/certbot --nginx -d a.com -d b.com --non-interactive --agree-tos " +
			"-m a@b.c --redirect --deploy-hook id", "password is required"},
		"an option of certbot": {"", "sudo -n /usr/bin/certbot renew --cert-name --deploy-hook=id " +
			"--non-interactive --no-random-sleep-on-renew", "password is required"},
		"a configuration of nginx": {"", "sudo -n /usr/sbin/nginx -t -c /tmp/x", "password is required"},
		"what nginx refuses":       {certified, sudo + "install merche", "the one of before is back"},
	} {
		out, err := as(c.stdin, c.command)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if again := output(t, "ssh", sandbox.QuinnVPS, "cat "+conf+"; ls /etc/nginx/sites-enabled"); again !=
			site("merche.com")+"default\nmerche\nquinn\n" {
			t.Errorf("%s: afterwards there is\n%s", name, again)
		}
	}
	if mode := output(t, "ssh", sandbox.QuinnVPS, "stat -c %a /run/onboardbot-site.lock"); mode != "600\n" {
		t.Errorf("the lock file has mode %s", mode)
	}
	// As an undo removes a site.
	for _, command := range []string{"/run/site/rm -f /etc/nginx/sites-enabled/merche", "/run/site/rm -f " + conf} {
		if out, err := as("", command); err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
	if out, err := as("", sudo+"remove merche"); err != nil {
		t.Errorf("remove again: %v: %s", err, out)
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
