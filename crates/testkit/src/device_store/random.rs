//! The same random things done to an adapter and to the model.

use sangam_storage::devices::{
    Alarm, AlarmQuery, AlarmState, Answer, Answered, CELLS, Cell, Change, Device, DeviceId, DeviceQuery, Diagnostic,
    DiagnosticQuery, EventQuery, EventRow, FileId, FileRow, Grant, Happened, HistoryQuery, HistoryRow, LastIds, Page,
    Payload, Profile, ProfileId, Row, Schema, SchemaId, SchemaRules, Seen, Severity, Snapshot, State, Step, Store,
    Subscription, Sweep, Task, TaskKind, TaskQuery, TaskRules, Totals, ValueKind,
};

use super::sample;
use super::sweeping::sweep_to_the_end;
use super::{MemoryDeviceStore, OpenStore, ask};

pub(super) fn is_like_the_model(open: OpenStore<'_>, seed: u64, steps: usize) {
    let model = MemoryDeviceStore::default();
    let (mut store, mut like) = (open(), model.open());
    let mut story = Story::new(seed);
    for step in 1..=steps {
        let what = format!("seed {seed}, step {step}");
        match story.chance.below(12) {
            0 => {
                drop(store);
                store = open();
            }
            1 => sweep_both(&mut store, &mut like, story.sweep()),
            2 => assert!(store.writer.checkpoint().is_ok()),
            3 => store.writer.reopen().expect("opened anew"),
            _ => {
                let changes = story.changes(&mut like);
                let outcomes = store.writer.commit(&changes).expect("committed");
                assert_eq!(outcomes, like.writer.commit(&changes).expect("committed"), "{what}: {changes:?}");
            }
        }
        // What is left of devices that went is not compared.
        let nothing = Sweep { rows_max: 50, devices_max: 1, ..Sweep::default() };
        sweep_to_the_end(&mut store, &nothing);
        compare(&everything(&mut store), &everything(&mut like), &what);
    }
}

fn sweep_both(store: &mut Store, like: &mut Store, sweep: Sweep) {
    let (swept, expected) = (sweep_to_the_end(store, &sweep), sweep_to_the_end(like, &sweep));
    // How many rows went before a device took the others along is not said.
    assert_eq!(swept.removed, expected.removed, "{sweep:?}");
}

/// Both in full would be too much to read.
fn compare(found: &Everything, expected: &Everything, what: &str) {
    assert_eq!(found.last, expected.last, "{what}");
    assert_eq!(found.totals, expected.totals, "{what}");
    assert_eq!(found.devices, expected.devices, "{what}");
    assert_eq!(found.about, expected.about, "{what}");
    assert_eq!(found.tasks, expected.tasks, "{what}");
    assert_eq!(found.alarms, expected.alarms, "{what}");
    assert_eq!(found, expected, "{what}");
}

/// All that can be read of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Everything {
    last: LastIds,
    totals: Totals,
    devices: Vec<Device>,
    about: Vec<About>,
    events: Vec<EventRow>,
    tasks: Vec<Task>,
    to_wake: Vec<Task>,
    sent: Vec<Task>,
    profiles: Vec<Profile>,
    files: Vec<FileRow>,
    alarms: Vec<Alarm>,
    diagnostics: Vec<Diagnostic>,
    schemas: Vec<Option<Schema>>,
    grants: Vec<Grant>,
    answered: Vec<Answered>,
}

/// What lies with one device.
#[derive(Clone, Debug, PartialEq, Eq)]
struct About {
    pages: Vec<(u32, Page)>,
    history: Vec<HistoryRow>,
    live: Vec<Task>,
    subscriptions: Vec<Subscription>,
    by_key: Option<DeviceId>,
    by_endpoint: Option<DeviceId>,
}

/// Rows of one answer while everything is read: small, so that pages are put together.
const LIMIT: usize = 7;
/// Grants and answers are asked for by these, with a number behind.
const GRANTS: u64 = 6;

/// Reads all that can be read.
pub fn everything(store: &mut Store) -> Everything {
    let last = sample::last_ids(store);
    ask(store, move |snapshot| read_everything(snapshot, last))
}

