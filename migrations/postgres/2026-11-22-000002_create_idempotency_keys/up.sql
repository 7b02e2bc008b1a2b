-- The answers of changes that came with an Idempotency-Key, for 24 hours. Digests are SHA-256 in
-- hexadecimal.

CREATE TABLE idempotency_keys (
    key_digest  VARCHAR(64) COLLATE "C" NOT NULL PRIMARY KEY CHECK (key_digest ~ '^[0-9a-f]{64}$'),
    fingerprint VARCHAR(64) COLLATE "C" NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 299),
    location    TEXT,
    body        TEXT NOT NULL,
    created_at  TIMESTAMP NOT NULL
);

CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
