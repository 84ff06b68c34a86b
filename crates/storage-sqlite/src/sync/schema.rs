use crate::schema::Steps;

/// How the file of sync is made.
pub(super) const STEPS: Steps = Steps { application_id: *b"SGsy", versions: &[FIRST] };

/// A row of a database that is numbered has the number below the database's own: `database << 40 | number`, so that rows of one
/// database lie together and no index is needed. Numbers of databases are never used again, as a reset gives a new one.
pub(crate) const NUMBER_BITS: u32 = 40;

/// - `database`: one row each. `id` changes with a reset: everything under the old one is dropped little by little (`discarded`).
/// - `name`: names of replicas and collections as numbers. Each name of each database has a number of its own, so that a number
///   says the database as well. AUTOINCREMENT: a reader may have a number cached that is no longer there.
/// - `log`: `previous` is the row before of the same entity (a cursor, 0: none), for the history of one entity.
/// - `entity`: what the rules ask for, without the body.
/// - `remembered`: operations that were settled (`version`) or refused (`digest`), in order of time.
const FIRST: &str = "
CREATE TABLE database (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch BLOB NOT NULL,
    head INTEGER NOT NULL,
    tombstones_to INTEGER NOT NULL,
    log_len INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    live INTEGER NOT NULL,
    tombstones INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX database_by_name ON database (tenant, name);
CREATE TABLE name (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    database INTEGER NOT NULL,
    name TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX name_by_name ON name (database, name);
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    entity TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    version INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    body BLOB
) STRICT;
CREATE TABLE entity (
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    version INTEGER NOT NULL,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    PRIMARY KEY (collection, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE remembered (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    entity TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    version INTEGER,
    digest BLOB
) STRICT;
CREATE INDEX remembered_by_op ON remembered (device, op_id);
CREATE TABLE conflict (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    device INTEGER NOT NULL,
    op_id INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    entity TEXT NOT NULL,
    client_version INTEGER NOT NULL,
    server_version INTEGER NOT NULL,
    again INTEGER NOT NULL
) STRICT;
CREATE TABLE replica (
    database INTEGER NOT NULL,
    device TEXT NOT NULL,
    resume INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (database, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE discarded (
    database INTEGER PRIMARY KEY
) STRICT;
";
