-- Times are milliseconds since 1970, UTC. The same tables in SQLite's words: ../sqlite.

-- Exactly one row: who this store is to the vendor. The key makes vendor user ids, the id marks vendor rooms.
CREATE TABLE deployment (
    only_row BIGINT PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    user_id_key BYTEA NOT NULL
);

CREATE TABLE users (
    external_id TEXT PRIMARY KEY,
    vendor_user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE teleconsultations (
    id TEXT PRIMARY KEY,
    -- Counts every change, for compare-and-set.
    version BIGINT NOT NULL,
    -- Counts every room begun for it; only the newest may become its room.
    generation BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    number BIGINT NOT NULL,
    -- JSON array of people with their personal links.
    participants TEXT NOT NULL,
    room_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    trashed_at BIGINT
);

-- A room belongs to one live teleconsultation at most, whatever goes wrong elsewhere.
CREATE UNIQUE INDEX teleconsultations_by_room ON teleconsultations (room_id) WHERE room_id IS NOT NULL;

-- Rooms that were asked for and whose fate is not settled. A settled attempt is deleted, but for lost ones.
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    teleconsultation_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    -- A digest of what was asked for.
    asked TEXT NOT NULL,
    -- creating: somebody works on it until the lease ends; unknown: the vendor's answer was lost;
    -- lost: never found, so it may have left a room behind.
    state TEXT NOT NULL CHECK (state IN ('creating', 'unknown', 'lost')),
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    -- Counts who took it over; an old holder is refused.
    fence BIGINT NOT NULL
);

CREATE INDEX attempts_open ON attempts (lease_until) WHERE state <> 'lost';
CREATE INDEX attempts_lost ON attempts (lease_until) WHERE state = 'lost';
CREATE INDEX attempts_by_teleconsultation ON attempts (teleconsultation_id);

-- Vendor rooms that must go.
CREATE TABLE retirements (
    room_id TEXT PRIMARY KEY,
    -- Unknown for a room that was found without one.
    teleconsultation_id TEXT,
    queued_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    -- Nothing for a parked one, which is not tried any more.
    next_try_at BIGINT
);

CREATE INDEX retirements_due ON retirements (next_try_at);

-- What was asked under an Idempotency-Key.
CREATE TABLE keyed_requests (
    -- A digest of the key and of what it is for.
    key TEXT PRIMARY KEY,
    -- A digest of what is asked.
    fingerprint TEXT NOT NULL,
    teleconsultation_id TEXT NOT NULL,
    done BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Until when somebody carries it out.
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL
);

CREATE INDEX keyed_requests_by_age ON keyed_requests (created_at);

-- What one instance does for all, and when it is due again.
CREATE TABLE duties (
    name TEXT PRIMARY KEY,
    due_at BIGINT NOT NULL
);
