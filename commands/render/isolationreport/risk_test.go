package isolationreport

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/post"
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
		message := RiskMessage(c.request, []string{"U0ANA", "U0BO", "S0OPS"}, c.now)
		if message.Thread != Key(c.request.Report) {
			t.Errorf("%s: in the thread of %q", c.name, message.Thread)
		}
		message.Thread = ""
		golden.CheckMessages(t, []post.Message{message})
		part(c.name, message.Text, message.Blocks)
	}
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
