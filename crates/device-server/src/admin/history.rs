use std::collections::HashMap;

use sangam_control::{DeviceAdminError, DeviceChange, DeviceList};
use sangam_storage::StoreError;
use sangam_storage::devices::{DeviceId, HistoryQuery, HistoryRow, LIMIT_MAX, Schema, SchemaId, Snapshot};
use sangam_types::Wall;

use super::Told;

/// Rows that one question looks at, whatever it lets through. A page may then hold few or none and still be followed by more.
const SCAN_MAX: usize = 20_000;

/// A row's time, schema and index.
type Place = (u64, SchemaId, u32);

/// Where a page begins, of what the page before said.
pub(super) fn before(cursor: &str) -> Told<Place> {
    let place = || {
        let mut parts = cursor.split('.');
        let (at, schema, index, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        end.is_none().then_some((at.parse().ok()?, SchemaId(schema.parse().ok()?), index.parse().ok()?))
    };
    place().ok_or(DeviceAdminError::NoCursor)
}

/// A page of changes. A path is looked for under its name, not its number: each version of a model's software numbers anew.
pub(super) fn changes(
    snapshot: &mut dyn Snapshot,
    device: DeviceId,
    path: Option<&str>,
    mut before: Option<Place>,
    limit: usize,
) -> Result<DeviceList<DeviceChange>, StoreError> {
    let mut schemas = HashMap::new();
    let mut items = Vec::new();
    let mut looked_at = 0;
    while looked_at < SCAN_MAX {
        let query = HistoryQuery { device, parameter: None, before, limit: LIMIT_MAX, scan_max: LIMIT_MAX };
        let page = snapshot.history(&query)?;
        looked_at += LIMIT_MAX;
        for row in page.rows {
            if items.len() >= limit {
                return Ok(DeviceList { items, next: before.map(written) });
            }
            before = Some((row.at_ms, row.schema, row.index));
            let schema = known(&mut schemas, snapshot, row.schema)?;
            items.extend(schema.and_then(|schema| change(schema, row, path)));
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(DeviceList { items, next: before.map(written) })
}

fn known<'a>(
    schemas: &'a mut HashMap<SchemaId, Option<Schema>>,
    snapshot: &mut dyn Snapshot,
    id: SchemaId,
) -> Result<Option<&'a Schema>, StoreError> {
    if let std::collections::hash_map::Entry::Vacant(place) = schemas.entry(id) {
        place.insert(snapshot.schema(id)?);
    }
    Ok(schemas.get(&id).and_then(Option::as_ref))
}

fn change(schema: &Schema, row: HistoryRow, wanted: Option<&str>) -> Option<DeviceChange> {
    let path = &schema.name(row.index)?.path;
    let is_wanted =
        wanted.is_none_or(|wanted| **path == *wanted || (wanted.ends_with('.') && path.starts_with(wanted)));
    is_wanted.then(|| DeviceChange {
        path: path.to_string(),
        value: row.value.into(),
        kind: row.kind.name(),
        at: Wall::from_unix_millis(row.at_ms),
    })
}

fn written((at_ms, schema, index): Place) -> String {
    format!("{at_ms}.{}.{index}", schema.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_after_what_the_page_before_has_said() {
        let place = (1_767_225_600_000, SchemaId(3), 7);
        assert_eq!(before(&written(place)), Ok(place));
        for cursor in ["", "1", "1.2", "1.2.3.4", "1.2.x", "-1.2.3", "1.2."] {
            assert_eq!(before(cursor), Err(DeviceAdminError::NoCursor), "{cursor}");
        }
    }
}
