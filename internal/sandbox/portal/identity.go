package portal

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Identity is what a portal shows of a person.
type Identity struct {
	ID          string `json:"id"`
	Slug        string `json:"slug"`
	DisplayName string `json:"display_name"`
	// Orgs is the context switcher: the Orgs that the person owns or works for.
	Orgs []Org `json:"orgs"`
	// Bookings, Messages and Events count what the person sees in this context.
	Bookings int `json:"bookings"`
	Messages int `json:"messages"`
	Events   int `json:"events"`
}

// Org is one context to switch to, with the people in it.
type Org struct {
	Slug   string   `json:"slug"`
	Name   string   `json:"name"`
	Acting bool     `json:"acting"`
	People []Person `json:"people"`

	id string
}

// Person is somebody in an Org.
type Person struct {
	Slug        string `json:"slug"`
	DisplayName string `json:"display_name"`
	Role        string `json:"role"`
}

// identity reads what the person with a slug sees, acting in the Org with the slug org unless that
// is empty. Its error is [pgx.ErrNoRows] when there is no such person.
func (p *Portal) identity(ctx context.Context, slug, org string) (*Identity, error) {
	var id string
	if err := p.sso.QueryRow(ctx, "SELECT id::text FROM users WHERE slug = $1", slug).Scan(&id); err != nil {
		return nil, err
	}
	identity := &Identity{ID: id}
	return identity, pgx.BeginTxFunc(ctx, p.app, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx,
			"SELECT set_config('app.user_id', $1, true), set_config('app.org_id', '', true)", id); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "SELECT slug, display_name FROM users WHERE id = $1", id).Scan(&identity.Slug,
			&identity.DisplayName); err != nil {
			return err
		}
		if err := identity.readOrgs(ctx, tx, org); err != nil {
			return err
		}
		return tx.QueryRow(ctx,
			"SELECT (SELECT count(*) FROM bookings), (SELECT count(*) FROM inbox_messages), (SELECT count(*) FROM "+
				"analytics_events)").
			Scan(&identity.Bookings, &identity.Messages, &identity.Events)
	})
}

// readOrgs fills the context switcher and switches to the Org with the slug acting.
func (i *Identity) readOrgs(ctx context.Context, tx pgx.Tx, acting string) error {
	rows, err := tx.Query(ctx, "SELECT id::text, slug, name FROM orgs ORDER BY slug")
	if err != nil {
		return err
	}
	i.Orgs, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Org, error) {
		var org Org
		err := row.Scan(&org.id, &org.Slug, &org.Name)
		return org, err
	})
	if err != nil {
		return err
	}
	for n := range i.Orgs {
		org := &i.Orgs[n]
		rows, err := tx.Query(ctx, "SELECT slug, display_name, role FROM org_people($1)", org.id)
		if err != nil {
			return err
		}
		if org.People, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Person]); err != nil {
			return err
		}
		if org.Slug != acting {
			continue
		}
		org.Acting = true
		if _, err := tx.Exec(ctx, "SELECT set_config('app.org_id', $1, true)", org.id); err != nil {
			return err
		}
	}
	return nil
}
