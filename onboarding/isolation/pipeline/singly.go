package pipeline

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// checkSingly checks one tenant table by table, so it is known which table fails.
func (r *reader) checkSingly(ctx context.Context, s session.Session) error {
	for _, t := range r.shared.remaining() {
		sees, err := r.seesForeign(ctx, r.conn, s, t)
		if query.Refusal(err) && *s.Org == "" {
			// A platform that casts or demands the Org's setting leaves it unset rather than
			// empty.
			if sees, err = r.seesForeignOrgUnset(ctx, s, t); query.Refusal(err) {
				r.shared.turnAway(t, err)
				continue
			}
		}
		switch {
		case err == nil:
			r.shared.count(1)
			r.shared.answer(t, s.Kind)
			if sees {
				r.shared.suspect(t, s)
			}
		case query.SQLState(err) == "" || r.conn.Pgx().IsClosed() || ctx.Err() != nil:
			return err
		case query.Refusal(err) && s.Kind.Claims():
			r.shared.count(1) // policies turn away who claims another's Org
		case query.SQLState(err) == query.InsufficientPrivilege:
			r.shared.refused(t, err)
		default:
			r.shared.fail(t, err)
		}
	}
	return nil
}

// seesForeignOrgUnset is seesForeign in a session whose Org was never set.
func (r *reader) seesForeignOrgUnset(ctx context.Context, s session.Session, t *catalog.Relation) (bool, error) {
	if r.orgUnset == nil || r.orgUnset.Pgx().IsClosed() {
		conn, err := r.shared.config.Dialer.Open(ctx)
		if err != nil {
			return false, err
		}
		r.orgUnset = conn
	}
	s.Org = nil
	return r.seesForeign(ctx, r.orgUnset, s, t)
}

func (r *reader) seesForeign(
	ctx context.Context, conn *session.Conn, s session.Session, t *catalog.Relation,
) (bool, error) {
	m, sees := r.shared.config.Model, 0
	sql := seesForeignSQL(m, []*catalog.Relation{t}, m.IdentitySQL(s.Identity))
	err := conn.Read(ctx, s, func(tx *session.Tx) error { return tx.QueryRow(ctx, sql).Scan(&sees) })
	return sees > 0, err
}
