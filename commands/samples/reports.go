package samples

import (
	"net/netip"
	"time"

	"github.com/atlilith/onboardbot/commands/render/certs"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports/record"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

func leaks() *record.Record {
	leak := results.Finding{Kind: results.Leak, Operation: "read", Table: "public.bookings", As: "Person 1",
		Evidence: "read 40 rows of others",
		Fix:      "ALTER TABLE public.bookings ENABLE ROW LEVEL SECURITY;"}
	doubt := results.Finding{Kind: results.Risk, Operation: "execute", Table: "public.export", As: "any session",
		Evidence: "it runs with its owner's rights", Definition: "3f2a90c1d4e5"}
	return &record.Record{Request: record.Request{ID: sampleID, Channel: "C0SAMPLE"}, At: now,
		Since: now.AddDate(0, 0, -1),
		Report: &results.Report{Verdict: results.Leaking, Findings: []results.Finding{leak, doubt},
			Coverage: results.Coverage{LeftOut: []string{"public.notes"}}},
		Changes: results.Changes{New: []results.Finding{leak}, Fixed: []results.Finding{leak}}}
}

// riskRequest is a request to accept a risk, and what an approver did about it.
func riskRequest(votes ...risk.Vote) *risk.Request {
	return &risk.Request{ID: sampleID, Object: "public.export", Operation: "execute",
		Definition: "3f2a90c1d4e5", Finding: "any session: it runs with its owner's rights",
		Reason: "Only the API calls it.", Until: now.AddDate(0, 1, 0).Format(time.DateOnly),
		By: ana, Expires: now.Add(time.Hour), Report: sampleID, Channel: "C0SAMPLE",
		Needs: 1, Votes: votes}
}

func certificateReport() certificates.Report {
	c := certificates.Certificate{Serial: "4cafe", Names: []string{"merche-biche.com"}, Issuer: "CN=R13",
		Key:       "ECDSA P-256",
		NotBefore: now.AddDate(0, -2, 0), NotAfter: now.AddDate(0, 0, 10)}
	fault := certificates.Fault{Kind: certificates.NotReloaded, Severity: certificates.Attention,
		Sentence: "Renewed but not reloaded."}
	return certificates.Report{At: now, Sites: []certificates.SiteReport{{
		Site: certificates.Site{Domain: "merche-biche.com", Names: c.Names, Host: "vps-0",
			Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.10")}},
		Severity: certificates.Attention, Certificates: []certificates.Certificate{c},
		Faults: []certificates.Fault{fault}}}}
}

func certificateDigest(report certificates.Report) certificates.Digest {
	return certificates.Digest{Report: report, Summary: "1 domain watched.",
		Lines: []string{report.Sites[0].Line(now)}}
}

func certificateDetail(report certificates.Report) *certs.SiteDetail {
	return &certs.SiteDetail{SiteReport: report.Sites[0], At: now, Block: "certificate", Due: now.Add(time.Hour),
		Renewal: certificates.Renewal{Reload: true},
		Why: certificates.Diagnosis{Reasons: []string{"certbot.timer is inactive"},
			Timer: []string{"ActiveState=inactive"}, Log: []string{"ERROR: challenge failed"}}}
}

func reminders() []certificates.Reminder {
	about := func(threshold certificates.Threshold, level certificates.Level) certificates.Reminder {
		return certificates.Reminder{Posted: certificates.Posted{Domain: "merche-biche.com", Subject: "4cafe",
			About: threshold}, Level: level, Sentence: "It was not renewed."}
	}
	return []certificates.Reminder{about(certificates.Overdue, certificates.Quiet), about("1/4", certificates.Notice),
		about(certificates.Expired, certificates.Urgent),
		about(certificates.AllClear, certificates.Quiet)}
}
