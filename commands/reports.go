package commands

import (
	"context"
	"errors"
	"time"

	"github.com/atlilith/onboardbot/commands/render"
)

// Certificates tells when the certificates of live sites end.
type Certificates interface {
	// NotAfter returns when the certificate that each domain serves ends, for those domains of which it is known.
	NotAfter(ctx context.Context) (map[string]time.Time, error)
}

// Isolation tells whether tenants were proven apart.
type Isolation interface {
	// LastReport returns the newest report, nil if there was none yet.
	LastReport(ctx context.Context) (*render.IsolationReport, error)
}

// Reports is what the App Home shows beside the runs. Both are required; [NoReports] knows nothing.
type Reports struct {
	Certificates Certificates
	Isolation    Isolation
}

func (r Reports) validate() error {
	if r.Certificates == nil || r.Isolation == nil {
		return errors.New("reports: certificates or isolation is missing")
	}
	return nil
}

// NoReports is for a bot that watches neither certificates nor isolation.
var NoReports = Reports{Certificates: nothing{}, Isolation: nothing{}}

type nothing struct{}

func (nothing) NotAfter(context.Context) (map[string]time.Time, error) { return nil, nil }

func (nothing) LastReport(context.Context) (*render.IsolationReport, error) { return nil, nil }
