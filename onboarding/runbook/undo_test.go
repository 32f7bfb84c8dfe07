package runbook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	wire "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// everything is what an onboarding can change, as text to compare.
func (w *fixture) everything() map[string]string {
	w.t.Helper()
	seen := map[string]string{
		"rows":     w.counts(),
		"tree":     w.git("ls-tree", "-r", "HEAD"),
		"unpushed": w.git("log", "--oneline", "origin/main..main"),
		"sites": w.vps("cd /etc/nginx && find . -type f -exec md5sum {} + -o -type l -printf '%p %l\\n' | " +
			"sort"),
		"webroots":     w.vps("find /var/www | sort"),
		"certificates": w.vps("find /etc/letsencrypt -name 'merche*'"),
		"mail":         w.vps("find /var/lib -path '*dkim/*' -o -name 'mailbox-*'"),
	}
	for _, name := range []string{"merche-biche.com", "www.merche-biche.com", "_dmarc.merche-biche.com",
		"onboard._domainkey.merche-biche.com", "modern._domainkey.merche-biche.com"} {
		for _, kind := range []uint16{wire.TypeA, wire.TypeAAAA, wire.TypeMX, wire.TypeTXT} {
			query := new(wire.Msg)
			query.SetQuestion(wire.Fqdn(name), kind)
			reply, err := wire.Exchange(query, w.DNS.NameServers[0].Address)
			if err != nil {
				w.t.Fatal(err)
			}
			var values []string
			for _, record := range reply.Answer {
				values = append(values, strings.TrimPrefix(record.String(), record.Header().Name))
			}
			slices.Sort(values)
			seen[name+" "+wire.TypeToString[kind]] = strings.Join(values, " ")
		}
	}
	return seen
}

// undo begins a run that takes another back.
func (w *fixture) undo(run *onboarding.Run, changes map[onboarding.Key]onboarding.Change,
	deleteCertificates bool) *onboarding.Run {
	w.t.Helper()
	back := &onboarding.Run{ID: uuid.New(), Kind: onboarding.KindUndo, Request: run.Request, Requester: run.Requester,
		State:    onboarding.RunActive,
		TenantID: run.TenantID, Facts: run.Facts, Undoes: &onboarding.Undoes{Run: run.ID,
			DeleteCertificates: deleteCertificates}}
	for i := range run.Steps {
		if change := changes[run.Steps[i].Key]; !change.Empty() {
			back.Undoes.Applied = append(back.Undoes.Applied,
				onboarding.Applied{Step: run.Steps[i].Key, Change: change})
		}
	}
	for _, definition := range w.runbook.UndoSteps(back) {
		if !slices.Contains(runbook.Kinds(), definition.Key.Kind()) {
			w.t.Errorf("%s is approved, and no kind of step that is", definition.Key)
		}
		back.Steps = append(back.Steps, onboarding.Step{Definition: definition, State: onboarding.StepPending})
	}
	return back
}

func TestUndo(t *testing.T) {
	w := newFixture(t, nil)
	request := owner("merche-biche")
	request.Domains = []onboarding.Domain{{Name: "merche-biche.com"}}
	w.publish("merche-biche.com", false, "merche-biche.com. 60 A 192.0.2.9") // what the run replaces comes back
	before := w.everything()
	run := w.newRun(request)
	changes := map[onboarding.Key]onboarding.Change{}
	for i := range run.Steps {
		changes[run.Steps[i].Key] = w.do(run, run.Steps[i].Key)
	}
	if cmp.Equal(before, w.everything()) {
		t.Fatal("the run did nothing")
	}
	back := w.undo(run, changes, true)
	var keys []onboarding.Key
	for i := range back.Steps {
		keys = append(keys, back.Steps[i].Key)
	}
	want := []onboarding.Key{"undo-deploy/merche-biche.com", "undo-certificate/merche-biche.com",
		"undo-deploy-config/merche-biche.com", "undo-dns/merche-biche.com", "undo-database"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}

	// What was added since the run is not deleted.
	w.sql("INSERT INTO bookings (user_id, client, starts_at) SELECT id, 'A client', now() FROM users WHERE slug = " +
		"'merche-biche'")
	if got := w.conflict(back, "undo-database"); !strings.HasPrefix(got,
		"1 rows in bookings depend on merche-biche.") {
		t.Errorf("got %q", got)
	}
	w.sql("DELETE FROM bookings WHERE client = 'A client'; UPDATE users SET email = 'new@example.com' WHERE slug = " +
		"'merche-biche'")
	if got := w.conflict(back, "undo-database"); !strings.Contains(got, "was changed since") {
		t.Errorf("got %q", got)
	}
	w.sql("UPDATE users SET email = 'merche-biche@example.com' WHERE slug = 'merche-biche'")
	page := w.read(mercheFolder + "/site/index.html")
	w.write(mercheFolder+"/site/index.html", "<h1>Hers</h1>")
	w.commit()
	if got := w.conflict(back, "undo-deploy-config/merche-biche.com"); !strings.Contains(got,
		"site/index.html was changed since the run") {
		t.Errorf("got %q", got)
	}
	w.write(mercheFolder+"/site/index.html", page)
	w.commit()
	w.publish("merche-biche.com", false, "www.merche-biche.com. 60 A 192.0.2.77")
	if got := w.conflict(back, "undo-dns/merche-biche.com"); !strings.Contains(got,
		"www.merche-biche.com A was changed since the run") {
		t.Errorf("got %q", got)
	}
	w.publish("merche-biche.com", true, "www.merche-biche.com. A 192.0.2.77")

	for i := range back.Steps {
		w.do(back, back.Steps[i].Key)
	}
	if diff := cmp.Diff(before, w.everything()); diff != "" {
		t.Errorf("the world is not what it was (-before +after)\n%s", diff)
	}
	for i := range back.Steps {
		if change := w.observe(back, back.Steps[i].Key).Change; !change.Empty() {
			t.Errorf("again, %s wants %+v", back.Steps[i].Key, change)
		}
	}
}
