-- Questions to the catalog.

-- name: by_position
SELECT d.position, d.name, d.amended_by, s.completeness, s.state, e.log, e.place, e.entry
FROM json_each(:positions) AS p
JOIN deliveries AS d ON d.position = p.value
JOIN shelves AS s ON s.n = d.shelf
JOIN entries AS e ON e.position = d.position

-- name: by_id
SELECT d.position FROM entries AS e JOIN deliveries AS d ON d.position = e.position WHERE e.id = :id

-- name: by_ending
SELECT DISTINCT id FROM entries INDEXED BY entries_by_ending
WHERE ending BETWEEN :first AND :last AND substr(id, -length(:ending)) = :ending
ORDER BY ending, id LIMIT :limit

-- name: by_first_id
SELECT id, entry FROM entries WHERE id = :id AND ending IS NOT NULL

-- name: newest_of_name
SELECT position FROM deliveries INDEXED BY deliveries_by_name
WHERE feed = :feed AND name = :name ORDER BY position DESC LIMIT :limit

-- name: first_of_bytes
SELECT position FROM deliveries INDEXED BY deliveries_by_bytes
WHERE feed = :feed AND sha256 = :sha256 ORDER BY position LIMIT 1

-- name: id
SELECT id FROM entries WHERE position = :position

-- name: feed
SELECT n FROM feeds WHERE source = :source AND feed = :feed

-- name: feeds
SELECT source, feed, deliveries, size_bytes, first_at, last_at, last_id FROM feeds ORDER BY source, feed

-- name: feed_names
SELECT n, source || '/' || feed FROM feeds
WHERE (:source IS NULL OR source = :source) AND (:feed IS NULL OR feed = :feed)

-- name: shelves
SELECT n FROM shelves
WHERE feed IN (SELECT value FROM json_each(:feeds))
  AND (:sender IS NULL OR sender = :sender)
  AND (:door IS NULL OR door = :door)
  AND (:completeness IS NULL OR completeness = :completeness)
  AND (:state IS NULL OR state = :state)

-- name: all_shelves
SELECT n FROM shelves
WHERE (:sender IS NULL OR sender = :sender)
  AND (:door IS NULL OR door = :door)
  AND (:completeness IS NULL OR completeness = :completeness)
  AND (:state IS NULL OR state = :state)

-- name: last_position
SELECT coalesce(max(position), 0) FROM deliveries

-- name: landed_at
SELECT landed_at FROM deliveries WHERE position >= :position ORDER BY position LIMIT 1

-- name: page
SELECT position FROM deliveries
WHERE position > :after AND position < :before
  AND (:members IS NULL OR shelf IN (SELECT value FROM json_each(:members)))
  AND (:glob IS NULL OR CAST(name AS TEXT) GLOB CAST(:glob AS TEXT))
ORDER BY position {order} LIMIT :limit

-- name: merge
-- The nearest row of each set, then as many sets as the page has rows, then the page: other sets cannot have part in it.
WITH nearest (member, position) AS (
  SELECT m.value, (
    SELECT position FROM deliveries INDEXED BY deliveries_by_shelf
    WHERE shelf = m.value AND position > :after AND position < :before ORDER BY position {order} LIMIT 1
  ) AS position
  FROM json_each(:members) AS m ORDER BY position {order} NULLS LAST LIMIT :limit
)
SELECT r.position FROM nearest CROSS JOIN deliveries AS r ON r.position IN (
  SELECT position FROM deliveries INDEXED BY deliveries_by_shelf
  WHERE shelf = nearest.member AND position > :after AND position < :before ORDER BY position {order} LIMIT :limit
)
ORDER BY r.position {order} LIMIT :limit

-- name: merge_glob
SELECT d.position FROM json_each(:members) AS m CROSS JOIN deliveries AS d ON d.position IN (
  SELECT position FROM deliveries INDEXED BY deliveries_by_shelf
  WHERE shelf = m.value AND position > :after AND position < :before AND CAST(name AS TEXT) GLOB CAST(:glob AS TEXT)
  ORDER BY position {order} LIMIT :limit
)
ORDER BY d.position {order} LIMIT :limit

-- name: names
SELECT d.position, d.shelf FROM json_each(:feeds) AS f CROSS JOIN deliveries AS d INDEXED BY deliveries_by_name
ON d.feed = f.value AND d.name BETWEEN :first_name AND :last_name
WHERE d.position > :after AND d.position < :before AND CAST(d.name AS TEXT) GLOB CAST(:glob AS TEXT)
LIMIT :limit

-- name: change_page
SELECT DISTINCT position FROM changes WHERE position > :after ORDER BY position LIMIT :limit

-- name: merge_changes
-- As `merge`. At one position there are at most two changes, so that twice as many feeds can have part in the page.
WITH nearest (feed, position) AS (
  SELECT f.value, (
    SELECT position FROM changes INDEXED BY changes_by_feed
    WHERE feed = f.value AND position > :after ORDER BY position LIMIT 1
  ) AS position
  FROM json_each(:feeds) AS f ORDER BY position NULLS LAST LIMIT 2 * :limit
)
SELECT DISTINCT c.position FROM nearest CROSS JOIN changes AS c ON c.position IN (
  SELECT DISTINCT position FROM changes INDEXED BY changes_by_feed
  WHERE feed = nearest.feed AND position > :after ORDER BY position LIMIT :limit
)
ORDER BY c.position LIMIT :limit

-- name: changes
SELECT c.position, c.kind, c.delivery FROM json_each(:positions) AS p JOIN changes AS c ON c.position = p.value
WHERE :feeds IS NULL OR c.feed IN (SELECT value FROM json_each(:feeds))
ORDER BY c.position, c.delivery

-- name: entries_about
SELECT log, place, position, entry FROM entries WHERE id = :id ORDER BY position
