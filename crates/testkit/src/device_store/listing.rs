//! Lists come in pages that fit together, filtered as they were asked for, and never longer than an answer may be.

use sangam_storage::devices::{
    AlarmQuery, Device, DeviceId, DeviceQuery, EventQuery, HistoryQuery, LIMIT_MAX, Row, SchemaId, Seen, Severity,
    State, Store, Task, TaskKind, TaskQuery, TaskState, Totals,
};

use super::sample::{alarm, device, event, history, last_ids, row_of, task};
use super::{OpenStore, ask, put};

pub(super) fn conforms(open: OpenStore<'_>) {
    devices_are_listed_by_each_filter(open);
    pages_of_devices_fit_together_whatever_their_size(open);
    no_answer_is_longer_than_it_may_be(open);
    history_is_listed_newest_first_in_pages(open);
    tasks_are_listed_by_each_filter(open);
    tasks_are_woken_in_order_of_time(open);
    alarms_and_events_are_listed_newest_first(open);
    totals_count_what_is_there(open);
}

/// All devices that a query lets through, page by page.
pub(super) fn all_devices(store: &Store, query: &DeviceQuery) -> Vec<Device> {
    let mut query = query.clone();
    let mut all = Vec::new();
    loop {
        let asked = query.clone();
        let page = ask(store, move |snapshot| snapshot.devices(&asked)).expect("read");
        all.extend(page.devices);
        match page.next {
            Some(next) => {
                assert!(Some(next) > query.after, "it goes on");
                query.after = Some(next);
            }
            None => return all,
        }
    }
}

fn devices_are_listed_by_each_filter(open: OpenStore<'_>) {
    let mut store = open();
    let first = last_ids(&mut store).device.0 + 1;
    let mut all: Vec<Device> = (0..8).map(|at| device(first + at, &format!("listed {at}"))).collect();
    for (at, device) in all.iter_mut().enumerate() {
        device.facts.manufacturer = ["Ampère", "Volta"][at % 2].into();
        device.facts.model = format!("M{}", at / 4).into();
        device.state = State::ALL[at % 3];
        device.tag(["listed-a", "listed-b"][at / 4]);
        device.seen = Seen { last_ms: 100 * at as u64, ..Seen::default() };
        put(&mut store, vec![row_of(device), Row::Seen(device.id, device.seen)]);
    }
    let after = Some(DeviceId(first - 1));
    let check = |query: DeviceQuery, expected: &[u64]| {
        let found = all_devices(&store, &DeviceQuery { after, ..query.clone() });
        assert_eq!(found.iter().map(|device| device.id.0 - first).collect::<Vec<_>>(), expected, "{query:?}");
        for device in found {
            assert_eq!(device, all[(device.id.0 - first) as usize]);
        }
    };
    let none = DeviceQuery::default();
    check(none.clone(), &[0, 1, 2, 3, 4, 5, 6, 7]);
    check(DeviceQuery { state: Some(State::Pending), ..none.clone() }, &[0, 3, 6]);
    check(DeviceQuery { tag: Some("listed-b".into()), ..none.clone() }, &[4, 5, 6, 7]);
    check(DeviceQuery { tag: Some("listed-b".into()), state: Some(State::Pending), ..none.clone() }, &[6]);
    check(DeviceQuery { tag: Some("nobody's".into()), ..none.clone() }, &[]);
    check(DeviceQuery { manufacturer: Some("Volta".into()), ..none.clone() }, &[1, 3, 5, 7]);
    check(DeviceQuery { model: Some("M1".into()), manufacturer: Some("Volta".into()), ..none.clone() }, &[5, 7]);
    check(DeviceQuery { seen_since_ms: Some(500), ..none.clone() }, &[5, 6, 7]);
    check(DeviceQuery { seen_before_ms: Some(200), ..none.clone() }, &[0, 1]);
    for (text, expected) in [("LISTED 3", &[3][..]), ("volt", &[1, 3, 5, 7]), ("listed-A", &[0, 1, 2, 3]), ("%", &[])] {
        check(DeviceQuery { search: Some(text.into()), ..none.clone() }, expected);
    }
    // A tag that was taken away is not found any more.
    let mut untagged = all[4].clone();
    untagged.revision = 2;
    untagged.untag("listed-b");
    put(&mut store, vec![row_of(&untagged)]);
    let found = all_devices(&store, &DeviceQuery { tag: Some("listed-b".into()), ..none });
    assert_eq!(found.len(), 3);
}

