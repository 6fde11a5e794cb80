-- The names that senders see.

-- name: show
INSERT OR REPLACE INTO names VALUES (:sender, :folder, :name, :id, :size_bytes, :shown_at, :modified_at, :mode)

-- name: hide
DELETE FROM names WHERE sender = :sender AND folder = :folder AND name = :name

-- name: shown
SELECT folder, name, id, size_bytes, shown_at, modified_at, mode FROM names
WHERE sender = :sender AND folder = :folder AND name = :name

-- name: listed
SELECT folder, name, id, size_bytes, shown_at, modified_at, mode FROM names
WHERE sender = :sender AND folder = :folder AND name > :after
ORDER BY name LIMIT :limit

-- name: made
SELECT name FROM names INDEXED BY names_made WHERE sender = :sender AND folder = :folder AND id IS NULL LIMIT :limit

-- name: folders
SELECT DISTINCT folder FROM names
WHERE sender = :sender AND folder > :first AND folder < :last LIMIT :limit

-- name: holds
SELECT 1 FROM names WHERE sender = :sender AND (folder = :folder OR (folder > :first AND folder < :last)) LIMIT 1

-- name: prune
DELETE FROM names WHERE (sender, folder, name) IN (
  SELECT sender, folder, name FROM names INDEXED BY names_by_time WHERE shown_at < :before LIMIT :limit
)
