//! What was written is read, whole, and as it was at one moment.

use std::sync::mpsc::channel;
use std::thread;

use sangam_storage::devices::{
    DeviceId, EndpointId, EventId, Fingerprint, Page, Row, Seen, Severity, TaskId, TaskKind,
};

use super::sample::{
    alarm, answered, device, diagnostic, event, file, full_device, grant, last_ids, page, profile, row_of,
    subscription, task,
};
use super::{OpenStore, ask, put};

pub(super) fn conforms(open: OpenStore<'_>) {
    every_field_of_every_row_is_read_as_it_was_written(open);
    events_go_on_after_a_number_and_subscriptions_after_a_device_and_an_id(open);
    what_is_taken_away_is_not_read_any_more(open);
    a_device_is_found_by_all_that_names_it(open);
    pages_are_replaced_whole_and_empty_ones_go(open);
    what_was_seen_is_no_part_of_the_devices_row(open);
    a_snapshot_is_of_one_moment(open);
}

fn every_field_of_every_row_is_read_as_it_was_written(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    let one = full_device(id, "fields");
    let mut full_task = task(ids.task.0 + 1, id, TaskKind::Download);
    full_task.attempts = 2;
    full_task.expires_ms = Some(9);
    full_task.sent_ms = Some(8);
    full_task.deadline_ms = Some(7);
    full_task.ended_ms = Some(6);
    full_task.report = Some(sangam_storage::devices::Report {
        code: 9_010,
        text: "no".into(),
        payload: super::sample::payload(b"\x00\xff"),
    });
    let mut full_alarm = alarm(ids.alarm.0 + 1, id, "fields", Severity::Critical);
    full_alarm.raise(Severity::Critical, 4, 20);
    full_alarm.acknowledge("ann", 30);
    full_alarm.clear("done", 40);
    full_alarm.revision = 1;
    let mut full_diagnostic = diagnostic(ids.diagnostic.0 + 1, id, 5);
    full_diagnostic.ended_ms = Some(6);
    full_diagnostic.error = "Error_CannotResolveHostName".into();
    full_diagnostic.results = super::sample::payload(b"out");
    let mut from_device = file(ids.file.0 + 2);
    from_device.from = Some(DeviceId(id));
    let wanted = profile(ids.profile.0 + 1);
    put(
        &mut store,
        vec![
            row_of(&one),
            Row::Task(Box::new(full_task.clone())),
            Row::Alarm(Box::new(full_alarm.clone())),
            Row::Profile(Box::new(wanted.clone())),
            Row::File(Box::new(file(ids.file.0 + 1))),
            Row::File(Box::new(from_device.clone())),
            Row::Grant(Box::new(grant("fetch", id, 4))),
            Row::Grant(Box::new(grant("bring", id, 5))),
            Row::Subscription(Box::new(subscription(id, "s"))),
            Row::Diagnostic(Box::new(full_diagnostic.clone())),
            Row::Answered(Box::new(answered("fields", 3))),
            Row::Event(event(ids.event.0 + 1, id, 2)),
        ],
    );
    ask(&store, move |snapshot| {
        assert_eq!(snapshot.device(DeviceId(id)).expect("read"), Some(one));
        assert_eq!(snapshot.task(full_task.id).expect("read"), Some(full_task.clone()));
        let by_key = snapshot.task_by_command_key(DeviceId(id), &full_task.command_key).expect("read");
        assert_eq!(by_key, Some(full_task));
        assert_eq!(snapshot.alarm(full_alarm.id).expect("read"), Some(full_alarm));
        assert_eq!(snapshot.profile(wanted.id).expect("read"), Some(wanted));
        assert_eq!(snapshot.file(from_device.id).expect("read"), Some(from_device));
        assert_eq!(snapshot.grant("fetch").expect("read"), Some(grant("fetch", id, 4)));
        assert_eq!(snapshot.grant("bring").expect("read"), Some(grant("bring", id, 5)));
        assert_eq!(snapshot.subscriptions(DeviceId(id), 9).expect("read"), [subscription(id, "s")]);
        assert_eq!(snapshot.diagnostic(full_diagnostic.id).expect("read"), Some(full_diagnostic));
        assert_eq!(snapshot.answered("fields").expect("read"), Some(answered("fields", 3)));
        let query = sangam_storage::devices::EventQuery { device: Some(DeviceId(id)), before: None, limit: 9 };
        assert_eq!(snapshot.events(&query).expect("read"), [event(ids.event.0 + 1, id, 2)]);
    });
}

