-- Short-lived: the names that senders see in their own folders. A folder that was made is a row without an id.

CREATE TABLE names (
  sender TEXT NOT NULL,
  folder BLOB NOT NULL,
  name BLOB NOT NULL,
  id TEXT,
  size_bytes INTEGER NOT NULL,
  shown_at INTEGER NOT NULL,
  modified_at INTEGER,
  mode INTEGER,
  PRIMARY KEY (sender, folder, name)
) WITHOUT ROWID;
CREATE INDEX names_made ON names (sender, folder) WHERE id IS NULL;
CREATE INDEX names_by_time ON names (shown_at);
