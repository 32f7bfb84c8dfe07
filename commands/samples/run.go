package samples

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

var (
	ana  = onboarding.Operator{ID: "U0SAMPLE1", Name: "Ana"}
	bo   = onboarding.Operator{ID: "U0SAMPLE2", Name: "Bo"}
	cleo = onboarding.Operator{ID: "U0SAMPLE3", Name: "Cleo"}

	now      = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	sampleID = uuid.MustParse("0198c0de-0000-7000-8000-000000000001")
	hosts    = []string{"vps-0", "vps-1"}
	freeze   = &onboarding.Freeze{Reason: "the registry is down", By: cleo, At: now}

	renderer = render.Renderer{Command: "/onboard", Approvers: []string{bo.ID, cleo.ID},
		EscalateTo: []string{cleo.ID}, Mentions: true, BreakGlass: true}
)

func request() onboarding.Request {
	return onboarding.Request{Slug: "merche-biche", DisplayName: "Merche Biche", Email: "merche@example.com",
		Mode:    onboarding.ModeOwner,
		Org:     onboarding.Org{Slug: "merche-collective", Name: "Merche Collective"},
		Domains: []onboarding.Domain{{Name: "merche-biche.com", Host: "vps-0"}}}
}

func ownerDraft() form.Draft {
	return form.Draft{Slug: "merche-biche", Name: "Merche Biche", Mode: onboarding.ModeOwner,
		Domains: "merche-biche.com", Host: form.PerDomain,
		Hosts: "merche-biche.com: vps-1", Mail: form.PerDomain, Mails: "merche-biche.com: mailbox", Copy: "Welcome.",
		Logo: strings.Repeat("ab", 32)}
}

func memberDraft() form.Draft {
	return form.Draft{Slug: "merche-biche", Mode: onboarding.ModeMember, Join: "cocotte", JoinName: "Cocotte",
		Mail: string(onboarding.MailForward)}
}

// change has one item of each type.
func change() onboarding.Change {
	page := strings.Repeat("<p>A line of the page.</p>\n", 60)
	return onboarding.Change{Summary: "Change everything that can be changed", Items: []onboarding.Item{
		{SQL: &onboarding.Transaction{
			Statements: []onboarding.Statement{{SQL: "INSERT INTO users (slug)\nVALUES ($1)",
				Args: []string{"merche-biche"}}}}},
		{DNS: &onboarding.ZoneUpdate{Zone: "merche-biche.com",
			Sets: []onboarding.RecordsEdit{{Name: "merche-biche.com", Type: "A", TTL: 300,
				After: []string{"203.0.113.10"}}}}},
		{Probe: &onboarding.Probe{Names: []string{"merche-biche.com"}, Addresses: []string{"203.0.113.10"},
			Path: "/.well-known/acme-challenge/x", Body: "x"}},
		{Command: &onboarding.Command{Host: "vps-0", Argv: []string{"certbot", "--nginx", "-d", "merche-biche.com"}}},
		{Commit: &onboarding.Commit{Folder: "deployments/@domains/merche-biche.com", Subject: "Add merche-biche.com",
			Files: []onboarding.FileChange{
				{Path: "deployments/@domains/merche-biche.com/index.html", Mode: "100644", After: &page}}}},
	}}
}

func findings() []onboarding.Finding {
	return []onboarding.Finding{{Level: onboarding.OK, Name: "Platform database", Detail: "primary, 16.4"},
		{Level: onboarding.Warning, Name: "Template", Detail: "not in the repository",
			Fix: "The embedded template is used."},
		{Level: onboarding.Failed, Name: "vps-0", Detail: "connection timed out", Fix: "Check ssh_config."}}
}

func observation() onboarding.Observation { return onboarding.Observation{Findings: findings()} }

func dryRun() *onboarding.Plan {
	step := func(key onboarding.Key, planned onboarding.Planned) onboarding.Planned {
		planned.Definition = onboarding.Definition{Key: key, Title: string(key.Kind())}
		return planned
	}
	return &onboarding.Plan{Request: request(),
		Steps: []onboarding.Planned{step("preflight", onboarding.Planned{Findings: findings()}),
			step("database", onboarding.Planned{Change: change()}), step("verify", onboarding.Planned{Done: true})}}
}

// fixture is a run to which things happen.
type fixture struct{ *onboarding.View }

func newRun() *fixture {
	run := &onboarding.Run{ID: sampleID, Kind: onboarding.KindOnboard, Request: request(), Requester: ana,
		State: onboarding.RunActive, Channel: "C0SAMPLE", Created: now}
	for _, key := range []onboarding.Key{"preflight", "database", "dns/merche-biche.com", "deploy/merche-biche.com",
		"certificate/merche-biche.com", "verify"} {
		run.Steps = append(run.Steps, onboarding.Step{State: onboarding.StepPending,
			Definition: onboarding.Definition{Key: key, Title: string(key.Kind()), Destructive: key != "preflight" &&
				key != "verify"}})
	}
	f := &fixture{&onboarding.View{Run: run, Head: "1234-9f2c4a1b7d03aabb"}}
	f.happened(onboarding.Event{Kind: onboarding.EventRequested, Actor: ana})
	return f
}

func (f *fixture) happened(event onboarding.Event) {
	event.ID, event.RunID, event.At = int64(len(f.Events)+1), f.ID, now
	f.Events = append(f.Events, event)
}

