//! A commit is durable, a change is whole or nothing, and nothing is written over what somebody else has written.

use sangam_storage::devices::{
    Change, DeviceId, Happened, NameRow, Outcome, Row, SchemaId, SchemaRules, Seen, Severity, Step, Task, TaskId,
    TaskKind, TaskRules, TaskState, ValueKind,
};

use super::sample::{
    alarm, answered, device, event, full_device, grant, history, last_ids, page, profile, row_of, schema_key,
    subscription, task,
};
use super::{OpenStore, ask, put, try_put};

pub(super) fn conforms(open: OpenStore<'_>) {
    a_row_is_taken_with_the_next_revision_and_no_other(open);
    a_key_and_an_endpoint_belong_to_one_device(open);
    a_refused_row_takes_its_change_with_it_and_no_other(open);
    a_later_change_sees_what_an_earlier_one_wrote(open);
    what_is_about_a_device_that_is_not_there_is_not_written(open);
    a_removed_device_leaves_nothing_that_is_found_by_it(open);
    an_alarm_that_is_not_cleared_is_the_only_one_of_its_type(open);
    a_schema_and_an_answer_are_written_once(open);
    a_sent_task_is_found_after_a_start_and_ends_once(open);
    a_store_that_is_opened_anew_is_as_it_was(open);
    numbers_are_never_given_twice(open);
}

fn a_row_is_taken_with_the_next_revision_and_no_other(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).device.0 + 1;
    let mut one = full_device(id, "revision");
    one.revision = 2;
    assert_eq!(try_put(&mut store, vec![row_of(&one)]), Outcome::Refused { row: 0 }, "it is not there yet");
    one.revision = 1;
    put(&mut store, vec![row_of(&one)]);
    assert_eq!(try_put(&mut store, vec![row_of(&one)]), Outcome::Refused { row: 0 }, "it is there");
    let mut next = device(id, "revision");
    next.revision = 2;
    put(&mut store, vec![row_of(&next)]);
    assert_eq!(try_put(&mut store, vec![row_of(&next)]), Outcome::Refused { row: 0 }, "somebody else was faster");
    assert_eq!(ask(&store, move |snapshot| snapshot.device(DeviceId(id))).expect("read"), Some(next));

    let first = last_ids(&mut store);
    let mut wanted = profile(first.profile.0 + 1);
    put(&mut store, vec![Row::Profile(Box::new(wanted.clone()))]);
    wanted.revision = 3;
    assert_eq!(try_put(&mut store, vec![Row::Profile(Box::new(wanted))]), Outcome::Refused { row: 0 });
    let mut wrong = alarm(first.alarm.0 + 1, id, "revision", Severity::Minor);
    put(&mut store, vec![Row::Alarm(Box::new(wrong.clone()))]);
    assert_eq!(try_put(&mut store, vec![Row::Alarm(Box::new(wrong.clone()))]), Outcome::Refused { row: 0 });
    assert!(wrong.acknowledge("ann", 5));
    put(&mut store, vec![Row::Alarm(Box::new(wrong))]);
    let mut get = task(first.task.0 + 1, id, TaskKind::GetValues);
    put(&mut store, vec![Row::Task(Box::new(get.clone()))]);
    get.revision = 3;
    assert_eq!(try_put(&mut store, vec![Row::Task(Box::new(get))]), Outcome::Refused { row: 0 });
}

fn a_key_and_an_endpoint_belong_to_one_device(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).device.0 + 1;
    let one = full_device(id, "taken");
    put(&mut store, vec![row_of(&one)]);
    let same_key = device(id + 1, "taken");
    assert_eq!(try_put(&mut store, vec![row_of(&same_key)]), Outcome::Refused { row: 0 });
    let mut same_endpoint = device(id + 1, "not taken");
    same_endpoint.endpoint = one.endpoint;
    assert_eq!(try_put(&mut store, vec![row_of(&same_endpoint)]), Outcome::Refused { row: 0 });
    let other = device(id + 1, "not taken");
    put(&mut store, vec![row_of(&other)]);
    same_endpoint.revision = 2;
    assert_eq!(
        try_put(&mut store, vec![row_of(&same_endpoint)]),
        Outcome::Refused { row: 0 },
        "also of one that is there"
    );
    assert_eq!(ask(&store, move |snapshot| snapshot.device(DeviceId(id + 1))).expect("read"), Some(other));
}

