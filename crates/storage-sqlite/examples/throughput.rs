//! How many operations a second the store takes, on the disk that holds the directory: a number to compare with itself.
//!
//! `throughput DIR [GROWING]`: new entities in random order with bodies of 256 bytes. With a second word nothing is laid down for the
//! write-ahead log, so that it grows while it is written. Only calls of the store are timed.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sangam_storage::sync::{EntityKey, Store, Writer};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_testkit::sync_store::{Edit, draft};

/// For each kind of work.
const LIMIT: Duration = Duration::from_secs(4);
/// Of log before it is copied into the file.
const CHECKPOINT_EVERY: u64 = 8 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir = PathBuf::from(words.next().ok_or("usage: throughput DIR [GROWING]")?);
    let laid_down = if words.next().is_some() { 0 } else { SqliteOptions::default().wal_bytes_laid_down };
    let options = SqliteOptions { wal_bytes_laid_down: laid_down, ..SqliteOptions::default() };
    println!("| operations a commit | commits/s | operations/s | of it reading | longest commit |");
    println!("|---|---|---|---|---|");
    for per_commit in [1, 64, 100, 1_000] {
        let work = dir.join(format!("work-{per_commit}"));
        std::fs::create_dir(&work)?;
        let Store { mut writer, readers: _readers } = open_sync(&work, &options)?;
        measure(&mut *writer, per_commit)?;
        drop(writer);
        std::fs::remove_dir_all(&work)?;
    }
    Ok(())
}

fn measure(writer: &mut dyn Writer, per_commit: u64) -> Result<(), Box<dyn Error>> {
    let (mut reading, mut writing, mut longest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut commits, mut next, mut log) = (0_u32, 0_u64, 0);
    while reading + writing < LIMIT {
        let edits: Vec<Edit> = (0..per_commit).map(|ahead| edit(next + ahead)).collect();
        next += per_commit;
        let keys: Vec<EntityKey> = edits.iter().map(|edit| edit.of.clone()).collect();
        let began = Instant::now();
        writer.entities("db", &keys)?;
        reading += began.elapsed();
        let change = draft(writer, "db", &edits, next);
        log += 400 * per_commit + 4_096;
        let began = Instant::now();
        writer.commit(std::slice::from_ref(&change))?;
        if log >= CHECKPOINT_EVERY {
            writer.checkpoint()?;
            log = 0;
        }
        longest = longest.max(began.elapsed());
        writing += began.elapsed();
        commits += 1;
    }
    let rate = f64::from(commits) / (reading + writing).as_secs_f64();
    let share = 100.0 * reading.as_secs_f64() / (reading + writing).as_secs_f64();
    println!("| {per_commit} | {rate:.0} | {:.0} | {share:.0} % | {longest:.0?} |", rate * per_commit as f64);
    Ok(())
}

fn edit(number: u64) -> Edit {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Edit::upsert("device", number, ["c0", "c1", "c2"][number as usize % 3], &format!("e{mixed:x}"), &[7; 256])
}
