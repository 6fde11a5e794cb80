-- Derived from the zone's bytes: findings, each a compressed JSON. `position` and `feed` are of the delivery, so that a
-- catalog that is made anew leaves them as they are. `file` is the number of the file in the zone that holds it.

CREATE TABLE findings (
  n INTEGER PRIMARY KEY,
  position INTEGER NOT NULL,
  detector TEXT NOT NULL,
  run INTEGER NOT NULL,
  id TEXT NOT NULL,
  source TEXT NOT NULL,
  feed TEXT NOT NULL,
  sender TEXT NOT NULL,
  day TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  file INTEGER,
  finding BLOB NOT NULL,
  UNIQUE (position, detector, run)
);
CREATE INDEX findings_by_id ON findings (id);
CREATE INDEX findings_by_feed ON findings (source, feed, position);
CREATE INDEX findings_unwritten ON findings (day, source, feed) WHERE file IS NULL;

-- What the ledger says of deliveries whose findings stand or will stand here: taken out, or erased.
CREATE TABLE findings_left_out (id TEXT PRIMARY KEY, erased INTEGER NOT NULL) WITHOUT ROWID;