fn a_refused_row_takes_its_change_with_it_and_no_other(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (a, b) = (ids.device.0 + 1, ids.device.0 + 2);
    put(&mut store, vec![row_of(&device(a, "whole a"))]);
    let stale = vec![
        row_of(&device(b, "whole b")),
        Row::page(DeviceId(b), 0, &page(3, "x", 1)),
        Row::Event(event(ids.event.0 + 2, b, 5)),
        Row::Task(Box::new(task(ids.task.0 + 1, b, TaskKind::Reboot))),
        row_of(&device(a, "whole a")),
    ];
    let fine = vec![Row::Event(event(ids.event.0 + 1, a, 5)), Row::Seen(DeviceId(a), seen(77))];
    let changes = [Change { rows: fine }, Change { rows: stale }, Change { rows: Vec::new() }];
    let outcomes = store.writer.commit(&changes).expect("committed");
    assert_eq!(outcomes, [Outcome::Done, Outcome::Refused { row: 4 }, Outcome::Done]);
    let found = ask(&store, move |snapshot| {
        let b = DeviceId(b);
        (
            snapshot.device(DeviceId(a)).expect("read").map(|device| device.seen.last_ms),
            snapshot.device(b).expect("read"),
            snapshot.pages(b, 0..=1_023).expect("read").len(),
            snapshot.live_tasks(b, 9).expect("read").len(),
            snapshot.task(TaskId(ids.task.0 + 1)).expect("read"),
        )
    });
    assert_eq!(found, (Some(77), None, 0, 0, None));
    assert_eq!(last_ids(&mut store).device, DeviceId(a), "its number was not given");
}

fn a_later_change_sees_what_an_earlier_one_wrote(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).device.0 + 1;
    let first = device(id, "in order");
    let mut second = first.clone();
    second.revision = 2;
    second.tag("new");
    let changes = [&first, &first, &second].map(|device| Change { rows: vec![row_of(device)] });
    let outcomes = store.writer.commit(&changes).expect("committed");
    assert_eq!(outcomes, [Outcome::Done, Outcome::Refused { row: 0 }, Outcome::Done]);
    let mut third = second.clone();
    third.revision = 3;
    let mut fourth = third.clone();
    fourth.revision = 4;
    put(&mut store, vec![row_of(&third), row_of(&fourth)]);
}

fn what_is_about_a_device_that_is_not_there_is_not_written(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let nobody = ids.device.0 + 1_000;
    put(
        &mut store,
        vec![
            Row::Seen(DeviceId(nobody), seen(5)),
            Row::page(DeviceId(nobody), 0, &page(1, "x", 1)),
            Row::History(history(nobody, 5, 0, "x")),
            Row::Event(event(ids.event.0 + 1, nobody, 5)),
            Row::Grant(Box::new(grant("nobody", nobody, 5))),
            Row::Subscription(Box::new(subscription(nobody, "s"))),
        ],
    );
    let of_nobody = task(ids.task.0 + 1, nobody, TaskKind::Reboot);
    assert_eq!(try_put(&mut store, vec![Row::Task(Box::new(of_nobody))]), Outcome::Refused { row: 0 });
    let of_nobody = alarm(ids.alarm.0 + 1, nobody, "t", Severity::Info);
    assert_eq!(try_put(&mut store, vec![Row::Alarm(Box::new(of_nobody))]), Outcome::Refused { row: 0 });
    let found = ask(&store, move |snapshot| {
        let device = DeviceId(nobody);
        (
            snapshot.pages(device, 0..=0).expect("read").len(),
            snapshot.subscriptions(device, 9).expect("read").len(),
            snapshot.grant("nobody").expect("read"),
        )
    });
    assert_eq!(found, (0, 0, None));
    assert_eq!(last_ids(&mut store).event, ids.event);
}