fn read_everything(snapshot: &mut dyn Snapshot, last: LastIds) -> Everything {
    let mut devices = Vec::new();
    let mut query = DeviceQuery { limit: LIMIT, ..DeviceQuery::default() };
    loop {
        let page = snapshot.devices(&query).expect("read");
        devices.extend(page.devices);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let about = devices.iter().map(|device| read_about(snapshot, device)).collect();
    let tasks = newest_first(|last: Option<&Task>| {
        let before = last.map(|row| row.id);
        snapshot.tasks(&TaskQuery { before, limit: LIMIT, ..TaskQuery::default() }).expect("read")
    });
    let events = newest_first(|last: Option<&EventRow>| {
        let before = last.map(|row| row.id);
        snapshot.events(&EventQuery { device: None, before, limit: LIMIT }).expect("read")
    });
    let alarms = newest_first(|last: Option<&Alarm>| {
        let before = last.map(|row| row.id);
        snapshot.alarms(&AlarmQuery { before, limit: LIMIT, ..AlarmQuery::default() }).expect("read")
    });
    let diagnostics = newest_first(|last: Option<&Diagnostic>| {
        let before = last.map(|row| row.id);
        snapshot.diagnostics(&DiagnosticQuery { before, limit: LIMIT, ..DiagnosticQuery::default() }).expect("read")
    });
    let profiles =
        newest_first(|last: Option<&Profile>| snapshot.profiles(last.map(|row| row.id), LIMIT).expect("read"));
    let files = newest_first(|last: Option<&FileRow>| snapshot.files(last.map(|row| row.id), LIMIT).expect("read"));
    let schemas =
        newest_first(|last: Option<&(SchemaId, _)>| snapshot.schemas(last.map(|(id, _)| *id), LIMIT).expect("read"));
    Everything {
        last,
        totals: snapshot.totals().expect("read"),
        devices,
        about,
        events,
        tasks,
        to_wake: snapshot.tasks_to_wake(u64::MAX, 1_000).expect("read"),
        sent: snapshot.sent_tasks(None, 1_000).expect("read"),
        profiles,
        files,
        alarms,
        diagnostics,
        schemas: schemas.iter().map(|(id, _)| snapshot.schema(*id).expect("read")).collect(),
        grants: (0..GRANTS).filter_map(|at| snapshot.grant(&format!("g{at}")).expect("read")).collect(),
        answered: (0..GRANTS).filter_map(|at| snapshot.answered(&format!("k{at}")).expect("read")).collect(),
    }
}

/// Answer after answer, each behind the last row of the one before.
fn newest_first<T>(mut read: impl FnMut(Option<&T>) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let rows = read(all.last());
        let is_last = rows.len() < LIMIT;
        all.extend(rows);
        if is_last {
            return all;
        }
    }
}

fn read_about(snapshot: &mut dyn Snapshot, device: &Device) -> About {
    let mut query = HistoryQuery { device: device.id, parameter: None, before: None, limit: LIMIT, scan_max: 5 };
    let mut history = Vec::new();
    loop {
        let page = snapshot.history(&query).expect("read");
        history.extend(page.rows);
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    let by_endpoint =
        device.endpoint.as_ref().and_then(|endpoint| snapshot.device_by_endpoint(endpoint).expect("read"));
    About {
        pages: snapshot.pages(device.id, 0..=1_023).expect("read"),
        history,
        live: snapshot.live_tasks(device.id, 1_000).expect("read"),
        subscriptions: snapshot.subscriptions(device.id, 1_000).expect("read"),
        by_key: snapshot.device_by_key(&device.key).expect("read").map(|device| device.id),
        by_endpoint: by_endpoint.map(|device| device.id),
    }
}

/// Numbers that look random and are the same each time (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// One below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let bound = all.len() as u64;
        if bound == 0 { None } else { all.get(self.below(bound) as usize) }
    }
}

/// Changes that look random and are the same for the same seed and the same store.
#[derive(Clone, Debug)]
pub struct Story {
    /// What comes next.
    pub chance: Chance,
    now_ms: u64,
}