fn pages_of_devices_fit_together_whatever_their_size(open: OpenStore<'_>) {
    let mut store = open();
    let first = last_ids(&mut store).device.0 + 1;
    for at in 0..7 {
        let mut device = device(first + at, &format!("fit {at}"));
        device.tag("fit");
        device.facts.model = ["even", "odd"][at as usize % 2].into();
        put(&mut store, vec![row_of(&device)]);
    }
    for limit in 0..9 {
        for scan_max in [1, 2, 100] {
            for state in [None, Some(State::Enrolled)] {
                for tag in [None, Some("fit".into())] {
                    let model = Some("odd".into());
                    let after = Some(DeviceId(first - 1));
                    let query = DeviceQuery { limit, scan_max, model, state, tag, after, ..DeviceQuery::default() };
                    let found: Vec<_> = all_devices(&store, &query).iter().map(|device| device.id.0 - first).collect();
                    assert_eq!(found, [1, 3, 5], "{query:?}");
                }
            }
        }
    }
}

fn no_answer_is_longer_than_it_may_be(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    let count = LIMIT_MAX as u64 + 5;
    put(&mut store, vec![row_of(&device(id, "long"))]);
    put(&mut store, (1..=count).map(|at| Row::Event(event(ids.event.0 + at, id, at))).collect());
    put(&mut store, (1..=count).map(|at| Row::History(history(id, at, 0, "x"))).collect());
    let found = ask(&store, move |snapshot| {
        let events = EventQuery { device: Some(DeviceId(id)), before: None, limit: usize::MAX };
        let history = HistoryQuery {
            device: DeviceId(id),
            parameter: None,
            before: None,
            limit: usize::MAX,
            scan_max: usize::MAX,
        };
        (snapshot.events(&events).expect("read").len(), snapshot.history(&history).expect("read").rows.len())
    });
    assert_eq!(found, (LIMIT_MAX, LIMIT_MAX));
}

fn history_is_listed_newest_first_in_pages(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).device.0 + 1;
    put(&mut store, vec![row_of(&device(id, "history"))]);
    let rows: Vec<_> = (0..20_u32).map(|at| history(id, u64::from(at / 2) + 1, at % 4, &format!("v{at}"))).collect();
    put(&mut store, rows.iter().cloned().map(Row::History).collect());
    put(&mut store, vec![Row::History(history(id, 1, 0, "once more"))]);
    for (limit, scan_max) in [(1, 100), (3, 100), (100, 2), (100, 100)] {
        for parameter in [None, Some((SchemaId(1), 2))] {
            let mut query = HistoryQuery { device: DeviceId(id), parameter, before: None, limit, scan_max };
            let mut found = Vec::new();
            loop {
                let asked = query.clone();
                let page = ask(&store, move |snapshot| snapshot.history(&asked)).expect("read");
                found.extend(page.rows);
                query.before = page.next;
                if query.before.is_none() {
                    break;
                }
            }
            let mut expected = rows.clone();
            expected[0].value = "once more".into();
            expected.retain(|row| parameter.is_none_or(|(_, index)| index == row.index));
            expected.sort_by_key(|row| std::cmp::Reverse((row.at_ms, row.index)));
            assert_eq!(found, expected, "{limit} {scan_max} {parameter:?}");
        }
    }
}

