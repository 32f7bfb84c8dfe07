-- The platform's database, version 3: tenants, and what belongs to them, under row-level security.
--
-- Whose a row is: org_id empty, the Person's in user_id; org_id set, the Org's, and then user_id is its author or
-- assignee. The present members of an Org and its owner may see and change what is the Org's.
--
-- A session says who it is in two settings: app.user_id, which signing in has verified, and app.org_id, the Org that
-- the person acts in at the moment, which the session may choose freely: membership is checked row by row. Unset, empty
-- and malformed settings are nobody's and show nothing.

-- Owns the tables. Row-level security is forced, so that even it sees no tenant's rows.
CREATE ROLE platform_owner NOLOGIN;
-- Reads who belongs to which Org for the policies below, and nothing else.
CREATE ROLE platform_membership NOLOGIN;
-- The application.
CREATE ROLE platform_app LOGIN;
-- Signing in: finds the person behind a public slug.
CREATE ROLE platform_sso LOGIN;
-- The onboarding bot. It may become the application, to see what a tenant sees, but does not inherit its rights.
CREATE ROLE onboarder LOGIN NOINHERIT;
GRANT platform_app TO onboarder;
-- Isolation reports. It sees every row whatever the policies say, because that is what tenants are held against, and
-- writes nothing.
CREATE ROLE platform_auditor LOGIN BYPASSRLS;
GRANT pg_read_all_data TO platform_auditor;

