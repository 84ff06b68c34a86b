use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use sangam_sync_proto::{Name, Operation};

use crate::device::{Device, client, operation};
use crate::load::{DATABASES, Load, MADE};

/// The state of a database as a pull from the beginning gives it.
struct Pulled {
    rows: BTreeMap<u64, Operation>,
    head: u64,
}

impl Load {
    /// Compares each whole database with what its devices were told, while they go on.
    pub(crate) fn check(&self) -> Result<()> {
        self.right()?;
        DATABASES.iter().try_for_each(|db| self.check_database(db).with_context(|| format!("database {db}")))
    }

    fn check_database(&self, db: &str) -> Result<()> {
        let devices: Vec<&Arc<Device>> = self.devices.iter().filter(|device| &*device.db == db).collect();
        // What is acknowledged before it is pulled must be there; what is sent after it cannot.
        let acked: Vec<u64> = devices.iter().map(|device| device.book().acked).collect();
        let pulled = self.pull(db)?;
        let mut there = 0;
        for (device, acked) in devices.into_iter().zip(acked) {
            let check = || device.check(&pulled, acked);
            there += check().with_context(|| format!("device {}", device.name))?;
        }
        // One cursor for each operation: none was left out, none was given twice.
        ensure!(there == pulled.head, "{there} operations were made, the head is {}", pulled.head);
        // Of what is never overtaken all can be seen.
        let seen = pulled.rows.len() as u64;
        ensure!(db != MADE || seen == pulled.head, "{seen} operations are there, the head is {}", pulled.head);
        Ok(())
    }

    fn pull(&self, db: &str) -> Result<Pulled> {
        let db = Name::from(db);
        let (ops, head) = self.runtime.block_on(client(&self.url, &db, None)?.pull_all(&db, 0, None))?;
        let cursors = ops.iter().map(|op| op.op_id);
        ensure!(cursors.is_sorted_by(|one, next| one < next), "cursors do not go up");
        Ok(Pulled { rows: ops.into_iter().map(|op| (op.op_id, op)).collect(), head })
    }

    /// Shakes hands for each device: it is to go on from nowhere that it has not said itself. How far the first is.
    pub(crate) fn check_resume_points(&self) -> Result<u64> {
        let mut highest = 0;
        for device in &self.devices {
            let resume = self.runtime.block_on(device.resume_point())?;
            let presented = device.book().presented;
            ensure!(resume <= presented, "{} presented {presented} and goes on from {resume}", device.name);
            highest = highest.max(resume);
        }
        Ok(highest)
    }
}

impl Device {
    /// Of this device everything acknowledged is there, as it was sent, and nothing that was never sent; and what it pulled
    /// is where it was. How many of its operations were made.
    fn check(&self, pulled: &Pulled, acked: u64) -> Result<u64> {
        // An entity may come twice, if it was changed between two pages.
        let own = pulled.rows.values().filter(|op| op.device == self.name);
        let own: BTreeMap<&Name, &Operation> = own.map(|op| (&op.entity, op)).collect();
        let there = own.values().map(|op| op.version).max().unwrap_or(0);
        let book = self.book();
        ensure!(there >= acked, "{acked} operations are acknowledged, {there} are there");
        ensure!(there <= book.sent, "{} operations were sent, {there} are there", book.sent);
        let sent = (1..=there).map(|number| operation(&self.db, &self.name, number));
        let sent: BTreeMap<Name, Operation> = sent.map(|op| (Name::clone(&op.entity), op)).collect();
        ensure!(own.len() == sent.len(), "{} entities are there, {} were made", own.len(), sent.len());
        for (entity, sent) in &sent {
            let found = own.get(entity).with_context(|| format!("{entity} is gone"))?;
            let as_sent = Operation { op_id: sent.op_id, timestamp_ms: sent.timestamp_ms, ..(*found).clone() };
            ensure!(as_sent == *sent, "where operation {} must be is {found:?}", sent.op_id);
        }
        for (cursor, (device, number)) in book.seen.range(..=pulled.head) {
            let Some(op) = pulled.rows.get(cursor) else {
                ensure!(&*self.db != MADE, "cursor {cursor} was pulled and is gone");
                continue;
            };
            let is_same = (&op.device, op.version) == (device, *number);
            ensure!(is_same, "at cursor {cursor} operation {number} of {device} was pulled; there is {op:?}");
        }
        Ok(there)
    }
}
