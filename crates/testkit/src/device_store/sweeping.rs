//! What is old goes, in small steps, and nothing else.

use sangam_storage::devices::{
    DeviceId, EventQuery, HistoryQuery, Row, Seen, Severity, State, Store, Sweep, Swept, TaskKind, TaskState,
};

use super::sample::{alarm, answered, device, diagnostic, event, grant, history, last_ids, row_of, task};
use super::{OpenStore, ask, put};

pub(super) fn conforms(open: OpenStore<'_>) {
    nothing_goes_that_is_not_asked_for(open);
    what_is_older_goes_and_the_rest_stays(open);
    history_is_bounded_by_age_and_by_number(open);
    events_are_bounded_by_number_of_each_device_and_in_all(open);
    devices_that_waited_too_long_go(open);
}

/// Sweeps until the end is reached; what went in all.
pub(super) fn sweep_to_the_end(store: &mut Store, sweep: &Sweep) -> Swept {
    let mut sweep = *sweep;
    let mut all = Swept::default();
    for step in 0.. {
        assert!(step < 100_000, "it comes to an end");
        let swept = store.writer.sweep(&sweep).expect("swept");
        all.dropped += swept.dropped;
        all.removed.extend(swept.removed);
        match swept.next {
            Some(next) => sweep.after = next,
            None => break,
        }
    }
    all
}

fn nothing_goes_that_is_not_asked_for(open: OpenStore<'_>) {
    let mut store = open();
    sweep_to_the_end(&mut store, &Sweep { rows_max: 10, devices_max: 10, ..Sweep::default() });
    let before = super::everything(&mut store);
    let swept = sweep_to_the_end(&mut store, &Sweep { rows_max: 10, devices_max: 10, ..Sweep::default() });
    assert_eq!(swept, Swept::default());
    assert_eq!(super::everything(&mut store), before);
}

fn what_is_older_goes_and_the_rest_stays(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    let mut rows = vec![row_of(&device(id, "older"))];
    for at in 0..10 {
        let ms = 100 + at;
        rows.push(Row::Event(event(ids.event.0 + 1 + at, id, ms)));
        let mut ended = task(ids.task.0 + 1 + at, id, TaskKind::Reboot);
        (ended.state, ended.ended_ms) = (TaskState::Done, Some(ms));
        rows.push(Row::Task(Box::new(ended)));
        let mut cleared = alarm(ids.alarm.0 + 1 + at, id, "older", Severity::Info);
        cleared.clear("", ms);
        cleared.revision = 1;
        rows.push(Row::Alarm(Box::new(cleared)));
        rows.push(Row::Diagnostic(Box::new(diagnostic(ids.diagnostic.0 + 1 + at, id, ms))));
        rows.push(Row::Answered(Box::new(answered(&format!("older {at}"), ms))));
        rows.push(Row::Grant(Box::new(grant(&format!("older {at}"), id, ms))));
    }
    rows.push(Row::Task(Box::new(task(ids.task.0 + 11, id, TaskKind::Reboot))));
    rows.push(Row::Alarm(Box::new(alarm(ids.alarm.0 + 11, id, "older", Severity::Info))));
    put(&mut store, rows);
    let sweep = Sweep {
        rows_max: 2,
        devices_max: 1,
        events_before_ms: 104,
        tasks_before_ms: 104,
        alarms_before_ms: 104,
        diagnostics_before_ms: 104,
        answered_before_ms: 104,
        grants_before_ms: 104,
        ..Sweep::default()
    };
    let first = store.writer.sweep(&sweep).expect("swept");
    assert!(first.dropped <= 12 && first.next.is_some(), "a step is small: {first:?}");
    sweep_to_the_end(&mut store, &sweep);
    let left = ask(&store, move |snapshot| {
        let device = Some(DeviceId(id));
        let limit = 100;
        let events = EventQuery { device, before: None, limit };
        let tasks = sangam_storage::devices::TaskQuery { device, limit, ..Default::default() };
        let alarms = sangam_storage::devices::AlarmQuery { device, limit, ..Default::default() };
        let tests = sangam_storage::devices::DiagnosticQuery { device, limit, ..Default::default() };
        let mut kept = [0; 6];
        kept[0] = snapshot.events(&events).expect("read").len();
        kept[1] = snapshot.tasks(&tasks).expect("read").len();
        kept[2] = snapshot.alarms(&alarms).expect("read").len();
        kept[3] = snapshot.diagnostics(&tests).expect("read").len();
        for at in 0..10 {
            kept[4] += usize::from(snapshot.answered(&format!("older {at}")).expect("read").is_some());
            kept[5] += usize::from(snapshot.grant(&format!("older {at}")).expect("read").is_some());
        }
        kept
    });
    assert_eq!(left, [6, 7, 7, 6, 6, 6]);
}

