//! Pages: where they end, what is next, and that nothing is missing or doubled between them.

use std::ops::ControlFlow;

use bytes::Bytes;
use sangam_storage::sync::{EntityKey, LogEntry, LogRef, Name, PageEnd, PageQuery, Store};

use super::{Edit, OpenStore, ask, draft};

pub(super) fn conforms(open: OpenStore<'_>) {
    let mut store = open();
    // Cursors 1 to 12: a, b, c, a, b, c, ...
    let edits: Vec<Edit> = (1..=12)
        .map(|op_id| {
            let collection = ["a", "b", "c"][(op_id as usize - 1) % 3];
            Edit::upsert("d", op_id, collection, &format!("e{op_id}"), &op_id.to_be_bytes())
        })
        .collect();
    let change = draft(&mut *store.writer, "pages", &edits, 1);
    store.writer.commit(&[change]).expect("committed");
    a_page_ends_at_its_limit_and_says_whether_there_is_more(&store);
    a_page_ends_before_the_row_that_is_too_much(&store);
    a_filter_is_kept_to_and_what_is_more_is_more_of_it(&store);
    a_scan_that_was_cut_short_goes_on_where_it_ended(&store);
    who_has_read_more_than_there_is_gets_nothing(&store);
    what_was_overtaken_can_be_left_out(&mut store);
}

/// Everything of a database, one large page.
pub(super) fn page_query(db: &str) -> PageQuery {
    PageQuery {
        db: db.into(),
        since: 0,
        limit: usize::MAX,
        collections: None,
        current_only: false,
        scan_max: usize::MAX,
    }
}

/// What one page has, at most `max` rows taken.
pub(super) fn page(store: &Store, query: &PageQuery, max: usize) -> (Vec<LogEntry>, PageEnd) {
    let query = query.clone();
    ask(store, move |snapshot| {
        let mut rows = Vec::new();
        let end = snapshot.page(&query, &mut |row| {
            if rows.len() >= max {
                return ControlFlow::Break(());
            }
            rows.push(owned(&row));
            ControlFlow::Continue(())
        });
        (rows, end.expect("read"))
    })
}

/// Page after page until there is no more.
pub(super) fn all_rows(store: &Store, query: &PageQuery) -> Vec<LogEntry> {
    let (mut query, mut all) = (query.clone(), Vec::new());
    loop {
        let (rows, end) = page(store, &query, usize::MAX);
        assert!(rows.iter().all(|row| row.cursor > query.since && row.cursor <= end.next), "{query:?} {end:?}");
        assert!(end.next >= query.since && (end.next > query.since || !end.has_more), "{query:?} {end:?}");
        all.extend(rows);
        if !end.has_more {
            return all;
        }
        query.since = end.next;
    }
}

fn owned(row: &LogRef<'_>) -> LogEntry {
    LogEntry {
        cursor: row.cursor,
        device: row.device.clone(),
        op_id: row.op_id,
        of: EntityKey { collection: row.collection.clone(), entity: row.entity.into() },
        kind: row.kind,
        version: row.version,
        body: row.body.map(Bytes::copy_from_slice),
        timestamp_ms: row.timestamp_ms,
    }
}

fn cursors(store: &Store, query: &PageQuery, max: usize) -> (Vec<u64>, u64, bool) {
    let (rows, end) = page(store, query, max);
    (rows.iter().map(|row| row.cursor).collect(), end.next, end.has_more)
}

fn a_page_ends_at_its_limit_and_says_whether_there_is_more(store: &Store) {
    let query = |since, limit| PageQuery { since, limit, ..page_query("pages") };
    assert_eq!(cursors(store, &query(0, 5), 99), (vec![1, 2, 3, 4, 5], 5, true));
    assert_eq!(cursors(store, &query(5, 5), 99), (vec![6, 7, 8, 9, 10], 10, true));
    assert_eq!(cursors(store, &query(10, 5), 99), (vec![11, 12], 12, false));
    assert_eq!(cursors(store, &query(7, 5), 99), (vec![8, 9, 10, 11, 12], 12, false));
    assert_eq!(cursors(store, &query(11, 1), 99), (vec![12], 12, false));
}

