package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// mailConfig makes vps-0 the host of mail as well. Mailboxes are files.
const mailConfig = `mail:
  mailbox:
    mx: [10 mail.merche.example]
    spf: v=spf1 mx -all
    dmarc: "v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}"
    dkim: true
  forwarding: {mx: [10 mail.merche.example], spf: v=spf1 mx -all, dmarc: v=DMARC1; p=none}
  dkim: {host: vps-0, path: "/var/lib/dkim/{domain}/{selector}.pem"}
  setup:
    mailbox:
      check: [test, -e, "/var/lib/mailbox-{domain}"]
      make: [touch, "/var/lib/mailbox-{domain}"]
      undo: [rm, "/var/lib/mailbox-{domain}"]
`

// TestBrandAndMailGoLiveAndAreTakenBack onboards an Org with a brand on two domains, one with
// mailboxes on the default host and one with forwarding on another, and undoes it. Afterwards the
// sandbox is in its initial state.
func TestBrandAndMailGoLiveAndAreTakenBack(t *testing.T) {
	s := open(t,
		testbed.Config{World: sandbox.Config{VPSes: 2},
			Bot: func(settings *testbed.Settings) { settings.Rest = mailConfig },
			// The approval requests of two domains exceed the rate of posts in one channel.
			Workspace: func(w *workspace.Config) { w.Rates.Off = true }})
	s.updateZone("merche.example", "update add mail.merche.example. 60 A 192.0.2.25")
	// Records of others stay, or are restored.
	s.updateZone("merche-biche.com", `update add merche-biche.com. 900 TXT "v=spf1 ip4:192.0.2.7 ~all"`,
		`update add merche-biche.com. 900 TXT "proof=1"`)
	s.vps("mkdir /var/lib/dkim")
	before := s.snapshot()

	root := s.askForAnOrg()
	s.waitFile(root, "preview.png")
	s.finish(root)
	s.reads(root, "Merche Biche is live", "Warnings",
		"Make the forward of mail for merche-biche.shop to merche@example.com", "shows Merche & Friends as theirs")
	client, err := s.Client()
	s.must(err)
	for _, url := range []string{"https://merche-biche.com/", "https://www.merche-biche.shop/"} {
		response, err := client.Get(url)
		if err != nil || response.StatusCode != 200 {
			t.Errorf("%s: %v, %v", url, response, err)
		}
	}
	live := s.snapshot()
	for what, want := range map[string][]string{
		"tree": {"merche-biche.com/org-site/assets/logo.png",
			"merche-biche.shop/org-site/config.yaml"},
		"zone merche-biche.com": {"A 203.0.113.10", `"v=spf1 ip4:192.0.2.7 mx ~all"`, `"proof=1"`,
			"MX 10 mail.merche.example.", "onboard._domainkey.merche-biche.com."},
		"zone merche-biche.shop": {"A 203.0.113.20", `TXT "v=spf1 mx -all"`, `"v=DMARC1; p=none"`},
		"sites of vps-1":         {"merche-biche.shop"},
		"mail":                   {"/var/lib/dkim/merche-biche.com/onboard.pem", "/var/lib/mailbox-merche-biche.com"},
	} {
		if !testbed.ContainsAll(live[what], want) {
			t.Errorf("%s: no %q in\n%s", what, want, live[what])
		}
	}

	back := s.undo()
	s.must(s.FinishUndo(s.within(3*time.Minute), testbed.Bo, back))
	if diff := cmp.Diff(before, s.snapshot()); diff != "" {
		t.Errorf("the world is not what it was (-before +after)\n%s", diff)
	}
}

