package render

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// The people of the scenarios.
var (
	ana  = onboarding.Operator{ID: "U0ANA", Name: "Ana Ortiz"}
	bo   = onboarding.Operator{ID: "U0BO", Name: "Bo Lindqvist"}
	cleo = onboarding.Operator{ID: "U0CLEO", Name: "Cleo Park"}
)

var testRenderer = Renderer{Command: "/onboard", Approvers: []string{"U0ANA", "U0BO", "S0OPS"},
	EscalateTo: []string{"U0CLEO"}, Mentions: true, Reasons: runbook.Reasons()}.WithLinks(
	map[uuid.UUID]string{related: "https://atlilith.slack.com/archives/C0OPS/p9"})

// related is the undo of an onboarding, or the onboarding of an undo.
var related = uuid.MustParse("0198c0de-0000-7000-8000-0000000000bb")

// scenario records what happens to a run, one event after the other, as the domain does.
type scenario struct {
	*onboarding.View
	now time.Time
}

func newScenario(request onboarding.Request) *scenario {
	began := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	run := &onboarding.Run{ID: uuid.MustParse("0198c0de-0000-7000-8000-000000000001"), Kind: onboarding.KindOnboard,
		Request: request, Requester: ana, State: onboarding.RunActive,
		Channel: "C0OPS", TenantID: uuid.MustParse("4f6f2d1c-1111-4222-8333-444455556666"), Created: began}
	add := func(key onboarding.Key, title string, destructive bool) {
		run.Steps = append(run.Steps,
			onboarding.Step{Definition: onboarding.Definition{Key: key, Title: title, Destructive: destructive},
				State: onboarding.StepPending})
	}
	add("preflight", "Preflight", false)
	add("database", "Database rows", true)
	for _, domain := range request.Domains {
		for _, step := range [][2]string{{"dns", "DNS"}, {"deploy-config", "Deploy config"}, {"deploy", "Deploy"},
			{"certificate", "Certificate"}, {"sync", "Sync back"}, {"go-live", "Go live"}} {
			add(onboarding.Key(step[0]+"/"+domain.Name), step[1], true)
		}
	}
	add("verify", "Verification", false)
	s := &scenario{View: &onboarding.View{Run: run, Head: "1234-9f2c4a1b7d03aabb"}, now: began}
	s.event(onboarding.Event{Kind: onboarding.EventRequested, Actor: ana})
	return s
}

func merche() onboarding.Request {
	return onboarding.Request{Slug: "merche-biche", DisplayName: "Merche Biche", Email: "merche@example.com",
		Mode:    onboarding.ModeOwner,
		Org:     onboarding.Org{Slug: "merche-collective", Name: "Merche Collective"},
		Domains: []onboarding.Domain{{Name: "merche-biche.com", Host: "vps-0"}}}
}

func (s *scenario) after(d time.Duration) *scenario {
	s.now = s.now.Add(d)
	return s
}

func (s *scenario) event(event onboarding.Event) *scenario {
	event.ID, event.RunID, event.At = int64(len(s.Events)+1), s.ID, s.now
	s.Events = append(s.Events, event)
	return s
}

func (s *scenario) step(key onboarding.Key, state onboarding.StepState, detail string) *onboarding.Step {
	step := s.Step(key)
	step.State, step.Detail, step.Changed = state, detail, s.now
	return step
}

// checked ends a step that changes nothing.
func (s *scenario) checked(key onboarding.Key, findings ...onboarding.Finding) *scenario {
	s.step(key, onboarding.StepDone, "").Findings = findings
	return s.event(onboarding.Event{Kind: onboarding.EventDone, Step: key})
}

