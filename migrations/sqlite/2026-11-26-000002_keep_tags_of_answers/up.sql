-- The tag that went with the answer of a change, for whoever is answered again. Answers that were kept
-- before have none.

ALTER TABLE idempotency_keys ADD COLUMN etag TEXT;
