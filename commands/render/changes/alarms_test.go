package changes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestAlarms(t *testing.T) {
	t.Parallel()
	approval := &onboarding.Approval{Step: "dns/merche.com", Change: onboarding.Change{Items: []onboarding.Item{
		{DNS: &onboarding.ZoneUpdate{Zone: "merche.com", Sets: []onboarding.RecordsEdit{
			{Name: "merche.com.", Type: "A", Before: []string{"198.51.100.7"}, After: []string{"192.0.2.1"}},
			{Name: "www.merche.com.", Type: "A", After: []string{"192.0.2.1"}},
			{Name: "merche.com.", Type: "TXT", Before: []string{"a"}, After: []string{"b"}},
			{Name: "old.merche.com.", Type: "A", Before: []string{"192.0.2.1"}}}}}}}}
	want := []string{"🔴 *merche.com A already exists:* 198.51.100.7. The change replaces it, and this name will " +
		"no longer reach what is there now."}
	if diff := cmp.Diff(want, Alarms(approval)); diff != "" {
		t.Error(diff)
	}

	evil := "evil\n"
	commit := &onboarding.Commit{Folder: "d/merche.com", Subject: "s", Unpushed: []onboarding.UnpushedCommit{
		{Commit: strings.Repeat("a", 40), Subject: "Shown above", Run: "r"},
		{Commit: strings.Repeat("b", 40), Subject: "Not shown", Run: "r",
			Files: []onboarding.FileChange{{Path: "d/cocotte.com/x", Mode: "100644", After: &evil}}}}}
	committed := onboarding.Change{Items: []onboarding.Item{{Commit: commit}}}
	want = []string{"🔴 *Pushed too:* 1 other commit in the bot's name, which the remote does not have yet: " +
		"Not shown. An earlier push failed, or somebody else committed in its name."}
	if diff := cmp.Diff(want, Alarms(&onboarding.Approval{Change: committed})); diff != "" {
		t.Error(diff)
	}
	if text := FullText(committed); !strings.Contains(text, "\n== Pushed too: commit aaaaaaaaaaaa, which the remote "+
		"does not have yet\nShown above\nRun: r\nIts files are among those above.\n") ||
		!strings.Contains(text, "\n== In commit bbbbbbbbbbbb: cocotte.com/x (new, +1)\n") ||
		!strings.Contains(text, "\n+evil\n") {
		t.Error(text)
	}

	before := "server {\n\tlisten 80;\n\tserver_name merche.com www.merche.com;\n\troot /var/www/merche.com;\n}\n"
	after := `server {
	server_name merche.com www.merche.com;
	root /var/www/merche.com;

    listen [::]:443 ssl ipv6only=on; # managed by Certbot
    listen 443 ssl; # managed by Certbot
    ssl_certificate /etc/letsencrypt/live/merche.com/fullchain.pem; # managed by Certbot
    ssl_certificate_key /etc/letsencrypt/live/merche.com/privkey.pem; # managed by Certbot
    include /etc/letsencrypt/options-ssl-nginx.conf; # managed by Certbot
    ssl_dhparam /etc/letsencrypt/ssl-dhparams.pem; # managed by Certbot
}
server {
    if ($host = merche.com) {
        return 301 https://$host$request_uri;
    } # managed by Certbot

	listen 80;
	server_name merche.com www.merche.com;
    return 404; # managed by Certbot
}
`
	elsewhere := strings.ReplaceAll(after, "/etc/letsencrypt", "/opt/certbot")
	more := elsewhere + "server {\n    include /opt/certbot/options-ssl-nginx.conf; # managed by Certbot\n}\n"
	if lines := strangeLines(&onboarding.Commit{Files: []onboarding.FileChange{
		{Path: "x", Before: &elsewhere, After: &more}}}); len(lines) > 0 {
		t.Errorf("certbot with a folder of its own: %q", lines)
	}
	synced := func(after string) []string {
		return Alarms(&onboarding.Approval{Step: "sync/merche.com", Change: onboarding.Change{Items: []onboarding.Item{
			{Commit: &onboarding.Commit{Folder: "d", Subject: "s", Files: []onboarding.FileChange{
				{Path: "d/nginx/prod.conf", Mode: "100644", Before: &before, After: &after}}}}}}})
	}
	if lines := synced(after); len(lines) > 0 {
		t.Errorf("what certbot writes is alarming: %q", lines)
	}
	if lines := synced(strings.ReplaceAll(after, "/etc/letsencrypt", "/var/www/x")); len(lines) != 1 ||
		!strings.Contains(lines[0], "/var/www/x/options-ssl-nginx.conf") {
		t.Errorf("a folder that whoever wrote the configuration chose: %q", lines)
	}
	for old, evil := range map[string]string{
		"return 404; # managed by Certbot": "proxy_pass http://evil.example; " +
			"# managed by Certbot",
		"/etc/letsencrypt/live/merche.com/privkey.pem; # managed by Certbot": "/tmp/key; # managed by Certbot",
		"root /var/www/merche.com;": "root /etc;",
		// What only says that it is certbot's.
		"live/merche.com/fullchain.pem;":                   "live/eve.com/fullchain.pem;",
		"include /etc/letsencrypt/options-ssl-nginx.conf;": "include /var/www/x/options-ssl-nginx.conf;",
		"if ($host = merche.com) {":                        "if ($host = eve.com) {",
		"ssl_dhparam /etc/letsencrypt/ssl-dhparams.pem;":   "alias /;",
		"    return 404; # managed by Certbot\n":           "    root /var/www/merche.com;\n",
	} {
		lines := synced(strings.Replace(after, old, evil, 1))
		if len(lines) != 1 || !strings.Contains(lines[0], strings.Fields(evil)[0]) {
			t.Errorf("%s: %q", evil, lines)
		}
	}
}
