-- The attempts. Each way of listing names its index, so that no plan can change under it.

-- name: open
INSERT INTO attempts (
  id, outcome, source, feed, sender, idempotency_key, opened_at, fence, lease_until, key, size_bytes, reason, sentence,
  completeness, ended_at, delivery, offer, draft, transcript
) VALUES (
  :id, :outcome, :source, :feed, :sender, :idempotency_key, :opened_at, :fence, :lease_until, :key, :size_bytes,
  :reason, :sentence, :completeness, :ended_at, :delivery, :offer, :draft, :transcript
)

-- name: move
UPDATE attempts SET {columns} WHERE id = ? AND fence = ?

-- name: take
UPDATE attempts SET fence = fence + 1, lease_until = :lease_until
WHERE id = :id AND outcome IN ('open', 'parked', 'sealing') AND (:force OR lease_until <= :now)

-- name: get
SELECT id, outcome, offer, opened_at, fence, lease_until, key, size_bytes, draft, reason, sentence, completeness,
  ended_at, delivery, transcript
FROM attempts WHERE id = :id

-- name: unfinished
SELECT id, outcome, offer, opened_at, fence, lease_until, key, size_bytes, draft, reason, sentence, completeness,
  ended_at, delivery, transcript
FROM attempts INDEXED BY attempts_unfinished
WHERE outcome IN ('open', 'parked', 'sealing') AND lease_until <= :now
ORDER BY opened_at, n

-- name: place
SELECT opened_at, n FROM attempts WHERE id = :id

-- name: list
SELECT id, outcome, offer, opened_at, fence, lease_until, key, size_bytes, draft, reason, sentence, completeness,
  ended_at, delivery, transcript
FROM attempts INDEXED BY {index}
WHERE {way}
  AND opened_at >= :since AND opened_at < :until AND (opened_at, n) < (:before_opened_at, :before_n)
  AND (:source IS NULL OR source = :source)
  AND (:feed IS NULL OR feed = :feed)
  AND (:sender IS NULL OR sender = :sender)
  AND (:key IS NULL OR idempotency_key = :key)
  AND (:ending IS NULL OR substr(id, -length(:ending)) = :ending)
  AND (:outcomes IS NULL OR outcome IN (SELECT value FROM json_each(:outcomes)))
ORDER BY opened_at DESC, n DESC
LIMIT :limit

-- name: forget
DELETE FROM attempts WHERE n IN (
  SELECT n FROM attempts INDEXED BY attempts_by_time
  WHERE opened_at < :before AND outcome NOT IN ('open', 'parked', 'sealing') LIMIT :limit
)