impl Story {
    /// Begins.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { chance: Chance(seed), now_ms: 1_000 }
    }

    /// Changes to the store as it is; now and then one that it refuses.
    pub fn changes(&mut self, store: &mut Store) -> Vec<Change> {
        self.now_ms += self.chance.below(50);
        let mut there = everything(store);
        (0..=self.chance.below(4))
            .map(|_| Change { rows: (0..=self.chance.below(4)).flat_map(|_| self.rows(&mut there)).collect() })
            .collect()
    }

    fn sweep(&mut self) -> Sweep {
        let before = self.now_ms.saturating_sub(self.chance.below(200));
        let mut maybe = || if self.chance.below(3) == 0 { before } else { 0 };
        Sweep {
            after: DeviceId(0),
            devices_max: 2,
            rows_max: 4,
            history_before_ms: maybe(),
            history_kept: (maybe() % 4) as usize,
            events_before_ms: maybe(),
            events_kept: (maybe() % 4) as usize,
            events_total: maybe() % 50,
            tasks_before_ms: maybe(),
            alarms_before_ms: maybe(),
            diagnostics_before_ms: maybe(),
            answered_before_ms: maybe(),
            grants_before_ms: maybe(),
            pending_before_ms: maybe(),
        }
    }

    /// Rows about what is there; `there` keeps what was given so far, so that numbers and revisions go on.
    fn rows(&mut self, there: &mut Everything) -> Vec<Row> {
        let device = self.chance.one_of(&there.devices).cloned();
        let Some(device) = device else { return self.new_device(there) };
        let (id, now_ms) = (device.id, self.now_ms);
        let small = self.chance.below(GRANTS);
        match self.chance.below(20) {
            0 | 1 => self.new_device(there),
            2 | 3 => vec![self.another_device(device)],
            4 => {
                let inform = sangam_storage::devices::Fingerprint(self.chance.below(u64::MAX));
                vec![Row::Seen(id, Seen { last_ms: now_ms, boot_ms: small, inform })]
            }
            5..=7 => vec![self.page(id)],
            8 => vec![Row::History(sample::history(id.0, now_ms, small as u32, &"v".repeat(small as usize * 9)))],
            9 => {
                there.last.event.0 += 1;
                vec![Row::Event(sample::event(there.last.event.0, id.0, now_ms))]
            }
            10 => {
                there.last.task.0 += 1;
                let kind = self.chance.one_of(&TaskKind::ALL).copied().unwrap_or(TaskKind::Reboot);
                let mut task = sample::task(there.last.task.0, id.0, kind);
                task.expires_ms = (small == 0).then_some(now_ms + 100);
                there.tasks.push(task.clone());
                vec![Row::Task(Box::new(task))]
            }
            11 | 12 => self.task_goes_on(there),
            13 => self.alarm(there, id),
            14 => match self.chance.below(4) {
                0 => vec![Row::RemoveProfile(ProfileId(small))],
                _ => self.profile(there),
            },
            15 => match self.chance.below(4) {
                0 => vec![Row::RemoveFile(FileId(small))],
                _ => {
                    there.last.file.0 += u64::from(small > 2);
                    vec![Row::File(Box::new(sample::file(there.last.file.0.max(1))))]
                }
            },
            16 => match self.chance.below(3) {
                0 => vec![Row::RemoveGrant(format!("g{small}").into())],
                _ => vec![Row::Grant(Box::new(sample::grant(&format!("g{small}"), id.0, now_ms)))],
            },
            17 => match self.chance.below(3) {
                0 => vec![Row::RemoveSubscription { device: id, id: format!("s{small}").into() }],
                _ => vec![Row::Subscription(Box::new(sample::subscription(id.0, &format!("s{small}"))))],
            },
            18 => match self.chance.below(2) {
                0 => {
                    there.last.diagnostic.0 += 1;
                    vec![Row::Diagnostic(Box::new(sample::diagnostic(there.last.diagnostic.0, id.0, now_ms)))]
                }
                _ => vec![Row::Answered(Box::new(sample::answered(&format!("k{small}"), now_ms)))],
            },
            _ => match self.chance.below(4) {
                0 => vec![Row::RemoveDevice(id)],
                1 => vec![Row::ForgetValues(id)],
                _ => self.schema(there),
            },
        }
    }

    fn new_device(&mut self, there: &mut Everything) -> Vec<Row> {
        there.last.device.0 += 1;
        // Few serial numbers: some are another device's.
        let serial = format!("r{}", self.chance.below(12));
        let mut device = match self.chance.below(3) {
            0 => sample::full_device(there.last.device.0, &serial),
            _ => sample::device(there.last.device.0, &serial),
        };
        device.state = self.chance.one_of(&State::ALL).copied().unwrap_or(State::Pending);
        device.created_ms = self.now_ms;
        vec![sample::row_of(&device)]
    }

    fn another_device(&mut self, mut device: Device) -> Row {
        // Now and then one that somebody else has written meanwhile.
        device.revision += u32::from(self.chance.below(5) > 0);
        let tag = ["gold", "north", "south"][self.chance.below(3) as usize];
        if !device.untag(tag) {
            device.tag(tag);
        }
        device.facts.software_version = format!("{}", self.chance.below(3)).into();
        device.schema = Some(SchemaId(self.chance.below(5)));
        device.state = self.chance.one_of(&State::ALL).copied().unwrap_or(State::Pending);
        sample::row_of(&device)
    }

    fn page(&mut self, device: DeviceId) -> Row {
        let mut page = Page::default();
        for at in 0..CELLS {
            if self.chance.below(3) == 0 {
                let kind = self.chance.one_of(&ValueKind::ALL).copied().unwrap_or_default();
                let value = "x".repeat(self.chance.below(60) as usize);
                page.put(at, Some(Cell { value: value.into(), kind, changed_ms: self.now_ms }));
            }
        }
        if self.chance.below(6) == 0 {
            page = Page::default();
        }
        Row::page(device, [0, 1, 2, 1_023][self.chance.below(4) as usize], &page)
    }

    fn task_goes_on(&mut self, there: &mut Everything) -> Vec<Row> {
        let Some(at) = (!there.tasks.is_empty()).then(|| self.chance.below(there.tasks.len() as u64) as usize) else {
            return Vec::new();
        };
        let task = &mut there.tasks[at];
        let now_ms = self.now_ms.max(task.not_before_ms);
        let what = match self.chance.below(6) {
            0 | 1 => Happened::Sending,
            2 => Happened::Answered(Answer::Later(Payload::default())),
            3 => Happened::Lost,
            4 => Happened::Completed(Ok(sample::payload(b"done"))),
            _ => Happened::Cancelled,
        };
        match task.handle(what, now_ms, &TaskRules::default()) {
            // One that nothing happened to is refused, as its revision is the same.
            Step::Ignored if self.chance.below(3) > 0 => Vec::new(),
            Step::Ignored | Step::Changed => vec![Row::Task(Box::new(task.clone()))],
        }
    }

    fn alarm(&mut self, there: &mut Everything, device: DeviceId) -> Vec<Row> {
        let open: Vec<&Alarm> = there.alarms.iter().filter(|alarm| alarm.state != AlarmState::Cleared).collect();
        let known = self.chance.one_of(&open).map(|alarm| (*alarm).clone());
        let Some(mut alarm) = known.filter(|_| self.chance.below(2) == 0) else {
            there.last.alarm.0 += 1;
            let severity = self.chance.one_of(&Severity::ALL).copied().unwrap_or(Severity::Info);
            let alarm_type = ["hot", "offline"][self.chance.below(2) as usize];
            return vec![Row::Alarm(Box::new(sample::alarm(there.last.alarm.0, device.0, alarm_type, severity)))];
        };
        match self.chance.below(3) {
            0 => alarm.raise(Severity::Major, 2, self.now_ms),
            1 => alarm.acknowledge("ann", self.now_ms),
            _ => alarm.clear("done", self.now_ms),
        };
        vec![Row::Alarm(Box::new(alarm))]
    }

    fn profile(&mut self, there: &mut Everything) -> Vec<Row> {
        let known = self.chance.one_of(&there.profiles).cloned();
        let profile = match known.filter(|_| self.chance.below(2) == 0) {
            Some(mut known) => {
                known.revision += 1;
                known.enabled = !known.enabled;
                known
            }
            None => {
                there.last.profile.0 += 1;
                sample::profile(there.last.profile.0)
            }
        };
        vec![Row::Profile(Box::new(profile))]
    }

    fn schema(&mut self, there: &mut Everything) -> Vec<Row> {
        let version = format!("{}", self.chance.below(6));
        let known = there.schemas.iter().flatten().find(|schema| *schema.key.software_version == *version).cloned();
        let mut rows = Vec::new();
        let mut schema = known.unwrap_or_else(|| {
            there.last.schema.0 += 1;
            let schema = Schema::new(SchemaId(there.last.schema.0), sample::schema_key(&version));
            rows.push(Row::Schema(schema.id, schema.key.clone()));
            schema
        });
        for _ in 0..3 {
            let path = format!("Device.P{}", self.chance.below(20));
            let interned = schema.intern(&path, ValueKind::Int, Some(true), &SchemaRules::default());
            rows.extend(interned.ok().and_then(|(_, row)| row).map(Row::Name));
        }
        there.schemas.retain(|other| other.as_ref().is_none_or(|other| other.id != schema.id));
        there.schemas.push(Some(schema));
        rows
    }
}
