use std::collections::{BTreeMap, BTreeSet};

use super::{Cell, Page, cell_of, page_of};
use crate::schema::{NameRow, NotInterned, Schema, SchemaRules};
use crate::{DeviceId, SchemaId, ValueKind};

/// A value that a device reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported<'a> {
    /// The index of its name in the device's schema.
    pub index: u32,
    /// What it is.
    pub kind: ValueKind,
    /// As the device wrote it.
    pub value: &'a str,
}

/// What a value was at some time: a row of a parameter's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Whose.
    pub device: DeviceId,
    /// Since when it has this value, milliseconds since 1970. A parameter has one row for one millisecond, the last.
    pub at_ms: u64,
    /// The schema of `index`.
    pub schema: SchemaId,
    /// Which parameter.
    pub index: u32,
    /// What it was from then on.
    pub kind: ValueKind,
    /// See `kind`.
    pub value: Box<str>,
}

/// What is kept of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRules {
    /// Bytes of one value; a longer one is not kept.
    pub value_bytes_max: usize,
    /// Bytes of one value in the history; a longer one is cut at a character.
    pub history_bytes_max: usize,
    /// Rows of history that one report may make. What changed beyond that changes without one.
    pub history_rows_max: usize,
    /// A value that changed less than this before makes no row, milliseconds: counters would fill the history otherwise.
    pub history_interval_ms: u64,
}

impl Default for ValueRules {
    /// 64 KiB (certificates and lists are as long), 1 KiB, 256 rows, 10 seconds.
    fn default() -> Self {
        Self {
            value_bytes_max: 64 * 1024,
            history_bytes_max: 1_024,
            history_rows_max: 256,
            history_interval_ms: 10_000,
        }
    }
}

/// What a report changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Pages that are not what they were: to be made durable.
    pub pages: BTreeSet<u32>,
    /// Indices of what changed or is new, in the order of the report.
    pub changed: Vec<u32>,
    /// Of what changed, not of what is new.
    pub history: Vec<HistoryRow>,
    /// Changes that made no row, as there were too many or too soon.
    pub history_left_out: usize,
    /// Values that are too long and were not kept.
    pub oversized: usize,
}

/// The pages that must be read before [`diff`].
#[must_use]
pub fn pages_of(indices: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    indices.into_iter().map(page_of).collect()
}

/// Puts reported values into `pages` and says what that changes. A page that is not in the map has no values yet.
///
/// A value counts as changed when its text does. One that is only of another kind than before is kept, and no change.
pub fn diff<'a>(
    pages: &mut BTreeMap<u32, Page>,
    reported: impl IntoIterator<Item = Reported<'a>>,
    of: (DeviceId, SchemaId),
    now_ms: u64,
    rules: &ValueRules,
) -> Diff {
    let mut diff = Diff::default();
    for report in reported {
        if report.value.len() > rules.value_bytes_max {
            diff.oversized += 1;
            continue;
        }
        let page = pages.entry(page_of(report.index)).or_default();
        let before = page.cell(cell_of(report.index));
        let is_same = before.is_some_and(|before| *before.value == *report.value);
        if is_same && before.is_some_and(|before| before.kind == report.kind) {
            continue;
        }
        diff.pages.insert(page_of(report.index));
        let since_ms = before.map(|before| before.changed_ms);
        let changed_ms = since_ms.filter(|_| is_same).unwrap_or(now_ms);
        page.put(cell_of(report.index), Some(Cell { value: report.value.into(), kind: report.kind, changed_ms }));
        if is_same {
            continue;
        }
        diff.changed.push(report.index);
        let Some(since_ms) = since_ms else { continue };
        let is_soon = now_ms.saturating_sub(since_ms) < rules.history_interval_ms;
        if is_soon || diff.history.len() >= rules.history_rows_max {
            diff.history_left_out += 1;
            continue;
        }
        diff.history.push(HistoryRow {
            device: of.0,
            at_ms: now_ms,
            schema: of.1,
            index: report.index,
            kind: report.kind,
            value: cut(report.value, rules.history_bytes_max).into(),
        });
    }
    diff
}

/// Puts the values of a device into the pages of another schema, as its software is another now. What the new schema has no
/// room for is left out. The rows are new names, to be made durable with the pages.
pub fn carry_over(
    from: &Schema,
    pages: &BTreeMap<u32, Page>,
    to: &mut Schema,
    rules: &SchemaRules,
) -> (BTreeMap<u32, Page>, Vec<NameRow>, usize) {
    let (mut carried, mut rows, mut left_out) = (BTreeMap::<u32, Page>::new(), Vec::new(), 0);
    for (number, page) in pages {
        for (at, cell) in page.cells() {
            let index = u32::try_from(at).ok().and_then(|at| number.checked_mul(super::CELLS as u32)?.checked_add(at));
            let Some(name) = index.and_then(|index| from.name(index)) else {
                left_out += 1;
                continue;
            };
            match to.intern(&name.path, name.kind, name.writable, rules) {
                Ok((index, row)) => {
                    rows.extend(row);
                    carried.entry(page_of(index)).or_default().put(cell_of(index), Some(cell.clone()));
                }
                Err(NotInterned::Full | NotInterned::Path) => left_out += 1,
            }
        }
    }
    (carried, rows, left_out)
}