// asked requests approval for a change.
func (s *scenario) asked(key onboarding.Key, change onboarding.Change) *onboarding.Approval {
	digest, err := change.Digest()
	if err != nil {
		panic(err)
	}
	approval := &onboarding.Approval{ID: uuid.MustParse(fmt.Sprintf("0198c0de-0000-7000-8000-0000000001%02d",
		len(s.Approvals))), RunID: s.ID, Step: key,
		Change: change, Digest: digest, State: onboarding.ApprovalOpen, Asked: s.now,
		Expires: s.now.Add(24 * time.Hour), Needs: 1}
	s.Approvals = append(s.Approvals, approval)
	s.step(key, onboarding.StepAsking, "")
	s.event(onboarding.Event{Kind: onboarding.EventAsked, Step: key, Approval: approval.ID, Digest: digest})
	return approval
}

// ahead records that somebody approved a change before its turn.
func (s *scenario) ahead(key onboarding.Key, change onboarding.Change, by onboarding.Operator) *onboarding.Approval {
	digest, err := change.Digest()
	if err != nil {
		panic(err)
	}
	approval := &onboarding.Approval{ID: uuid.MustParse(fmt.Sprintf("0198c0de-0000-7000-8000-0000000003%02d",
		len(s.Approvals))), RunID: s.ID, Step: key,
		Change: change, Digest: digest, State: onboarding.ApprovalAheadApproved, Asked: s.now,
		Expires: s.now.Add(24 * time.Hour), Needs: 1,
		Votes: []onboarding.Vote{{By: by, Agrees: true, At: s.now}}}
	s.Approvals = append(s.Approvals, approval)
	s.event(onboarding.Event{Kind: onboarding.EventApproved, Step: key, Actor: by, Approval: approval.ID,
		Digest: digest})
	return approval
}

func (s *scenario) approved(approval *onboarding.Approval, by onboarding.Operator) *scenario {
	approval.Votes = append(approval.Votes, onboarding.Vote{By: by, Agrees: true, At: s.now})
	if len(approval.Votes) == approval.Needs {
		approval.State = onboarding.ApprovalApproved
		s.step(approval.Step, onboarding.StepApproved, "")
	}
	return s.event(onboarding.Event{Kind: onboarding.EventApproved, Step: approval.Step, Actor: by,
		Approval: approval.ID})
}

func (s *scenario) rejected(approval *onboarding.Approval, by onboarding.Operator, reason string) *scenario {
	approval.Votes = append(approval.Votes, onboarding.Vote{By: by, Reason: reason, At: s.now})
	approval.State, approval.Closed = onboarding.ApprovalRejected, s.now
	s.step(approval.Step, onboarding.StepRejected, reason)
	return s.event(onboarding.Event{Kind: onboarding.EventRejected, Step: approval.Step, Actor: by, Text: reason,
		Approval: approval.ID})
}

// applying begins an attempt that has printed some lines so far.
func (s *scenario) applying(approval *onboarding.Approval, lines ...string) *onboarding.Attempt {
	attempt := &onboarding.Attempt{ID: uuid.MustParse(fmt.Sprintf("0198c0de-0000-7000-8000-0000000002%02d",
		len(s.Attempts))), RunID: s.ID, Step: approval.Step,
		Approval: approval.ID, Outcome: onboarding.OutcomeRunning, Started: s.now, Tail: lines, Lines: len(lines)}
	s.Attempts, s.Changed = append(s.Attempts, attempt), true
	s.step(approval.Step, onboarding.StepApplying, "")
	s.event(onboarding.Event{Kind: onboarding.EventApplying, Step: approval.Step, Approval: approval.ID})
	return attempt
}

func (s *scenario) applied(approval *onboarding.Approval, attempt *onboarding.Attempt) *scenario {
	attempt.Outcome, attempt.Finished = onboarding.OutcomeDone, s.now
	approval.State, approval.Closed = onboarding.ApprovalUsed, s.now
	s.step(approval.Step, onboarding.StepDone, "")
	return s.event(onboarding.Event{Kind: onboarding.EventDone, Step: approval.Step, Approval: approval.ID,
		Took: s.now.Sub(attempt.Started)})
}

func (s *scenario) failed(approval *onboarding.Approval, attempt *onboarding.Attempt, why string) *scenario {
	attempt.Outcome, attempt.Error, attempt.Finished = onboarding.OutcomeFailed, why, s.now
	approval.State, approval.Closed = onboarding.ApprovalUsed, s.now
	s.step(approval.Step, onboarding.StepFailed, why)
	return s.event(onboarding.Event{Kind: onboarding.EventFailed, Step: approval.Step, Text: why,
		Approval: approval.ID})
}

