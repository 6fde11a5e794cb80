-- Short-lived and evidence: attempts, the keys they hold, the parts of their uploads.

CREATE TABLE attempts (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  outcome TEXT NOT NULL,
  source TEXT NOT NULL,
  feed TEXT NOT NULL,
  sender TEXT NOT NULL,
  idempotency_key TEXT,
  opened_at INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  key TEXT,
  size_bytes INTEGER NOT NULL,
  reason TEXT,
  sentence TEXT,
  completeness TEXT,
  ended_at INTEGER,
  delivery TEXT,
  offer BLOB NOT NULL,
  draft BLOB,
  transcript BLOB
);
CREATE INDEX attempts_by_time ON attempts (opened_at);
CREATE INDEX attempts_by_source ON attempts (source, opened_at);
CREATE INDEX attempts_by_feed ON attempts (source, feed, opened_at);
CREATE INDEX attempts_by_sender ON attempts (sender, opened_at);
CREATE INDEX attempts_by_key ON attempts (idempotency_key, opened_at) WHERE idempotency_key IS NOT NULL;
CREATE INDEX attempts_not_landed ON attempts (opened_at) WHERE outcome <> 'landed';
CREATE INDEX attempts_unfinished ON attempts (lease_until) WHERE outcome IN ('open', 'parked', 'sealing');

CREATE TABLE idempotency (
  n INTEGER PRIMARY KEY,
  sender TEXT NOT NULL,
  source TEXT NOT NULL,
  feed TEXT NOT NULL,
  key TEXT NOT NULL,
  id TEXT NOT NULL,
  sha256 TEXT,
  claimed_at INTEGER NOT NULL,
  UNIQUE (sender, source, feed, key)
);
CREATE INDEX idempotency_by_time ON idempotency (claimed_at);

CREATE TABLE uploads (upload TEXT PRIMARY KEY, store_upload TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (
  upload TEXT NOT NULL,
  number INTEGER NOT NULL,
  place INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  etag TEXT,
  crc64nvme TEXT,
  PRIMARY KEY (upload, number)
) WITHOUT ROWID;

CREATE TABLE counters (
  minute INTEGER NOT NULL,
  door TEXT NOT NULL,
  reason TEXT NOT NULL,
  sender TEXT NOT NULL,
  address TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (minute, door, reason, sender, address)
);

-- Truth: who may deliver, and the facts of this home. `uses` is evidence, kept apart so that a use rewrites no identity.

CREATE TABLE identities (name TEXT PRIMARY KEY, identity BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE uses (
  name TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  first_used_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  PRIMARY KEY (name, fingerprint)
) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Derived from the ledger: cursors, claims and streams, and the catalog.

CREATE TABLE cursors (follower TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE claims (claim TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE streams (stream TEXT PRIMARY KEY, stands_at INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE feeds (
  n INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  feed TEXT NOT NULL,
  deliveries INTEGER NOT NULL DEFAULT 0,
  size_bytes INTEGER NOT NULL DEFAULT 0,
  first_at INTEGER,
  last_at INTEGER,
  last_id TEXT,
  UNIQUE (source, feed)
);

-- Deliveries that agree in all of this stand on one shelf: a page under any filter is a merge of few shelves.
CREATE TABLE shelves (
  n INTEGER PRIMARY KEY,
  feed INTEGER NOT NULL,
  sender TEXT NOT NULL,
  door TEXT NOT NULL,
  completeness TEXT NOT NULL,
  state TEXT NOT NULL,
  UNIQUE (feed, sender, door, completeness, state)
);

-- `mark` is what takes a delivery out of the effective set; `repeats` is the position of the first delivery of a set of
-- repeats, on each member of the set, also the first.
CREATE TABLE deliveries (
  position INTEGER PRIMARY KEY,
  shelf INTEGER NOT NULL,
  feed INTEGER NOT NULL,
  landed_at INTEGER NOT NULL,
  repeats INTEGER,
  mark TEXT,
  amended_by TEXT NOT NULL DEFAULT '[]',
  sha256 BLOB NOT NULL,
  name BLOB NOT NULL
);
CREATE INDEX deliveries_by_shelf ON deliveries (shelf);
CREATE INDEX deliveries_by_name ON deliveries (feed, name);
CREATE INDEX deliveries_by_bytes ON deliveries (feed, sha256);
CREATE INDEX deliveries_left ON deliveries (repeats) WHERE repeats IS NOT NULL AND mark IS NULL;

-- Every entry about an id. `ending` is the id's last 15 digits, backwards, as a number: ids by their end are a range.
CREATE TABLE entries (
  position INTEGER PRIMARY KEY,
  log TEXT NOT NULL,
  place INTEGER NOT NULL,
  id TEXT NOT NULL,
  ending INTEGER,
  entry BLOB NOT NULL
);
CREATE INDEX entries_by_id ON entries (id);
CREATE INDEX entries_by_ending ON entries (ending) WHERE ending IS NOT NULL;

CREATE TABLE changes (
  position INTEGER PRIMARY KEY,
  feed INTEGER NOT NULL,
  kind TEXT NOT NULL,
  delivery INTEGER NOT NULL
);
CREATE INDEX changes_by_feed ON changes (feed);
