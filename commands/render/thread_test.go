package render

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// TestRenewalInTheThreadOfItsRun renders a renewal: all of it is below the root of the run that
// made the domain live.
func TestRenewalInTheThreadOfItsRun(t *testing.T) {
	t.Parallel()
	s := newScenario(merche())
	s.View.Kind, s.View.Renews = onboarding.KindRenew, uuid.MustParse("0198c0de-0000-7000-8000-0000000000aa")
	const key = "renew/merche-biche.com"
	s.View.Steps = []onboarding.Step{{Definition: onboarding.Definition{Key: key,
		Title: "Renew the certificate of merche-biche.com", Destructive: true}, State: onboarding.StepPending}}
	approval := s.asked(key,
		onboarding.Change{Summary: "Let certbot renew the certificate of merche-biche.com and www.merche-biche.com",
			Items: []onboarding.Item{{Command: &onboarding.Command{
				Host: "vps-0",
				Argv: []string{"certbot", "renew", "--cert-name", "merche-biche.com", "--non-interactive",
					"--no-random-sleep-on-renew"}, Lock: "nginx"}}}})
	messages := Placed(s.View,
		append(Renderer{Command: "/onboard", Approvers: []string{"U0BO"}, Mentions: true,
			Reasons: runbook.Reasons()}.Thread(s.View, time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC)),
			post.Message{Key: "dm", Channel: "U0BO", Text: "x"}))
	for _, message := range messages {
		want := RootKey(s.View.Renews)
		if message.Key == "dm" {
			want = ""
		}
		if message.Thread != want {
			t.Errorf("%s is in the thread of %q", message.Key, message.Thread)
		}
	}
	golden.Compare(t, filepath.Join("testdata", "certificates", "renewal.txtar"),
		golden.Archive(RootKey(s.ID), messages[:2]))
	if approval.Step != key {
		t.Errorf("asked for %s", approval.Step)
	}
}

