-- The parts of unsealed multipart uploads.

-- name: begin
INSERT OR REPLACE INTO uploads VALUES (:upload, :store_upload)

-- name: take
INSERT OR IGNORE INTO parts VALUES (:upload, :number, :place, :size_bytes, :etag, :crc64nvme)

-- name: commit
INSERT OR REPLACE INTO parts VALUES (:upload, :number, :place, :size_bytes, :etag, :crc64nvme)

-- name: upload
SELECT store_upload FROM uploads WHERE upload = :upload

-- name: parts
SELECT number, place, size_bytes, etag, crc64nvme FROM parts WHERE upload = :upload ORDER BY number

-- name: forget_upload
DELETE FROM uploads WHERE upload = :upload

-- name: forget_parts
DELETE FROM parts WHERE upload = :upload
