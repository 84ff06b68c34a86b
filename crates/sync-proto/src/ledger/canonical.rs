/// How deep maps, arrays, tags and strings in pieces may lie in each other.
const DEPTH_MAX: usize = 64;
/// Entries of all maps that lie in each other at one place.
const ENTRIES_MAX: usize = 65_536;
/// Bytes that are kept for the next body.
const KEPT_BYTES: usize = 64 << 10;

const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const BREAK: u8 = 0xff;

/// Writes a CBOR item in the one form that all encodings of its value share (RFC 8949 §4.2.1): the keys of maps in the order of
/// their bytes, integers, lengths and floats in the shortest form that loses nothing, lengths definite, tags as they are, every NaN
/// the same. An integer and a float are never the same value.
///
/// What holds a key twice is no value, nor is what is not well formed or lies too deep.
#[derive(Debug, Default)]
pub(super) struct Canonical {
    out: Vec<u8>,
    open: Vec<Open>,
    entries: Vec<Entry>,
    sorted: Vec<u8>,
}

/// What is being written.
#[derive(Debug)]
struct Open {
    kind: OpenKind,
    /// Where what it holds begins in the output.
    start: usize,
    /// Items that must still come; `None`: until a break.
    left: Option<u64>,
    /// Items that came.
    count: u64,
    /// Of a map: its first entry.
    entries_from: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenKind {
    Array,
    Map,
    Tag,
    /// Bytes (2) or text (3) in pieces.
    Pieces(u8),
}

/// Where an entry of a map stands in the output.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: usize,
    value: usize,
    end: usize,
}

/// The head of an item.
struct Head {
    major: u8,
    /// As in the first byte: 31 of an indefinite length, or a break.
    info: u8,
    value: u64,
}

impl Canonical {
    /// The canonical form of `body`; `None`: it has none.
    pub(super) fn write(&mut self, body: &[u8]) -> Option<&[u8]> {
        self.out.clear();
        self.open.clear();
        self.entries.clear();
        let mut rest = body;
        loop {
            self.item(&mut rest)?;
            self.close_full()?;
            if self.open.is_empty() {
                return rest.is_empty().then_some(self.out.as_slice());
            }
        }
    }

    /// Gives back memory that a large body took.
    pub(super) fn shrink(&mut self) {
        self.out.shrink_to(KEPT_BYTES);
        self.sorted.shrink_to(KEPT_BYTES);
        self.entries.shrink_to(KEPT_BYTES / size_of::<Entry>());
    }

    /// Reads one item, or the beginning of one that holds others, or the end of one.
    fn item(&mut self, rest: &mut &[u8]) -> Option<()> {
        let head = Head::read(rest)?;
        if head.major == SIMPLE && head.info == 31 {
            return self.close_at_break();
        }
        if let Some(Open { kind: OpenKind::Pieces(major), .. }) = self.open.last() {
            if head.major != *major || head.info == 31 {
                return None;
            }
            self.out.extend_from_slice(split(rest, head.value)?);
            return self.came();
        }
        self.begin_entry()?;
        match head.major {
            2 | 3 if head.info == 31 => self.enter(OpenKind::Pieces(head.major), None),
            2 | 3 => {
                let bytes = split(rest, head.value)?;
                write_head(&mut self.out, head.major, head.value);
                self.out.extend_from_slice(bytes);
                self.came()
            }
            ARRAY if head.info == 31 => self.enter(OpenKind::Array, None),
            MAP if head.info == 31 => self.enter(OpenKind::Map, None),
            ARRAY | MAP | TAG => {
                write_head(&mut self.out, head.major, head.value);
                match head.major {
                    ARRAY => self.enter(OpenKind::Array, Some(head.value)),
                    MAP => self.enter(OpenKind::Map, Some(head.value.checked_mul(2)?)),
                    _ => self.enter(OpenKind::Tag, Some(1)),
                }
            }
            SIMPLE => {
                write_simple(&mut self.out, &head)?;
                self.came()
            }
            major => {
                write_head(&mut self.out, major, head.value);
                self.came()
            }
        }
    }

    fn enter(&mut self, kind: OpenKind, left: Option<u64>) -> Option<()> {
        if self.open.len() >= DEPTH_MAX {
            return None;
        }
        let (start, entries_from) = (self.out.len(), self.entries.len());
        self.open.push(Open { kind, start, left, count: 0, entries_from });
        Some(())
    }

    /// In a map, notes where a key begins, or a value.
    fn begin_entry(&mut self) -> Option<()> {
        let at = self.out.len();
        let Some(open) = self.open.last().filter(|open| open.kind == OpenKind::Map) else { return Some(()) };
        if open.count % 2 == 1 {
            self.entries.last_mut()?.value = at;
        } else if self.entries.len() < ENTRIES_MAX {
            self.entries.push(Entry { key: at, value: at, end: at });
        } else {
            return None;
        }
        Some(())
    }

    /// An item is complete: what holds it counts it.
    fn came(&mut self) -> Option<()> {
        let at = self.out.len();
        let Some(open) = self.open.last_mut() else { return Some(()) };
        open.count += 1;
        if let Some(left) = &mut open.left {
            *left = left.checked_sub(1)?;
        }
        if open.kind == OpenKind::Map && open.count % 2 == 0 {
            self.entries.last_mut()?.end = at;
        }
        Some(())
    }

