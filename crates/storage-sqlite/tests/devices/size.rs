//! What a device takes on the disk.

use sangam_storage::devices::{Cell, Change, DeviceId, Outcome, Page, Row, ValueKind};

use super::{open, options};
use sangam_testkit::device_store::sample::{full_device, row_of};

/// How values come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Come {
    /// All of a device at once.
    AtOnce,
    /// A part of each page of every device, then another: pages grow where they lie, in no order.
    InParts,
}

/// Bytes of the file and of the values themselves, with so many devices of so many values.
fn measure(devices: u64, values: usize, come: Come) -> (u64, u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = open(dir.path(), &options());
    let mut text_bytes = 0;
    for id in 1..=devices {
        let device = Change { rows: vec![row_of(&full_device(id, &format!("SN{id:08}")))] };
        assert_eq!(store.writer.commit(&[device]).expect("committed"), [Outcome::Done]);
    }
    let parts: &[usize] = if come == Come::AtOnce { &[64] } else { &[10, 20, 40, 64] };
    for (cells, round) in parts.iter().zip(1_u64..) {
        for turn in 0..devices {
            // Another order in each round: the factors have no part in common with how many devices there are.
            let id = turn * [7, 11, 13, 17][round as usize % 4] % devices + 1;
            let mut rows = Vec::new();
            for number in 0..values.div_ceil(64) {
                let mut page = Page::default();
                for at in 0..(*cells).min(values - number * 64) {
                    let value = value(id as usize + number * 64 + at);
                    text_bytes += if *cells == 64 { value.len() as u64 } else { 0 };
                    let kind = ValueKind::String;
                    let changed_ms = 1_700_000_000_000 + if at % 8 == 0 { round * 3_600_000 } else { 0 };
                    page.put(at, Some(Cell { value: value.into(), kind, changed_ms }));
                }
                rows.push(Row::page(DeviceId(id), number as u32, &page));
            }
            assert_eq!(store.writer.commit(&[Change { rows }]).expect("committed"), [Outcome::Done]);
        }
    }
    while store.writer.checkpoint().expect("written") > 0 {}
    drop(store);
    (std::fs::metadata(dir.path().join("devices.sqlite3")).expect("a file").len(), text_bytes)
}

/// Values as gateways report them: switches, numbers, addresses, names.
fn value(number: usize) -> String {
    match number % 6 {
        0 => "1".to_owned(),
        1 => format!("{}", number * 7_919 % 100_000),
        2 => format!("192.168.1.{}", number % 256),
        3 => "Up".to_owned(),
        4 => format!("0a:1b:2c:3d:4e:{:02x}", number % 256),
        _ => format!("Device.IP.Interface.{}.", number % 9),
    }
}

#[test]
fn a_value_takes_less_than_sixteen_bytes_beside_itself() {
    for (devices, values, come) in [
        (200, 0, Come::AtOnce),
        (200, 100, Come::AtOnce),
        (60, 1_000, Come::AtOnce),
        (200, 100, Come::InParts),
        (60, 1_000, Come::InParts),
    ] {
        let (bytes, text_bytes) = measure(devices, values, come);
        let beside = (bytes - text_bytes) / devices;
        let (bytes, text_bytes) = (bytes / devices, text_bytes / devices);
        println!("{values} values {come:?}: {bytes} bytes a device, {text_bytes} of them text");
        // The row of a device with something in every field, its indexes, and the tables themselves.
        let of_the_device = 2_500;
        assert!(beside < of_the_device + 16 * values as u64, "{values} values: {beside} bytes beside them");
    }
}
