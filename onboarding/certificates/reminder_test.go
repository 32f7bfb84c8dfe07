package certificates

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

const domain = "merche-biche.com"

// siteWith is a site whose visitors get certificates. One without names is for its domain.
func siteWith(certificates ...Certificate) SiteReport {
	for i := range certificates {
		if certificates[i].Names == nil {
			certificates[i].Names = []string{domain}
		}
	}
	return SiteReport{Site: Site{Domain: domain, Names: []string{domain, "www." + domain}}, Certificates: certificates}
}

// TestEachReminderComesOnce checks a 90-day certificate every two hours until after its expiry,
// and posts every reminder when it is due.
func TestEachReminderComesOnce(t *testing.T) {
	t.Parallel()
	old := lasting(90 * days)
	renewed := Certificate{Serial: "2f", NotBefore: start.Add(93 * days), NotAfter: start.Add(183 * days)}
	for _, test := range []struct {
		name            string
		silent, silent2 time.Duration // nobody looks from the first to the second
		want            []string
	}{
		{"always up", 0, 0, []string{
			"63d quiet overdue: The certificate of merche-biche.com should have been renewed by 2027-03-02 00:00 " +
				"UTC and was not. It is valid for another 27 days, until 2027-04-01 00:00 UTC.",
			"67d notice 1/4: The certificate of merche-biche.com is still not renewed and is valid for only another " +
				"22 days, until 2027-04-01 00:00 UTC.",
			"78d notice 1/8: The certificate of merche-biche.com is still not renewed and is valid for only another " +
				"11 days, until 2027-04-01 00:00 UTC.",
			"84d urgent 1/16: The certificate of merche-biche.com is still not renewed and is valid for only " +
				"another 5 days, until 2027-04-01 00:00 UTC.",
			"89d urgent last: The certificate of merche-biche.com is still not renewed and is valid for only " +
				"another 24 hours, until 2027-04-01 00:00 UTC.",
			"90d urgent expired: The certificate of merche-biche.com expired on 2027-04-01 00:00 UTC.",
			"93d quiet all clear: The certificate of merche-biche.com was renewed: visitors get the new one, valid " +
				"until 2027-07-03 00:00 UTC.",
		}},
		{"down for two weeks over two thresholds", 66 * days, 80 * days, []string{
			"63d quiet overdue: The certificate of merche-biche.com should have been renewed by 2027-03-02 00:00 " +
				"UTC and was not. It is valid for another 27 days, until 2027-04-01 00:00 UTC.",
			"80d notice 1/8: The certificate of merche-biche.com is still not renewed and is valid for only another " +
				"10 days, until 2027-04-01 00:00 UTC.",
			"84d urgent 1/16: The certificate of merche-biche.com is still not renewed and is valid for only " +
				"another 5 days, until 2027-04-01 00:00 UTC.",
			"89d urgent last: The certificate of merche-biche.com is still not renewed and is valid for only " +
				"another 24 hours, until 2027-04-01 00:00 UTC.",
			"90d urgent expired: The certificate of merche-biche.com expired on 2027-04-01 00:00 UTC.",
			"93d quiet all clear: The certificate of merche-biche.com was renewed: visitors get the new one, valid " +
				"until 2027-07-03 00:00 UTC.",
		}},
		{"down until after the renewal", 63*days + time.Hour, 94 * days, []string{
			"63d quiet overdue: The certificate of merche-biche.com should have been renewed by 2027-03-02 00:00 " +
				"UTC and was not. It is valid for another 27 days, until 2027-04-01 00:00 UTC.",
			"94d quiet all clear: The certificate of merche-biche.com was renewed: visitors get the new one, valid " +
				"until 2027-07-03 00:00 UTC.",
		}},
		{"down all the time that mattered", 60 * days, 94 * days, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var past Past
			var got []string
			for age := time.Duration(0); age <= 120*days; age += 2 * time.Hour {
				if age >= test.silent && age < test.silent2 {
					continue
				}
				now := start.Add(age)
				site := siteWith(old)
				if !now.Before(renewed.NotBefore) {
					site = siteWith(renewed)
				}
				for _, reminder := range (Config{}).Due(site, past, now) {
					past.Posted = append(past.Posted, reminder.Posted)
					got = append(got, fmt.Sprintf("%dd %s %s: %s", age/days, reminder.Level, reminder.About,
						reminder.Sentence))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllClearWaitsForEveryVisitor(t *testing.T) {
	t.Parallel()
	old := lasting(90 * days)
	fresh := Certificate{Serial: "2f", NotBefore: start.Add(70 * days), NotAfter: start.Add(160 * days)}
	past := Past{Posted: []Posted{{domain, old.Serial, Overdue}, {domain, old.Serial, "1/4"}}}
	now := start.Add(71 * days)
	if due := (Config{}).Due(siteWith(old, fresh), past, now); len(due) != 0 {
		t.Errorf("one address still shows the old one: %+v", due)
	}
	if due := (Config{}).Due(siteWith(), past, now); len(due) != 0 {
		t.Errorf("nothing was seen: %+v", due)
	}
	beside := Certificate{Serial: "3f", NotBefore: start.Add(20 * days), NotAfter: start.Add(110 * days)}
	due := (Config{}).Due(siteWith(beside, fresh), past, now)
	if len(due) != 1 || due[0].Posted != (Posted{domain, old.Serial, AllClear}) ||
		due[0].Certificate.Serial != fresh.Serial {
		t.Errorf("due = %+v", due)
	}
}

func TestCertificatesSideBySideAreToldApart(t *testing.T) {
	t.Parallel()
	certificate := func(serial, key string, names ...string) Certificate {
		c := lasting(90 * days)
		c.Serial, c.Key, c.Names = serial, key, names
		return c
	}
	www := "www." + domain
	for want, site := range map[string]SiteReport{
		"The certificate of": siteWith(certificate("1", "RSA 2048", domain)),
		"The RSA 2048 certificate of": siteWith(certificate("1", "RSA 2048", domain),
			certificate("2", "ECDSA P-256", domain)),
		"The certificate for " + domain + " of": siteWith(certificate("1", "RSA 2048", domain),
			certificate("2", "RSA 2048", www)),
		"The certificate with the serial 1 of": siteWith(certificate("1", "RSA 2048", domain),
			certificate("2", "RSA 2048", domain)),
	} {
		due := (Config{}).Due(site, Past{}, start.Add(70*days))
		if len(due) != len(site.Certificates) || !strings.HasPrefix(due[0].Sentence,
			want+" merche-biche.com is still not renewed") {
			t.Errorf("%+v, want %q", due, want)
		}
	}
}

func TestTheAgeOfSomebodyElsesCertificateIsNoConcern(t *testing.T) {
	t.Parallel()
	foreign := lasting(90 * days)
	foreign.Names = []string{"cocotte.com", "*.cocotte.com"}
	past := Past{Posted: []Posted{{domain, "2f", Overdue}}, Known: []Certificate{foreign}}
	for _, age := range []time.Duration{days, 80 * days, 91 * days} {
		for _, site := range []SiteReport{siteWith(foreign), siteWith()} {
			if due := (Config{}).Due(site, past, start.Add(age)); len(due) != 0 {
				t.Errorf("after %s: %+v", age, due)
			}
		}
	}
}

func TestWhatWasSeenLastStandsIn(t *testing.T) {
	t.Parallel()
	due := (Config{}).Due(siteWith(), Past{Known: siteWith(lasting(90 * days)).Certificates}, start.Add(80*days))
	if len(due) != 1 || due[0].About != "1/8" {
		t.Errorf("due = %+v", due)
	}
}

func TestFaultsThatLastAreHeardOfOnce(t *testing.T) {
	t.Parallel()
	now := start.Add(time.Hour)
	open := OpenFault{NewFault(NotReloaded, Attention, "renewed but not reloaded: x"+ReloadAdvice), start}
	past := Past{Open: []OpenFault{open, {NewFault(probe.Expired, Critical, "has a threshold of its own"), start},
		{NewFault(Late, Critical, "so has this"), start}}}
	var got []string
	take := func(patience time.Duration) {
		for _, reminder := range (Config{Patience: patience}).Due(siteWith(), past, now) {
			past.Posted = append(past.Posted, reminder.Posted)
			got = append(got, fmt.Sprintf("%s %s %s: %s", reminder.Level, reminder.Subject, reminder.About,
				reminder.Sentence))
		}
	}
	take(2 * time.Hour) // too early
	take(time.Hour)
	take(time.Hour) // again
	past.Open, past.Closed = nil, []OpenFault{open, {NewFault(probe.Silent, Critical, "never heard of"), start}}
	take(time.Hour)
	take(time.Hour)
	want := []string{
		"notice 2027-01-01T00:00:00Z fault/not reloaded: Renewed but not reloaded: x: reload nginx there.",
		"quiet 2027-01-01T00:00:00Z clear/not reloaded: Resolved: renewed but not reloaded: x.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
