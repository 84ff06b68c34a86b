use rusqlite::{Connection, Row, params};
use sangam_storage::devices::{Applies, Glob, Oui, ProductClass, Profile, ProfileId, ProfileValue, ValueKind};

use crate::devices::columns::{int, maybe_text, text, wrong, wrote};
use crate::devices::schema::TENANT_ID;
use crate::errors::Failure;

/// The columns of [`read`].
macro_rules! profile_columns {
    () => {
        "id, revision, name, enabled, priority, oui, product_class, model, software_version, tag, wanted, created_ms, \
         manufacturer"
    };
}

pub(in crate::devices) use profile_columns;

const ADD: &str = "INSERT INTO profile (id, revision, name, enabled, priority, oui, product_class, model, \
     software_version, tag, wanted, created_ms, manufacturer, tenant) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
const SET: &str = "UPDATE profile SET revision = ?2, name = ?3, enabled = ?4, priority = ?5, oui = ?6, \
     product_class = ?7, model = ?8, software_version = ?9, tag = ?10, wanted = ?11, created_ms = ?12, \
     manufacturer = ?13, tenant = ?14 \
     WHERE id = ?1 AND revision = ?2 - 1";

/// Path, value, code of the kind, whether it is hidden.
type Value<'a> = (&'a str, &'a str, u8, bool);

/// Writes a profile; whether it was taken.
pub(in crate::devices) fn write(connection: &Connection, profile: &Profile) -> Result<bool, Failure> {
    let values: Vec<Value<'_>> =
        profile.values.iter().map(|value| (&*value.path, &*value.value, value.kind.code(), value.hidden)).collect();
    let values = minicbor::to_vec(values).map_err(|_| wrong("a list"))?;
    let applies = &profile.applies;
    let mut statement = connection.prepare_cached(if profile.revision == 1 { ADD } else { SET })?;
    wrote(statement.execute(params![
        int(profile.id.0),
        profile.revision,
        &*profile.name,
        profile.enabled,
        profile.priority,
        applies.oui.as_ref().map(Oui::as_str),
        applies.product_class.as_ref().map(ProductClass::as_str),
        applies.model.as_ref().map(Glob::as_str),
        applies.software_version.as_ref().map(Glob::as_str),
        applies.tag.as_ref().map(Glob::as_str),
        values,
        int(profile.created_ms),
        applies.manufacturer.as_ref().map(Glob::as_str),
        TENANT_ID,
    ]))
}

/// A row with [`profile_columns`].
pub(in crate::devices) fn read(row: &Row<'_>) -> Result<Profile, Failure> {
    let bytes = row.get_ref(10)?.as_blob().map_err(rusqlite::Error::from)?;
    let values: Vec<Value<'_>> = minicbor::decode(bytes).map_err(|_| wrong("a list of values"))?;
    let values = values.into_iter().map(|(path, value, kind, hidden)| {
        let kind = ValueKind::of_code(kind).ok_or_else(|| wrong("the kind of a value"))?;
        Ok(ProfileValue { path: path.into(), value: value.into(), kind, hidden })
    });
    let oui = maybe_text(row, 5)?.map(|oui| oui.parse()).transpose().map_err(|_| wrong("an OUI"))?;
    let class = maybe_text(row, 6)?.map(ProductClass::new).transpose().map_err(|_| wrong("a product class"))?;
    let glob = |column| -> Result<Option<Glob>, Failure> {
        maybe_text(row, column)?.map(|glob| Glob::new(&glob).ok_or_else(|| wrong("a pattern"))).transpose()
    };
    Ok(Profile {
        id: ProfileId(row.get(0)?),
        revision: row.get(1)?,
        name: text(row, 2)?,
        enabled: row.get(3)?,
        priority: row.get(4)?,
        applies: Applies {
            oui,
            product_class: class,
            manufacturer: glob(12)?,
            model: glob(7)?,
            software_version: glob(8)?,
            tag: glob(9)?,
        },
        values: values.collect::<Result<_, Failure>>()?,
        created_ms: row.get(11)?,
    })
}
