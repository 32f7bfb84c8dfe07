package certbot

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// saying is a host on which every command prints the same.
type saying []byte

func (s saying) Output(context.Context, hosts.Command) ([]byte, error) { return s, nil }

func archive(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)),
			Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLineagesOfAHostAreHostile(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	leaf := authority.Issue(t, probetest.Order{Names: []string{"www.merche-biche.com", "merche-biche.com"}}).Leaf
	chain := probetest.PEM(leaf, authority.Intermediate)
	conf := []byte(`# renew_before_expiry = 30 days
version = 2.1.0
renew_before_expiry = 20 days
autorenew = False
[renewalparams]
server = https://acme-v02.api.letsencrypt.org/directory
authenticator = nginx
`)
	machines := Hosts{"vps": saying(archive(t, map[string][]byte{
		"renewal/merche-biche.com.conf": conf, "live/merche-biche.com/fullchain.pem": chain,
		"renewal/--force.conf": conf, "live/--force/fullchain.pem": chain,
		"renewal/$(id).conf": conf, "live/$(id)/fullchain.pem": chain,
		"renewal/empty.conf": conf, "live/empty/fullchain.pem": []byte(
			"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		"renewal/lonely.conf": conf, "live/orphan/fullchain.pem": chain,
	}))}
	got, err := machines.Lineages(t.Context(), "vps")
	if err != nil {
		t.Fatal(err)
	}
	want := []certificates.Lineage{{Name: "merche-biche.com", Certificate: certificates.FromX509(leaf),
		Directory:   "https://acme-v02.api.letsencrypt.org/directory",
		RenewBefore: 20 * 24 * time.Hour, Manual: true, Authenticator: "nginx"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got[0].Covers("merche-biche.com") || got[0].Covers("other.example") {
		t.Error("it covers the wrong names")
	}
	if _, err := (Hosts{"vps": saying("not a tar")}).Lineages(t.Context(), "vps"); err == nil {
		t.Error("nonsense was taken for an archive")
	}
	if got, err := (Hosts{"vps": saying("")}).Lineages(t.Context(), "vps"); err != nil || len(got) != 0 {
		t.Errorf("without certbot: %v, %v", got, err)
	}
	if _, err := machines.History(t.Context(), "vps", "../../../etc"); err == nil {
		t.Error("a path was taken for a name")
	}
	if _, err := RenewCommand(certificates.Lineage{Name: "--force-renewal"}); err == nil {
		t.Error("an option was taken for a name")
	}
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"30 days": 30 * 24 * time.Hour, "1 day": 24 * time.Hour,
		"36 hours": 36 * time.Hour, "30": 30 * 24 * time.Hour, "2 weeks": 14 * 24 * time.Hour, "": 0, "soon": 0,
		"-3 days": 0, "3 fortnights": 0, "999999999 days": 0} {
		if got := parseInterval(text); got != want {
			t.Errorf("parseInterval(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestFailuresAreInTheHostsOwnTime(t *testing.T) {
	t.Parallel()
	got := parseFailures([]byte(`+0200
2027-01-01 03:21:22,123:INFO:certbot._internal.auth_handler:Challenge failed for domain WWW.merche-biche.com
2027-01-01 03:21:22,124:DEBUG:certbot._internal.auth_handler:Challenge failed for domain $(reboot)
nonsense
`))
	want := []certificates.Failure{{Name: "www.merche-biche.com", At: time.Date(2027, 1, 1, 1, 21, 22, 0, time.UTC)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTimerReasons(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		properties map[string]string
		want       []string
	}{
		"well": {map[string]string{"LoadState": "loaded", "ActiveState": "active", "Result": "success",
			"ExecMainStatus": "0"}, nil},
		"cron": {map[string]string{"Cron": "yes", "CronRunning": "yes"}, nil},
		"no timer": {map[string]string{"LoadState": "not-found", "ActiveState": "inactive", "Cron": "no",
			"CronRunning": "yes"},
			[]string{"vps has neither a systemd timer nor a cron entry for certbot, so nothing starts it"}},
		"cron, systemd": {map[string]string{"LoadState": "not-found", "ActiveState": "inactive", "Cron": "yes",
			"CronRunning": "yes"}, nil},
		"stopped": {map[string]string{"LoadState": "loaded", "ActiveState": "inactive"},
			[]string{"certbot.timer on vps is inactive: systemctl enable --now certbot.timer"}},
		"snap stopped": {map[string]string{"Timer": "snap.certbot.renew.timer", "LoadState": "loaded",
			"ActiveState": "inactive"},
			[]string{"snap.certbot.renew.timer on vps is inactive: systemctl enable --now snap.certbot.renew.timer"}},
		"fails": {map[string]string{"LoadState": "loaded", "ActiveState": "active", "Result": "exit-code",
			"ExecMainStatus": "1"}, []string{"the last run of certbot on vps ended with exit-code, status 1"}},
		"no cron": {map[string]string{"Cron": "no", "CronRunning": "no"},
			[]string{"vps has neither a systemd timer nor a cron entry for certbot, so nothing starts it"}},
		"cron dead": {map[string]string{"Cron": "yes", "CronRunning": "no"},
			[]string{"a cron entry starts certbot on vps, but cron is not running there, so nothing starts it"}},
	} {
		if diff := cmp.Diff(test.want, timerProblems("vps", test.properties)); diff != "" {
			t.Error(name, diff)
		}
	}
}

// TestTimersByAnyName runs the script for hosts with a systemctl of its own, which knows one
// timer.
func TestTimersByAnyName(t *testing.T) {
	t.Parallel()
	for _, timer := range []string{"certbot.timer", "snap.certbot.renew.timer", "certbot-renew.timer"} {
		dir := t.TempDir()
		systemctl := "#!/bin/sh\ncase $* in\n*--value) [ $2 = " + timer +
			" ] && echo loaded || echo not-found;;\n*.timer*) echo LoadState=loaded; echo ActiveState=active;;\n*) " +
			"echo Result=success;;\nesac\n"
		if err := os.WriteFile(dir+"/systemctl", []byte(systemctl), 0o700); err != nil {
			t.Fatal(err)
		}
		// The test's machine need not run systemd.
		script := strings.ReplaceAll(readTimer, "[ -d /run/systemd/system ]", "true")
		command := exec.CommandContext(t.Context(), "sh", "-c", script)
		command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := command.Output()
		if want := "Timer=" + timer + "\nLoadState=loaded\nActiveState=active\nResult=success\n"; err != nil ||
			string(out) != want {
			t.Errorf("%q, error %v; want %q", out, err, want)
		}
	}
}

func TestLogIsFitToBeShown(t *testing.T) {
	t.Parallel()
	log := "2027-01-01 00:00:00,1:DEBUG:x:Detail: noise\n2027-01-01 00:00:00,1:INFO:x:all is well\n2027-01-01 " +
		"00:00:00,2:ERROR:x:\x1b[31mred\x07 \xff\n"
	for range 20 {
		log += "  Detail: " + string(bytes.Repeat([]byte("é"), 400)) + "\n"
	}
	got := parseLog([]byte(log))
	if len(got) != maxLogLines || len([]rune(got[0])) != maxLogLength {
		t.Errorf("%d lines, the first of %d runes", len(got), len([]rune(got[0])))
	}
	if diff := cmp.Diff([]string{"2027-01-01 00:00:00,2:ERROR:x: [31mred  ?"},
		parseLog([]byte(log[:len(log)-20*len("  Detail: \n")-20*800]))); diff != "" {
		t.Error(diff)
	}
}

func TestTellingLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"Content-Type: application/json":                                              false,
		"Type:   unauthorized":                                                        true,
		"Detail: 203.0.113.10: Invalid response":                                      true,
		"2027-02-28 12:00:00,000:DEBUG:acme.client:urn:ietf:params:acme:error:x":      false,
		"2027-02-28 12:00:00,000:ERROR:certbot._internal.renewal:All renewals failed": true,
	} {
		if got := reportsProblem(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
