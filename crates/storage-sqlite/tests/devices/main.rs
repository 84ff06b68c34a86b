//! The store of devices in SQLite.

mod opening;
mod power;
mod size;

use std::path::Path;

use sangam_storage::devices::Store;
use sangam_storage_sqlite::{SqliteOptions, open_devices};
use sangam_testkit::device_store::{device_store_conforms, device_store_is_like_the_model};

/// Without syncs, which show nothing here and cost much.
fn options() -> SqliteOptions {
    SqliteOptions { synced: false, ..SqliteOptions::default() }
}

fn open(dir: &Path, options: &SqliteOptions) -> Store {
    open_devices(dir, options).expect("it is opened")
}

#[test]
fn it_does_what_the_port_says() {
    let dir = tempfile::tempdir().unwrap();
    device_store_conforms(&|| open(dir.path(), &options()));
}

#[test]
fn it_does_what_the_port_says_with_syncs_and_hardly_any_memory() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        readers: 1,
        cache_bytes: 0,
        wal_bytes_max: 0,
        wal_bytes_laid_down: 1 << 20,
        ..SqliteOptions::default()
    };
    device_store_conforms(&|| open(dir.path(), &options));
}

#[test]
fn it_is_like_the_model_whatever_is_done_to_it() {
    for seed in 0..16 {
        let dir = tempfile::tempdir().unwrap();
        device_store_is_like_the_model(&|| open(dir.path(), &options()), seed, 60);
    }
}
