-- A run as the first release wrote it: its database step asks for approval.
INSERT INTO runs (id, slug, request, requester, channel, tenant_id, submission, facts) VALUES (
    '01936000-0000-7000-8000-000000000001', 'merche-biche',
    '{"slug": "merche-biche", "display_name": "Merche Biche", "email": "merche@example.com", "mode": "person",
      "org": {"slug": "", "name": ""}, "domains": [{"name": "merche-biche.com", "host": "vps-0"}]}',
    '{"id": "ada", "name": "ada"}', 'C1', '01936000-0000-7000-8000-000000000002', 'view-1',
    '{"seen preflight": "yes"}');
INSERT INTO run_domains (run_id, domain) VALUES ('01936000-0000-7000-8000-000000000001', 'merche-biche.com');
INSERT INTO steps (run_id, key, position, definition, state)
SELECT '01936000-0000-7000-8000-000000000001', definition->>'key', position, definition, state
FROM (VALUES
    (0, 'done', '{"key": "preflight", "title": "Preflight", "destructive": false, "after": null}'::jsonb),
    (1, 'asking', '{"key": "database", "title": "Database", "destructive": true, "after": ["preflight"]}'),
    (2, 'pending', '{"key": "dns/a.example.com", "title": "DNS", "destructive": true, "after": ["database"]}'),
    (3, 'pending', '{"key": "verify", "title": "Verify", "destructive": false, "after": ["dns/a.example.com"]}')
) AS steps (position, state, definition);
INSERT INTO approvals (id, run_id, step, change, digest, expires_at, remind_at)
SELECT '01936000-0000-7000-8000-000000000003', '01936000-0000-7000-8000-000000000001', 'database', form,
    encode(sha256(form), 'hex'), now() + interval '1 day', now() + interval '23 hours'
FROM convert_to('{"items":[{"command":{"argv":["make","merche-biche","database",""],"host":"vps","lock":"all"}}],'
    '"summary":"make database in 1 parts"}', 'UTF8') AS form;
INSERT INTO events (run_id, kind, step, actor, approval_id) VALUES
    ('01936000-0000-7000-8000-000000000001', 'begun', '', '{"id": "ada", "name": "ada"}', NULL),
    ('01936000-0000-7000-8000-000000000001', 'done', 'preflight', NULL, NULL),
    ('01936000-0000-7000-8000-000000000001', 'asked', 'database', NULL, '01936000-0000-7000-8000-000000000003');
