use rusqlite::Connection;
use sangam_storage::devices::{DeviceId, Sweep, Swept};

use super::columns::{int, many, one};
use super::discard;
use super::rows::device;
use super::schema::TENANT_ID;
use crate::errors::Failure;

/// Drops rows of one kind, and before when they are old.
type Old = (&'static str, fn(&Sweep) -> u64);

/// Rows of a kind that are older than something, as many as may go at once.
const BY_TIME: [Old; 6] = [
    ("DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)", |sweep| {
        sweep.events_before_ms
    }),
    ("DELETE FROM task WHERE id IN (SELECT id FROM task WHERE ended_ms < ?1 ORDER BY ended_ms LIMIT ?2)", |sweep| {
        sweep.tasks_before_ms
    }),
    (
        "DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE cleared_ms < ?1 ORDER BY cleared_ms LIMIT ?2)",
        |sweep| sweep.alarms_before_ms,
    ),
    (
        "DELETE FROM diagnostic WHERE id IN (SELECT id FROM diagnostic WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)",
        |sweep| sweep.diagnostics_before_ms,
    ),
    (
        "DELETE FROM answered WHERE (tenant, key) IN \
         (SELECT tenant, key FROM answered WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        |sweep| sweep.answered_before_ms,
    ),
    (
        "DELETE FROM transfer_grant WHERE (tenant, user) IN \
         (SELECT tenant, user FROM transfer_grant WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2)",
        |sweep| sweep.grants_before_ms,
    ),
];
const DEVICES: &str = "SELECT device FROM seen WHERE device > ?1 ORDER BY device LIMIT ?2";
const OLD_HISTORY: &str = "DELETE FROM history WHERE device = ?1 AND (at_ms, schema, number) IN \
     (SELECT at_ms, schema, number FROM history WHERE device = ?1 AND at_ms < ?2 ORDER BY at_ms LIMIT ?3)";
/// What is beyond the newest rows: those that follow them, seen from the newest.
const MUCH_HISTORY: &str = "DELETE FROM history WHERE device = ?1 AND (at_ms, schema, number) IN \
     (SELECT at_ms, schema, number FROM history WHERE device = ?1 \
     ORDER BY at_ms DESC, schema DESC, number DESC LIMIT ?3 OFFSET ?2)";
/// The same of events, whose numbers count up.
const MUCH_TOLD: &str = "DELETE FROM event WHERE id IN \
     (SELECT id FROM event WHERE device = ?1 ORDER BY id DESC LIMIT ?3 OFFSET ?2)";
/// Events up to a number.
const FIRST_EVENTS: &str = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id <= ?1 ORDER BY id LIMIT ?2)";
const PENDING: &str = "SELECT device.id FROM device JOIN seen ON seen.device = device.id \
     WHERE tenant = ?1 AND state = 0 AND created_ms < ?2 AND last_ms < ?2 LIMIT ?3";

/// One step of clearing out, inside a transaction that is open.
pub(super) fn step(connection: &Connection, sweep: &Sweep) -> Result<Swept, Failure> {
    let rows_max = sweep.rows_max.max(1);
    let mut swept = Swept::default();
    let mut more = false;
    for (sql, before) in BY_TIME {
        let before = before(sweep);
        if before > 0 {
            let dropped = connection.prepare_cached(sql)?.execute((int(before), limit(rows_max)))?;
            more |= dropped >= rows_max;
            swept.dropped += dropped as u64;
        }
    }
    if sweep.events_total > 0 {
        let first = last_id(connection, "event")?.saturating_sub(sweep.events_total);
        let dropped = connection.prepare_cached(FIRST_EVENTS)?.execute((int(first), limit(rows_max)))?;
        more |= dropped >= rows_max;
        swept.dropped += dropped as u64;
    }
    if sweep.pending_before_ms > 0 {
        let before = (TENANT_ID, int(sweep.pending_before_ms), limit(rows_max));
        swept.removed = many(connection, PENDING, before, |row| Ok(DeviceId(row.get(0)?)))?;
        more |= swept.removed.len() >= rows_max;
        for device in &swept.removed {
            device::remove(connection, *device)?;
        }
    }
    more |= discard::step(connection, rows_max)?;
    let next = of_devices(connection, sweep, rows_max, &mut swept.dropped)?;
    swept.next = next.or(more.then_some(sweep.after));
    Ok(swept)
}

/// Clears what there is too much of some devices; behind which one the next step goes on.
fn of_devices(
    connection: &Connection,
    sweep: &Sweep,
    rows_max: usize,
    dropped: &mut u64,
) -> Result<Option<DeviceId>, Failure> {
    if sweep.history_before_ms == 0 && sweep.history_kept == 0 && sweep.events_kept == 0 {
        return Ok(None);
    }
    let devices_max = sweep.devices_max.max(1);
    let devices = many(connection, DEVICES, (int(sweep.after.0), limit(devices_max)), |row| Ok(row.get::<_, i64>(0)?))?;
    let mut left = rows_max;
    let mut done = sweep.after;
    for device in &devices {
        let mut gone =
            connection.prepare_cached(OLD_HISTORY)?.execute((device, int(sweep.history_before_ms), limit(left)))?;
        if sweep.history_kept > 0 && gone < left {
            let beyond = (device, limit(sweep.history_kept), limit(left - gone));
            gone += connection.prepare_cached(MUCH_HISTORY)?.execute(beyond)?;
        }
        if sweep.events_kept > 0 && gone < left {
            let beyond = (device, limit(sweep.events_kept), limit(left - gone));
            gone += connection.prepare_cached(MUCH_TOLD)?.execute(beyond)?;
        }
        *dropped += gone as u64;
        left -= gone.min(left);
        if left == 0 {
            // There may be more of this device.
            return Ok(Some(done));
        }
        done = DeviceId(device.unsigned_abs());
    }
    Ok((devices.len() >= devices_max).then_some(done))
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The highest number that a table ever gave.
pub(super) fn last_id(connection: &Connection, table: &str) -> Result<u64, Failure> {
    const LAST: &str = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
    Ok(one(connection, LAST, [table], |row| Ok(row.get(0)?))?.unwrap_or_default())
}
