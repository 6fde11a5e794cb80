-- The catalog's writer: every statement that makes up `apply`.

-- name: entry
INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)

-- name: feed
SELECT n FROM feeds WHERE source = ? AND feed = ?

-- name: add_feed
INSERT INTO feeds (source, feed) VALUES (?, ?)

-- name: count
UPDATE feeds SET deliveries = deliveries + :deliveries, size_bytes = size_bytes + :size_bytes,
  first_at = coalesce(first_at, :first_at), last_at = :last_at, last_id = :last_id
WHERE n = :feed

-- name: shelf
SELECT n FROM shelves WHERE feed = ? AND sender = ? AND door = ? AND completeness = ? AND state = ?

-- name: add_shelf
INSERT INTO shelves (feed, sender, door, completeness, state) VALUES (?, ?, ?, ?, ?)

-- name: add_delivery
INSERT INTO deliveries (position, shelf, feed, landed_at, repeats, sha256, name) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: change
INSERT INTO changes VALUES (?, ?, ?, ?)

-- name: position
SELECT d.position FROM entries AS e JOIN deliveries AS d ON d.position = e.position WHERE e.id = ?

-- name: repeats
SELECT repeats FROM deliveries WHERE position = ?

-- name: repeated
UPDATE deliveries SET repeats = position WHERE position = ?

-- name: first_left
SELECT position FROM deliveries WHERE repeats = ? AND mark IS NULL ORDER BY position LIMIT 1

-- name: standing
SELECT d.name, s.completeness, d.mark, d.amended_by, d.repeats
FROM deliveries AS d JOIN shelves AS s ON s.n = d.shelf
WHERE d.position = ?

-- name: amend
UPDATE deliveries SET name = :name, mark = :mark, amended_by = :amended_by WHERE position = :position

-- name: delivery_on_shelf
SELECT d.mark, d.repeats, s.feed, s.sender, s.door, s.completeness, s.state
FROM deliveries AS d JOIN shelves AS s ON s.n = d.shelf
WHERE d.position = ?

-- name: put_on_shelf
UPDATE deliveries SET shelf = ? WHERE position = ?
