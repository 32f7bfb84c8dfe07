-- +goose Up
ALTER TABLE runs ADD COLUMN kind text NOT NULL DEFAULT 'onboard' CHECK (kind IN ('onboard', 'undo'));
ALTER TABLE runs ADD COLUMN undoes uuid REFERENCES runs;
ALTER TABLE runs ADD COLUMN delete_certificates boolean NOT NULL DEFAULT false;
ALTER TABLE runs ADD CHECK ((kind = 'undo') = (undoes IS NOT NULL));

-- +goose Down
ALTER TABLE runs DROP COLUMN kind, DROP COLUMN undoes, DROP COLUMN delete_certificates;
