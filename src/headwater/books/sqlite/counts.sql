-- Cursors of followers, and what was turned away.

-- name: cursor
SELECT position FROM cursors WHERE follower = :follower

-- name: advance
INSERT INTO cursors VALUES (:follower, :position)
ON CONFLICT (follower) DO UPDATE SET position = excluded.position
WHERE excluded.position > position OR excluded.position = 0

-- name: add
INSERT INTO counters VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (minute, door, reason, sender, address) DO UPDATE SET count = count + excluded.count

-- name: counts
SELECT minute, door, reason, sender, address, count FROM counters
WHERE minute >= :since AND (:sender IS NULL OR sender = :sender)
ORDER BY minute DESC, door, reason, sender, address

-- name: prune_old
DELETE FROM counters WHERE minute < :before

-- name: prune_many
DELETE FROM counters WHERE rowid IN (
  SELECT rowid FROM counters ORDER BY minute DESC, rowid DESC LIMIT -1 OFFSET :rows_max
)
