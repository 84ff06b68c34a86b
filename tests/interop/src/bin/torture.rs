//! Commits for ever and says what it was promised: for tests that kill it, cut its power, fill its disk or break its syncs.
//!
//! `torture DIR [--unsynced]`: each commit adds as many operations to the databases `left` as to `right`. A line `acked N` says
//! that cursors up to N are durable in both; `failed WORD` that a commit was not done; `reopened N` that it goes on, at N.
//! Ends when its standard input does.

use std::error::Error;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use sangam_storage::StoreError;
use sangam_storage::sync::{Store, Sweep, Writer};
use sangam_storage_sqlite::{SqliteOptions, open_sync};
use sangam_testkit::sync_store::{Edit, draft};

/// Between attempts, so that a full disk is not asked all the time.
const PAUSE: Duration = Duration::from_millis(20);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir = PathBuf::from(words.next().ok_or("usage: torture DIR [--unsynced]")?);
    let options = SqliteOptions {
        synced: words.next().as_deref() != Some("--unsynced"),
        wal_bytes_max: 1 << 20,
        wal_bytes_laid_down: 512 << 10,
        ..SqliteOptions::default()
    };
    thread::spawn(|| {
        let mut ignored = Vec::new();
        let ended = stdin().lock().read_to_end(&mut ignored);
        std::process::exit(i32::from(ended.is_err()));
    });
    let Store { mut writer, readers: _readers } = open_sync(&dir, &options)?;
    for turn in 0.. {
        match step(&mut *writer, turn) {
            Ok(head) => say(&format!("acked {head}"))?,
            Err(StoreError::Uncertain { .. }) => {
                say("failed uncertain")?;
                while writer.reopen().is_err() {
                    thread::sleep(PAUSE);
                }
                say(&format!("reopened {}", head(&mut *writer)?))?;
            }
            Err(StoreError::Full { .. }) => {
                say("failed full")?;
                thread::sleep(PAUSE);
            }
            Err(error) => {
                say(&format!("failed {error:?}"))?;
                thread::sleep(PAUSE);
            }
        }
    }
    Ok(())
}

/// One commit and now and then what else a server does. The head after it.
fn step(writer: &mut dyn Writer, turn: u64) -> Result<u64, StoreError> {
    let head = head(writer)?;
    let edits: Vec<Edit> = (1..=turn % 20 + 1).map(|ahead| edit(head + ahead)).collect();
    // Reads fail like everything else once the disk is gone.
    for db in ["left", "right"] {
        writer.databases(&[db])?;
    }
    let changes = ["left", "right"].map(|db| draft(writer, db, &edits, turn + 1));
    let after = changes[0].database.head;
    writer.commit(&changes)?;
    if turn.is_multiple_of(7) {
        writer.checkpoint()?;
    }
    if turn.is_multiple_of(11) {
        let sweep = Sweep {
            db: "right".to_owned(),
            after: 0,
            rows_max: 64,
            superseded_to: after.saturating_sub(200),
            tombstones_to: after.saturating_sub(200),
            remembered_before_ms: 0,
            replicas_seen_before_ms: 0,
            conflicts_kept: 0,
        };
        writer.sweep(&sweep)?;
    }
    Ok(after)
}

/// What stands at a cursor, so that whoever looks later knows what must be there.
fn edit(cursor: u64) -> Edit {
    let entity = format!("e{}", cursor * 7 % 101);
    if cursor.is_multiple_of(13) {
        return Edit::delete("d", cursor, "c", &entity);
    }
    let body: Vec<u8> = cursor.to_be_bytes().into_iter().cycle().take(8 + (cursor * 37 % 600) as usize).collect();
    Edit::upsert("d", cursor, "c", &entity, &body)
}

fn head(writer: &mut dyn Writer) -> Result<u64, StoreError> {
    Ok(writer.databases(&["left"])?.first().map_or(0, |database| database.head))
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
