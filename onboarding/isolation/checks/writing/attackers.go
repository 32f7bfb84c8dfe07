package writing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// commands are the commands of policies for each operation.
var commands = map[results.Operation]catalog.Command{
	results.Insert: catalog.ForInsert, results.Update: catalog.ForUpdate, results.Delete: catalog.ForDelete,
}

// attackers returns the attackers on a victim, those whom the rows of tables that the policies
// query concern, and the author whom the row itself names.
func (w *writer) attackers(
	ctx context.Context, t *catalog.Relation, operation results.Operation, target victims.Target,
) ([]session.Session, error) {
	sessions, err := w.victims.Attackers(ctx, target.Victim)
	if err != nil {
		return nil, err
	}
	concerned, err := w.concerned.Sessions(ctx, t, commands[operation], target.Victim)
	if err != nil {
		return nil, err
	}
	readers, err := w.readers(ctx, target)
	if err != nil {
		return nil, err
	}
	sessions = slices.Concat(readers, sessions, concerned)
	o := w.model.Of(t)
	if !target.Victim.IsOrg() || o.Class == tenancy.ClassMembers || target.Place == "" {
		return sessions, nil
	}
	for _, column := range o.Persons {
		author := target.Values[column]
		if author == nil {
			continue
		}
		s, err := w.victims.SessionOf(ctx, *author)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && s.Identity.Is(target.Victim) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Kind = session.Author
		s.Label += fmt.Sprintf(", its author but no member of %s", target.Victim)
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// maxReaders bounds the Persons who may read a row and try to change it.
const maxReaders = 2

// readers are sessions of Persons with whom a target is shared to read.
func (w *writer) readers(ctx context.Context, target victims.Target) ([]session.Session, error) {
	var sessions []session.Session
	for _, person := range target.Readers {
		if slices.Contains(target.Writers, person) || len(sessions) == maxReaders {
			continue
		}
		s, err := w.victims.SessionOf(ctx, person)
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}
