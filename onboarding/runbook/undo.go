package runbook

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
)

// undo begins the key of a step that takes another one back.
const undo = "undo-"

// UndoSteps lists what takes a run back, of what it applied: for each domain the site is disabled, its certificate deleted if that was
// asked for, its folder brought back to what it was, its records too, and then what its mail needed; the rows go last.
func (b *Runbook) UndoSteps(run *onboarding.Run) []onboarding.Definition {
	var list []onboarding.Definition
	var last []onboarding.Key
	for _, domain := range slices.Backward(run.Request.Domains) {
		var before []onboarding.Key
		add := func(kind, title string, wanted bool) {
			if !wanted {
				return
			}
			key := onboarding.Key(undo + kind + "/" + domain.Name)
			list = append(list, onboarding.Definition{Key: key, Title: title + " " + domain.Name, Destructive: true, After: before})
			before = []onboarding.Key{key}
		}
		did := func(kinds ...onboarding.Kind) bool { return len(applied(run, domain.Name, kinds...)) > 0 }
		add(deploy, "Disable", did(deploy))
		add(certificate, "Delete the certificate of", run.Undoes.DeleteCertificates && did(certificate))
		add(deployConfig, "Take back the deploy config of", did(deployConfig, syncConf, goLive))
		add(publish, "Take back the DNS of", did(publish))
		add(setupMail, "Take back the mail of", did(setupMail))
		add(mailKey, "Delete the DKIM key of", did(mailKey))
		last = append(last, before...)
	}
	if len(applied(run, "", database)) > 0 {
		list = append(list, onboarding.Definition{Key: undo + database, Title: "Take back the database rows", Destructive: true, After: last})
	}
	return list
}

// applied returns the items that the run to be taken back applied in steps of some kinds for a domain, oldest first.
func applied(run *onboarding.Run, domain string, kinds ...onboarding.Kind) []onboarding.Item {
	if run.Undoes == nil {
		return nil
	}
	var items []onboarding.Item
	for _, applied := range run.Undoes.Applied {
		if applied.Step.Domain() == domain && slices.Contains(kinds, applied.Step.Kind()) {
			items = append(items, applied.Change.Items...)
		}
	}
	return items
}

// lookUndoDatabase finds which rows of the run are still there, and refuses while anything else depends on one.
func (b *Runbook) lookUndoDatabase(ctx context.Context, run *onboarding.Run) (onboarding.Observation, error) {
	var inserted []onboarding.Statement
	for _, item := range applied(run, "", database) {
		if item.SQL != nil {
			inserted = append(inserted, item.SQL.Statements...)
		}
	}
	deletions, err := b.db.TakeBack(ctx, inserted)
	if err != nil || len(deletions) == 0 {
		return onboarding.Observation{}, err
	}
	rows := "1 row"
	if len(deletions) > 1 {
		rows = fmt.Sprintf("%d rows", len(deletions))
	}
	return onboarding.Observation{Change: onboarding.Change{
		Summary: fmt.Sprintf("Delete %s of %s in one transaction", rows, run.Request.Slug),
		Items:   []onboarding.Item{{SQL: &onboarding.Transaction{Statements: deletions}}},
	}}, nil
}
