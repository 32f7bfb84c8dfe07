-- +goose Up
-- A renewal is a run of its own: of one domain, and of the run that made it live where there is one. Several of a Provider's may be
-- under way at once; that a domain is part of one active run alone is another index's to hold.
ALTER TABLE runs DROP CONSTRAINT runs_kind_check, ADD CONSTRAINT runs_kind_check CHECK (kind IN ('onboard', 'undo', 'renew'));
ALTER TABLE runs ADD COLUMN renews uuid REFERENCES runs, ADD CHECK (renews IS NULL OR kind = 'renew');
DROP INDEX runs_one_active_per_slug;
CREATE UNIQUE INDEX runs_one_active_per_slug ON runs (slug) WHERE state = 'active' AND kind <> 'renew';

-- +goose Down
DROP INDEX runs_one_active_per_slug;
DELETE FROM runs WHERE kind = 'renew';
CREATE UNIQUE INDEX runs_one_active_per_slug ON runs (slug) WHERE state = 'active';
ALTER TABLE runs DROP COLUMN renews, DROP CONSTRAINT runs_kind_check, ADD CONSTRAINT runs_kind_check CHECK (kind IN ('onboard', 'undo'));