fn events_go_on_after_a_number_and_subscriptions_after_a_device_and_an_id(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (one, other) = (ids.device.0 + 1, ids.device.0 + 2);
    let first = ids.event.0 + 1;
    put(
        &mut store,
        vec![
            row_of(&device(one, "goes on 1")),
            row_of(&device(other, "goes on 2")),
            Row::Subscription(Box::new(subscription(one, "a"))),
            Row::Subscription(Box::new(subscription(one, "b"))),
            Row::Subscription(Box::new(subscription(other, "a"))),
            Row::Event(event(first, one, 2)),
            Row::Event(event(first + 1, other, 2)),
            Row::Event(event(first + 2, one, 1)),
        ],
    );
    ask(&store, move |snapshot| {
        let mut after = |device: Option<u64>, number: u64, limit| -> Vec<u64> {
            let events = snapshot.events_after(device.map(DeviceId), EventId(number), limit).expect("read");
            events.iter().map(|event| event.id.0 - first).collect()
        };
        assert_eq!(after(None, first - 1, 9), [0, 1, 2]);
        assert_eq!(after(None, first, 1), [1]);
        assert_eq!(after(Some(one), first, 9), [2]);
        assert_eq!(after(None, first + 2, 9), [0; 0]);
        let mut behind = |place: Option<(u64, &str)>, limit| -> Vec<(u64, String)> {
            let place = place.map(|(device, id)| (DeviceId(device), id.into()));
            let rows = snapshot.all_subscriptions(place, limit).expect("read");
            rows.iter().map(|row| (row.device.0, row.id.to_string())).collect()
        };
        let (a, b) = (|device| (device, "a".to_owned()), |device| (device, "b".to_owned()));
        assert_eq!(behind(Some((one, "")), 9), [a(one), b(one), a(other)]);
        assert_eq!(behind(Some((one, "a")), 1), [b(one)]);
        assert_eq!(behind(Some((other, "a")), 9), []);
        assert!(behind(None, 9).len() >= 3);
    });
}

fn what_is_taken_away_is_not_read_any_more(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    put(
        &mut store,
        vec![
            row_of(&device(id, "taken away")),
            Row::Profile(Box::new(profile(ids.profile.0 + 1))),
            Row::File(Box::new(file(ids.file.0 + 1))),
            Row::Grant(Box::new(grant("taken away", id, 4))),
            Row::Subscription(Box::new(subscription(id, "s"))),
        ],
    );
    put(
        &mut store,
        vec![
            Row::RemoveProfile(sangam_storage::devices::ProfileId(ids.profile.0 + 1)),
            Row::RemoveFile(sangam_storage::devices::FileId(ids.file.0 + 1)),
            Row::RemoveGrant("taken away".into()),
            Row::RemoveSubscription { device: DeviceId(id), id: "s".into() },
        ],
    );
    ask(&store, move |snapshot| {
        assert_eq!(snapshot.profile(sangam_storage::devices::ProfileId(ids.profile.0 + 1)).expect("read"), None);
        assert_eq!(snapshot.file(sangam_storage::devices::FileId(ids.file.0 + 1)).expect("read"), None);
        assert_eq!(snapshot.grant("taken away").expect("read"), None);
        assert_eq!(snapshot.subscriptions(DeviceId(id), 9).expect("read"), []);
    });
}

fn a_device_is_found_by_all_that_names_it(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).device.0 + 1;
    let one = full_device(id, "named");
    let mut sibling = device(id + 1, "named");
    sibling.key.product_class = sangam_storage::devices::ProductClass::new("").expect("may be empty");
    put(&mut store, vec![row_of(&one), row_of(&sibling)]);
    ask(&store, move |snapshot| {
        assert_eq!(snapshot.device_by_key(&one.key).expect("read"), Some(one.clone()));
        assert_eq!(snapshot.device_by_key(&sibling.key).expect("read"), Some(sibling.clone()));
        assert_eq!(snapshot.device_by_endpoint(&endpoint("proto::named")).expect("read"), Some(one.clone()));
        assert_eq!(snapshot.device_by_endpoint(&endpoint("proto::Named")).expect("read"), None, "case counts");
        let both = snapshot.devices_by_serial(one.key.oui, &one.key.serial, 9).expect("read");
        assert_eq!(both, [one.clone(), sibling]);
        assert_eq!(snapshot.devices_by_serial(one.key.oui, &one.key.serial, 1).expect("read").len(), 1);
    });
}

