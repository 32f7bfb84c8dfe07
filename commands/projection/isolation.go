package projection

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/isolationreport"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
)

// IsolationAnnouncer posts reports on isolation in the channel that they are for, and tells the
// App Home about the newest one.
type IsolationAnnouncer struct {
	outbox *outbox.Outbox
	store  *reports.Store
	config access.Config
}

var _ reports.Announcer = (*IsolationAnnouncer)(nil)

// NewIsolationAnnouncer returns an announcer of the reports in a store. It mentions the approvers
// of the configuration.
func NewIsolationAnnouncer(outbox *outbox.Outbox, store *reports.Store, config access.Config) *IsolationAnnouncer {
	return &IsolationAnnouncer{outbox: outbox, store: store, config: config}
}

// Announce implements [reports.Announcer].
func (a *IsolationAnnouncer) Announce(ctx context.Context, tx pgx.Tx, record reports.Record) error {
	return a.outbox.Put(ctx, tx, isolationreport.Messages(&record, a.config.Approvers, a.config.Command)...)
}

// LastReport returns the newest report, nil if there is none yet.
func (a *IsolationAnnouncer) LastReport(ctx context.Context) (*render.IsolationReport, error) {
	record, err := a.store.Last(ctx)
	if err != nil || record == nil {
		return nil, err
	}
	report := &render.IsolationReport{At: record.At}
	report.Mark, report.Summary = isolationreport.Outcome(record)
	if report.Link, err = a.outbox.Permalink(ctx, isolationreport.Key(record.ID)); err != nil {
		report.Link = "" // Slack does not show it yet, or no longer
	}
	return report, nil
}
