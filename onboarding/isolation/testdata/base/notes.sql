-- A small sound platform of Persons alone, with helpers that read settings in every way that its broken cases use.
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text UNIQUE);
CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users, body text);
CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
CREATE FUNCTION app_role() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('app.role', true) $$;
CREATE FUNCTION app_claims() RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.claims', true), '')::jsonb $$;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users USING (id = app_user());
CREATE POLICY own ON notes USING (user_id = app_user());
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {{app}}; GRANT SELECT ON users TO {{app}};
INSERT INTO users (email) SELECT 'u' || i || '@example.com' FROM generate_series(1, 6) i; INSERT INTO notes (user_id, body) SELECT id, 'n' FROM users; ANALYZE;
