use rusqlite::Connection;
use sangam_storage::devices::{Change, DeviceId, Outcome, Row};

use super::columns::int;
use super::rows::{
    alarm, answered, device, diagnostic, event, file, profile, schema as schemas, subscription, task, value,
};
use super::schema::TENANT_ID;
use crate::errors::Failure;

const DROP_PROFILE: &str = "DELETE FROM profile WHERE id = ?1";
const DROP_FILE: &str = "DELETE FROM file WHERE id = ?1";
const DROP_GRANT: &str = "DELETE FROM transfer_grant WHERE tenant = ?1 AND user = ?2";
const DROP_SUBSCRIPTION: &str = "DELETE FROM subscription WHERE device = ?1 AND id = ?2";

/// Writes a change inside a transaction that is open: whole, or nothing of it.
pub(super) fn apply(connection: &Connection, change: &Change) -> Result<Outcome, Failure> {
    // Where nothing was written before a row that is refused, nothing has to be taken back.
    let last = change.rows.iter().rposition(Row::may_be_refused).unwrap_or(0);
    if last == 0 {
        return write_all(connection, change);
    }
    connection.prepare_cached("SAVEPOINT change")?.execute(())?;
    let outcome = write_all(connection, change)?;
    if outcome != Outcome::Done {
        connection.prepare_cached("ROLLBACK TO change")?.execute(())?;
    }
    connection.prepare_cached("RELEASE change")?.execute(())?;
    Ok(outcome)
}

fn write_all(connection: &Connection, change: &Change) -> Result<Outcome, Failure> {
    let mut writing = Writing { connection, found: None };
    for (row, at) in change.rows.iter().zip(0..) {
        if !writing.write(row)? {
            return Ok(Outcome::Refused { row: at });
        }
    }
    Ok(Outcome::Done)
}

/// Writes rows one after the other.
struct Writing<'a> {
    connection: &'a Connection,
    /// Which device was looked for last, and whether it is there: rows of one session are about one device.
    found: Option<(DeviceId, bool)>,
}

impl Writing<'_> {
    /// `false`: the row is refused.
    fn write(&mut self, row: &Row) -> Result<bool, Failure> {
        let connection = self.connection;
        match row {
            Row::Device(device) => {
                self.found = None;
                return device::write(connection, device);
            }
            Row::Seen(device, seen) => device::write_seen(connection, *device, seen)?,
            Row::RemoveDevice(device) => {
                self.found = None;
                device::remove(connection, *device)?;
            }
            Row::Schema(id, key) => return schemas::write(connection, *id, key),
            Row::Name(name) => schemas::write_name(connection, name)?,
            Row::Page { device, number, bytes } => {
                if self.is_there(*device)? {
                    value::write_page(connection, *device, *number, bytes)?;
                }
            }
            Row::ForgetValues(device) => value::forget(connection, *device)?,
            Row::History(row) => {
                if self.is_there(row.device)? {
                    value::write_history(connection, row)?;
                }
            }
            Row::Event(event) => {
                if self.is_there(event.device)? {
                    event::write(connection, event)?;
                }
            }
            Row::Task(task) => return Ok(self.is_there(task.device)? && task::write(connection, task)?),
            Row::Profile(profile) => return profile::write(connection, profile),
            Row::RemoveProfile(id) => self.drop_row(DROP_PROFILE, id.0)?,
            Row::File(file) => file::write(connection, file)?,
            Row::RemoveFile(id) => self.drop_row(DROP_FILE, id.0)?,
            Row::Grant(grant) => {
                if self.is_there(grant.device)? {
                    file::write_grant(connection, grant)?;
                }
            }
            Row::RemoveGrant(user) => {
                connection.prepare_cached(DROP_GRANT)?.execute((TENANT_ID, &**user))?;
            }
            Row::Alarm(alarm) => return Ok(self.is_there(alarm.device)? && alarm::write(connection, alarm)?),
            Row::Subscription(subscription) => {
                if self.is_there(subscription.device)? {
                    subscription::write(connection, subscription)?;
                }
            }
            Row::RemoveSubscription { device, id } => {
                connection.prepare_cached(DROP_SUBSCRIPTION)?.execute((int(device.0), &**id))?;
            }
            Row::Diagnostic(diagnostic) => {
                if self.is_there(diagnostic.device)? {
                    diagnostic::write(connection, diagnostic)?;
                }
            }
            Row::Answered(answered) => return answered::write(connection, answered),
        }
        Ok(true)
    }

    fn drop_row(&self, sql: &str, id: u64) -> Result<(), Failure> {
        self.connection.prepare_cached(sql)?.execute([int(id)])?;
        Ok(())
    }

    fn is_there(&mut self, device: DeviceId) -> Result<bool, Failure> {
        if let Some((found, is_there)) = self.found
            && found == device
        {
            return Ok(is_there);
        }
        let is_there = device::is_there(self.connection, device)?;
        self.found = Some((device, is_there));
        Ok(is_there)
    }
}