/// The beginning of a text, in whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SchemaKey;

    const OF: (DeviceId, SchemaId) = (DeviceId(1), SchemaId(2));

    fn report(index: u32, value: &str) -> Reported<'_> {
        Reported { index, kind: ValueKind::String, value }
    }

    fn rules() -> ValueRules {
        ValueRules { value_bytes_max: 10, history_bytes_max: 5, history_rows_max: 2, history_interval_ms: 10 }
    }

    #[test]
    fn what_is_new_or_changed_is_told_and_what_is_equal_is_not() {
        let mut pages = BTreeMap::new();
        let first = diff(&mut pages, [report(0, "a"), report(70, "b")], OF, 100, &rules());
        assert_eq!((first.pages, first.changed), (BTreeSet::from([0, 1]), vec![0, 70]));
        assert!(first.history.is_empty(), "nothing was there before");
        let again = diff(&mut pages, [report(0, "a"), report(70, "b")], OF, 200, &rules());
        assert_eq!(again, Diff::default());
        let change = diff(&mut pages, [report(0, "a"), report(70, "c")], OF, 300, &rules());
        assert_eq!((change.pages, change.changed), (BTreeSet::from([1]), vec![70]));
        let row = &change.history[0];
        assert_eq!((row.at_ms, row.index, &*row.value, row.schema), (300, 70, "c", SchemaId(2)));
        assert_eq!(pages[&0].cell(0).unwrap().changed_ms, 100);
        assert_eq!(pages[&1].cell(6).unwrap().changed_ms, 300);
    }

    #[test]
    fn another_kind_is_kept_and_is_no_change() {
        let mut pages = BTreeMap::new();
        diff(&mut pages, [report(0, "1")], OF, 100, &rules());
        let typed = Reported { index: 0, kind: ValueKind::Boolean, value: "1" };
        let diff = diff(&mut pages, [typed], OF, 200, &rules());
        assert_eq!((diff.pages.len(), diff.changed.len(), diff.history.len()), (1, 0, 0));
        let cell = pages[&0].cell(0).unwrap();
        assert_eq!((cell.kind, cell.changed_ms), (ValueKind::Boolean, 100));
    }

    #[test]
    fn the_history_is_bounded_in_rows_in_bytes_and_in_time() {
        let mut pages = BTreeMap::new();
        diff(&mut pages, (0..4).map(|index| report(index, "a")), OF, 100, &rules());
        let long = diff(&mut pages, (0..4).map(|index| report(index, "ääääü")), OF, 200, &rules());
        assert_eq!((long.changed.len(), long.history.len(), long.history_left_out), (4, 2, 2));
        assert_eq!(&*long.history[0].value, "ää", "five bytes are two of these");
        let soon = diff(&mut pages, [report(0, "c")], OF, 209, &rules());
        assert_eq!((soon.changed.len(), soon.history_left_out), (1, 1));
        let later = diff(&mut pages, [report(0, "d")], OF, 219, &rules());
        assert_eq!(later.history.len(), 1);
    }

    #[test]
    fn a_value_that_is_too_long_is_counted_and_changes_nothing() {
        let mut pages = BTreeMap::new();
        let diff = diff(&mut pages, [report(0, "more than ten")], OF, 100, &rules());
        assert_eq!((diff.oversized, diff.pages.len()), (1, 0));
    }

    #[test]
    fn the_last_of_two_reports_of_one_parameter_counts() {
        let mut pages = BTreeMap::new();
        diff(&mut pages, [report(0, "a"), report(0, "b")], OF, 100, &rules());
        assert_eq!(&*pages[&0].cell(0).unwrap().value, "b");
    }

    #[test]
    fn values_go_along_when_the_software_is_another() {
        let key = |version: &str| SchemaKey {
            oui: "00D09E".parse().unwrap(),
            product_class: crate::identity::ProductClass::new("").unwrap(),
            software_version: version.into(),
        };
        let rules = SchemaRules { names_max: 2, ..SchemaRules::default() };
        let (mut old, mut new) = (Schema::new(SchemaId(1), key("1")), Schema::new(SchemaId(2), key("2")));
        for path in ["Device.A", "Device.B"] {
            old.intern(path, ValueKind::String, Some(true), &rules).unwrap();
        }
        new.intern("Device.B", ValueKind::String, Some(true), &rules).unwrap();
        let mut pages = BTreeMap::new();
        diff(&mut pages, [report(0, "a"), report(1, "b")], OF, 100, &ValueRules::default());
        let (carried, rows, left_out) = carry_over(&old, &pages, &mut new, &rules);
        assert_eq!((rows.len(), left_out), (1, 0));
        assert_eq!(&*carried[&0].cell(0).unwrap().value, "b");
        assert_eq!(&*carried[&0].cell(1).unwrap().value, "a");
        assert_eq!(carried[&0].cell(1).unwrap().changed_ms, 100);
        assert_eq!(&*new.name(1).unwrap().path, "Device.A");
    }
}