// appliedStep requests approval for a change, approves it and applies it.
func (s *scenario) appliedStep(key onboarding.Key, change onboarding.Change) *scenario {
	approval := s.asked(key, change)
	s.after(time.Minute).approved(approval, bo)
	attempt := s.after(time.Second).applying(approval)
	return s.after(7*time.Second).applied(approval, attempt)
}

func (s *scenario) cancelled(by onboarding.Operator) *scenario {
	s.State, s.Ended, s.EndedBy = onboarding.RunCancelled, s.now, by
	for _, approval := range s.Approvals {
		if approval.State == onboarding.ApprovalOpen || approval.State == onboarding.ApprovalApproved {
			approval.State, approval.Closed = onboarding.ApprovalWithdrawn, s.now
		}
	}
	return s.event(onboarding.Event{Kind: onboarding.EventCancelled, Actor: by})
}

func (s *scenario) finished() *scenario {
	s.State, s.Ended = onboarding.RunDone, s.now
	return s.event(onboarding.Event{Kind: onboarding.EventFinished, Took: s.now.Sub(s.Created)})
}

func insertRows() onboarding.Change {
	return onboarding.Change{Summary: "Insert Merche Biche as a tenant who owns the new Org Merche Collective",
		Items: []onboarding.Item{{SQL: &onboarding.Transaction{
			Statements: []onboarding.Statement{
				{SQL: "INSERT INTO users (id, slug, email, display_name)\nVALUES ($1, $2, $3, $4)",
					Args: []string{"4f6f2d1c-1111-4222-8333-444455556666", "merche-biche", "merche@example.com",
						"Merche Biche"}},
				{SQL: "INSERT INTO orgs (slug, name, owner_id)\nVALUES ($1, $2, $3)",
					Args: []string{"merche-collective", "Merche Collective", "4f6f2d1c-1111-4222-8333-444455556666"}},
				{SQL: "INSERT INTO org_members (org_id, user_id, role)\nVALUES ((SELECT id FROM orgs WHERE slug = " +
					"$1), $2, $3)",
					Args: []string{"merche-collective", "4f6f2d1c-1111-4222-8333-444455556666", "owner"}},
			}}}}}
}

func publish() onboarding.Change {
	return onboarding.Change{Summary: "Point merche-biche.com and www.merche-biche.com at vps-0",
		Items: []onboarding.Item{{DNS: &onboarding.ZoneUpdate{
			Zone: "merche-biche.com", Sets: []onboarding.RecordsEdit{
				{Name: "merche-biche.com", Type: "A", TTL: 300, Before: []string{"198.51.100.7"},
					After: []string{"89.127.233.145"}},
				{Name: "www.merche-biche.com", Type: "A", TTL: 300, After: []string{"89.127.233.145"}},
			}}}}}
}

func certify() onboarding.Change {
	return onboarding.Change{Summary: "Obtain a certificate for merche-biche.com and www.merche-biche.com",
		Items: []onboarding.Item{
			{Probe: &onboarding.Probe{Names: []string{"merche-biche.com", "www.merche-biche.com"},
				Addresses: []string{"89.127.233.145"},
				Path:      "/.well-known/acme-challenge/onboardbot-4f6f2d1c", Body: "4f6f2d1c\n"}},
			{Command: &onboarding.Command{Host: "quinn-vps", Lock: "certbot",
				Argv: []string{"certbot", "--nginx", "-d", "merche-biche.com", "-d", "www.merche-biche.com",
					"--non-interactive", "--agree-tos", "-m", "merche@example.com", "--redirect"}}},
		}}
}

func text(s string) *string { return &s }