CREATE TABLE users (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
	email text NOT NULL UNIQUE,
	display_name text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orgs (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
	name text NOT NULL,
	owner_id uuid NOT NULL REFERENCES users (id),
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON orgs (owner_id);

CREATE TABLE org_members (
	org_id uuid NOT NULL REFERENCES orgs (id),
	user_id uuid NOT NULL REFERENCES users (id),
	role text NOT NULL CHECK (role IN ('owner', 'member')),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (org_id, user_id)
);
CREATE INDEX ON org_members (user_id);

CREATE TABLE bookings (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	user_id uuid NOT NULL REFERENCES users (id),
	org_id uuid REFERENCES orgs (id),
	client text NOT NULL,
	starts_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON bookings (user_id);
CREATE INDEX ON bookings (org_id);

CREATE TABLE inbox_messages (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	user_id uuid NOT NULL REFERENCES users (id),
	org_id uuid REFERENCES orgs (id),
	sender text NOT NULL,
	body text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON inbox_messages (user_id);
CREATE INDEX ON inbox_messages (org_id);

CREATE TABLE analytics_events (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	user_id uuid NOT NULL REFERENCES users (id),
	org_id uuid REFERENCES orgs (id),
	name text NOT NULL,
	payload jsonb NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON analytics_events (user_id);
CREATE INDEX ON analytics_events (org_id);

-- Who the session is. A CASE decides before it casts, so that a malformed setting is nobody and not an error.

CREATE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN current_setting('app.user_id', true) ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
		THEN current_setting('app.user_id', true)::uuid END
$$;

CREATE FUNCTION app_org_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN current_setting('app.org_id', true) ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
		THEN current_setting('app.org_id', true)::uuid END
$$;

-- Membership is read by a role that the policies on these two tables let through, because a policy on org_members that
-- reads org_members as the application would recurse. Each function answers about the session's own person only.

CREATE FUNCTION app_is_member(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM public.org_members m WHERE m.org_id = org AND m.user_id = public.app_user_id())
		OR EXISTS (SELECT FROM public.orgs o WHERE o.id = org AND o.owner_id = public.app_user_id())
$$;

CREATE FUNCTION app_is_owner(org uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM public.orgs o WHERE o.id = org AND o.owner_id = public.app_user_id())
$$;

-- The context switcher: the people of an Org as its members see them, by their public names; an email stays a person's
-- own.
CREATE FUNCTION org_people(org uuid) RETURNS TABLE (user_id uuid, slug text, display_name text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT u.id, u.slug, u.display_name, m.role
	FROM public.org_members m JOIN public.users u ON u.id = m.user_id
	WHERE m.org_id = org AND public.app_is_member(org)
	ORDER BY m.role DESC, u.slug
$$;

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['users', 'orgs', 'org_members', 'bookings', 'inbox_messages', 'analytics_events'] LOOP
		EXECUTE format('ALTER TABLE %I OWNER TO platform_owner', name);
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
		EXECUTE format('GRANT SELECT ON %I TO onboarder', name);
		EXECUTE format('CREATE POLICY onboarder_reads ON %I FOR SELECT TO onboarder USING (true)', name);
	END LOOP;
	FOREACH name IN ARRAY ARRAY['bookings', 'inbox_messages', 'analytics_events'] LOOP
		EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO platform_app', name);
		EXECUTE format($policy$
			CREATE POLICY tenant ON %I TO platform_app
			USING (CASE WHEN org_id IS NULL THEN user_id = app_user_id()
				ELSE org_id = app_org_id() AND app_is_member(org_id) END)
			WITH CHECK (CASE WHEN org_id IS NULL THEN user_id = app_user_id()
				ELSE org_id = app_org_id() AND app_is_member(org_id) END)
		$policy$, name);
	END LOOP;
END
$$;

-- A person is one's own. Accounts are made by signing up or by onboarding, never by the application's sessions.
GRANT SELECT, UPDATE (email, display_name) ON users TO platform_app;
CREATE POLICY self ON users TO platform_app USING (id = app_user_id()) WITH CHECK (id = app_user_id());

-- An Org is seen by its members and changed by its owner, who cannot hand it to another.
GRANT SELECT, INSERT (id, slug, name, owner_id), UPDATE (slug, name), DELETE ON orgs TO platform_app;
CREATE POLICY member_reads ON orgs FOR SELECT TO platform_app USING (owner_id = app_user_id() OR app_is_member(id));
CREATE POLICY owner_creates ON orgs FOR INSERT TO platform_app WITH CHECK (owner_id = app_user_id());
CREATE POLICY owner_changes ON orgs FOR UPDATE TO platform_app USING (owner_id = app_user_id())
	WITH CHECK (owner_id = app_user_id());
CREATE POLICY owner_closes ON orgs FOR DELETE TO platform_app USING (owner_id = app_user_id());

-- Members see each other; the owner lets in and out, and whoever is no owner may leave.
GRANT SELECT, INSERT (org_id, user_id, role), UPDATE (role), DELETE ON org_members TO platform_app;
CREATE POLICY member_reads ON org_members FOR SELECT TO platform_app
	USING (user_id = app_user_id() OR app_is_member(org_id));
CREATE POLICY owner_adds ON org_members FOR INSERT TO platform_app WITH CHECK (app_is_owner(org_id));
CREATE POLICY owner_changes ON org_members FOR UPDATE TO platform_app USING (app_is_owner(org_id))
	WITH CHECK (app_is_owner(org_id));
CREATE POLICY owner_removes ON org_members FOR DELETE TO platform_app
	USING (app_is_owner(org_id) OR (user_id = app_user_id() AND role = 'member'));

-- The functions above.
GRANT SELECT ON users, orgs, org_members TO platform_membership;
CREATE POLICY membership_reads ON users FOR SELECT TO platform_membership USING (true);
CREATE POLICY membership_reads ON orgs FOR SELECT TO platform_membership USING (true);
CREATE POLICY membership_reads ON org_members FOR SELECT TO platform_membership USING (true);
-- Owning a function takes CREATE on its schema for the moment in which it is handed over.
GRANT CREATE ON SCHEMA public TO platform_membership;
ALTER FUNCTION app_is_member(uuid) OWNER TO platform_membership;
ALTER FUNCTION app_is_owner(uuid) OWNER TO platform_membership;
ALTER FUNCTION org_people(uuid) OWNER TO platform_membership;
REVOKE CREATE ON SCHEMA public FROM platform_membership;
REVOKE EXECUTE ON FUNCTION app_is_member(uuid), app_is_owner(uuid), org_people(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_is_member(uuid), app_is_owner(uuid), org_people(uuid)
	TO platform_app, platform_membership;

-- Signing in. The columns granted are all it reads.
GRANT SELECT (id, slug) ON users TO platform_sso;
CREATE POLICY sso_reads ON users FOR SELECT TO platform_sso USING (true);

-- Onboarding. It passes the forced policies by policies of its own, and not by BYPASSRLS, which would hold for every
-- table to come. It reads every tenant, because a new tenant must be compared with all others and have no row older
-- than its run. It cannot choose created_at, so it cannot backdate; it changes no row; and it takes back young rows
-- only, for undo.
GRANT INSERT (id, slug, email, display_name) ON users TO onboarder;
GRANT INSERT (id, slug, name, owner_id) ON orgs TO onboarder;
GRANT INSERT (org_id, user_id, role) ON org_members TO onboarder;
GRANT DELETE ON users, orgs, org_members TO onboarder;
CREATE POLICY onboarder_adds ON users FOR INSERT TO onboarder WITH CHECK (true);
CREATE POLICY onboarder_adds ON orgs FOR INSERT TO onboarder WITH CHECK (true);
CREATE POLICY onboarder_adds ON org_members FOR INSERT TO onboarder WITH CHECK (true);
CREATE POLICY onboarder_takes_back ON users FOR DELETE TO onboarder USING (created_at > now() - interval '90 days');
CREATE POLICY onboarder_takes_back ON orgs FOR DELETE TO onboarder USING (created_at > now() - interval '90 days');
CREATE POLICY onboarder_takes_back ON org_members FOR DELETE TO onboarder
	USING (created_at > now() - interval '90 days');
