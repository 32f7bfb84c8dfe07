-- Tenants of some age: Quinn, who owns an Org with two people in it; Cocotte, a person with an Org of the same name;
-- Sansonnet, who works for Cocotte; and Transquinnftw, alone. Each person and each Org has rows of its own.

INSERT INTO users (id, slug, email, display_name, created_at) VALUES
	('11111111-1111-4111-8111-111111111111', 'quinn', 'quinn@example.com', 'Quinn', '2024-02-01'),
	('22222222-2222-4222-8222-222222222222', 'cocotte', 'cocotte@example.com', 'Cocotte', '2025-03-04'),
	('33333333-3333-4333-8333-333333333333', 'sansonnet', 'sansonnet@example.com', 'Sansonnet', '2025-05-17'),
	('44444444-4444-4444-8444-444444444444', 'transquinnftw', 'hello@transquinnftw.example', 'Trans Quinn',
		'2025-09-09');

INSERT INTO orgs (id, slug, name, owner_id, created_at) VALUES
	('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'lilith', 'Atelier Lilith', '11111111-1111-4111-8111-111111111111',
		'2024-02-01'),
	('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'cocotte', 'Cocotte', '22222222-2222-4222-8222-222222222222',
		'2025-03-04');

INSERT INTO org_members (org_id, user_id, role, created_at) VALUES
	('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', '11111111-1111-4111-8111-111111111111', 'owner', '2024-02-01'),
	('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', '44444444-4444-4444-8444-444444444444', 'member', '2025-09-09'),
	('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', '22222222-2222-4222-8222-222222222222', 'owner', '2025-03-04'),
	('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', '33333333-3333-4333-8333-333333333333', 'member', '2025-05-17');

-- Five rows of each kind for every person, and five for every Org by each of its people.
WITH tenants (user_id, org_id, tenant) AS (
	SELECT id, NULL::uuid, display_name FROM users
	UNION ALL
	SELECT m.user_id, m.org_id, o.name FROM org_members m JOIN orgs o ON o.id = m.org_id
), rows AS (
	SELECT *, timestamptz '2026-09-01' + n * interval '9 days' AS at FROM tenants, generate_series(1, 5) n
), booked AS (
	INSERT INTO bookings (user_id, org_id, client, starts_at, created_at)
	SELECT user_id, org_id, 'Client ' || n || ' of ' || tenant, at + interval '14 days', at FROM rows
), received AS (
	INSERT INTO inbox_messages (user_id, org_id, sender, body, created_at)
	SELECT user_id, org_id, 'client' || n || '@example.org', 'A question for ' || tenant, at FROM rows
)
INSERT INTO analytics_events (user_id, org_id, name, payload, created_at)
SELECT user_id, org_id, 'page_view', jsonb_build_object('path', '/' || n), at FROM rows;
