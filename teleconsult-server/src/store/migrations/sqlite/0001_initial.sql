-- Times are milliseconds since 1970, UTC. The same tables in PostgreSQL's words: ../postgres.

-- Exactly one row. The key derives vendor user ids, the id marks vendor rooms.
CREATE TABLE deployment (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    user_id_key BLOB NOT NULL,
    -- Where the records were kept when sweeps last were allowed. NULL until the first start.
    records_place TEXT
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
    -- Counts the attempts to create a room; only the newest may become its room.
    generation INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    number INTEGER NOT NULL,
    -- JSON array of people with their access links.
    participants TEXT NOT NULL,
    room_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    trashed_at INTEGER
) STRICT, WITHOUT ROWID;

-- A room belongs to one live teleconsultation at most, whatever goes wrong elsewhere.
CREATE UNIQUE INDEX teleconsultations_by_room ON teleconsultations (room_id) WHERE room_id IS NOT NULL;

-- Rooms that were spec_digest for and whose fate is not settled. A settled attempt is deleted, but for lost ones.
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    teleconsultation_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    -- A digest of what was spec_digest for.
    spec_digest TEXT NOT NULL,
    -- creating: in progress until the lease ends; unknown: the response of the vendor was lost;
    -- lost: no room was found, so it may have left one behind.
    state TEXT NOT NULL CHECK (state IN ('creating', 'unknown', 'lost')),
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    -- Incremented by each takeover; a holder with an old value is refused.
    fence INTEGER NOT NULL,
    -- Host and generation of the API that was called. Another one knows nothing of the room.
    vendor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_open ON attempts (vendor, lease_until) WHERE state <> 'lost';
CREATE INDEX attempts_lost ON attempts (vendor, lease_until) WHERE state = 'lost';
CREATE INDEX attempts_by_teleconsultation ON attempts (teleconsultation_id);

-- Vendor rooms that wait for deletion.
CREATE TABLE retirements (
    room_id TEXT PRIMARY KEY,
    -- NULL if the room was found without a record.
    teleconsultation_id TEXT,
    queued_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    -- NULL for a parked room, whose deletion is no longer attempted, and for one that is gone.
    due_at INTEGER,
    -- When the vendor no longer had it. The row is kept for a while, because a list that a sweep began to read earlier
    -- still has the room.
    gone_at INTEGER,
    vendor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX retirements_due ON retirements (vendor, due_at);
CREATE INDEX retirements_gone ON retirements (gone_at) WHERE gone_at IS NOT NULL;

-- The rooms that this service gave to records, until they are deleted.
CREATE TABLE rooms (
    room_id TEXT PRIMARY KEY,
    attempt_id TEXT NOT NULL,
    vendor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Rooms that sweeps saw without a record. A row vanishes when the room is needed, or is no longer in the list.
CREATE TABLE suspects (
    room_id TEXT PRIMARY KEY,
    vendor TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far sweeps have read the list of a vendor. No row between two passes.
CREATE TABLE sweep_passes (
    vendor TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    -- How many rooms with a record were seen.
    needed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was spec_digest under an Idempotency-Key.
CREATE TABLE keyed_requests (
    -- A digest of the key and its scope.
    key TEXT PRIMARY KEY,
    -- A digest of what is spec_digest.
    fingerprint TEXT NOT NULL,
    teleconsultation_id TEXT NOT NULL,
    done INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- When the lease of the running request ends.
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keyed_requests_by_age ON keyed_requests (created_at);

-- Jobs that one instance runs for all, and when each is due again.
CREATE TABLE job_runs (
    name TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
