use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sangam_cwmp_proto::connection_request::udp::{Stamp, Stamps};
use sangam_types::Wall;
use tokio::sync::Mutex;

/// So many seconds of stamps are set aside in the file at a time.
const AHEAD_SECS: u64 = 60;

/// What tells datagrams apart (TR-069 Amendment 6 Annex G.2.2.3: `ts` and `id`): each later than all before, also than those before a
/// restart, as a device ignores what is not. Up to where they may have been given stands in a file, ahead of them, so that a clock
/// that went back does no harm either.
#[derive(Debug)]
pub(super) struct StampSource {
    file: Option<PathBuf>,
    given: Mutex<Given>,
}

#[derive(Debug)]
struct Given {
    stamps: Stamps,
    /// The file says that stamps up to this second may have been given.
    reserved_secs: u64,
}

impl StampSource {
    /// Goes on after what the file has. Without a file, or with one that cannot be read, the clock is believed to have gone on.
    pub(super) fn open(file: Option<PathBuf>, now: Wall) -> Self {
        let read = file.as_deref().and_then(|path| fs::read_to_string(path).ok());
        let reserved = read.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
        let last = Stamp { timestamp_secs: reserved.max(now.unix_secs()), id: u32::MAX };
        let last = if file.is_some() && reserved < now.unix_secs() { Stamp::default() } else { last };
        Self { file, given: Mutex::new(Given { stamps: Stamps::after(last), reserved_secs: reserved }) }
    }

    /// The next one.
    pub(super) async fn next_stamp(&self, now: Wall) -> Stamp {
        let mut given = self.given.lock().await;
        let stamp = given.stamps.next_stamp(now);
        if let Some(path) = self.file.clone().filter(|_| stamp.timestamp_secs > given.reserved_secs) {
            let until = stamp.timestamp_secs.saturating_add(AHEAD_SECS);
            let kept = tokio::task::spawn_blocking(move || keep(&path, until)).await.map_err(io::Error::other);
            match kept.and_then(|kept| kept) {
                Ok(()) => given.reserved_secs = until,
                // The datagram goes out all the same: at worst a clock that goes back has devices ignore some later on.
                Err(error) => tracing::warn!(%error, "up to where datagrams to devices are numbered cannot be kept"),
            }
        }
        stamp
    }
}

/// Puts it on the disk, whole or not at all.
fn keep(path: &Path, until_secs: u64) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(until_secs.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Wall {
        Wall::from_unix_secs(secs)
    }

    #[tokio::test]
    async fn stamps_go_on_after_a_restart_though_the_clock_went_back() {
        let dir = tempfile::tempdir().unwrap();
        let open = |secs| StampSource::open(Some(dir.path().join("stamps")), at(secs));
        let mut last = Stamp::default();
        for (started, now) in [(1_000, 1_000), (1_000, 1_000), (1_000, 1_300), (500, 501), (500, 500), (2_000, 2_000)] {
            let source = open(started);
            for _ in 0..3 {
                let next = source.next_stamp(at(now)).await;
                assert!(next > last, "{next:?} after {last:?} at {now}");
                last = next;
            }
        }
        assert_eq!(last, Stamp { timestamp_secs: 2_000, id: 3 });
    }

    #[tokio::test]
    async fn without_a_file_stamps_begin_after_the_second_of_the_start() {
        let source = StampSource::open(None, at(1_000));
        assert_eq!(source.next_stamp(at(1_000)).await, Stamp { timestamp_secs: 1_001, id: 1 });
    }
}
