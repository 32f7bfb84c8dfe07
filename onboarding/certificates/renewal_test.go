package certificates

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsLeftToRenew(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	aged := func(serial string, left time.Duration) Certificate {
		return Certificate{Serial: serial, NotBefore: now.Add(left - 90*days), NotAfter: now.Add(left)}
	}
	site := func(left time.Duration, change ...func(*SiteReport)) SiteReport {
		r := SiteReport{Site: Site{Domain: domain, Host: "vps"}, Certificates: []Certificate{aged("a", left)},
			Lineages: []Lineage{{Name: domain, Certificate: aged("a", left)}}}
		for _, each := range change {
			each(&r)
		}
		return r
	}
	for name, test := range map[string]struct {
		site    SiteReport
		due     []string
		reload  bool
		refused string
	}{
		"young":                    {site: site(60 * days)},
		"due, and nobody was told": {site: site(29 * days), due: []string{domain}},
		"expired":                  {site: site(-days), due: []string{domain}},
		"the authority wants it now": {site: site(60*days, func(r *SiteReport) {
			r.Certificates[0].Window = &Window{now.Add(-2 * days), now.Add(-days)}
		}), due: []string{domain}},
		"the authority wants it late, and a reminder came before": {
			site: site(20*days, func(r *SiteReport) {
				r.Certificates[0].Window = &Window{now.Add(days),
					now.Add(2 * days)}
			}), due: []string{domain}},
		"certbot is told to wait": {site: site(25*days, func(r *SiteReport) {
			r.Lineages[0].RenewBefore = 20 * days
		})},
		"renewed but not reloaded": {site: site(5*days, func(r *SiteReport) {
			r.Lineages[0].Certificate = aged("b", 89*days)
			r.Faults = []Fault{NewFault(NotReloaded, Attention, "renewed but not reloaded")}
		}), reload: true},
		"the site is down, but its certificate is due": {site: site(5*days,
			func(r *SiteReport) { r.Certificates = nil }), due: []string{domain}},
		"one of two": {site: site(60*days, func(r *SiteReport) {
			r.Lineages = append(r.Lineages, Lineage{Name: domain + "-rsa", Certificate: aged("r", 10*days)})
		}), due: []string{domain + "-rsa"}},
		"no host": {site: site(5*days, func(r *SiteReport) { r.Host = "" }),
			refused: "The configuration does not say on which host certbot manages the certificate of " +
				"merche-biche.com."},
		"unknown to certbot": {site: site(5*days, func(r *SiteReport) { r.Lineages = nil }),
			refused: "certbot on vps has no certificate for merche-biche.com that could be renewed."},
		"the host is silent": {site: site(5*days, func(r *SiteReport) {
			r.Lineages, r.Faults = nil, []Fault{NewFault(HostUnreadable, Unchecked,
				"could not see what certbot has for merche-biche.com: no route")}
		}), refused: "Could not see what certbot has for merche-biche.com: no route."},
		"turned off": {site: site(5*days, func(r *SiteReport) { r.Lineages[0].Manual = true }),
			refused: "Automatic renewal of merche-biche.com is turned off on vps, so certbot would not renew it. " +
				"Turn it on there first."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			renewal, err := Thresholds{}.Outstanding(test.site, now)
			var due []string
			for _, lineage := range renewal.Due {
				due = append(due, lineage.Name)
			}
			if diff := cmp.Diff(test.due, due); diff != "" || renewal.Reload != test.reload ||
				renewal.None() != (len(test.due) == 0 && !test.reload) {
				t.Errorf("%+v %s", renewal, diff)
			}
			said := ""
			if refused := (*UnrenewableError)(nil); errors.As(err, &refused) {
				said = refused.Sentence
			}
			if said != test.refused || (err != nil) != (test.refused != "") {
				t.Errorf("got %v, want %q", err, test.refused)
			}
		})
	}
}

func TestWhatVisitorsGetOfCertbots(t *testing.T) {
	t.Parallel()
	a, b := Certificate{Serial: "a"}, Certificate{Serial: "b"}
	for name, test := range map[string]struct {
		site         SiteReport
		serial, want string
	}{
		"one": {SiteReport{Certificates: []Certificate{a}, Lineages: []Lineage{{Certificate: a}}}, "a",
			""},
		"one of two": {SiteReport{Certificates: []Certificate{a, b}, Lineages: []Lineage{{Certificate: b}},
			Faults: []Fault{NewFault(NotFromCertbot, Attention, "not certbot's")}}, "b", ""},
		"somebody's": {SiteReport{Certificates: []Certificate{a}, Lineages: []Lineage{{Certificate: b}},
			Faults: []Fault{NewFault(NotFromCertbot, Attention, "not certbot's")}}, "", "not certbot's"},
		"none": {SiteReport{Lineages: []Lineage{{Certificate: b}},
			Faults: []Fault{NewFault("refused", Critical, "nothing listens")}}, "", "nothing listens"},
		"none, and no word": {SiteReport{Site: Site{Domain: domain}}, "",
			"visitors of merche-biche.com do not get a certificate that certbot has"},
	} {
		served, err := test.site.Served()
		said := ""
		if err != nil {
			said = err.Error()
		}
		if served.Serial != test.serial || said != test.want {
			t.Errorf("%s: %q, %q", name, served.Serial, said)
		}
	}
}