    /// Ends everything to which nothing is missing any more.
    fn close_full(&mut self) -> Option<()> {
        while let Some(open) = self.open.pop_if(|open| open.left == Some(0)) {
            self.close(&open)?;
        }
        Some(())
    }

    fn close_at_break(&mut self) -> Option<()> {
        let open = self.open.pop_if(|open| open.left.is_none())?;
        self.close(&open)
    }

    fn close(&mut self, open: &Open) -> Option<()> {
        let (major, len) = match open.kind {
            OpenKind::Tag => return self.came(),
            OpenKind::Array => (ARRAY, open.count),
            OpenKind::Map if open.count % 2 == 1 => return None,
            OpenKind::Map => {
                self.sort(open)?;
                (MAP, open.count / 2)
            }
            OpenKind::Pieces(major) => (major, (self.out.len() - open.start) as u64),
        };
        if open.left.is_none() {
            let mut head = Vec::with_capacity(9);
            write_head(&mut head, major, len);
            self.out.splice(open.start..open.start, head);
        }
        self.came()
    }

    /// Puts the entries of a map in order; `None`: a key stands there twice.
    fn sort(&mut self, open: &Open) -> Option<()> {
        let Self { out, entries, sorted, .. } = self;
        let of_map = entries.get_mut(open.entries_from..)?;
        let key = |entry: &Entry| out.get(entry.key..entry.value).unwrap_or_default();
        if !of_map.is_sorted_by(|a, b| key(a) < key(b)) {
            of_map.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            if of_map.windows(2).any(|pair| matches!(pair, [a, b] if key(a) == key(b))) {
                return None;
            }
            sorted.clear();
            for entry in of_map.iter() {
                sorted.extend_from_slice(out.get(entry.key..entry.end)?);
            }
            out.truncate(open.start);
            out.extend_from_slice(sorted);
        }
        entries.truncate(open.entries_from);
        Some(())
    }
}

impl Head {
    /// Reads a head; `None`: the bytes end, or it is a form that RFC 8949 §3 reserves.
    fn read(rest: &mut &[u8]) -> Option<Self> {
        let (&first, after) = rest.split_first()?;
        *rest = after;
        let (major, info) = (first >> 5, first & 31);
        let value = match info {
            0..=23 => u64::from(info),
            24..=27 => {
                let bytes = split(rest, 1 << (info - 24))?;
                bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
            }
            31 if first == BREAK || (2..=5).contains(&major) => 0,
            _ => return None,
        };
        Some(Self { major, info, value })
    }
}

fn split<'a>(rest: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (bytes, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    Some(bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "each arm takes what fits")]
fn write_head(out: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    match value {
        0..=23 => out.push(major | value as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, value as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Writes a simple value, or a float in the shortest form that loses nothing.
#[expect(clippy::cast_possible_truncation, reason = "a head holds no more than its width")]
fn write_simple(out: &mut Vec<u8>, head: &Head) -> Option<()> {
    let float = match head.info {
        0..=23 => {
            out.push(SIMPLE << 5 | head.info);
            return Some(());
        }
        24 if head.value < 32 => return None,
        24 => {
            out.extend_from_slice(&[SIMPLE << 5 | 24, head.value as u8]);
            return Some(());
        }
        25 => f64::from(from_half(head.value as u16)),
        26 => f64::from(f32::from_bits(head.value as u32)),
        _ => f64::from_bits(head.value),
    };
    let single = float as f32;
    if float.is_nan() {
        out.extend_from_slice(&[0xf9, 0x7e, 0x00]);
    } else if f64::from(single).to_bits() != float.to_bits() {
        out.push(0xfb);
        out.extend_from_slice(&float.to_be_bytes());
    } else if let Some(half) = to_half(single) {
        out.push(0xf9);
        out.extend_from_slice(&half.to_be_bytes());
    } else {
        out.push(0xfa);
        out.extend_from_slice(&single.to_be_bytes());
    }
    Some(())
}

/// A number of 16 bits as one of 32 (IEEE 754): every one has an equal.
fn from_half(half: u16) -> f32 {
    let (exponent, mantissa) = (half >> 10 & 0x1f, half & 0x3ff);
    let value = match exponent {
        0 => f32::from(mantissa) * 2f32.powi(-24),
        31 if mantissa == 0 => f32::INFINITY,
        31 => f32::NAN,
        _ => f32::from(mantissa | 0x400) * 2f32.powi(i32::from(exponent) - 25),
    };
    if half & 0x8000 == 0 { value } else { -value }
}

/// A number of 32 bits, no NaN, as one of 16, if there is an equal.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit is told by the comparison"
)]
fn to_half(single: f32) -> Option<u16> {
    let (sign, size) = (if single.is_sign_negative() { 0x8000 } else { 0 }, single.abs());
    let half = if size.is_infinite() {
        0x7c00
    } else if size < 2f32.powi(-14) {
        (size * 2f32.powi(24)) as u16
    } else {
        let bits = size.to_bits();
        let exponent = (bits >> 23) as i32 - 127 + 15;
        if !(1..=30).contains(&exponent) {
            return None;
        }
        (exponent as u16) << 10 | (bits >> 13 & 0x3ff) as u16
    } | sign;
    (from_half(half).to_bits() == single.to_bits()).then_some(half)
}
