use super::Cell;
use crate::ValueKind;

/// Cells in a page.
pub const CELLS: usize = 64;

/// The page in which the value of a name lies.
#[must_use]
pub fn page_of(index: u32) -> u32 {
    index / CELLS as u32
}

/// The place of a value in its page.
#[must_use]
pub fn cell_of(index: u32) -> usize {
    index as usize % CELLS
}

/// Up to 64 values that lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    cells: Vec<Option<Cell>>,
}

impl Default for Page {
    fn default() -> Self {
        Self { cells: vec![None; CELLS] }
    }
}

/// Why bytes are no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// They end too early.
    #[error("a page of values ends too early")]
    Truncated,
    /// Something stands behind the last cell.
    #[error("a page of values has {0} bytes too many")]
    Trailing(usize),
    /// A version or a kind that nobody knows, a number that is too large, or text that is not UTF-8.
    #[error("a page of values has something in it that cannot be there")]
    Unknown,
}

/// Of the first byte.
const VERSION: u8 = 1;
/// In a cell's head: its time is the page's.
const AT_BASE: u64 = 0x10;
/// Bits of a cell's head below the length.
const HEAD_BITS: u32 = 5;

impl Page {
    /// A value; `None`: there is none.
    ///
    /// # Panics
    ///
    /// Never: `cell` is taken modulo [`CELLS`].
    #[must_use]
    pub fn cell(&self, cell: usize) -> Option<&Cell> {
        self.cells.get(cell % CELLS).and_then(Option::as_ref)
    }

    /// Puts a value into its place, or takes it away, and gives the one before.
    pub fn put(&mut self, cell: usize, value: Option<Cell>) -> Option<Cell> {
        self.cells.get_mut(cell % CELLS).and_then(|place| std::mem::replace(place, value))
    }

    /// The values that are there, with their places.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.iter().enumerate().filter_map(|(at, cell)| Some((at, cell.as_ref()?)))
    }

    /// Whether no value is in it: such a page need not be stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(Option::is_none)
    }

    /// As it is stored.
    ///
    /// ```text
    /// version 1 | which cells are there: 8, little endian | base: varint | cell …
    /// cell: head varint = length << 5 | at base << 4 | kind   | unless at base: changed − base, zigzag varint | value
    /// ```
    ///
    /// The base is the time that most cells have, so that most cost two bytes beside their value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let base = self.base();
        let mut bytes = Vec::with_capacity(32 + self.cells().map(|(_, cell)| cell.value.len() + 3).sum::<usize>());
        bytes.push(VERSION);
        let present = self.cells().fold(0_u64, |present, (at, _)| present | 1 << at);
        bytes.extend_from_slice(&present.to_le_bytes());
        put_varint(&mut bytes, base);
        for (_, cell) in self.cells() {
            let at_base = if cell.changed_ms == base { AT_BASE } else { 0 };
            put_varint(&mut bytes, (cell.value.len() as u64) << HEAD_BITS | at_base | u64::from(cell.kind.code()));
            if at_base == 0 {
                put_varint(&mut bytes, zigzag(cell.changed_ms.wrapping_sub(base)));
            }
            bytes.extend_from_slice(cell.value.as_bytes());
        }
        bytes
    }

    /// The page that was stored.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, PageError> {
        let mut rest = bytes;
        if take(&mut rest, 1)? != [VERSION] {
            return Err(PageError::Unknown);
        }
        let present = take(&mut rest, 8)?.iter().rev().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let base = take_varint(&mut rest)?;
        let mut page = Self::default();
        for (at, place) in page.cells.iter_mut().enumerate() {
            if present >> at & 1 == 1 {
                *place = Some(take_cell(&mut rest, base)?);
            }
        }
        if rest.is_empty() { Ok(page) } else { Err(PageError::Trailing(rest.len())) }
    }

    /// The time that most cells have.
    fn base(&self) -> u64 {
        let mut times: Vec<u64> = self.cells().map(|(_, cell)| cell.changed_ms).collect();
        times.sort_unstable();
        times.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).map_or(0, |same| same[0])
    }
}

