use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sangam_cwmp_proto::ParameterValue;
use sangam_device_proto::ValueKind;
use sangam_device_proto::device::Device;
use sangam_device_proto::schema::{Schema, SchemaKey};
use sangam_device_proto::values::{Page, Reported, carry_over, diff, pages_of};
use sangam_storage::devices::{CELLS, DeviceId, Row, SchemaId, SchemaRules};

use super::device_facts::kind_of;
use crate::names::{NameOf, NamesError, value_rows};
use crate::reading::read;
use crate::service::Service;

/// What a report of values makes of the store.
#[derive(Debug)]
pub(crate) struct Report {
    /// The schema that the device has now; `None`: it has what it had before, as there are as many as may be.
    pub(crate) schema: Option<SchemaId>,
    pub(crate) rows: Vec<Row>,
    /// Values that are new or different.
    pub(crate) changed: usize,
    /// Values that were not kept, as they or their names pass a bound.
    pub(crate) left_out: usize,
}

/// A value as a device tells it, whatever it speaks.
#[derive(Clone, Copy)]
pub(crate) struct ValueOf<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: ValueKind,
    pub(crate) value: &'a str,
}

/// Compares what a device reports with what is known, under the schema of the software that it has now.
pub(super) async fn report(
    service: &Service,
    device: &Device,
    values: &[ParameterValue],
    now_ms: u64,
) -> Result<Report, NamesError> {
    let values: Vec<ValueOf<'_>> =
        values.iter().map(|it| ValueOf { path: &it.path, kind: kind_of(it), value: &it.value }).collect();
    report_values(service, device, &values, now_ms).await
}

/// The same of values in words that both protocols share.
pub(crate) async fn report_values(
    service: &Service,
    device: &Device,
    values: &[ValueOf<'_>],
    now_ms: u64,
) -> Result<Report, NamesError> {
    let key = SchemaKey::of(device);
    let names: Vec<NameOf<'_>> =
        values.iter().map(|value| NameOf { path: value.path, kind: value.kind, writable: None }).collect();
    let store = (&service.readers, &service.committer, &service.numbers);
    let (schema, left_out) = match service.names.intern(store, &key, &names).await {
        // Its software is one more than is kept apart: it is served, and nothing is kept of what it reports.
        Err(NamesError::Full) => {
            return Ok(Report { schema: device.schema, rows: Vec::new(), changed: 0, left_out: values.len() });
        }
        interned => interned?,
    };
    let (schema, mut pages, mut changed, mut left_out) = match device.schema {
        Some(old) if old != schema.id => moved(service, device.id, old, schema, left_out).await?,
        _ => {
            let pages = pages(service, device.id, &schema, values).await?;
            (schema, pages, BTreeSet::new(), left_out)
        }
    };
    let is_moved = device.schema.is_some_and(|old| old != schema.id);
    let reported = values
        .iter()
        .filter_map(|value| Some(Reported { index: schema.index(value.path)?, kind: value.kind, value: value.value }));
    let diff = diff(&mut pages, reported, (device.id, schema.id), now_ms, &service.options.values);
    changed.extend(diff.pages);
    left_out += diff.oversized;
    let mut rows = value_rows(device.id, &pages, &changed, diff.history);
    if is_moved {
        rows.insert(0, Row::ForgetValues(device.id));
    }
    Ok(Report { schema: Some(schema.id), rows, changed: diff.changed.len(), left_out })
}

/// The pages on which these values lie.
async fn pages(
    service: &Service,
    device: DeviceId,
    schema: &Arc<Schema>,
    values: &[ValueOf<'_>],
) -> Result<BTreeMap<u32, Page>, NamesError> {
    let wanted = pages_of(values.iter().filter_map(|value| schema.index(value.path)));
    let (Some(first), Some(last)) = (wanted.first().copied(), wanted.last().copied()) else {
        return Ok(BTreeMap::new());
    };
    let found = read(&service.readers, move |snapshot| snapshot.pages(device, first..=last)).await?;
    Ok(found.into_iter().collect())
}

type Moved = (Arc<Schema>, BTreeMap<u32, Page>, BTreeSet<u32>, usize);

/// Everything that is known of a device whose software is another now, in the places of the new schema.
async fn moved(
    service: &Service,
    device: DeviceId,
    old: SchemaId,
    schema: Arc<Schema>,
    left_out: usize,
) -> Result<Moved, NamesError> {
    const PAGES_MAX: u32 = SchemaRules::NAMES_MAX / CELLS as u32;
    let (before, pages) =
        read(&service.readers, move |snapshot| Ok((snapshot.schema(old)?, snapshot.pages(device, 0..=PAGES_MAX - 1)?)))
            .await?;
    let Some(before) = before else { return Ok((schema, BTreeMap::new(), BTreeSet::new(), left_out)) };
    let pages: BTreeMap<u32, Page> = pages.into_iter().collect();
    // The names are made durable first, by the same way as those that are reported.
    let names: Vec<_> = pages
        .iter()
        .flat_map(|(number, page)| page.cells().map(move |(at, _)| number * CELLS as u32 + at as u32))
        .filter_map(|index| before.name(index))
        .map(|name| NameOf { path: &name.path, kind: name.kind, writable: name.writable })
        .collect();
    let store = (&service.readers, &service.committer, &service.numbers);
    let (schema, more) = service.names.intern(store, &schema.key, &names).await?;
    let mut all = Schema::clone(&schema);
    let (carried, _, lost) = carry_over(&before, &pages, &mut all, &service.options.schemas);
    let changed = carried.keys().copied().collect();
    Ok((schema, carried, changed, left_out + more.max(lost)))
}