func (f *fixture) step(key onboarding.Key, state onboarding.StepState, detail string, event onboarding.Event) {
	step := f.Step(key)
	step.State, step.Detail = state, detail
	event.Step = key
	f.happened(event)
}

func (f *fixture) asked(key onboarding.Key, state onboarding.ApprovalState) *onboarding.Approval {
	digest, _ := change().Digest() // a fixed change always encodes
	approval := &onboarding.Approval{ID: uuid.NewSHA1(sampleID, []byte(key)), RunID: f.ID, Step: key,
		Change: change(), Digest: digest, State: state,
		Asked: now, Expires: now.Add(24 * time.Hour), Needs: 1}
	f.Approvals = append(f.Approvals, approval)
	f.step(key, onboarding.StepAsking, "", onboarding.Event{Kind: onboarding.EventAsked, Approval: approval.ID,
		Digest: digest})
	return approval
}

// applied records an attempt that printed a line.
func (f *fixture) applied(approval *onboarding.Approval, outcome onboarding.Outcome) {
	approval.Votes = []onboarding.Vote{{By: bo, Agrees: true, At: now}}
	f.Attempts = append(f.Attempts, &onboarding.Attempt{ID: approval.ID, RunID: f.ID, Step: approval.Step,
		Approval: approval.ID, Outcome: outcome,
		Started: now, Finished: now.Add(time.Minute), Error: "exit status 1", Tail: []string{"a line"}, Lines: 1})
}

// openRun waits for everything that a run can wait for: a decision, the world, and somebody who
// retries.
func openRun() *fixture {
	f := newRun()
	f.Step("preflight").Findings = findings()
	f.step("preflight", onboarding.StepDone, "", onboarding.Event{Kind: onboarding.EventDone})
	open := f.asked("database", onboarding.ApprovalOpen)
	open.Drift = "- one\n+ two"
	for _, kind := range []onboarding.EventKind{onboarding.EventReminded, onboarding.EventEscalated,
		onboarding.EventBrokeGlass} {
		f.happened(onboarding.Event{Kind: kind, Step: "database", Approval: open.ID, Actor: ana,
			Text: "Everyone is on a plane."})
	}
	f.step("dns/merche-biche.com", onboarding.StepWaiting, "Make these records.",
		onboarding.Event{Kind: onboarding.EventWaiting})
	failed := f.asked("deploy/merche-biche.com", onboarding.ApprovalUsed)
	f.applied(failed, onboarding.OutcomeFailed)
	f.step("deploy/merche-biche.com", onboarding.StepFailed, "exit status 1",
		onboarding.Event{Kind: onboarding.EventFailed, Approval: failed.ID, Text: "exit status 1"})
	rejected := f.asked("certificate/merche-biche.com", onboarding.ApprovalRejected)
	f.step("certificate/merche-biche.com", onboarding.StepRejected, "Not today.",
		onboarding.Event{Kind: onboarding.EventRejected, Approval: rejected.ID, Actor: bo, Text: "Not today."})
	return f
}

func liveRun() *fixture {
	f := newRun()
	ahead := f.asked("database", onboarding.ApprovalAheadApproved)
	f.Events = f.Events[:1]
	f.happened(onboarding.Event{Kind: onboarding.EventApproved, Step: "database", Actor: bo, Approval: ahead.ID,
		Digest: ahead.Digest})
	f.applied(ahead, onboarding.OutcomeDone)
	ahead.State = onboarding.ApprovalUsed
	f.happened(onboarding.Event{Kind: onboarding.EventApplying, Step: "database", Approval: ahead.ID})
	for i := range f.Steps {
		f.Steps[i].State = onboarding.StepDone
	}
	f.Step("verify").Findings = findings()[:2]
	f.State, f.Ended = onboarding.RunDone, now.Add(time.Hour)
	f.happened(onboarding.Event{Kind: onboarding.EventFinished})
	return f
}

func cancelledRun() *fixture {
	f := newRun()
	f.asked("database", onboarding.ApprovalWithdrawn)
	f.State, f.Ended, f.EndedBy = onboarding.RunCancelled, now, ana
	f.happened(onboarding.Event{Kind: onboarding.EventCancelled, Actor: ana})
	return f
}

// longApproval is about a change that takes several pages.
func longApproval() *onboarding.Approval {
	approval := newRun().asked("database", onboarding.ApprovalOpen)
	page := strings.Repeat(strings.Repeat("x", 100)+"\n", 2000)
	approval.Change.Items[4].Commit.Files[0].After = &page
	return approval
}

func homeContent() render.Home {
	open, live := openRun(), liveRun()
	const link = "https://example.slack.com/archives/C0SAMPLE/p1"
	return render.Home{Waiting: []render.PendingDecision{{Approval: open.Approvals[0], Run: open.Run, Link: link}},
		More:  1,
		Stuck: []render.ListedRun{{Run: open.Run, Link: link}}, Runs: []render.ListedRun{{Run: open.Run, Link: link}},
		Live:   []*onboarding.Run{live.Run},
		Expiry: map[string]time.Time{"merche-biche.com": now.Add(72 * time.Hour)},
		Isolation: &render.IsolationReport{At: now, Mark: mrkdwn.MarkDone,
			Summary: "No tenant can reach another tenant's rows", Link: link}, Freeze: freeze}
}
