-- Times are milliseconds since 1970, UTC. The same tables in PostgreSQL's words: ../postgres.

-- Exactly one row: the oldest migration whose program can use this schema. Each migration that takes something away from
-- older programs raises it; one that only adds leaves it as it is.
CREATE TABLE schema_support (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    usable_since INTEGER NOT NULL
) STRICT;

INSERT INTO schema_support (only_row, usable_since) VALUES (1, 1);

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
-- For the removal of what has been over for a long time.
CREATE INDEX teleconsultations_by_end ON teleconsultations (ends_at) WHERE trashed_at IS NULL;
CREATE INDEX teleconsultations_trashed ON teleconsultations (trashed_at) WHERE trashed_at IS NOT NULL;

-- Attempts to create a room whose outcome is not known yet. Except for lost ones, an attempt is deleted once it is known.
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    teleconsultation_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    -- A digest of what the room is created with.
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
CREATE INDEX retirements_by_teleconsultation ON retirements (teleconsultation_id);
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

-- Requests with an Idempotency-Key.
CREATE TABLE keyed_requests (
    -- A digest of the key and its scope.
    key TEXT PRIMARY KEY,
    -- A digest of the request.
    fingerprint TEXT NOT NULL,
    teleconsultation_id TEXT NOT NULL,
    done INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- When the lease of the running request ends.
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keyed_requests_by_age ON keyed_requests (created_at);
CREATE INDEX keyed_requests_by_teleconsultation ON keyed_requests (teleconsultation_id);

-- Jobs that one instance runs for all, and when each is due again.
CREATE TABLE job_runs (
    name TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is known of the documents in the CRUD Service, if it keeps the records.
CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    -- As in teleconsultations.
    generation INTEGER NOT NULL,
    -- The room that was last stored in the document.
    room_id TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX documents_by_room ON documents (room_id);

-- Writes to the CRUD Service whose outcome is not known yet.
CREATE TABLE document_writes (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('insert', 'update', 'trash')),
    -- The document. For a new one, the id that stands for it until the CRUD Service has chosen another.
    teleconsultation_id TEXT NOT NULL,
    -- The room that the write brings, and the one that it removes.
    room_id TEXT,
    replaced_room_id TEXT,
    -- JSON by which a new document without a room is recognized.
    content TEXT,
    -- writing: in progress until it is due; abandoned: given up, and undone if it takes effect after all.
    state TEXT NOT NULL CHECK (state IN ('writing', 'abandoned')),
    started_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    -- Incremented by each takeover; a holder with an old value is refused.
    fence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX document_writes_due ON document_writes (due_at);
CREATE INDEX document_writes_by_teleconsultation ON document_writes (teleconsultation_id);