fn history_is_bounded_by_age_and_by_number(open: OpenStore<'_>) {
    let mut store = open();
    let first = last_ids(&mut store).device.0 + 1;
    for id in first..first + 3 {
        let mut rows = vec![row_of(&device(id, &format!("bounded {id}")))];
        rows.extend((1..=10).map(|at| Row::History(history(id, at, 0, "x"))));
        put(&mut store, rows);
    }
    let kept = |store: &Store| {
        (first..first + 3)
            .map(|id| {
                let query =
                    HistoryQuery { device: DeviceId(id), parameter: None, before: None, limit: 100, scan_max: 1_000 };
                let page = ask(store, move |snapshot| snapshot.history(&query)).expect("read");
                page.rows.iter().map(|row| row.at_ms).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    let after = DeviceId(first - 1);
    let sweep = Sweep { after, devices_max: 2, rows_max: 3, history_before_ms: 4, ..Sweep::default() };
    assert_eq!(sweep_to_the_end(&mut store, &sweep).dropped, 9);
    assert_eq!(kept(&store), vec![(4..=10).rev().collect::<Vec<_>>(); 3]);
    let sweep = Sweep { history_before_ms: 0, history_kept: 2, ..sweep };
    assert_eq!(sweep_to_the_end(&mut store, &sweep).dropped, 15);
    assert_eq!(kept(&store), vec![vec![10, 9]; 3]);
}

fn events_are_bounded_by_number_of_each_device_and_in_all(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (first, mut number) = (ids.device.0 + 1, ids.event.0);
    for id in first..first + 3 {
        let mut rows = vec![row_of(&device(id, &format!("tells {id}")))];
        for at in 1..=10 {
            number += 1;
            rows.push(Row::Event(event(number, id, at)));
        }
        put(&mut store, rows);
    }
    let kept = |store: &Store| {
        (first..first + 3)
            .map(|id| {
                let query = EventQuery { device: Some(DeviceId(id)), before: None, limit: 100 };
                let rows = ask(store, move |snapshot| snapshot.events(&query)).expect("read");
                rows.iter().map(|row| row.at_ms).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    let after = DeviceId(first - 1);
    let sweep = Sweep { after, devices_max: 2, rows_max: 3, events_kept: 4, ..Sweep::default() };
    assert_eq!(sweep_to_the_end(&mut store, &sweep).dropped, 18);
    assert_eq!(kept(&store), vec![vec![10, 9, 8, 7]; 3]);
    // The last fourteen numbers are those of the third device and four of the second.
    let sweep = Sweep { events_kept: 0, events_total: 14, ..sweep };
    sweep_to_the_end(&mut store, &sweep);
    assert_eq!(kept(&store), vec![vec![], vec![10, 9, 8, 7], vec![10, 9, 8, 7]]);
    let sweep = Sweep { events_total: 2, ..sweep };
    assert_eq!(sweep_to_the_end(&mut store, &sweep).dropped, 6);
    assert_eq!(kept(&store), vec![vec![], vec![], vec![10, 9]]);
}

fn devices_that_waited_too_long_go(open: OpenStore<'_>) {
    let mut store = open();
    let first = last_ids(&mut store).device.0 + 1;
    for (at, (state, created_ms, last_ms)) in (0..).zip([
        (State::Pending, 10, 0),
        (State::Pending, 10, 90),
        (State::Pending, 90, 0),
        (State::Enrolled, 10, 0),
        (State::Blocked, 10, 0),
        (State::Pending, 10, 20),
    ]) {
        let mut device = device(first + at, &format!("waits {at}"));
        (device.state, device.created_ms) = (state, created_ms);
        put(&mut store, vec![row_of(&device), Row::Seen(device.id, Seen { last_ms, ..Seen::default() })]);
    }
    let sweep = Sweep { rows_max: 1, devices_max: 1, pending_before_ms: 50, ..Sweep::default() };
    let swept = sweep_to_the_end(&mut store, &sweep);
    assert_eq!(swept.removed, [DeviceId(first), DeviceId(first + 5)]);
    let there = ask(&store, move |snapshot| {
        (first..first + 6).map(|id| snapshot.device(DeviceId(id)).expect("read").is_some()).collect::<Vec<_>>()
    });
    assert_eq!(there, [false, true, true, true, true, false]);
}