fn a_removed_device_leaves_nothing_that_is_found_by_it(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    let one = full_device(id, "removed");
    let mut rows = vec![row_of(&one), Row::Seen(DeviceId(id), seen(5))];
    rows.extend((0..40).map(|number| Row::page(DeviceId(id), number, &page(64, "x", 1))));
    rows.extend((0..40).map(|at| Row::History(history(id, at, 0, "x"))));
    rows.push(Row::Task(Box::new(task(ids.task.0 + 1, id, TaskKind::Reboot))));
    rows.push(Row::Alarm(Box::new(alarm(ids.alarm.0 + 1, id, "removed", Severity::Major))));
    rows.push(Row::Grant(Box::new(grant("removed", id, 7))));
    rows.push(Row::Subscription(Box::new(subscription(id, "s"))));
    put(&mut store, rows);
    put(&mut store, vec![Row::RemoveDevice(DeviceId(id)), Row::RemoveDevice(DeviceId(id))]);
    let (key, endpoint) = (one.key.clone(), one.endpoint.clone());
    let found = ask(&store, move |snapshot| {
        let device = DeviceId(id);
        snapshot.device(device).expect("read").is_some()
            || snapshot.device_by_key(&key).expect("read").is_some()
            || endpoint.is_some_and(|endpoint| snapshot.device_by_endpoint(&endpoint).expect("read").is_some())
            || !snapshot.live_tasks(device, 9).expect("read").is_empty()
            || snapshot.open_alarm(device, "removed").expect("read").is_some()
            || snapshot.grant("removed").expect("read").is_some()
            || !snapshot.subscriptions(device, 9).expect("read").is_empty()
    });
    assert!(!found);
    // What is much of it goes little by little, and the same device may come again meanwhile.
    let again = full_device(id + 1, "removed");
    put(&mut store, vec![row_of(&again)]);
    let mut steps = 0;
    while store.writer.checkpoint().expect("written") > 0 {
        steps += 1;
        assert!(steps < 10_000, "it comes to an end");
    }
    let left = ask(&store, move |snapshot| snapshot.pages(DeviceId(id), 0..=1_023).expect("read").len());
    assert_eq!(left, 0);
    assert_eq!(ask(&store, move |snapshot| snapshot.device(DeviceId(id + 1))).expect("read"), Some(again));
}

fn an_alarm_that_is_not_cleared_is_the_only_one_of_its_type(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let id = ids.device.0 + 1;
    put(&mut store, vec![row_of(&device(id, "alarmed"))]);
    let mut first = alarm(ids.alarm.0 + 1, id, "only", Severity::Major);
    let second = alarm(ids.alarm.0 + 2, id, "only", Severity::Minor);
    let other = alarm(ids.alarm.0 + 3, id, "another", Severity::Minor);
    put(&mut store, vec![Row::Alarm(Box::new(first.clone())), Row::Alarm(Box::new(other))]);
    assert_eq!(try_put(&mut store, vec![Row::Alarm(Box::new(second.clone()))]), Outcome::Refused { row: 0 });
    assert!(first.clear("done", 9));
    put(&mut store, vec![Row::Alarm(Box::new(first)), Row::Alarm(Box::new(second.clone()))]);
    let open_one = ask(&store, move |snapshot| snapshot.open_alarm(DeviceId(id), "only")).expect("read");
    assert_eq!(open_one, Some(second));
}

