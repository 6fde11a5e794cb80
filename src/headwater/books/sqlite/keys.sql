-- Idempotency keys, per sender and feed.

-- name: expire
DELETE FROM idempotency WHERE n IN (SELECT n FROM idempotency WHERE claimed_at <= :expired LIMIT :limit)

-- name: holder
SELECT id, sha256 FROM idempotency
WHERE sender = :sender AND source = :source AND feed = :feed AND key = :key AND claimed_at > :expired

-- name: claim
INSERT OR REPLACE INTO idempotency (sender, source, feed, key, id, claimed_at)
VALUES (:sender, :source, :feed, :key, :id, :now)

-- name: fulfil
UPDATE idempotency SET sha256 = :sha256
WHERE sender = :sender AND source = :source AND feed = :feed AND key = :key AND id = :id

-- name: release
DELETE FROM idempotency
WHERE sender = :sender AND source = :source AND feed = :feed AND key = :key AND id = :id AND sha256 IS NULL
