use crate::schema::Steps;

/// How the file of devices is made.
pub(super) const STEPS: Steps = Steps { application_id: *b"SGdv", versions: &[FIRST, SECOND] };

/// The number of the one tenant there is; its name is [`crate::schema::TENANT`]. The number 1 takes no room in a row.
pub(super) const TENANT_ID: i64 = 1;

/// Where a page of values lies: `device << 10 | number`, so that pages of one device lie together and no index is needed.
pub(super) const PAGE_BITS: u32 = 10;

/// - `tenant`: everything that can be found without naming a device has the number of a tenant in it.
/// - `device`: what changes seldom. AUTOINCREMENT here and below: a number is never given twice.
/// - `seen`: what changes with every session, in rows so small that a hundred of them share a page.
/// - `device_tag`: `device.tags` once more, to be found by.
/// - `value_page`: see [`PAGE_BITS`].
/// - `history`: in order of devices and times. One row for a parameter and a millisecond.
/// - `task.wake_ms`: when time changes it. States below 5 are not over; below 2 an alarm is not cleared.
/// - `discarded`: devices that went, of which rows may be left in `value_page`, `history`, `event` and others.
const FIRST: &str = "
CREATE TABLE tenant (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO tenant (id, name) VALUES (1, 'default');
CREATE TABLE device (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    oui TEXT NOT NULL,
    product_class TEXT NOT NULL,
    serial TEXT NOT NULL,
    endpoint TEXT,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    hardware_version TEXT NOT NULL,
    software_version TEXT NOT NULL,
    provisioning_code TEXT NOT NULL,
    root INTEGER NOT NULL,
    state INTEGER NOT NULL,
    tags BLOB,
    from_user TEXT,
    from_secret TEXT,
    next_user TEXT,
    next_secret TEXT,
    to_user TEXT,
    to_secret TEXT,
    connection_request_url TEXT,
    udp_address TEXT,
    jid TEXT,
    nat_detected INTEGER NOT NULL,
    cwmp INTEGER,
    usp BLOB,
    interval_secs INTEGER NOT NULL,
    phase_secs INTEGER NOT NULL,
    schema INTEGER,
    profile INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX device_by_key ON device (tenant, oui, serial, product_class);
CREATE UNIQUE INDEX device_by_endpoint ON device (tenant, endpoint) WHERE endpoint IS NOT NULL;
CREATE INDEX device_by_state ON device (tenant, state);
CREATE TABLE seen (
    device INTEGER PRIMARY KEY,
    last_ms INTEGER NOT NULL,
    boot_ms INTEGER NOT NULL,
    inform INTEGER NOT NULL
) STRICT;
CREATE TABLE device_tag (
    tenant INTEGER NOT NULL,
    tag TEXT NOT NULL,
    device INTEGER NOT NULL,
    PRIMARY KEY (tenant, tag, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE schema (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    oui TEXT NOT NULL,
    product_class TEXT NOT NULL,
    software_version TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX schema_by_key ON schema (tenant, oui, product_class, software_version);
CREATE TABLE schema_name (
    schema INTEGER NOT NULL,
    number INTEGER NOT NULL,
    path TEXT NOT NULL,
    kind INTEGER NOT NULL,
    writable INTEGER,
    PRIMARY KEY (schema, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE value_page (
    id INTEGER PRIMARY KEY,
    cells BLOB NOT NULL
) STRICT;
CREATE TABLE history (
    device INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    number INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (device, at_ms, schema, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    device INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    command_key TEXT NOT NULL,
    detail BLOB NOT NULL
) STRICT;
CREATE INDEX event_by_device ON event (device);
CREATE INDEX event_by_time ON event (at_ms);
CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    device INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    command_key TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    sent_ms INTEGER,
    deadline_ms INTEGER,
    ended_ms INTEGER,
    wake_ms INTEGER,
    format INTEGER NOT NULL,
    payload BLOB NOT NULL,
    report_code INTEGER,
    report_text TEXT,
    report_format INTEGER,
    report_payload BLOB
) STRICT;
CREATE INDEX task_by_device ON task (device);
CREATE INDEX task_by_command_key ON task (device, command_key);
CREATE INDEX task_live ON task (device) WHERE state < 5;
CREATE INDEX task_by_state ON task (tenant, state);
CREATE INDEX task_by_wake ON task (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE INDEX task_by_end ON task (ended_ms) WHERE ended_ms IS NOT NULL;
CREATE TABLE profile (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    oui TEXT,
    product_class TEXT,
    model TEXT,
    software_version TEXT,
    tag TEXT,
    wanted BLOB NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    from_device INTEGER,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE transfer_grant (
    tenant INTEGER NOT NULL,
    user TEXT NOT NULL,
    secret TEXT NOT NULL,
    device INTEGER NOT NULL,
    task INTEGER NOT NULL,
    file INTEGER,
    bytes_max INTEGER,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfer_grant_by_device ON transfer_grant (device);
CREATE INDEX transfer_grant_by_end ON transfer_grant (expires_ms);
CREATE TABLE alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    device INTEGER NOT NULL,
    type TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state INTEGER NOT NULL,
    category TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata BLOB NOT NULL,
    count INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    raised_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    acknowledged_by TEXT,
    acknowledged_ms INTEGER,
    cleared_ms INTEGER,
    resolution TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX alarm_open ON alarm (device, type) WHERE state < 2;
CREATE INDEX alarm_by_device ON alarm (device);
CREATE INDEX alarm_by_state ON alarm (tenant, state);
CREATE INDEX alarm_by_end ON alarm (cleared_ms) WHERE cleared_ms IS NOT NULL;
CREATE TABLE subscription (
    device INTEGER NOT NULL,
    id TEXT NOT NULL,
    notify INTEGER NOT NULL,
    paths BLOB NOT NULL,
    persistent INTEGER NOT NULL,
    retry INTEGER NOT NULL,
    instance TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (device, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE diagnostic (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    device INTEGER NOT NULL,
    task INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    error TEXT NOT NULL,
    input_format INTEGER NOT NULL,
    input BLOB NOT NULL,
    result_format INTEGER NOT NULL,
    result BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;
CREATE INDEX diagnostic_by_device ON diagnostic (device);
CREATE INDEX diagnostic_by_time ON diagnostic (created_ms);
CREATE TABLE answered (
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_by_time ON answered (at_ms);
CREATE TABLE discarded (
    device INTEGER PRIMARY KEY
) STRICT;
";

/// - `profile.manufacturer`: what profiles name devices by besides. From here on `model`, `software_version` and `tag` are patterns.
const SECOND: &str = "
ALTER TABLE profile ADD COLUMN manufacturer TEXT;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_tenant_has_the_name_that_sync_gives_it() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        crate::schema::bring_up(&connection, std::path::Path::new("f"), &STEPS).unwrap();
        let name: String =
            connection.query_row("SELECT name FROM tenant WHERE id = ?1", [TENANT_ID], |row| row.get(0)).unwrap();
        assert_eq!(name, crate::schema::TENANT);
    }
}
