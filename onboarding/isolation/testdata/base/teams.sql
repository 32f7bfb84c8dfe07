CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug text NOT NULL UNIQUE,
  email text NOT NULL UNIQUE, display_name text NOT NULL,
  locale text NOT NULL DEFAULT 'en', created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orgs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug text NOT NULL UNIQUE, name text NOT NULL,
  owner_id uuid NOT NULL REFERENCES users, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE org_members (org_id uuid NOT NULL REFERENCES orgs, user_id uuid NOT NULL REFERENCES users,
  role text NOT NULL DEFAULT 'member', created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (org_id, user_id));
CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES users,
  body text NOT NULL DEFAULT '');
CREATE TABLE docs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org_id uuid NOT NULL REFERENCES orgs,
  title text NOT NULL DEFAULT '');
INSERT INTO users (id, slug, email, display_name)
 SELECT md5('u'||n)::uuid, 'u'||n, 'u'||n||'@example.org', 'User '||n FROM generate_series(1,6) n;
INSERT INTO orgs (id, slug, name, owner_id)
 SELECT md5('o'||n)::uuid, 'o'||n, 'Org '||n, (SELECT id FROM users WHERE slug='u'||(2*n-1))
 FROM generate_series(1,2) n;
INSERT INTO org_members SELECT o.id, u.id, CASE WHEN u.id=o.owner_id THEN 'owner' ELSE 'member' END FROM orgs o, users u
 WHERE (o.slug='o1' AND u.slug IN ('u1','u2')) OR (o.slug='o2' AND u.slug IN ('u3','u4'));
INSERT INTO notes (user_id, body) SELECT u.id, 'note '||n||' of '||u.slug FROM users u, generate_series(1,2) n;
INSERT INTO docs (org_id, title) SELECT o.id, 'doc '||n||' of '||o.slug FROM orgs o, generate_series(1,2) n;
CREATE FUNCTION me() RETURNS uuid LANGUAGE sql STABLE
 AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
CREATE FUNCTION my_orgs() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
 AS $$ SELECT org_id FROM org_members WHERE user_id = nullif(current_setting('app.user_id', true), '')::uuid $$;
ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE orgs ENABLE ROW LEVEL SECURITY;
ALTER TABLE org_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users FOR SELECT USING (id = me());
CREATE POLICY own ON orgs FOR SELECT USING (id IN (SELECT my_orgs()));
CREATE POLICY own ON org_members FOR SELECT USING (user_id = me());
CREATE POLICY own ON notes USING (user_id = me()) WITH CHECK (user_id = me());
CREATE POLICY own ON docs USING (org_id IN (SELECT my_orgs())) WITH CHECK (org_id IN (SELECT my_orgs()));
GRANT SELECT ON users, orgs, org_members TO {{app}};
GRANT SELECT, INSERT, UPDATE, DELETE ON notes, docs TO {{app}};