func commitConfig() onboarding.Change {
	script := "#!/usr/bin/env bash\nset -euo " +
		"pipefail\nREMOTE_DEST=/var/www/merche-biche.com\n" +
		"REMOTE_NGINX_CONF=/etc/nginx/sites-available/merche-biche.com\n"
	page := ""
	for i := range 60 {
		page += fmt.Sprintf("<p>Line %d of the page.</p>\n", i+1)
	}
	return onboarding.Change{Summary: "Create the deploy folder of merche-biche.com from _template/{provider}.com",
		Items: []onboarding.Item{{Commit: &onboarding.Commit{
			Folder: "deployments/@domains/merche-biche.com", Subject: "Add merche-biche.com, held back",
			Files: []onboarding.FileChange{
				{Path: "deployments/@domains/merche-biche.com/services.yaml", Mode: "100644",
					After: text("domain: merche-biche.com\nfeature: provider-site\naliases:\n  - " +
						"www.merche-biche.com\ndeploy_state:\n  held_back: true\n")},
				{Path: "deployments/@domains/merche-biche.com/deploy.sh", Mode: "100755", After: &script},
				{Path: "deployments/@domains/merche-biche.com/public/index.html", Mode: "100644", After: &page},
			}}}}}
}

func goLive() onboarding.Change {
	const before = "domain: merche-biche.com\nfeature: provider-site\naliases:\n  - " +
		"www.merche-biche.com\ndeploy_state:\n  # flipped once TLS is synced\n  held_back: true\n"
	const after = "domain: merche-biche.com\nfeature: provider-site\naliases:\n  - " +
		"www.merche-biche.com\ndeploy_state:\n  # flipped once TLS is synced\n  held_back: false\n"
	return onboarding.Change{Summary: "Take merche-biche.com out of held_back",
		Items: []onboarding.Item{{Commit: &onboarding.Commit{
			Folder: "deployments/@domains/merche-biche.com", Subject: "Go live with merche-biche.com",
			Files: []onboarding.FileChange{
				{Path: "deployments/@domains/merche-biche.com/services.yaml", Mode: "100644", Before: text(before),
					After: text(after)}}}}}}
}

func deploy() onboarding.Change {
	return onboarding.Change{Summary: "Deploy merche-biche.com over HTTP", Items: []onboarding.Item{
		{Command: &onboarding.Command{Host: "quinn-vps", Argv: []string{"mkdir", "-p", "/var/www/merche-biche.com"}}},
		{Command: &onboarding.Command{Host: "apricot", Dir: "~/Code/@projects/@atlilith/@platform",
			Argv: []string{"./run", "deploy:merche-biche", "--from-local", "--nginx"},
			Sources: []onboarding.Source{
				{Path: "deployments/@domains/merche-biche.com", Object: "4b825dc642cb6eb9a060e54bf8d69288fbee4904"},
				{Path: "./run", Object: "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"},
			}}},
	}}
}

func found(level onboarding.Level, name, detail, fix string) onboarding.Finding {
	return onboarding.Finding{Level: level, Name: name, Detail: detail, Fix: fix}
}

func preflightFindings() []onboarding.Finding {
	return []onboarding.Finding{
		found(onboarding.OK, "Platform database", "primary, 16.4, identity matches", ""),
		found(onboarding.OK, "Rights", "may insert into users, orgs, org_members", ""),
		found(onboarding.OK, "apricot", "answers in 41 ms, repo clean on main", ""),
		found(onboarding.OK, "quinn-vps", "answers in 38 ms, nginx 1.22.1, certbot 2.1.0", ""),
		found(onboarding.Warning, "Template", "_template/{provider}.com is not in the repo",
			"The embedded template is used."),
	}
}

func verifyFindings() []onboarding.Finding {
	return []onboarding.Finding{
		found(onboarding.OK, "https://merche-biche.com", "200, certificate until 2027-02-21", ""),
		found(onboarding.OK, "merche-biche.my", "loads with their identity", ""),
		found(onboarding.OK, "Test booking", "landed with their user_id and org_id, and is gone again", ""),
		found(onboarding.OK, "Other tenants", "0 rows of 3 intentional reads", ""),
		found(onboarding.OK, "Context switcher", "shows Merche Collective", ""),
	}
}
