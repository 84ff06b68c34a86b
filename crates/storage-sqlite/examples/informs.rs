//! How many batches of Informs a second the store of devices takes, on the disk that holds the directory: a number to compare with
//! itself.
//!
//! `informs DIR [DEVICES]`: so many devices (100,000) are made first. `unchanged`: each Inform is a row of what was seen. `changed`: a page
//! of values with a row of history as well. `boot`: that, two events and a task. Devices come in random order. Only commits and
//! checkpoints are timed.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sangam_storage::devices::{Change, DeviceId, Fingerprint, Row, Seen, Store, TaskKind, Writer};
use sangam_storage_sqlite::{SqliteOptions, open_devices};
use sangam_testkit::device_store::Chance;
use sangam_testkit::device_store::sample::{event, full_device, history, page, row_of, task};

/// For each kind of work.
const LIMIT: Duration = Duration::from_secs(5);
/// Informs in a commit.
const BATCH: u64 = 1_000;
/// Of log before it is copied into the file.
const CHECKPOINT_EVERY: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir = PathBuf::from(words.next().ok_or("usage: informs DIR [DEVICES]")?);
    let devices: u64 = words.next().map_or(Ok(100_000), |word| word.parse())?;
    let Store { mut writer, readers: _readers } = open_devices(&dir, &SqliteOptions::default())?;
    let began = Instant::now();
    fill(&mut *writer, devices)?;
    println!("{devices} devices of 128 values made in {:.1?}", began.elapsed());
    println!("| Informs | commits/s | Informs/s | median commit | longest |");
    println!("|---|---|---|---|---|");
    for kind in ["unchanged", "changed", "boot"] {
        measure(&mut *writer, kind, devices)?;
    }
    Ok(())
}

fn fill(writer: &mut dyn Writer, devices: u64) -> Result<(), Box<dyn Error>> {
    let ids: Vec<u64> = (1..=devices).collect();
    for ids in ids.chunks(BATCH as usize) {
        let made = ids.iter().map(|&id| {
            let pages = (0..2).map(|number| Row::page(DeviceId(id), number, &page(64, "a value", id)));
            let device = row_of(&full_device(id, &format!("SN{id:08}")));
            Change { rows: std::iter::once(device).chain(pages).collect() }
        });
        writer.commit(&made.collect::<Vec<_>>())?;
        writer.checkpoint()?;
    }
    Ok(())
}

fn measure(writer: &mut dyn Writer, kind: &str, devices: u64) -> Result<(), Box<dyn Error>> {
    let mut chance = Chance(7);
    let mut took: Vec<Duration> = Vec::new();
    let last = writer.last_ids()?;
    let (mut next_event, mut next_task) = (last.event.0, last.task.0);
    while took.iter().sum::<Duration>() < LIMIT {
        let now_ms = 1_700_000_000_000 + took.len() as u64;
        let changes: Vec<Change> = (0..BATCH)
            .map(|_| {
                let id = chance.below(devices) + 1;
                let seen = Seen { last_ms: now_ms, boot_ms: 0, inform: Fingerprint(chance.below(u64::MAX)) };
                let mut rows = vec![Row::Seen(DeviceId(id), seen)];
                if kind != "unchanged" {
                    rows.push(Row::page(DeviceId(id), 0, &page(64, "another", now_ms)));
                    rows.push(Row::History(history(id, now_ms, 3, "another3")));
                }
                if kind == "boot" {
                    next_task += 1;
                    rows.insert(0, Row::Task(Box::new(task(next_task, id, TaskKind::GetValues))));
                    for _ in 0..2 {
                        next_event += 1;
                        rows.push(Row::Event(event(next_event, id, now_ms)));
                    }
                }
                Change { rows }
            })
            .collect();
        let began = Instant::now();
        writer.commit(&changes)?;
        if (took.len() as u32).is_multiple_of(CHECKPOINT_EVERY) {
            writer.checkpoint()?;
        }
        took.push(began.elapsed());
    }
    let rate = took.len() as f64 / took.iter().sum::<Duration>().as_secs_f64();
    took.sort_unstable();
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    println!("| {kind} | {rate:.1} | {:.0} | {median:.1?} | {longest:.1?} |", rate * BATCH as f64);
    Ok(())
}
