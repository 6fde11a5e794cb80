-- One entry can change two deliveries: the one it is about, and the repeat that counts in its place from then on. The
-- catalog is made anew from the ledger, so that what it tells is the same however old it is.

DROP TABLE changes;
CREATE TABLE changes ( -- feed and kind are never NULL, but SQLite 3.40's integrity_check misreads what says so here
  position INTEGER NOT NULL,
  feed INTEGER,
  kind TEXT,
  delivery INTEGER NOT NULL,
  PRIMARY KEY (position, delivery)
) WITHOUT ROWID;
CREATE INDEX changes_by_feed ON changes (feed);

DELETE FROM feeds;
DELETE FROM shelves;
DELETE FROM deliveries;
DELETE FROM entries;
DELETE FROM cursors WHERE follower = 'catalog';
