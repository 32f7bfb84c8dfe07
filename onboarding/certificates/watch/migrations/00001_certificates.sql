-- +goose Up
-- every certificate that visitors of a domain were seen to get
CREATE TABLE certificates_seen (
    domain     text NOT NULL,
    serial     text NOT NULL,
    names      text[] NOT NULL,
    issuer     text NOT NULL,
    key        text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after  timestamptz NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL,
    PRIMARY KEY (domain, serial)
);

-- faults with their beginning and, once gone, their end
CREATE TABLE certificates_faults (
    domain   text NOT NULL,
    kind     text NOT NULL,
    since    timestamptz NOT NULL,
    severity text NOT NULL,
    sentence text NOT NULL,
    ended    timestamptz,
    PRIMARY KEY (domain, kind, since)
);
CREATE UNIQUE INDEX certificates_faults_one_open ON certificates_faults (domain, kind) WHERE ended IS NULL;

-- what was handed over for posting: a row is the reason that it is not handed over again
CREATE TABLE certificates_posted (
    domain  text NOT NULL,
    subject text NOT NULL,
    about   text NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (domain, subject, about)
);

CREATE TABLE certificates_digests (
    tick timestamptz PRIMARY KEY
);

-- +goose Down
DROP TABLE certificates_digests, certificates_posted, certificates_faults, certificates_seen;
