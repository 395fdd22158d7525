-- Times are milliseconds since 1970, UTC. The same tables in PostgreSQL's words: ../postgres.

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
    -- A digest of what was asked for.
    asked TEXT NOT NULL,
    -- creating: somebody works on it until the lease ends; unknown: the vendor's answer was lost;
    -- lost: never found, so it may have left a room behind.
    state TEXT NOT NULL CHECK (state IN ('creating', 'unknown', 'lost')),
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    -- Counts who took it over; an old holder is refused.
    fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_open ON attempts (lease_until) WHERE state <> 'lost';
CREATE INDEX attempts_lost ON attempts (lease_until) WHERE state = 'lost';
CREATE INDEX attempts_by_teleconsultation ON attempts (teleconsultation_id);

-- Vendor rooms that must go.
CREATE TABLE retirements (
    room_id TEXT PRIMARY KEY,
    -- Unknown for a room that was found without one.
    teleconsultation_id TEXT,
    queued_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    -- Nothing for a parked one, which is not tried any more.
    next_try_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX retirements_due ON retirements (next_try_at);

-- What was asked under an Idempotency-Key.
CREATE TABLE keyed_requests (
    -- A digest of the key and of what it is for.
    key TEXT PRIMARY KEY,
    -- A digest of what is asked.
    fingerprint TEXT NOT NULL,
    teleconsultation_id TEXT NOT NULL,
    done INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Until when somebody carries it out.
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keyed_requests_by_age ON keyed_requests (created_at);

-- What one instance does for all, and when it is due again.
CREATE TABLE duties (
    name TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