fn a_schema_and_an_answer_are_written_once(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).schema.0 + 1;
    let mut schema = sangam_storage::devices::Schema::new(SchemaId(id), schema_key("once"));
    let mut rows = vec![Row::Schema(schema.id, schema.key.clone())];
    for path in ["Device.A", "Device.B"] {
        let interned = schema.intern(path, ValueKind::String, None, &SchemaRules::default());
        rows.extend(interned.expect("there is room").1.map(Row::Name));
    }
    put(&mut store, rows);
    assert_eq!(
        try_put(&mut store, vec![Row::Schema(SchemaId(id + 1), schema_key("once"))]),
        Outcome::Refused { row: 0 }
    );
    assert_eq!(try_put(&mut store, vec![Row::Schema(SchemaId(id), schema_key("twice"))]), Outcome::Refused { row: 0 });
    let learnt = schema.intern("Device.A", ValueKind::Int, Some(true), &SchemaRules::default());
    let learnt: Option<NameRow> = learnt.expect("it is known").1;
    put(&mut store, learnt.map(Row::Name).into_iter().collect());
    let found = ask(&store, move |snapshot| {
        let found = snapshot.schema_id(&schema_key("once")).expect("read");
        (found, snapshot.schema(SchemaId(id)).expect("read"), snapshot.schema_id(&schema_key("never")).expect("read"))
    });
    assert_eq!(found, (Some(SchemaId(id)), Some(schema), None));

    put(&mut store, vec![Row::Answered(Box::new(answered("ann 1", 5)))]);
    let again =
        vec![Row::Event(event(last_ids(&mut store).event.0 + 1, 1, 5)), Row::Answered(Box::new(answered("ann 1", 6)))];
    assert_eq!(try_put(&mut store, again), Outcome::Refused { row: 1 });
    let kept = ask(&store, |snapshot| snapshot.answered("ann 1")).expect("read");
    assert_eq!(kept, Some(answered("ann 1", 5)));
}

fn a_sent_task_is_found_after_a_start_and_ends_once(open: OpenStore<'_>) {
    let mut store = open();
    let ids = last_ids(&mut store);
    let (device_id, id) = (ids.device.0 + 1, TaskId(ids.task.0 + 1));
    let mut reboot = task(id.0, device_id, TaskKind::Reboot);
    reboot.not_before_ms = 0;
    put(&mut store, vec![row_of(&device(device_id, "sent")), Row::Task(Box::new(reboot.clone()))]);
    assert_eq!(reboot.handle(Happened::Sending, 10, &TaskRules::default()), Step::Changed);
    put(&mut store, vec![Row::Task(Box::new(reboot.clone()))]);
    drop(store);

    let mut store = open();
    let sent = ask(&store, |snapshot| snapshot.sent_tasks(None, 100)).expect("read");
    let mut found = sent.into_iter().find(|task| task.id == id).expect("it is there");
    assert_eq!(found, reboot);
    // Two who found it: one of them writes.
    let mut rival = found.clone();
    assert_eq!(found.handle(Happened::Lost, 20, &TaskRules::default()), Step::Changed);
    assert_eq!(rival.handle(Happened::Completed(Ok(Default::default())), 20, &TaskRules::default()), Step::Changed);
    put(&mut store, vec![Row::Task(Box::new(found.clone()))]);
    assert_eq!(try_put(&mut store, vec![Row::Task(Box::new(rival))]), Outcome::Refused { row: 0 });
    let kept: Option<Task> = ask(&store, move |snapshot| snapshot.task(id)).expect("read");
    assert_eq!(kept.map(|task| task.state), Some(TaskState::Unknown));
    assert_eq!(ask(&store, move |snapshot| snapshot.live_tasks(DeviceId(device_id), 9)).expect("read"), []);
}

fn a_store_that_is_opened_anew_is_as_it_was(open: OpenStore<'_>) {
    let mut store = open();
    // What is left of devices that went goes by itself.
    while store.writer.checkpoint().expect("written") > 0 {}
    let before = super::everything(&mut store);
    store.writer.reopen().expect("opened anew");
    assert_eq!(super::everything(&mut store), before);
    drop(store);
    let mut store = open();
    assert_eq!(super::everything(&mut store), before);
    store.writer.checkpoint().expect("written");
    assert_eq!(super::everything(&mut store), before);
}

fn numbers_are_never_given_twice(open: OpenStore<'_>) {
    let mut store = open();
    let id = last_ids(&mut store).device.0 + 1;
    put(&mut store, vec![row_of(&device(id, "once"))]);
    put(&mut store, vec![Row::RemoveDevice(DeviceId(id))]);
    assert_eq!(last_ids(&mut store).device, DeviceId(id));
    drop(store);
    assert_eq!(last_ids(&mut open()).device, DeviceId(id));
}

fn seen(last_ms: u64) -> Seen {
    Seen { last_ms, boot_ms: 3, inform: sangam_storage::devices::Fingerprint(u64::MAX) }
}