fn a_page_ends_before_the_row_that_is_too_much(store: &Store) {
    let query = PageQuery { since: 3, ..page_query("pages") };
    assert_eq!(cursors(store, &query, 2), (vec![4, 5], 5, true));
    assert_eq!(cursors(store, &query, 0), (vec![], 3, true));
    assert_eq!(cursors(store, &PageQuery { since: 10, ..query }, 1), (vec![11], 11, true));
}

fn a_filter_is_kept_to_and_what_is_more_is_more_of_it(store: &Store) {
    let query = |since, limit, collections: &[&str]| PageQuery {
        since,
        limit,
        collections: Some(collections.iter().copied().map(Name::from).collect()),
        ..page_query("pages")
    };
    assert_eq!(cursors(store, &query(0, 9, &["a"]), 99), (vec![1, 4, 7, 10], 12, false));
    assert_eq!(cursors(store, &query(0, 4, &["a"]), 99), (vec![1, 4, 7, 10], 12, false));
    let (rows, next, has_more) = cursors(store, &query(0, 3, &["a"]), 99);
    assert_eq!((rows, has_more), (vec![1, 4, 7], true));
    assert!((7..10).contains(&next), "{next}");
    assert_eq!(cursors(store, &query(10, 3, &["a"]), 99), (vec![], 12, false));
    assert_eq!(cursors(store, &query(6, 9, &["c", "never", "a"]), 99), (vec![7, 9, 10, 12], 12, false));
    assert_eq!(cursors(store, &query(6, 9, &["never"]), 99), (vec![], 12, false));
    assert_eq!(cursors(store, &query(6, 9, &[]), 99), (vec![], 12, false));
    let many: Vec<String> = (0..20).map(|number| format!("never {number}")).chain(["b".to_owned()]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(cursors(store, &query(0, 9, &many), 99), (vec![2, 5, 8, 11], 12, false));
    let every = page(store, &query(0, 9, &["a"]), 9).0;
    assert!(every.iter().all(|row| row.body.as_deref() == Some(&row.op_id.to_be_bytes()[..])), "with their bodies");
    // The name of a replica is not that of a collection.
    assert_eq!(cursors(store, &query(0, 9, &["d"]), 99), (vec![], 12, false));
}

fn a_scan_that_was_cut_short_goes_on_where_it_ended(store: &Store) {
    let query =
        |since, scan_max| PageQuery { since, scan_max, collections: Some(vec!["c".into()]), ..page_query("pages") };
    assert_eq!(cursors(store, &query(0, 2), 99), (vec![], 2, true));
    assert_eq!(cursors(store, &query(0, 4), 99), (vec![3], 4, true));
    assert_eq!(cursors(store, &query(8, 4), 99), (vec![9, 12], 12, false));
    let rows = all_rows(store, &query(0, 1));
    assert_eq!(rows.iter().map(|row| row.cursor).collect::<Vec<_>>(), [3, 6, 9, 12]);
}

fn what_was_overtaken_can_be_left_out(store: &mut Store) {
    let edits: Vec<Edit> = (1..=7).map(|at| Edit::upsert("d", at, "a", &format!("e{}", at % 2), &[at as u8])).collect();
    let change = draft(&mut *store.writer, "edited", &edits, 1);
    store.writer.commit(&[change]).expect("committed");
    let query = |since, limit| PageQuery { since, limit, current_only: true, ..page_query("edited") };
    assert_eq!(cursors(store, &query(0, 9), 99), (vec![6, 7], 7, false));
    let (rows, next, has_more) = cursors(store, &query(0, 1), 99);
    assert_eq!((rows, next, has_more), (vec![6], 6, true));
    assert_eq!(cursors(store, &query(6, 1), 99), (vec![7], 7, false));
    let short = PageQuery { scan_max: 3, ..query(0, 9) };
    assert_eq!(cursors(store, &short, 99), (vec![], 3, true));
}

fn who_has_read_more_than_there_is_gets_nothing(store: &Store) {
    let query = |since| PageQuery { since, ..page_query("pages") };
    assert_eq!(cursors(store, &query(12), 99), (vec![], 12, false));
    assert_eq!(cursors(store, &query(13), 99), (vec![], 13, false));
    assert_eq!(cursors(store, &query(1 << 60), 99), (vec![], 1 << 60, false));
    let never = PageQuery { since: 5, ..page_query("never") };
    assert_eq!(cursors(store, &never, 99), (vec![], 5, false));
}