// askForAnOrg types typographic quotes, as phones insert them, and fills in the form with a logo
// and with colours, the first of which have too little contrast.
func (s *harness) askForAnOrg() workspace.Message {
	s.t.Helper()
	ana := s.Person(testbed.Ana)
	typed, err := ana.Type(s.within(10*time.Second), testbed.Channel,
		"/onboard merche-biche mode=owner name=“Merche Biche” email=merche@example.com org=merche-collective "+
			"org_name=“Merche & Friends” domains=merche-biche.com,merche-biche.shop mail.merche-biche.com=mailbox "+
			"mail.merche-biche.shop=forward:merche@example.com host.merche-biche.shop=vps-1")
	s.must(err)
	if typed.Message == nil || !testbed.ContainsAll(testbed.Reads(*typed.Message), []string{"[Start]", "[Change…]"}) {
		s.t.Fatalf("nothing to confirm: %+v", typed)
	}
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, *typed.Message, "Change…"))
	form, err := ana.Modal(s.within(10 * time.Second))
	s.must(err)
	ctx := s.within(20 * time.Second)
	_, err = form.Attach(ctx, "Logo", workspace.File{Name: "logo.png", Data: logo(s.t)})
	s.must(err)
	_, err = form.Fill(ctx, "Site copy", "Welcome.", "مرحبا 🦋")
	s.must(err)
	_, err = form.Fill(ctx, "Colours", "#ffffff, #cccccc")
	s.must(err)
	sent, err := form.Submit(ctx)
	s.must(err)
	if !strings.Contains(fmt.Sprint(sent.Errors), "The nearest readable colour is") {
		s.t.Errorf("unreadable colours: %+v", sent)
	}
	_, err = form.Fill(ctx, "Colours", "#ffffff, #1a1a2e, #b0124f, #00695c")
	s.must(err)
	root, err := s.Send(ctx, testbed.Ana, form, "merche-biche")
	s.must(err)
	return root
}

// logo returns a PNG.
func logo(t *testing.T) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 200, 100))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(color.RGBA{R: 0xb0, G: 0x12, B: 0x4f, A: 0xff}),
		image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// undo starts the undo of the run, including certificates, and returns its root message.
func (s *harness) undo() workspace.Message {
	s.t.Helper()
	ana := s.Person(testbed.Ana)
	typed, err := ana.Type(s.within(10*time.Second), testbed.Channel, "/onboard undo merche-biche")
	s.must(err)
	if typed.Message == nil {
		s.t.Fatalf("no question: %+v", typed)
	}
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, *typed.Message, "Undo, delete certificates"))
	back, err := ana.WaitMessage(s.within(20*time.Second), testbed.Channel, func(m workspace.Message) bool {
		return m.ThreadTS == "" && !m.Ephemeral && strings.Contains(testbed.Reads(m), "Undoing")
	})
	s.must(err)
	return back
}

// snapshot returns everything that an onboarding can change, as text to compare.
func (s *harness) snapshot() map[string]string {
	s.t.Helper()
	seen := map[string]string{}
	conn := s.admin()
	defer conn.Close(context.Background())
	for _, table := range []string{"users", "orgs", "org_members", "bookings", "inbox_messages", "analytics_events"} {
		var rows string
		s.must(conn.QueryRow(s.t.Context(),
			`SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM `+table+` t`).Scan(&rows))
		seen[table] = rows
	}
	for _, zone := range []string{"merche-biche.com", "merche-biche.shop", "merche.example"} {
		out, err := exec.Command("kdig", "-k", s.DNS.Key.ClientFile, "+noall", "+answer",
			"@"+s.environment("DNS_SERVER"), zone, "AXFR").Output()
		s.must(err)
		records := strings.Split(string(out), "\n")
		// Serials and signatures always differ.
		records = slices.DeleteFunc(records, func(r string) bool {
			return strings.Contains(r, "\tSOA\t") || strings.Contains(r, "\tTSIG\t") || strings.HasPrefix(r, ";")
		})
		slices.Sort(records)
		seen["zone "+zone] = strings.Join(strings.Fields(strings.ReplaceAll(strings.Join(records, "\n"),
			"\n", " \x00 ")), " ")
	}
	tree, err := exec.Command("git", "-C", s.Repo.Origin, "ls-tree", "-r", "HEAD").Output()
	s.must(err)
	seen["tree"] = string(tree)
	for _, vps := range s.VPS {
		for what, script := range map[string]string{
			"sites":        `cd /etc/nginx && find . -type f -exec md5sum {} + -o -type l -printf '%p %l\n' | sort`,
			"webroots":     "find /var/www | sort",
			"certificates": "find /etc/letsencrypt -name '*merche*'",
		} {
			out, err := vps.Shell(s.t.Context(), script)
			s.must(err)
			seen[what+" of "+vps.Name] = string(out)
		}
	}
	seen["mail"] = s.vps("find /var/lib -path '*dkim/*' -o -name 'mailbox-*' | sort")
	return seen
}