fn endpoint(text: &str) -> EndpointId {
    EndpointId::new(text).expect("an endpoint")
}

fn pages_are_replaced_whole_and_empty_ones_go(open: OpenStore<'_>) {
    let mut store = open();
    let id = DeviceId(last_ids(&mut store).device.0 + 1);
    put(&mut store, vec![row_of(&device(id.0, "paged"))]);
    let rows = [0, 1, 7, 1_023].map(|number| Row::page(id, number, &page(64, &"long ".repeat(9), 5)));
    put(&mut store, rows.to_vec());
    let other = page(2, "b", 6);
    put(&mut store, vec![Row::page(id, 1, &other), Row::page(id, 7, &Page::default())]);
    let all = ask(&store, move |snapshot| snapshot.pages(id, 0..=1_023)).expect("read");
    assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 1_023]);
    assert_eq!(all[1].1, other);
    let some = ask(&store, move |snapshot| snapshot.pages(id, 1..=1_022)).expect("read");
    assert_eq!(some, [(1, other)]);
    assert_eq!(ask(&store, move |snapshot| snapshot.pages(id, 2_000..=3_000)).expect("read"), []);
    put(&mut store, vec![Row::ForgetValues(id)]);
    assert_eq!(ask(&store, move |snapshot| snapshot.pages(id, 0..=u32::MAX)).expect("read"), []);
}

fn what_was_seen_is_no_part_of_the_devices_row(open: OpenStore<'_>) {
    let mut store = open();
    let id = DeviceId(last_ids(&mut store).device.0 + 1);
    let mut one = device(id.0, "seen");
    one.seen.last_ms = 99;
    put(&mut store, vec![row_of(&one)]);
    let read = |store: &_| ask(store, move |snapshot| snapshot.device(id)).expect("read").expect("it is there");
    assert_eq!(read(&store).seen, Seen::default());
    let seen = Seen { last_ms: 5, boot_ms: 4, inform: Fingerprint(u64::MAX) };
    put(&mut store, vec![Row::Seen(id, seen)]);
    one.revision = 2;
    put(&mut store, vec![row_of(&one)]);
    assert_eq!(read(&store).seen, seen);
}

fn a_snapshot_is_of_one_moment(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = DeviceId(ids.device.0 + 1);
    put(&mut store, vec![row_of(&device(id.0, "moment"))]);
    let (first_done, wait_for_first) = channel();
    let (go_on, wait_to_go_on) = channel::<()>();
    let (second_done, wait_for_second) = channel();
    let readers = store.readers.clone();
    // A thread of its own, as an adapter may do a job where it is handed in.
    let asking = thread::spawn(move || {
        let job = Box::new(move |snapshot: &mut dyn sangam_storage::devices::Snapshot| {
            first_done.send(snapshot.device(id).expect("read").is_some()).unwrap_or_default();
            // The end of the sender is the sign as well.
            wait_to_go_on.recv().unwrap_or_default();
            let found = snapshot.device(id).expect("read").map(|device| device.tags.len());
            drop(second_done.send((found, snapshot.task(TaskId(ids.task.0 + 1)).expect("read"))));
        });
        readers.read(job).expect("the queue of readers has room");
    });
    assert!(wait_for_first.recv().expect("the first part is done"));
    let mut tagged = device(id.0, "moment");
    tagged.revision = 2;
    tagged.tag("late");
    put(&mut store, vec![row_of(&tagged), Row::Task(Box::new(task(ids.task.0 + 1, id.0, TaskKind::Reboot)))]);
    drop(go_on);
    assert_eq!(wait_for_second.recv().expect("the second part is done"), (Some(0), None));
    asking.join().expect("the job was handed in");
    assert_eq!(ask(&store, move |snapshot| snapshot.device(id)).expect("read"), Some(tagged));
}
