-- A sound platform in another style: bigint ids, a membership with a status, forced policies, and a helper in PL/pgSQL that says who is a member.
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, full_name text);
CREATE TABLE orgs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text UNIQUE NOT NULL, owner_id bigint NOT NULL REFERENCES users(id));
CREATE TABLE org_members (id serial PRIMARY KEY, org_id bigint NOT NULL REFERENCES orgs, user_id bigint NOT NULL REFERENCES users, status text NOT NULL DEFAULT 'active', joined_at timestamptz DEFAULT now(), UNIQUE (org_id, user_id));
CREATE TABLE documents (id bigserial PRIMARY KEY, user_id bigint REFERENCES users, org_id bigint REFERENCES orgs, title text NOT NULL, content text);
CREATE TABLE comments (id bigserial PRIMARY KEY, document_id bigint NOT NULL REFERENCES documents, body text NOT NULL);
INSERT INTO users (email, full_name) SELECT 'user' || n || '@mail.test', 'Full Name ' || n FROM generate_series(1, 5) n;
INSERT INTO orgs (slug, owner_id) VALUES ('alpha', 1), ('beta', 4);
INSERT INTO org_members (org_id, user_id, status) VALUES (1, 1, 'active'), (1, 2, 'active'), (1, 3, 'left'), (2, 4, 'active');
INSERT INTO documents (user_id, org_id, title, content) SELECT id, NULL, 'own doc ' || id, 'secret content of ' || id FROM users;
INSERT INTO documents (user_id, org_id, title, content) VALUES (2, 1, 'alpha doc', 'alpha secret text'), (3, 1, 'alpha doc by former', 'former secret text'), (4, 2, 'beta doc', 'beta secret text');
INSERT INTO comments (document_id, body) SELECT id, 'comment on ' || title FROM documents;
CREATE FUNCTION uid() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('app.user_id', true), '')::bigint $$;
CREATE FUNCTION is_member(o bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN RETURN EXISTS (SELECT 1 FROM public.org_members m WHERE m.org_id = o AND m.user_id = public.uid() AND m.status = 'active') OR EXISTS (SELECT 1 FROM public.orgs g WHERE g.id = o AND g.owner_id = public.uid()); END $$;
ALTER TABLE users ENABLE ROW LEVEL SECURITY; ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE orgs ENABLE ROW LEVEL SECURITY; ALTER TABLE orgs FORCE ROW LEVEL SECURITY;
ALTER TABLE org_members ENABLE ROW LEVEL SECURITY; ALTER TABLE org_members FORCE ROW LEVEL SECURITY;
ALTER TABLE documents ENABLE ROW LEVEL SECURITY; ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE comments ENABLE ROW LEVEL SECURITY; ALTER TABLE comments FORCE ROW LEVEL SECURITY;
CREATE POLICY users_self ON users USING (id = uid());
CREATE POLICY orgs_member ON orgs FOR SELECT USING (is_member(id));
CREATE POLICY members_member ON org_members FOR SELECT USING (is_member(org_id));
CREATE POLICY documents_rw ON documents USING ((org_id IS NULL AND user_id = uid()) OR (org_id IS NOT NULL AND is_member(org_id))) WITH CHECK ((org_id IS NULL AND user_id = uid()) OR (org_id IS NOT NULL AND is_member(org_id)));
CREATE POLICY comments_rw ON comments USING (EXISTS (SELECT 1 FROM documents d WHERE d.id = comments.document_id));
GRANT SELECT ON users, orgs, org_members TO {{app}};
GRANT SELECT, INSERT, UPDATE, DELETE ON documents, comments TO {{app}};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {{app}};
