package isolationreport

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

// requestOf is a request of the morning of 2026-11-23, with what operators did about it.
func requestOf(votes ...risk.Vote) *risk.Request {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range votes {
		votes[i].At = at.Add(time.Duration(i+1) * time.Minute)
	}
	return &risk.Request{ID: uuid.MustParse("0193546c-0000-7000-8000-000000000002"),
		Object: "public.export", Operation: "execute", Definition: "3f2a90c1d4e5",
		Finding: "any session: it runs with its owner's rights", Reason: "only the API calls it", Until: "2027-01-31",
		By: onboarding.Operator{ID: "U0ANA", Name: "ana"}, Asked: at, Expires: at.Add(24 * time.Hour),
		Report: uuid.MustParse("0193546c-0000-7000-8000-000000000001"), Channel: "C0OPS", Needs: 1, Votes: votes}
}

func voteOf(act risk.Act, id string) risk.Vote {
	return risk.Vote{Act: act, By: onboarding.Operator{ID: id}, Reason: "the web role may call it, too"}
}

// TestRiskIsToldTo has messages go to those who can decide or cover for them, and only while they
// are of use.
func TestRiskIsToldTo(t *testing.T) {
	t.Parallel()
	asked := requestOf().Asked
	to := Audience{Mentioned: []string{"U0BO"}, Direct: []string{"U0ANA", "U0BO", "U0CLEO"}, RemindBefore: time.Hour,
		Absences: []onboarding.Absence{
			{Operator: "U0CLEO", Cover: "U0DEE", From: asked.Add(-time.Hour), Until: asked.Add(time.Hour)}}}
	const id = "risk/0193546c-0000-7000-8000-000000000002"
	decided := requestOf(voteOf(risk.Reject, "U0BO"))
	for _, c := range []struct {
		name    string
		request *risk.Request
		after   time.Duration
		want    []string
	}{
		{"asked", requestOf(), time.Minute, []string{"", "/dm/U0BO", "/dm/U0DEE"}},
		{"due", requestOf(), 23 * time.Hour,
			[]string{"", "/dm/U0BO", "/dm/U0DEE", "/reminder", "/reminder/dm/U0BO", "/reminder/dm/U0CLEO"}},
		{"expired", requestOf(), 24 * time.Hour, []string{"", "/dm/U0BO", "/dm/U0DEE", "/reminder"}},
		{"expired long ago", requestOf(), 25 * time.Hour, []string{"", "/reminder"}},
		{"decided", decided, 5 * time.Minute, []string{"", "/dm/U0BO", "/dm/U0DEE"}},
		{"decided long ago", decided, 23 * time.Hour, []string{""}},
	} {
		var keys []string
		for _, message := range RiskMessages(c.request, to, asked.Add(c.after)) {
			keys = append(keys, strings.TrimPrefix(message.Key, id))
		}
		if !slices.Equal(keys, c.want) {
			t.Errorf("%s: %q, want %q", c.name, keys, c.want)
		}
	}
}

// TestRiskMessages compares what becomes of a request with golden files.
func TestRiskMessages(t *testing.T) {
	t.Parallel()
	morning := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	accept, reject := voteOf(risk.Accept, "U0BO"), voteOf(risk.Reject, "U0BO")
	withdraw := voteOf(risk.Withdraw, "U0CLEO")
	two := requestOf(accept)
	two.Needs, two.Confirm = 2, onboarding.ConfirmTOTP
	hostile := requestOf()
	hostile.Reason = strings.Repeat("<!channel> *bold* `code` & \u202e\n", 20)
	hostile.Object, hostile.Operation, hostile.Finding = hostile.Reason, hostile.Reason, hostile.Reason
	approvers := Audience{Mentioned: []string{"U0ANA", "U0BO", "S0OPS"}, RemindBefore: time.Hour}
	var archive txtar.Archive
	part := func(name, text string, content any) {
		archive.Files = append(archive.Files, txtar.File{Name: name + ".txt", Data: []byte(text + "\n")},
			txtar.File{Name: name + ".json", Data: golden.Indented(content)})
	}
	for _, c := range []struct {
		name    string
		request *risk.Request
		now     time.Time
	}{
		{"open", requestOf(), morning},
		{"one-of-two", two, morning},
		{"hostile", hostile, morning},
		{"accepted", requestOf(accept), morning},
		{"over", requestOf(accept), morning.AddDate(0, 3, 0)},
		{"rejected", requestOf(reject), morning},
		{"withdrawn", requestOf(accept, withdraw), morning},
		{"expired", requestOf(), morning.AddDate(0, 0, 2)},
	} {
		messages := RiskMessages(c.request, approvers, c.now)
		if messages[0].Thread != Key(c.request.Report) {
			t.Errorf("%s: in the thread of %q", c.name, messages[0].Thread)
		}
		messages[0].Thread = ""
		golden.CheckMessages(t, messages[:1])
		part(c.name, messages[0].Text, messages[0].Blocks)
	}
	direct := approvers
	direct.Direct = []string{"U0ANA", "U0BO"}
	for i, message := range RiskMessages(requestOf(), direct, morning.Add(23*time.Hour)) {
		if i > 0 {
			part("due/"+message.Key, message.Text, message.Blocks)
		}
	}
	pending := PendingRisk(hostile, "https://atlilith.slack.com/archives/C0OPS/p1")
	golden.CheckBlocks(t, "pending", pending.Blocks, blockkit.InHome)
	part("pending", PendingRisk(requestOf(), "").Line, PendingRisk(requestOf(), "").Blocks)
	found := leakOf(results.Risk, "execute", "public.export")
	place := Place{requestOf().Report, 3}
	for _, form := range []struct {
		name string
		view slack.ModalViewRequest
	}{
		{"ask", OfferForm(place, &found, morning)},
		{"accept-form", DecideForm(two, risk.Accept, &onboarding.ConfirmationNeededError{Reason: true,
			Code: true})},
		{"reject-form", DecideForm(hostile, risk.Reject, &onboarding.ConfirmationNeededError{Reason: true})},
	} {
		golden.CheckView(t, form.view)
		part(form.name, form.view.PrivateMetadata, form.view)
	}
	golden.Compare(t, filepath.Join("testdata", "risks.txtar"), txtar.Format(&archive))
}
