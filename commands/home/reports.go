package home

import (
	"context"
	"time"

	"github.com/atlilith/onboardbot/commands/render"
)

// Certificates tells when the certificates of live sites end.
type Certificates interface {
	// NotAfter returns when the certificate that each domain serves ends, for those domains of
	// which it is known.
	NotAfter(ctx context.Context) (map[string]time.Time, error)
}

// Isolation tells whether tenants are isolated from each other.
type Isolation interface {
	// LastReport returns the newest report, nil if there is none yet.
	LastReport(ctx context.Context) (*render.IsolationReport, error)
}

// Reports is what the App Home shows beside the runs. Both are required.
type Reports struct {
	Certificates Certificates
	Isolation    Isolation
}