// scenarios are the states that a thread can be in. A new case is a new entry and its golden file.
var scenarios = map[string]func() *scenario{
	"looking": func() *scenario { return newScenario(merche()) },
	"preflight failed": func() *scenario {
		s := newScenario(merche()).after(2 * time.Second)
		findings := preflightFindings()
		findings[3] = found(onboarding.Failed, "quinn-vps",
			"ssh: connect to host quinn-vps port 22: Connection timed out", "Check ssh_config and the VPS.")
		s.step("preflight", onboarding.StepFailed,
			"quinn-vps: ssh: connect to host quinn-vps port 22: Connection timed out").Findings = findings
		return s.event(onboarding.Event{Kind: onboarding.EventFailed, Step: "preflight",
			Text: "quinn-vps: ssh: connect to host quinn-vps port 22: Connection timed out"})
	},
	"asked for rows": func() *scenario {
		s := preflightDone()
		s.asked("database", insertRows())
		return s
	},
	"forged presses": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		s.after(time.Minute).event(onboarding.Event{Kind: onboarding.EventForged, Step: "database", Actor: bo,
			Text: "a message that the bot did not post", Approval: approval.ID, Digest: approval.Digest})
		return s.event(onboarding.Event{Kind: onboarding.EventForged, Actor: bo,
			Text: "a message of the bot that was changed after the bot delivered it"})
	},
	"one of two": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		approval.Needs = 2
		return s.after(time.Minute).approved(approval, bo)
	},
	"approved": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		return s.after(time.Minute).approved(approval, bo)
	},
	"rejected": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		return s.after(time.Minute).rejected(approval, bo, "The email is that of <!channel> & her agent.")
	},
	"rejected and asked again": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		s.after(time.Minute).rejected(approval, bo, "Wait for Monday.")
		s.after(time.Hour).event(onboarding.Event{Kind: onboarding.EventRetried, Step: "database", Actor: ana})
		s.asked("database", insertRows())
		return s
	},
	"reminded": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		return s.after(23 * time.Hour).event(onboarding.Event{Kind: onboarding.EventReminded, Step: "database",
			Approval: approval.ID})
	},
	"expired": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		s.after(23 * time.Hour).event(onboarding.Event{Kind: onboarding.EventReminded, Step: "database",
			Approval: approval.ID})
		approval.State, approval.Closed = onboarding.ApprovalExpired, s.after(time.Hour).now
		s.step("database", onboarding.StepExpired, "Nobody decided within 24h0m0s.")
		return s.event(onboarding.Event{Kind: onboarding.EventExpired, Step: "database", Approval: approval.ID})
	},
	"escalated": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		return s.after(4 * time.Hour).event(onboarding.Event{Kind: onboarding.EventEscalated, Step: "database",
			Approval: approval.ID})
	},
	"three questions escalated and expired at once": func() *scenario {
		s := preflightDone()
		keys := []onboarding.Key{"database", "dns/merche-biche.com", "deploy-config/merche-biche.com"}
		for _, key := range keys {
			s.asked(key, insertRows())
		}
		s.after(4 * time.Hour)
		for i, key := range keys {
			s.after(time.Second).event(onboarding.Event{Kind: onboarding.EventEscalated, Step: key,
				Approval: s.Approvals[i].ID})
		}
		s.after(19 * time.Hour)
		for i, key := range keys {
			s.after(time.Second).event(onboarding.Event{Kind: onboarding.EventReminded, Step: key,
				Approval: s.Approvals[i].ID})
		}
		for i, key := range keys[1:] {
			s.Approvals[i+1].State, s.Approvals[i+1].Closed = onboarding.ApprovalExpired, s.after(time.Hour).now
			s.step(key, onboarding.StepExpired, "Nobody decided within 24h0m0s.")
			s.event(onboarding.Event{Kind: onboarding.EventExpired, Step: key, Approval: s.Approvals[i+1].ID})
		}
		return s
	},
	"asked together": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		dns := s.asked("dns/merche-biche.com", publish())
		s.after(time.Second)
		for _, each := range []struct {
			key    onboarding.Key
			change onboarding.Change
		}{{"deploy-config/merche-biche.com", commitConfig()}, {"deploy/merche-biche.com", deploy()}} {
			s.asked(each.key, each.change)
		}
		for _, approval := range s.Approvals[1:] {
			approval.AskedWith = s.Approvals[0].ID
		}
		s.after(time.Minute).approved(dns, bo)
		s.applying(dns, "a line")
		return s.after(time.Second)
	},
	"two questions call": func() *scenario {
		s := preflightDone()
		for i, key := range []onboarding.Key{"database", "deploy-config/merche-biche.com"} {
			approval := s.asked(key, insertRows())
			approval.Votes = []onboarding.Vote{{By: bo, Agrees: true, At: s.now}}[:i]
			approval.Needs = 2
		}
		for i, kind := range []onboarding.EventKind{onboarding.EventEscalated, onboarding.EventReminded} {
			s.after(time.Hour)
			for n, key := range []onboarding.Key{"database", "deploy-config/merche-biche.com"} {
				s.after(time.Duration(i) * time.Second).event(onboarding.Event{Kind: kind, Step: key,
					Approval: s.Approvals[n].ID})
			}
		}
		return s
	},
	"glass broken": func() *scenario {
		s := preflightDone()
		approval := s.asked("database", insertRows())
		approval.Votes = append(approval.Votes,
			onboarding.Vote{By: ana, Agrees: true, Reason: "Everyone is on a *plane* <!here>", BrokeGlass: true,
				At: s.after(time.Minute).now})
		approval.State = onboarding.ApprovalApproved
		s.step("database", onboarding.StepApproved, "")
		return s.event(onboarding.Event{Kind: onboarding.EventBrokeGlass, Step: "database", Actor: ana,
			Text: "Everyone is on a *plane* <!here>", Approval: approval.ID, Digest: approval.Digest})
	},
	"approved ahead": approvedAhead,
	"renewed": func() *scenario {
		s := preflightDone().after(time.Hour)
		s.Kind = onboarding.KindRenew
		for i := range s.Steps {
			s.Steps[i].State = onboarding.StepDone
		}
		return s.finished()
	},
	"records": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		s.asked("dns/merche-biche.com", publish())
		return s
	},
	"waiting for records": waitingForRecords,
	"records are there": func() *scenario {
		s := waitingForRecords().after(time.Hour)
		return s.checked("dns/merche-biche.com", found(onboarding.OK, "merche-biche.com A", "right at ns1 and ns2",
			""),
			found(onboarding.OK, "www.merche-biche.com A", "right at ns1 and ns2", ""))
	},
	"waited after publishing": func() *scenario {
		s := preflightDone().appliedStep("dns/merche-biche.com", publish())
		return s.after(time.Minute).checked("dns/merche-biche.com", found(onboarding.OK, "merche-biche.com A",
			"right at ns1 and ns2", ""))
	},
	"long commit": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		s.asked("deploy-config/merche-biche.com", commitConfig())
		return s
	},
	"commands": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		s.asked("deploy/merche-biche.com", deploy())
		return s
	},
	"certbot at work": certbotAtWork,
	"certbot failed":  certbotFailed,
	"failed and retried": func() *scenario {
		s := certbotFailed()
		s.after(time.Minute).event(onboarding.Event{Kind: onboarding.EventRetried,
			Step: "certificate/merche-biche.com", Actor: cleo})
		s.asked("certificate/merche-biche.com", certify())
		return s
	},
	"cut short": func() *scenario {
		s := certbotAtWork()
		s.Attempts[1].Outcome, s.Attempts[1].Finished = onboarding.OutcomeInterrupted, s.now
		s.event(onboarding.Event{Kind: onboarding.EventInterrupted, Step: "certificate/merche-biche.com",
			Approval: s.Approvals[1].ID})
		attempt := s.after(2 * time.Second).applying(s.Approvals[1])
		return s.after(7*time.Second).applied(s.Approvals[1], attempt)
	},
	"unknown": func() *scenario {
		s := certbotAtWork()
		s.Attempts[1].Outcome, s.Attempts[1].Finished = onboarding.OutcomeInterrupted, s.now
		why := "The bot was interrupted and cannot see what it did: ssh: connect to host quinn-vps port 22: " +
			"Connection refused"
		s.step("certificate/merche-biche.com", onboarding.StepUnknown, why)
		return s.event(onboarding.Event{Kind: onboarding.EventUnknown, Step: "certificate/merche-biche.com",
			Text: why})
	},
	"lapsed": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		first := s.asked("go-live/merche-biche.com", goLive())
		s.after(time.Minute).approved(first, bo)
		first.State, first.Closed = onboarding.ApprovalLapsed, s.now
		s.event(onboarding.Event{Kind: onboarding.EventLapsed, Step: "go-live/merche-biche.com", Approval: first.ID})
		moved := goLive()
		moved.Items[0].Commit.Files[0].Before = text(strings.Replace(*moved.Items[0].Commit.Files[0].Before,
			"provider-site", "provider-shop", 1))
		moved.Items[0].Commit.Files[0].After = text(strings.Replace(*moved.Items[0].Commit.Files[0].After,
			"provider-site", "provider-shop", 1))
		second := s.asked("go-live/merche-biche.com", moved)
		second.Drift = "-  was: feature: provider-site\n+  was: feature: provider-shop\n-  to be: feature: " +
			"provider-site\n+  to be: feature: provider-shop"
		return s
	},
	"revoked": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		first := s.asked("go-live/merche-biche.com", goLive())
		s.after(time.Minute).approved(first, bo)
		first.State, first.Closed = onboarding.ApprovalRevoked, s.now
		s.event(onboarding.Event{Kind: onboarding.EventLapsed, Step: "go-live/merche-biche.com", Approval: first.ID,
			Text: "bo, who approved it, may no longer decide"})
		s.asked("go-live/merche-biche.com", goLive())
		return s
	},
	"cancelled": func() *scenario {
		s := preflightDone().appliedStep("database", insertRows())
		s.asked("deploy/merche-biche.com", deploy())
		return s.after(time.Minute).cancelled(cleo)
	},
	"cancelled before anything was applied": func() *scenario {
		s := preflightDone()
		s.asked("database", insertRows())
		s.step("dns/merche-biche.com", onboarding.StepWaiting, "www.merche-biche.com does not resolve yet")
		return s.after(time.Minute).cancelled(cleo)
	},
	"cancelled after a failure": func() *scenario { return certbotFailed().after(time.Minute).cancelled(cleo) },
	"cancelled and undone": func() *scenario {
		return undoneBy(certbotFailed().after(time.Minute).cancelled(cleo), onboarding.RunDone)
	},
	"live":            func() *scenario { return live(merche()) },
	"live and undone": func() *scenario { return undoneBy(live(merche()), onboarding.RunDone) },
	"live and being undone": func() *scenario {
		return undoneBy(live(merche()), onboarding.RunActive)
	},
	"live and partly undone": func() *scenario {
		return undoneBy(live(merche()), onboarding.RunCancelled)
	},
	"live for a person": func() *scenario {
		request := merche()
		request.Mode, request.Org = onboarding.ModePerson, onboarding.Org{}
		return live(request)
	},
	"live and something is left to do": func() *scenario {
		s := live(merche())
		verify := s.Step("verify")
		verify.Findings = append(verify.Findings,
			found(onboarding.Warning, "to do by hand", "Make the mailbox of <merche-biche.com>.", "Its DNS is done."))
		return s
	},
	"live for a member": func() *scenario {
		request := merche()
		request.Mode, request.Org = onboarding.ModeMember, onboarding.Org{Slug: "cocotte", Name: "Cocotte"}
		return live(request)
	},
	"undone": func() *scenario {
		s := newScenario(merche())
		s.Kind, s.Undoes = onboarding.KindUndo, &onboarding.Undoes{Run: related}
		return s.after(time.Minute).finished()
	},
	"ten domains": func() *scenario {
		request := merche()
		for i := range 9 {
			request.Domains = append(request.Domains, onboarding.Domain{Name: fmt.Sprintf("merche-%d.example", i+2),
				Host: "vps-0"})
		}
		s := newScenario(request).after(2*time.Second).checked("preflight",
			preflightFindings()...).appliedStep("database",
			insertRows())
		for i := range s.Steps {
			if step := &s.Steps[i]; step.Key.Domain() == "merche-2.example" {
				step.State = onboarding.StepDone
			}
		}
		s.step("dns/merche-3.example", onboarding.StepWaiting, "www.merche-3.example does not resolve yet")
		s.step("certificate/merche-4.example", onboarding.StepFailed, "certbot: exit status 1")
		return s
	},
	"as long as can be": func() *scenario {
		request := merche()
		request.Domains = nil
		for i := range onboarding.MaxDomains {
			request.Domains = append(request.Domains,
				onboarding.Domain{Name: fmt.Sprintf("%s%d.example", strings.Repeat("a-very-long-label.", 13), i),
					Host: "vps-0"})
		}
		findings := slices.Repeat([]onboarding.Finding{found(onboarding.OK, strings.Repeat("<ok>", 100),
			strings.Repeat("\"fine\"", 200), "")}, 40)
		findings = append(findings,
			slices.Repeat([]onboarding.Finding{found(onboarding.Warning, strings.Repeat("<bad>", 100),
				strings.Repeat("\"odd\"", 200), strings.Repeat("mend ", 100))}, 60)...)
		s := newScenario(request).after(2*time.Second).checked("preflight", findings...)
		for i := range s.Steps[1:] {
			step := &s.Steps[i+1]
			step.State, step.Detail = []onboarding.StepState{onboarding.StepWaiting, onboarding.StepFailed,
				onboarding.StepAsking, onboarding.StepApplying}[i%4], strings.Repeat("<detail> & ", 300)
		}
		return s
	},
	"fifty steps": func() *scenario {
		request := merche()
		for i := range 7 {
			request.Domains = append(request.Domains,
				onboarding.Domain{Name: fmt.Sprintf("%s%d.example", strings.Repeat("a-very-long-label.", 13), i),
					Host: "vps-0"})
		}
		s := newScenario(request)
		s.Steps = s.Steps[:50]
		for i := range s.Steps {
			s.Steps[i].State, s.Steps[i].Detail = onboarding.StepFailed, strings.Repeat("<detail> & ", 300)
		}
		return s
	},
	"hostile": func() *scenario {
		request := merche()
		request.DisplayName, request.Org.Name = "<!channel> & *Mer`che*", "<@U0BO|boss>\u202e"
		s := newScenario(request).after(time.Second).checked("preflight",
			found(onboarding.OK, "<!here>", "<https://evil.example|click> `x` ```y```", ""))
		s.asked("database", onboarding.Change{Summary: "Insert <!everyone> ```now```", Items: []onboarding.Item{
			{SQL: &onboarding.Transaction{Statements: []onboarding.Statement{{
				SQL:  "INSERT INTO users (slug) VALUES ($1)",
				Args: []string{"x'); DROP TABLE users; --\n$2 '<!channel>'"}}}}},
			{Command: &onboarding.Command{Host: "quinn-vps",
				Argv:  []string{"echo", "a b", "$(rm -rf /)", "```", "\x00\x1b[2J"},
				Stdin: "END\n<!channel>\n", Always: true}},
		}})
		return s
	},
	"huge": func() *scenario {
		s := preflightDone()
		change := onboarding.Change{Summary: strings.Repeat("very long ", 100)}
		commit := &onboarding.Commit{Folder: "deployments/@domains/merche-biche.com",
			Subject: strings.Repeat("s", 500)}
		for i := range 40 {
			commit.Files = append(commit.Files,
				onboarding.FileChange{Path: fmt.Sprintf("%s/file-%02d.txt", commit.Folder, i), Mode: "100644",
					After: text(strings.Repeat(strings.Repeat("<&>", 400)+"\n", 5))})
		}
		change.Items = []onboarding.Item{{Commit: commit}}
		approval := s.asked("database", change)
		approval.Drift = strings.Repeat("- "+strings.Repeat("<&>", 100)+"\n", 200)
		s.approved(approval, bo)
		attempt := s.applying(approval, slices.Repeat([]string{strings.Repeat("<&>", 1000)}, 12)...)
		return s.after(time.Minute).failed(approval, attempt, strings.Repeat("<&> failed ", 2000))
	},
}

