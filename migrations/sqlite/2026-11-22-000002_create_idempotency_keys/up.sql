-- The answers of changes that came with an Idempotency-Key, for 24 hours. Digests are SHA-256 in
-- hexadecimal.

CREATE TABLE idempotency_keys (
    key_digest  TEXT NOT NULL PRIMARY KEY
                CHECK (length(key_digest) = 64 AND key_digest NOT GLOB '*[^0-9a-f]*'),
    fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64 AND fingerprint NOT GLOB '*[^0-9a-f]*'),
    status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 299),
    location    TEXT,
    body        TEXT NOT NULL,
    created_at  TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] *')
) STRICT;

CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
