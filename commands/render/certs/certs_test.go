package certs

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/golden"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

const aDay = 24 * time.Hour

var looked = time.Date(2027, 3, 1, 9, 30, 0, 0, time.UTC)

// siteOf is a site whose certificate is valid for the time left.
func siteOf(domain string, severity certificates.Severity, left time.Duration,
	faults ...certificates.Fault) certificates.SiteReport {
	c := certificates.Certificate{Serial: "4cafe", Names: []string{domain, "www." + domain},
		Issuer: "CN=R13,O=Let's Encrypt,C=US", Key: "ECDSA P-256",
		NotBefore: looked.Add(left - 64*aDay), NotAfter: looked.Add(left)}
	return certificates.SiteReport{
		Site: certificates.Site{Domain: domain, Names: c.Names, Host: "quinn-vps",
			Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.10")}}, Severity: severity,
		Certificates: []certificates.Certificate{c},
		Chain: []certificates.Link{{Subject: "CN=" + domain, Issuer: c.Issuer, NotAfter: c.NotAfter},
			{Subject: c.Issuer, Issuer: "CN=ISRG Root X1,O=Internet Security Research Group,C=US",
				NotAfter: looked.AddDate(1, 0, 0)}},
		Lineages: []certificates.Lineage{{Name: domain, Certificate: c, Authenticator: "nginx"}}, Faults: faults,
		Observations: []certificates.Observation{
			{Name: domain, Address: netip.MustParseAddr("203.0.113.10"), Visited: true, Serials: []string{c.Serial}},
			{Name: domain, Address: netip.MustParseAddr("2001:db8::10"), Visited: true, Serials: []string{c.Serial}},
			{Name: domain, Address: netip.MustParseAddr("203.0.113.11"), Serials: []string{c.Serial}},
			// nobody lands there
		},
	}
}

func faultOf(kind certificates.Kind, severity certificates.Severity, sentence string) certificates.Fault {
	return certificates.Fault{Kind: kind, Severity: severity, Sentence: sentence}
}

const evil = "<!channel> *bold* `code` <https://evil.example|click> & \u202e"

func TestReminders(t *testing.T) {
	t.Parallel()
	reminder := func(about certificates.Threshold, level certificates.Level, sentence string) certificates.Reminder {
		return certificates.Reminder{Posted: certificates.Posted{Domain: "merche-biche.com", Subject: "4cafe",
			About: about}, Level: level, Sentence: sentence}
	}
	var messages []post.Message
	for _, each := range []certificates.Reminder{
		reminder(certificates.Overdue, certificates.Quiet,
			"The certificate of merche-biche.com should have been renewed by 2027-02-08 09:30 UTC and was not. It "+
				"is valid for another 21 days, until 2027-03-01 09:30 UTC."),
		reminder("1/4", certificates.Notice,
			"The certificate of merche-biche.com is still not renewed and is valid for only another 16 days, until "+
				"2027-03-01 09:30 UTC."),
		reminder("1/16", certificates.Urgent,
			"The certificate of merche-biche.com is still not renewed and is valid for only another 4 days, until "+
				"2027-03-01 09:30 UTC."),
		reminder(certificates.Expired, certificates.Urgent,
			"The certificate of merche-biche.com expired on 2027-03-01 09:30 UTC."),
		reminder(certificates.AllClear, certificates.Quiet,
			"The certificate of merche-biche.com was renewed: visitors get the new one, valid until 2027-05-04 "+
				"09:30 UTC."),
		reminder("fault/not reloaded", certificates.Notice,
			"Renewed but not reloaded: visitors of merche-biche.com at 203.0.113.10 still get the certificate until "+
				"2027-03-01 09:30 UTC."),
		reminder("fault/refused", certificates.Urgent,
			"203.0.113.10 refuses connections for merche-biche.com: nothing listens on port 443."),
		reminder("clear/refused", certificates.Quiet,
			"Resolved: 203.0.113.10 refuses connections for merche-biche.com: nothing listens on port 443."),
		reminder("fault/bad answer", certificates.Notice, evil+strings.Repeat(" and so on", 500)),
	} {
		message := Reminder(each, []string{"U0BO", "S0OPS"})
		message.Channel = "C0OPS"
		messages = append(messages, message)
	}
	golden.CheckMessages(t, messages)
	golden.Compare(t, filepath.Join("testdata", "certificates", "reminders.txtar"),
		golden.Archive("", numbered(messages)))
}

// numbered gives messages keys that a reader can follow.
func numbered(messages []post.Message) []post.Message {
	for i := range messages {
		messages[i].Key = fmt.Sprintf("%02d", i)
	}
	return messages
}

func TestCertificateTable(t *testing.T) {
	t.Parallel()
	crowd := certificates.Report{At: looked}
	for i := range 1000 {
		crowd.Sites = append(crowd.Sites, siteOf(fmt.Sprintf("%s-%d.example", strings.Repeat("long", 14), i),
			certificates.Attention, time.Duration(i)*time.Hour,
			faultOf("bad answer", certificates.Attention, strings.Repeat(evil, 20))))
	}
	empty := siteOf("broken.example", certificates.Unchecked, aDay,
		faultOf(certificates.NoNameServer, certificates.Unchecked,
			"could not find out where visitors of broken.example land"))
	empty.Certificates = nil
	for name, report := range map[string]certificates.Report{
		"table": {At: looked, Sites: []certificates.SiteReport{
			siteOf("transquinnftw.com", certificates.Critical, -4*aDay,
				faultOf("expired", certificates.Critical, "the certificate for transquinnftw.com expired")),
			siteOf("xn--bcher-kva.example", certificates.Attention, 20*aDay,
				faultOf(certificates.NotReloaded, certificates.Attention, "renewed but not reloaded")), empty,
			siteOf("merche-biche.com", certificates.Healthy, 52*aDay,
				faultOf(certificates.NoRenewalInfo, certificates.Healthy, "a remark")),
		}},
		"crowd": crowd,
	} {
		message := Table(report)
		message.Key, message.Channel = name, "C0OPS"
		golden.CheckMessages(t, []post.Message{message})
		golden.Compare(t, filepath.Join("testdata", "certificates", name+".txtar"),
			golden.Archive("", []post.Message{message}))
	}
}

func TestCertificateDigest(t *testing.T) {
	t.Parallel()
	report := certificates.Report{At: looked, Sites: []certificates.SiteReport{
		siteOf("transquinnftw.com", certificates.Critical, -4*aDay,
			faultOf("expired", certificates.Critical, "the certificate for transquinnftw.com expired")),
		siteOf("merche-biche.com", certificates.Healthy, 52*aDay),
	}}
	message := Digest(certificates.Thresholds{}.Digest(report))
	message.Key, message.Channel = "digest", "C0OPS"
	golden.CheckMessages(t, []post.Message{message})
	golden.Compare(t, filepath.Join("testdata", "certificates", "digest.txtar"),
		golden.Archive("", []post.Message{message}))
}

func TestCertificatePage(t *testing.T) {
	t.Parallel()
	old := siteOf("merche-biche.com", certificates.Healthy, -10*aDay).Certificates
	troubled := siteOf("merche-biche.com", certificates.Critical, 2*aDay,
		faultOf(certificates.RenewalOff, certificates.Attention,
			"automatic renewal of merche-biche.com is turned off on quinn-vps"))
	hostile := siteOf("merche-biche.com", certificates.Critical, 2*aDay)
	for range 100 {
		hostile.Faults = append(hostile.Faults,
			faultOf("bad answer", certificates.Critical, strings.Repeat(evil, 30)))
		hostile.Chain = append(hostile.Chain, certificates.Link{Subject: evil, Issuer: strings.Repeat(evil, 30),
			NotAfter: looked})
	}
	hostile.Chain = hostile.Chain[:10]
	for range 10 {
		c := hostile.Certificates[0]
		c.Names = slices.Repeat([]string{strings.Repeat(evil, 30)}, 100)
		hostile.Certificates = append(hostile.Certificates, c)
	}
	many := strings.Split(strings.TrimSuffix(strings.Repeat(strings.Repeat(evil, 20)+"\n", 100), "\n"), "\n")
	nobody := certificates.SiteReport{Site: certificates.Site{Domain: "cocotte.com", Names: []string{"cocotte.com"}},
		Severity: certificates.Critical,
		Faults: []certificates.Fault{faultOf(certificates.NoAddress, certificates.Critical,
			"cocotte.com has no address in DNS")}}
	for name, seen := range map[string]*SiteDetail{
		"well": {SiteReport: siteOf("merche-biche.com", certificates.Healthy, 52*aDay), Due: looked.Add(31 * aDay),
			Past: append(siteOf("merche-biche.com", certificates.Healthy, 52*aDay).Certificates, old...)},
		"troubled": {SiteReport: troubled, Due: looked.Add(-19 * aDay), Past: old,
			Why: certificates.Diagnosis{
				Reasons: []string{"automatic renewal of merche-biche.com is turned off on quinn-vps",
					"certbot.timer on quinn-vps is inactive: systemctl enable --now certbot.timer"},
				Timer: []string{"LoadState=loaded", "ActiveState=inactive"},
				Log: []string{"2027-02-28 12:00:00,000:ERROR:certbot.main:Challenge failed for domain " +
					"merche-biche.com"},
				Refused: "validation of merche-biche.com failed too often lately: the certificate authority " +
					"allows no attempt before 2027-03-01 10:00 UTC"},
			Renewal: certificates.Renewal{Due: troubled.Lineages}},
		"reload": {SiteReport: siteOf("merche-biche.com", certificates.Attention, 2*aDay),
			Renewal: certificates.Renewal{Reload: true}},
		"later": {SiteReport: troubled, Renewal: certificates.Renewal{Due: troubled.Lineages},
			NotBefore: &onboarding.Moment{Time: looked.Add(16 * time.Hour), Zone: "Europe/Berlin"}},
		"hostile": {SiteReport: hostile, Why: certificates.Diagnosis{Reasons: many, Timer: many, Log: many[:12]},
			Refused: evil},
		"nobody": {SiteReport: nobody,
			Refused: "The configuration does not say on which host certbot manages the certificate of cocotte.com."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen.At, seen.Block = looked, "certificate"
			page := Page(seen)
			message := post.Message{Key: name, Channel: "C0OPS", Text: page.Text(), Blocks: page.Blocks}
			golden.CheckMessages(t, []post.Message{message})
			golden.Compare(t, filepath.Join("testdata", "certificates", "page-"+name+".txtar"),
				golden.Archive("", []post.Message{message}))
		})
	}
}
