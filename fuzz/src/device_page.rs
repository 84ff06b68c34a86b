use sangam_device_proto::values::{CELLS, Page};

/// Bytes as a stored page of values. What is one means the same after writing it again, and holds no more than it was made of.
pub fn device_page(bytes: &[u8]) {
    let Ok(page) = Page::decode(bytes) else { return };
    let held: usize = page.cells().map(|(_, cell)| cell.value.len()).sum();
    assert!(held <= bytes.len());
    assert!(page.cells().all(|(at, _)| at < CELLS));
    assert_eq!(Page::decode(&page.encode()), Ok(page));
}
