package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep/sweeptest"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

type failing struct{}

func (failing) Sites(context.Context) ([]certificates.Site, error) {
	return nil, errors.New("database is down")
}

func TestRunEndsWithAStatus(t *testing.T) {
	t.Parallel()
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
	at := netip.MustParseAddr("127.11.0.1")
	sweeptest.Serve(t, at, ports, authority.Issue(t, probetest.Order{Names: []string{"good.example"}}))
	z := sweeptest.Zone{Authoritative: map[string][]netip.Addr{"good.example": {at}}}
	s := sweeper(t, authority, z, sweeptest.Disk{}, ports)
	good, bad, broken := certificates.Site{Domain: "good.example", Names: []string{"good.example"}},
		certificates.Site{Domain: "bad.example"}, certificates.Site{Domain: "broken.example"}
	for name, test := range map[string]struct {
		inventory certificates.Inventory
		status    int
		err       string
	}{
		"well":                      {certificates.Fixed{good}, 0, ""},
		"urgent":                    {certificates.Fixed{good, bad}, 1, ""},
		"urgent and could not look": {certificates.Fixed{bad, broken}, 1, ""},
		"could not look":            {certificates.Fixed{good, broken}, 2, ""},
		"nothing to watch":          {certificates.Fixed{}, 0, ""},
		"no inventory":              {failing{}, 2, "certificates to watch: database is down"},
		"a name that cannot be a name": {certificates.Inventories{certificates.Fixed{good},
			certificates.Fixed{{Domain: "a b"}}}, 2,
			`certificates to watch: domain: not a usable domain name: "a b": label "a b" holds ' '`},
		"a name that stands for many": {certificates.Fixed{{Domain: "a.example", Names: []string{"*.a.example"}}}, 2,
			`names[0]: "*.a.example" is a wildcard: give a name that visitors use (of a.example)`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			print, err := certificates.Printer(&out, certificates.JSON)
			if err != nil {
				t.Fatal(err)
			}
			status, err := Run(t.Context(), s, test.inventory, print)
			if status != test.status || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
				t.Errorf("status %d, error %v, want %d, %q", status, err, test.status, test.err)
			}
			if err == nil && !json.Valid(out.Bytes()) {
				t.Errorf("printed %s", out.Bytes())
			}
		})
	}
}
