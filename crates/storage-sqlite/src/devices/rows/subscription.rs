use rusqlite::{Connection, Row};
use sangam_storage::devices::{DeviceId, NotifyKind, Subscription};

use crate::devices::columns::{code, int, text, texts, texts_encoded};
use crate::errors::Failure;

const SET: &str = "INSERT OR REPLACE INTO subscription (device, id, notify, paths, persistent, retry, instance, created_ms) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Writes a subscription.
pub(in crate::devices) fn write(connection: &Connection, subscription: &Subscription) -> Result<(), Failure> {
    // CBOR of an array without elements.
    let paths = texts_encoded(&subscription.paths)?.unwrap_or_else(|| vec![0x80]);
    connection.prepare_cached(SET)?.execute((
        int(subscription.device.0),
        &*subscription.id,
        subscription.notify.code(),
        paths,
        subscription.persistent,
        subscription.retry,
        &*subscription.instance,
        int(subscription.created_ms),
    ))?;
    Ok(())
}

/// A row of `device, id, notify, paths, persistent, retry, instance, created_ms`.
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Subscription, Failure> {
    Ok(Subscription {
        device: DeviceId(row.get(0)?),
        id: text(row, 1)?,
        notify: code(row, 2, NotifyKind::of_code, "the kind of a subscription")?,
        paths: texts(row, 3)?,
        persistent: row.get(4)?,
        retry: row.get(5)?,
        instance: text(row, 6)?,
        created_ms: row.get(7)?,
    })
}
