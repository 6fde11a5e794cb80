-- What the zone does not hold: identities, and the facts of a home.

-- name: identities
SELECT identity FROM identities ORDER BY name

-- name: put_identity
INSERT OR REPLACE INTO identities VALUES (:name, :identity)

-- name: forget_identities
DELETE FROM identities

-- name: uses
SELECT name, fingerprint, first_used_at, last_used_at FROM uses

-- name: use
INSERT INTO uses VALUES (?1, ?2, ?3, ?3)
ON CONFLICT (name, fingerprint) DO UPDATE SET
  first_used_at = min(first_used_at, excluded.first_used_at), last_used_at = max(last_used_at, excluded.last_used_at)

-- name: fact
SELECT value FROM facts WHERE name = :name

-- name: facts
SELECT name, value FROM facts WHERE name <> 'node' AND name NOT GLOB 'node.*' ORDER BY name

-- name: set_fact
INSERT OR REPLACE INTO facts VALUES (:name, :value)

-- name: forget_facts
DELETE FROM facts WHERE name <> 'node' AND name NOT GLOB 'node.*'