fn tasks_are_listed_by_each_filter(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (a, b, first) = (ids.device.0 + 1, ids.device.0 + 2, ids.task.0 + 1);
    put(&mut store, vec![row_of(&device(a, "tasks a")), row_of(&device(b, "tasks b"))]);
    let states = [TaskState::Queued, TaskState::Expired, TaskState::AwaitingTransfer];
    let all: Vec<Task> = (0..9)
        .map(|at| {
            let mut task = task(first + at, [a, b][at as usize % 2], TaskKind::ALL[at as usize % 3]);
            task.state = states[at as usize / 3];
            task
        })
        .collect();
    put(&mut store, all.iter().map(|task| Row::Task(Box::new(task.clone()))).collect());
    let check = |query: TaskQuery, expected: &[u64]| {
        let found = ask(&store, move |snapshot| snapshot.tasks(&query)).expect("read");
        let found: Vec<_> = found.iter().filter(|task| task.id.0 >= first).map(|task| task.id.0 - first).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    let none = TaskQuery { limit: 100, ..TaskQuery::default() };
    check(none, &[8, 7, 6, 5, 4, 3, 2, 1, 0]);
    check(TaskQuery { limit: 2, ..none }, &[8, 7]);
    check(TaskQuery { before: Some(all[3].id), ..none }, &[2, 1, 0]);
    check(TaskQuery { device: Some(DeviceId(b)), ..none }, &[7, 5, 3, 1]);
    check(TaskQuery { kind: Some(TaskKind::ALL[1]), ..none }, &[7, 4, 1]);
    check(TaskQuery { state: Some(TaskState::Expired), ..none }, &[5, 4, 3]);
    check(TaskQuery { state: Some(TaskState::Expired), kind: Some(TaskKind::ALL[1]), ..none }, &[4]);
    let narrow = TaskQuery { device: Some(DeviceId(a)), state: Some(TaskState::Queued), ..none };
    check(narrow, &[2, 0]);
    check(TaskQuery { kind: Some(TaskKind::ALL[2]), before: Some(all[8].id), ..narrow }, &[2]);
    let live = ask(&store, move |snapshot| snapshot.live_tasks(DeviceId(a), 9)).expect("read");
    assert_eq!(live.iter().map(|task| task.id.0 - first).collect::<Vec<_>>(), [0, 2, 6, 8]);
}

fn tasks_are_woken_in_order_of_time(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (id, first) = (ids.device.0 + 1, ids.task.0 + 1);
    let mut rows = vec![row_of(&device(id, "woken"))];
    for (at, expires) in (0..).zip([Some(30), None, Some(10), Some(20)]) {
        let mut task = task(first + at, id, TaskKind::GetValues);
        task.expires_ms = expires;
        rows.push(Row::Task(Box::new(task)));
    }
    put(&mut store, rows);
    let woken = |store: &Store, ms| {
        let found = ask(store, move |snapshot| snapshot.tasks_to_wake(ms, 100)).expect("read");
        found.iter().filter(|task| task.id.0 >= first).map(|task| task.id.0 - first).collect::<Vec<_>>()
    };
    assert!(woken(&store, 9).is_empty());
    assert_eq!(woken(&store, 20), [2, 3]);
    assert_eq!(woken(&store, u64::MAX), [2, 3, 0]);
    let mut ended = task(first + 2, id, TaskKind::GetValues);
    (ended.revision, ended.state, ended.ended_ms) = (2, TaskState::Expired, Some(11));
    put(&mut store, vec![Row::Task(Box::new(ended))]);
    assert_eq!(woken(&store, u64::MAX), [3, 0]);
}

fn alarms_and_events_are_listed_newest_first(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (a, b, first) = (ids.device.0 + 1, ids.device.0 + 2, ids.alarm.0 + 1);
    put(&mut store, vec![row_of(&device(a, "alarms a")), row_of(&device(b, "alarms b"))]);
    for at in 0..6 {
        let mut alarm = alarm(first + at, [a, b][at as usize % 2], &format!("t{at}"), Severity::ALL[at as usize % 5]);
        if at >= 4 {
            alarm.clear("", 5);
            alarm.revision = 1;
        }
        put(
            &mut store,
            vec![Row::Alarm(Box::new(alarm)), Row::Event(event(ids.event.0 + 1 + at, [a, b][at as usize % 2], at))],
        );
    }
    let check = |query: AlarmQuery, expected: &[u64]| {
        let found = ask(&store, move |snapshot| snapshot.alarms(&query)).expect("read");
        let found: Vec<_> = found.iter().filter(|row| row.id.0 >= first).map(|row| row.id.0 - first).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    let none = AlarmQuery { limit: 100, ..AlarmQuery::default() };
    check(none, &[5, 4, 3, 2, 1, 0]);
    check(AlarmQuery { before: Some(sangam_storage::devices::AlarmId(first + 2)), ..none }, &[1, 0]);
    check(AlarmQuery { device: Some(DeviceId(a)), ..none }, &[4, 2, 0]);
    check(AlarmQuery { severity_min: Some(Severity::Minor), ..none }, &[4, 3, 2]);
    let cleared = Some(sangam_storage::devices::AlarmState::Cleared);
    check(AlarmQuery { state: cleared, ..none }, &[5, 4]);
    check(AlarmQuery { state: cleared, device: Some(DeviceId(b)), ..none }, &[5]);
    let events = |query: EventQuery| {
        let found = ask(&store, move |snapshot| snapshot.events(&query)).expect("read");
        found.iter().map(|row| row.id.0 - ids.event.0).collect::<Vec<_>>()
    };
    assert_eq!(events(EventQuery { device: None, before: None, limit: 3 }), [6, 5, 4]);
    let before = Some(sangam_storage::devices::EventId(ids.event.0 + 5));
    assert_eq!(events(EventQuery { device: Some(DeviceId(a)), before, limit: 9 }), [3, 1]);
}

fn totals_count_what_is_there(open: OpenStore<'_>) {
    let mut store = open();
    let before = ask(&store, |snapshot| snapshot.totals()).expect("read");
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    let mut pending = device(id + 1, "counted too");
    pending.state = State::Pending;
    let mut cleared = alarm(ids.alarm.0 + 2, id, "u", Severity::Major);
    cleared.clear("", 5);
    cleared.revision = 1;
    put(
        &mut store,
        vec![
            row_of(&device(id, "counted")),
            row_of(&pending),
            Row::Task(Box::new(task(ids.task.0 + 1, id, TaskKind::Reboot))),
            Row::Alarm(Box::new(alarm(ids.alarm.0 + 1, id, "t", Severity::Major))),
            Row::Alarm(Box::new(cleared)),
        ],
    );
    let after: Totals = ask(&store, |snapshot| snapshot.totals()).expect("read");
    let mut expected = before;
    expected.devices[usize::from(State::Enrolled.code())] += 1;
    expected.devices[usize::from(State::Pending.code())] += 1;
    expected.tasks[usize::from(TaskState::Queued.code())] += 1;
    expected.alarms[usize::from(Severity::Major.code())] += 1;
    assert_eq!(after, expected);
}
