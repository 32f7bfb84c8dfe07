package certificates

import (
	"errors"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	names := []string{"www.merche-biche.com", "merche-biche.com"}
	issued := func(ages ...time.Duration) []Issuance {
		var all []Issuance
		for _, age := range ages {
			all = append(all, Issuance{Names: []string{"merche-biche.com", "www.merche-biche.com"},
				At: start.Add(-age)})
		}
		return all
	}
	failed := func(name string, ages ...time.Duration) []Failure {
		var all []Failure
		for _, age := range ages {
			all = append(all, Failure{name, start.Add(-age)})
		}
		return all
	}
	h, m := time.Hour, time.Minute
	for _, test := range []struct {
		name    string
		history History
		want    string
	}{
		{"nothing happened", History{}, ""},
		{"four this week", History{Issued: issued(h, 2*h, 3*h, 4*h)}, ""},
		{"five at once", History{Issued: issued(h, h, h, h, h)},
			"certificates for exactly merche-biche.com, www.merche-biche.com were issued too often lately: the " +
				"certificate authority allows no attempt before 2027-01-02 09:00 UTC"},
		{"five, and time for one more", History{Issued: issued(35*h, 35*h, 35*h, 35*h, 35*h)}, ""},
		{"five over a year", History{Issued: issued(60*days, 120*days, 180*days, 240*days, 300*days)}, ""},
		{"of other names", History{Issued: []Issuance{{Names: []string{"merche-biche.com"}, At: start},
			{Names: []string{"merche-biche.com"}, At: start}, {Names: []string{"merche-biche.com"}, At: start},
			{Names: []string{"merche-biche.com"}, At: start}, {Names: []string{"merche-biche.com"}, At: start}}}, ""},
		{"five failures of www", History{Failed: failed("www.merche-biche.com", m, 2*m, 3*m, 4*m, 5*m)},
			"validation of www.merche-biche.com failed too often lately: the certificate authority " +
				"allows no attempt before 2027-01-01 00:07 UTC"},
		{"failures spread over names", History{Failed: append(failed("www.merche-biche.com", m, 2*m, 3*m),
			failed("merche-biche.com", m, 2*m, 3*m)...)}, ""},
		{"failures of the past", History{Failed: failed("www.merche-biche.com", 10*h, 10*h, 10*h, 10*h, 10*h)}, ""},
		{"a clock that runs ahead", History{Failed: failed("www.merche-biche.com", -h, -h, -h, -h, -h)},
			"validation of www.merche-biche.com failed too often lately: the certificate authority " +
				"allows no attempt before 2027-01-01 00:12 UTC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Limits{}.Check(test.history, names, start)
			got := ""
			if err != nil {
				got = err.Error()
				if limit := (*LimitError)(nil); !errors.As(err, &limit) || !limit.Until.After(start) {
					t.Errorf("error = %#v", err)
				}
			}
			if got != test.want {
				t.Errorf("error = %q, want %q", got, test.want)
			}
		})
	}
}
