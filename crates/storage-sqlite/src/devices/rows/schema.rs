use std::sync::Arc;

use rusqlite::{Connection, Row};
use sangam_storage::devices::{Name, NameRow, ProductClass, Schema, SchemaId, SchemaKey, ValueKind};

use crate::devices::columns::{code, int, many, one, text, wrong, wrote};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

const ADD: &str = "INSERT INTO schema (id, tenant, oui, product_class, software_version) VALUES (?1, ?2, ?3, ?4, ?5)";
const SET_NAME: &str =
    "INSERT OR REPLACE INTO schema_name (schema, number, path, kind, writable) VALUES (?1, ?2, ?3, ?4, ?5)";
const BY_ID: &str = "SELECT id, oui, product_class, software_version FROM schema WHERE id = ?1";
const BY_KEY: &str =
    "SELECT id FROM schema WHERE tenant = ?1 AND oui = ?2 AND product_class = ?3 AND software_version = ?4";
const PAGE: &str = "SELECT id, oui, product_class, software_version FROM schema \
     WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
const NAMES: &str = "SELECT path, kind, writable, number FROM schema_name WHERE schema = ?1 ORDER BY number";

/// Writes a schema without names; whether it was taken.
pub(in crate::devices) fn write(connection: &Connection, id: SchemaId, key: &SchemaKey) -> Result<bool, Failure> {
    let row = (int(id.0), TENANT_ID, key.oui.as_str(), key.product_class.as_str(), &*key.software_version);
    wrote(connection.prepare_cached(ADD)?.execute(row))
}

/// Writes a name.
pub(in crate::devices) fn write_name(connection: &Connection, row: &NameRow) -> Result<(), Failure> {
    let name = &row.name;
    connection.prepare_cached(SET_NAME)?.execute((
        int(row.schema.0),
        row.index,
        &*name.path,
        name.kind.code(),
        name.writable,
    ))?;
    Ok(())
}

/// The number of a schema.
pub(in crate::devices) fn id(connection: &Connection, key: &SchemaKey) -> Result<Option<SchemaId>, Failure> {
    let key = (TENANT_ID, key.oui.as_str(), key.product_class.as_str(), &*key.software_version);
    one(connection, BY_KEY, key, |row| Ok(SchemaId(row.get(0)?)))
}

/// Numbers and keys.
pub(in crate::devices) fn page(
    connection: &Connection,
    after: SchemaId,
    limit: i64,
) -> Result<Vec<(SchemaId, SchemaKey)>, Failure> {
    many(connection, PAGE, (TENANT_ID, int(after.0), limit), read)
}

/// A schema with its names.
pub(in crate::devices) fn whole(connection: &Connection, id: SchemaId) -> Result<Option<Schema>, Failure> {
    let Some((id, key)) = one(connection, BY_ID, [int(id.0)], read)? else { return Ok(None) };
    let mut next = 0_u32;
    let names = many(connection, NAMES, [int(id.0)], |row| {
        if row.get::<_, u32>(3)? != next {
            return Err(Failure::Contradiction(format!("name {next} of schema {id} is missing")));
        }
        next += 1;
        let path = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let kind = code(row, 1, ValueKind::of_code, "the kind of a name")?;
        Ok(Name { path: Arc::from(path), kind, writable: row.get(2)? })
    })?;
    Schema::with_names(id, key, names)
        .map(Some)
        .ok_or_else(|| Failure::Contradiction(format!("two names of schema {id} are the same")))
}

fn read(row: &Row<'_>) -> Result<(SchemaId, SchemaKey), Failure> {
    let oui = text(row, 1)?.parse().map_err(|_| wrong("an OUI"))?;
    let product_class = ProductClass::new(text(row, 2)?).map_err(|_| wrong("a product class"))?;
    Ok((SchemaId(row.get(0)?), SchemaKey { oui, product_class, software_version: text(row, 3)? }))
}
