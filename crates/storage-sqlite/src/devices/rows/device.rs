use rusqlite::{Connection, Row, params};
use sangam_storage::devices::{
    Access, Device, DeviceId, DeviceKey, EndpointId, Facts, Fingerprint, Periodic, Protocols, Reach, Root, SchemaId,
    Seen, State,
};

use crate::devices::columns::{
    bits, code, int, login, maybe_int, maybe_text, text, texts, texts_encoded, wrong, wrote,
};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`], from `device` and `seen`.
macro_rules! device_columns {
    () => {
        "device.id, revision, oui, product_class, serial, endpoint, manufacturer, model, hardware_version, \
         software_version, provisioning_code, root, state, tags, from_user, from_secret, next_user, next_secret, to_user, \
         to_secret, connection_request_url, udp_address, jid, nat_detected, cwmp, usp, interval_secs, phase_secs, schema, \
         profile, created_ms, last_ms, boot_ms, inform"
    };
}

pub(in crate::devices) use device_columns;

const ADD: &str = "INSERT INTO device (id, revision, oui, product_class, serial, endpoint, manufacturer, model, \
     hardware_version, software_version, provisioning_code, root, state, tags, from_user, from_secret, next_user, \
     next_secret, to_user, to_secret, connection_request_url, udp_address, jid, nat_detected, cwmp, usp, interval_secs, \
     phase_secs, schema, profile, created_ms, tenant) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
     ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)";
const SET: &str = "UPDATE device SET revision = ?2, oui = ?3, product_class = ?4, serial = ?5, endpoint = ?6, \
     manufacturer = ?7, model = ?8, hardware_version = ?9, software_version = ?10, provisioning_code = ?11, root = ?12, \
     state = ?13, tags = ?14, from_user = ?15, from_secret = ?16, next_user = ?17, next_secret = ?18, to_user = ?19, \
     to_secret = ?20, connection_request_url = ?21, udp_address = ?22, jid = ?23, nat_detected = ?24, cwmp = ?25, \
     usp = ?26, interval_secs = ?27, phase_secs = ?28, schema = ?29, profile = ?30, created_ms = ?31, tenant = ?32 \
     WHERE id = ?1 AND revision = ?2 - 1";
const ADD_SEEN: &str = "INSERT INTO seen (device, last_ms, boot_ms, inform) VALUES (?1, 0, 0, 0)";
const SET_SEEN: &str = "UPDATE seen SET last_ms = ?2, boot_ms = ?3, inform = ?4 WHERE device = ?1";
const IS_THERE: &str = "SELECT 1 FROM seen WHERE device = ?1";
const TAGS: &str = "SELECT tags FROM device WHERE id = ?1";
const ADD_TAG: &str = "INSERT OR IGNORE INTO device_tag (tenant, tag, device) VALUES (?1, ?2, ?3)";
const DROP_TAG: &str = "DELETE FROM device_tag WHERE tenant = ?1 AND tag = ?2 AND device = ?3";
/// What goes at once with a device: what others would still find by it or for it.
const REMOVE: [&str; 6] = [
    "DELETE FROM seen WHERE device = ?1",
    "DELETE FROM task WHERE device = ?1 AND state < 5",
    "DELETE FROM alarm WHERE device = ?1 AND state < 2",
    "DELETE FROM transfer_grant WHERE device = ?1",
    "DELETE FROM subscription WHERE device = ?1",
    "DELETE FROM device WHERE id = ?1",
];
const DISCARD: &str = "INSERT OR IGNORE INTO discarded (device) VALUES (?1)";

/// Writes a device; whether it was taken.
pub(in crate::devices) fn write(connection: &Connection, device: &Device) -> Result<bool, Failure> {
    let id = int(device.id.0);
    let is_new = device.revision == 1;
    let tags_before = if is_new { Vec::new() } else { tags_of(connection, id)?.unwrap_or_default() };
    let written = {
        let (access, reach) = (&device.access, &device.reach);
        let user =
            |login: &'_ Option<sangam_storage::devices::Login>| login.as_ref().map(|login| login.user.to_string());
        let secret = |login: &'_ Option<sangam_storage::devices::Login>| {
            login.as_ref().map(|login| login.secret.expose().to_owned())
        };
        let mut statement = connection.prepare_cached(if is_new { ADD } else { SET })?;
        statement.execute(params![
            id,
            device.revision,
            device.key.oui.as_str(),
            device.key.product_class.as_str(),
            device.key.serial.as_str(),
            device.endpoint.as_ref().map(EndpointId::as_str),
            &*device.facts.manufacturer,
            &*device.facts.model,
            &*device.facts.hardware_version,
            &*device.facts.software_version,
            &*device.facts.provisioning_code,
            device.root as u8,
            device.state.code(),
            texts_encoded(&device.tags)?,
            user(&access.from_device),
            secret(&access.from_device),
            user(&access.from_device_next),
            secret(&access.from_device_next),
            user(&access.to_device),
            secret(&access.to_device),
            reach.connection_request_url.as_deref(),
            reach.udp_address.as_deref(),
            reach.jid.as_deref(),
            reach.nat_detected,
            device.protocols.cwmp,
            texts_encoded(&device.protocols.usp)?,
            device.periodic.interval_secs,
            device.periodic.phase_secs,
            maybe_int(device.schema.map(|schema| schema.0)),
            bits(device.profile.0),
            int(device.created_ms),
            TENANT_ID,
        ])
    };
    if !wrote(written)? {
        return Ok(false);
    }
    if is_new {
        connection.prepare_cached(ADD_SEEN)?.execute([id])?;
    }
    if tags_before != device.tags {
        retag(connection, id, &tags_before, &device.tags)?;
    }
    Ok(true)
}

/// Writes when a device was heard of.
pub(in crate::devices) fn write_seen(connection: &Connection, device: DeviceId, seen: &Seen) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached(SET_SEEN)?;
    statement.execute((int(device.0), int(seen.last_ms), int(seen.boot_ms), bits(seen.inform.0)))?;
    Ok(())
}

/// Whether a device is there.
pub(in crate::devices) fn is_there(connection: &Connection, device: DeviceId) -> Result<bool, Failure> {
    Ok(connection.prepare_cached(IS_THERE)?.exists([int(device.0)])?)
}

/// Removes a device; what is left of it is in `discarded`.
pub(in crate::devices) fn remove(connection: &Connection, device: DeviceId) -> Result<(), Failure> {
    let id = int(device.0);
    let Some(tags) = tags_of(connection, id)? else { return Ok(()) };
    retag(connection, id, &tags, &[])?;
    for sql in REMOVE {
        connection.prepare_cached(sql)?.execute([id])?;
    }
    connection.prepare_cached(DISCARD)?.execute([id])?;
    Ok(())
}

/// `None`: the device is not there.
fn tags_of(connection: &Connection, id: i64) -> Result<Option<Vec<Box<str>>>, Failure> {
    super::super::columns::one(connection, TAGS, [id], |row| texts(row, 0))
}

fn retag(connection: &Connection, id: i64, before: &[Box<str>], after: &[Box<str>]) -> Result<(), Failure> {
    for (sql, tags, others) in [(DROP_TAG, before, after), (ADD_TAG, after, before)] {
        let mut statement = connection.prepare_cached(sql)?;
        for tag in tags.iter().filter(|tag| !others.contains(tag)) {
            statement.execute((TENANT_ID, &**tag, id))?;
        }
    }
    Ok(())
}

/// A row with [`device_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Device, Failure> {
    let endpoint = maybe_text(row, 5)?.map(EndpointId::new).transpose().map_err(|_| wrong("an endpoint"))?;
    let root = match row.get::<_, u8>(11)? {
        0 => Root::Device,
        1 => Root::InternetGatewayDevice,
        _ => return Err(wrong("the root of a data model")),
    };
    Ok(Device {
        id: DeviceId(row.get(0)?),
        revision: row.get(1)?,
        key: key(row, 2)?,
        endpoint,
        facts: Facts {
            manufacturer: text(row, 6)?,
            model: text(row, 7)?,
            hardware_version: text(row, 8)?,
            software_version: text(row, 9)?,
            provisioning_code: text(row, 10)?,
        },
        root,
        state: code(row, 12, State::of_code, "the state of a device")?,
        tags: texts(row, 13)?,
        access: Access { from_device: login(row, 14)?, from_device_next: login(row, 16)?, to_device: login(row, 18)? },
        reach: Reach {
            connection_request_url: maybe_text(row, 20)?,
            udp_address: maybe_text(row, 21)?,
            jid: maybe_text(row, 22)?,
            nat_detected: row.get(23)?,
        },
        protocols: Protocols { cwmp: row.get(24)?, usp: texts(row, 25)? },
        periodic: Periodic { interval_secs: row.get(26)?, phase_secs: row.get(27)? },
        schema: row.get::<_, Option<u64>>(28)?.map(SchemaId),
        profile: Fingerprint(row.get::<_, i64>(29)?.cast_unsigned()),
        created_ms: row.get(30)?,
        seen: Seen {
            last_ms: row.get(31)?,
            boot_ms: row.get(32)?,
            inform: Fingerprint(row.get::<_, i64>(33)?.cast_unsigned()),
        },
    })
}

fn key(row: &Row<'_>, first: usize) -> Result<DeviceKey, Failure> {
    let column = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
    DeviceKey::new(column(first)?, column(first + 1)?, column(first + 2)?).map_err(|_| wrong("the key of a device"))
}