func waitingForRecords() *scenario {
	s := preflightDone().appliedStep("database", insertRows())
	s.step("dns/merche-biche.com", onboarding.StepWaiting,
		"Create these records at the registrar of merche-biche.com:\n"+
			"  merche-biche.com      A  89.127.233.145\n  www.merche-biche.com  A  "+
			"89.127.233.145").Findings = []onboarding.Finding{
		found(onboarding.OK, "merche-biche.com A", "right at ns1 and ns2", ""),
		found(onboarding.Failed, "www.merche-biche.com A", "ns1: nothing there; ns2: no answer within 2 s", ""),
	}
	return s.event(onboarding.Event{Kind: onboarding.EventWaiting, Step: "dns/merche-biche.com"})
}

func certbotAtWork() *scenario {
	s := preflightDone().appliedStep("database", insertRows())
	approval := s.asked("certificate/merche-biche.com", certify())
	s.after(time.Minute).approved(approval, bo)
	s.applying(approval, "Saving debug log to /var/log/letsencrypt/letsencrypt.log",
		"Requesting a certificate for merche-biche.com and www.merche-biche.com",
		"`<!channel>` ```and``` \x1b[31mred\x1b[0m \u202eright to left")
	return s.after(4 * time.Second)
}

func certbotFailed() *scenario {
	s := certbotAtWork()
	return s.after(8*time.Second).failed(s.Approvals[1], s.Attempts[1],
		"certbot: exit status 1: Challenge failed for domain www.merche-biche.com")
}