fn take_cell(rest: &mut &[u8], base: u64) -> Result<Cell, PageError> {
    let head = take_varint(rest)?;
    let kind = ValueKind::of_code((head & 0xF) as u8).ok_or(PageError::Unknown)?;
    let changed_ms = match head & AT_BASE {
        0 => base.wrapping_add(unzigzag(take_varint(rest)?)),
        _ => base,
    };
    let len = usize::try_from(head >> HEAD_BITS).map_err(|_| PageError::Truncated)?;
    let value = std::str::from_utf8(take(rest, len)?).map_err(|_| PageError::Unknown)?;
    Ok(Cell { value: value.into(), kind, changed_ms })
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], PageError> {
    let (taken, left) = rest.split_at_checked(len).ok_or(PageError::Truncated)?;
    *rest = left;
    Ok(taken)
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, PageError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?.first().copied().unwrap_or_default();
        let bits = u64::from(byte & 0x7F);
        if shift == 63 && bits > 1 {
            break;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(PageError::Unknown)
}

/// Differences of both signs as small numbers.
fn zigzag(difference: u64) -> u64 {
    let signed = difference.cast_signed();
    (signed << 1 ^ signed >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(value: &str, changed_ms: u64) -> Cell {
        Cell { value: value.into(), kind: ValueKind::String, changed_ms }
    }

    #[test]
    fn a_full_page_costs_two_bytes_a_cell_and_its_head() {
        let mut page = Page::default();
        for at in 0..CELLS {
            page.put(at, Some(cell("twelve chars", 1_700_000_000_000)));
        }
        assert_eq!(page.encode().len(), CELLS * (12 + 2) + 1 + 8 + 6);
        page.put(5, Some(cell("twelve chars", 1_700_000_300_000)));
        assert_eq!(page.encode().len(), CELLS * (12 + 2) + 15 + 3, "five minutes later: three bytes more");
    }

    #[test]
    fn an_empty_value_is_there_and_one_that_was_taken_away_is_not() {
        let mut page = Page::default();
        assert!(page.is_empty());
        page.put(3, Some(cell("", 7)));
        let read = Page::decode(&page.encode()).unwrap();
        assert_eq!(read.cell(3), Some(&cell("", 7)));
        assert_eq!(page.put(3, None), Some(cell("", 7)));
        assert!(page.is_empty());
    }

    #[test]
    fn bytes_that_are_no_page_are_told() {
        let mut page = Page::default();
        page.put(0, Some(cell("abc", 9)));
        let good = page.encode();
        for len in 0..good.len() {
            assert_eq!(Page::decode(&good[..len]), Err(PageError::Truncated), "{len}");
        }
        assert_eq!(Page::decode(&[&good[..], &[0]].concat()), Err(PageError::Trailing(1)));
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Page::decode(&bytes)
        };
        assert_eq!(with(0, 2), Err(PageError::Unknown));
        assert_eq!(with(10, 0x7F), Err(PageError::Unknown), "a kind that nobody knows");
        assert_eq!(with(good.len() - 1, 0xFF), Err(PageError::Unknown), "no UTF-8");
        assert_eq!(Page::decode(&[&[1; 9][..], &[0xFF; 10]].concat()), Err(PageError::Unknown), "too large a number");
    }

    fn any_cell() -> impl Strategy<Value = Option<Cell>> {
        let kind = (0_u8..12).prop_map(|code| ValueKind::of_code(code).unwrap());
        let time = prop_oneof![Just(5_u64), any::<u64>()];
        proptest::option::of(("\\PC{0,40}", kind, time).prop_map(|(value, kind, changed_ms)| Cell {
            value: value.into(),
            kind,
            changed_ms,
        }))
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(cells in proptest::collection::vec(any_cell(), CELLS)) {
            let page = Page { cells };
            prop_assert_eq!(Page::decode(&page.encode()), Ok(page));
        }

        #[test]
        fn any_bytes_are_a_page_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(page) = Page::decode(&bytes) {
                prop_assert_eq!(Page::decode(&page.encode()), Ok(page));
            }
        }
    }
}
