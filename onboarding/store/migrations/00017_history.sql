-- +goose Up
-- However many runs there have been, those that are under way, live or taken back are found without the others, as are
-- those of a domain and the newest.
CREATE INDEX runs_active ON runs (kind) WHERE state = 'active';
CREATE INDEX runs_onboarded ON runs (slug, created_at DESC) WHERE kind = 'onboard' AND state = 'done';
CREATE INDEX runs_undos ON runs (slug) WHERE kind = 'undo';
CREATE INDEX runs_newest ON runs ((state = 'active') DESC, created_at DESC);
CREATE INDEX run_domains_by_domain ON run_domains (domain);
CREATE INDEX run_domains_by_parent ON run_domains (reverse(domain) text_pattern_ops);

-- +goose Down
DROP INDEX runs_active, runs_onboarded, runs_undos, runs_newest, run_domains_by_domain, run_domains_by_parent;