func preflightDone() *scenario {
	return newScenario(merche()).after(2*time.Second).checked("preflight", preflightFindings()...)
}

func live(request onboarding.Request) *scenario {
	s := newScenario(request).after(2*time.Second).checked("preflight", preflightFindings()...).appliedStep("database",
		insertRows())
	for _, each := range []struct {
		kind   string
		change onboarding.Change
	}{{"dns", publish()}, {"deploy-config", commitConfig()}, {"deploy", deploy()}, {"certificate", certify()},
		{"sync", goLive()}, {"go-live", goLive()}} {
		s.appliedStep(onboarding.Key(each.kind+"/merche-biche.com"), each.change)
	}
	return s.after(3*time.Second).checked("verify", verifyFindings()...).finished()
}

// undoneBy gives an onboarding an undo, which is in this state an hour later.
func undoneBy(s *scenario, state onboarding.RunState) *scenario {
	s.Undo = &onboarding.Undo{Run: related, State: state}
	if s.after(time.Hour); state != onboarding.RunActive {
		s.Undo.Ended = s.now
	}
	return s
}

// TestSurfacesAgree holds that every surface tells one state, and of a frozen run that it is
// frozen.
func TestSurfacesAgree(t *testing.T) {
	t.Parallel()
	for name, tell := range scenarios {
		for _, freeze := range []*onboarding.Freeze{nil, {Reason: "The registry is down", By: cleo}} {
			s := tell()
			s.Freeze = freeze
			state := testRenderer.state(s.View)
			first := state.lines[0][:min(len(state.lines[0]), 60)] // a long one is cut
			for surface, text := range map[string]string{
				"first message": testRenderer.rootMessage(s.View).Text,
				"status":        testRenderer.Status(s.View, "").Text(),
				"log":           testRenderer.AuditLog(s.View).Text(),
			} {
				if !strings.HasPrefix(text, state.mark) || !strings.Contains(text, first) {
					t.Errorf("%s: the %s begins %.200q, not with %s %q", name, surface, text, state.mark, first)
				}
			}
			listed := []ListedRun{{Run: s.Run}}
			home := string(golden.Indented(testRenderer.Home(Home{Runs: listed, Freeze: freeze}, s.now)))
			list := testRenderer.List(listed, freeze).Text()
			for surface, text := range map[string]string{"list": list, "home": home} {
				if !strings.Contains(text, state.mark+" *") {
					t.Errorf("%s: the %s does not show %s: %s", name, surface, state.mark, text)
				}
			}
			if freeze != nil && s.State == onboarding.RunActive && state.mark != mrkdwn.MarkFrozen {
				t.Errorf("%s: %s while everything is frozen", name, state.mark)
			}
		}
	}
}

