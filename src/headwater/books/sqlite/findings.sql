-- Findings of inspection.

-- name: first
SELECT {columns} FROM findings AS f WHERE position = :position AND detector = :detector AND run = 1

-- name: next_run
SELECT coalesce(max(run), 0) + 1 FROM findings WHERE position = :position AND detector = :detector

-- name: add
INSERT INTO findings (position, detector, run, id, source, feed, sender, day, made_at, finding)
VALUES (:position, :detector, :run, :id, :source, :feed, :sender, :day, :made_at, :finding)

-- name: have
SELECT DISTINCT f.id FROM json_each(:ids) AS i JOIN findings AS f INDEXED BY findings_by_id ON f.id = i.value
WHERE f.detector = :detector

-- name: of
SELECT {columns} FROM findings AS f WHERE f.id = :id ORDER BY f.n DESC

-- name: earlier
SELECT f.finding FROM findings AS f INDEXED BY findings_by_feed
WHERE f.source = :source AND f.feed = :feed AND f.position < :before
  AND f.n = (SELECT max(n) FROM findings WHERE id = f.id)
  AND NOT EXISTS (SELECT 1 FROM findings_left_out AS o WHERE o.id = f.id)
ORDER BY f.position DESC LIMIT :limit

-- name: of_feed
SELECT {columns} FROM findings AS f INDEXED BY findings_by_feed
WHERE f.source = :source AND f.feed = :feed AND f.position < :before
  AND (:sender IS NULL OR f.sender = :sender)
  AND f.n = (SELECT max(n) FROM findings WHERE id = f.id)
ORDER BY f.position DESC LIMIT :limit

-- name: is_erased
SELECT erased FROM findings_left_out WHERE id = :id

-- name: leave_out
INSERT INTO findings_left_out VALUES (:id, :erased)
ON CONFLICT (id) DO UPDATE SET erased = max(erased, excluded.erased)

-- name: values_of
SELECT n, finding FROM findings WHERE id = :id

-- name: replace
UPDATE findings SET finding = :finding WHERE n = :n

-- name: unwritten_day
SELECT day, source, feed FROM findings INDEXED BY findings_unwritten
WHERE file IS NULL AND day < :before_day ORDER BY day, source, feed LIMIT 1

-- name: unwritten
SELECT {columns} FROM findings AS f INDEXED BY findings_unwritten
WHERE f.file IS NULL AND f.day = :day AND f.source = :source AND f.feed = :feed ORDER BY f.n LIMIT :limit

-- name: last_file
SELECT coalesce(max(file), 0) FROM findings INDEXED BY findings_by_feed
WHERE source = :source AND feed = :feed AND day = :day

-- name: written
UPDATE findings SET file = :file WHERE position = :position AND detector = :detector AND run = :run
