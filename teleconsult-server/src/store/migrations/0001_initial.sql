-- Times are milliseconds since 1970, UTC.

-- Exactly one row: who this store is to the vendor. The key makes vendor user ids, the id marks vendor rooms.
CREATE TABLE deployment (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    user_id_key BLOB NOT NULL
) STRICT;

CREATE TABLE users (
    external_id TEXT PRIMARY KEY,
    vendor_user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE teleconsultations (
    id TEXT PRIMARY KEY,
    -- Counts every change, for compare-and-set.
    version INTEGER NOT NULL,
    -- Counts every room begun for it; only the newest may become its room.
    generation INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    number INTEGER NOT NULL,
    -- JSON array of people with their personal links.
    participants TEXT NOT NULL,
    room_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    trashed_at INTEGER
) STRICT, WITHOUT ROWID;

-- A room belongs to one live teleconsultation at most, whatever goes wrong elsewhere.
CREATE UNIQUE INDEX teleconsultations_by_room ON teleconsultations (room_id) WHERE room_id IS NOT NULL;

-- Rooms that were asked for and whose fate is not settled. A settled attempt is deleted, but for lost ones.
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    teleconsultation_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    -- creating: somebody works on it until the lease ends; unknown: the vendor's answer was lost;
    -- lost: never found, so it may have left a room behind.
    state TEXT NOT NULL CHECK (state IN ('creating', 'unknown', 'lost')),
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_open ON attempts (lease_until) WHERE state <> 'lost';

-- Vendor rooms that must go.
CREATE TABLE retirements (
    room_id TEXT PRIMARY KEY,
    teleconsultation_id TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX retirements_due ON retirements (next_try_at);