func TestThread(t *testing.T) {
	t.Parallel()
	for name, tell := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell()
			messages := testRenderer.Thread(s.View, s.now)
			golden.CheckMessages(t, messages)
			golden.Compare(t, filepath.Join("testdata", "thread", strings.ReplaceAll(name, " ", "-")+".txtar"),
				golden.Archive(RootKey(s.ID), messages))
		})
	}
}

// TestNothingDisappears replays every scenario event by event. No message may disappear later,
// since Slack would keep it, out of date.
func TestNothingDisappears(t *testing.T) {
	t.Parallel()
	for name, tell := range scenarios {
		s := tell()
		var last []post.Message
		events := s.Events
		for i := range events {
			s.Events = events[:i+1]
			messages := testRenderer.Thread(s.View, s.now)
			if len(messages) < len(last) {
				t.Fatalf("%s: %d messages after %d events, %d before", name, len(messages), i+1, len(last))
			}
			for n, message := range last {
				if messages[n].Key != message.Key {
					t.Errorf("%s: message %d was %s and is %s", name, n, message.Key, messages[n].Key)
				}
			}
			last = messages
		}
	}
}

// approvedAhead is a run of which an operator approved two changes before their turn.
func approvedAhead() *scenario {
	s := preflightDone()
	s.asked("database", insertRows())
	s.after(time.Minute)
	s.ahead("dns/merche-biche.com", publish(), bo)
	// The run continues while the votes of one press are counted.
	s.event(onboarding.Event{Kind: onboarding.EventApproved, Step: "database", Actor: bo,
		Approval: s.Approvals[0].ID})
	s.after(time.Second).ahead("go-live/merche-biche.com", goLive(), bo)
	s.after(time.Minute).ahead("deploy/merche-biche.com", publish(), bo)
	return s
}
