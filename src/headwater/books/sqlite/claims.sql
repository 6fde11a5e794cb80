-- Which entry took a claim, and where streams stand; the cursor `claims` says up to which entry.

-- name: holders
SELECT claim, position FROM claims WHERE claim IN (SELECT value FROM json_each(:claims))

-- name: newest
SELECT claim FROM claims WHERE claim >= :prefix AND claim < :end ORDER BY claim DESC LIMIT 1

-- name: stream
SELECT stands_at FROM streams WHERE stream = :stream

-- name: take
INSERT OR IGNORE INTO claims VALUES (?, ?)

-- name: follow
INSERT INTO streams VALUES (?, ?)
ON CONFLICT (stream) DO UPDATE SET stands_at = max(stands_at, excluded.stands_at)
