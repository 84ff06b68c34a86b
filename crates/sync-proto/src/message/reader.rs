use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::delta::{Pairs, Value};

use super::{Bounds, Malformed, NUMBER_MAX};

/// Reads CBOR item by item. Each reader of a value takes the key it belongs to, for what it says when it refuses, and gives
/// `None` for null.
///
/// Our own and not `minicbor::Decoder`: tags and indefinite lengths must be taken in every place, and where each thing lies
/// must be known, for errors and for bodies that are not copied.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    whole: &'a Bytes,
    input: &'a [u8],
    bounds: &'a Bounds,
    at: usize,
    depth: usize,
}

/// What an item begins with. `None` where an indefinite length stands.
#[derive(Clone, Copy, Debug)]
enum Head {
    Unsigned(u64),
    /// What is missing to -1.
    Negative(u64),
    Bytes(Option<u64>),
    Text(Option<u64>),
    Array(Option<u64>),
    Map(Option<u64>),
    Bool(bool),
    Null,
    /// Its width as the head has it, 25 to 27, and its bits.
    Float(u8, u64),
    /// A simple value that means nothing here.
    Other,
    Break,
}

/// An array or a map that was begun: how many items or pairs are left, `None` up to a break.
#[derive(Debug)]
pub(crate) struct Left(Option<u64>);

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a Bytes, bounds: &'a Bounds) -> Self {
        Self { whole: input, input, bounds, at: 0, depth: 0 }
    }

    pub(crate) fn bounds(&self) -> &'a Bounds {
        self.bounds
    }

    /// Where the next item begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.input.len() { Ok(()) } else { Err(Malformed::new("more than one item", self.at)) }
    }

    /// A map: `field` is given each key and must read its value, or [`Self::skip`] it.
    pub(crate) fn fields(
        &mut self,
        what: &str,
        mut field: impl FnMut(&mut Self, &str) -> Result<(), Malformed>,
    ) -> Result<Option<()>, Malformed> {
        let Some(mut left) = self.begin_map(what)? else { return Ok(None) };
        while self.more(&mut left)? {
            let key = self.key()?;
            field(self, &key)?;
        }
        Ok(Some(()))
    }

    fn begin_map(&mut self, what: &str) -> Result<Option<Left>, Malformed> {
        let at = self.at;
        match self.head()? {
            Head::Map(pairs) => self.enter(at).map(|()| Some(Left(pairs))),
            Head::Null => Ok(None),
            _ => Err(Malformed::new(format!("{what} is not a map"), at)),
        }
    }

    /// An array of at most `max` items: `item` is given each one's place and must read it.
    pub(crate) fn items(
        &mut self,
        key: &str,
        max: usize,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), Malformed>,
    ) -> Result<Option<()>, Malformed> {
        let at = self.at;
        let mut left = match self.head()? {
            Head::Array(items) => Left(items),
            Head::Null => return Ok(None),
            _ => return Err(Malformed::new(format!("{key} is not an array"), at)),
        };
        self.enter(at)?;
        let mut index = 0;
        while self.more(&mut left)? {
            if index == max {
                return Err(Malformed::new(format!("{key} has more than {max} entries"), self.at));
            }
            item(self, index)?;
            index += 1;
        }
        Ok(Some(()))
    }

    fn enter(&mut self, at: usize) -> Result<(), Malformed> {
        if self.depth >= self.bounds.depth_max {
            return Err(self.too_deep(at));
        }
        self.depth += 1;
        Ok(())
    }

    fn too_deep(&self, at: usize) -> Malformed {
        Malformed::new(format!("nested deeper than {} levels", self.bounds.depth_max), at)
    }

    /// Whether an array or map that was entered goes on; leaves it if not.
    fn more(&mut self, left: &mut Left) -> Result<bool, Malformed> {
        let more = match &mut left.0 {
            Some(0) => false,
            Some(count) => {
                *count -= 1;
                true
            }
            None => !self.take_break()?,
        };
        if !more {
            self.depth -= 1;
        }
        Ok(more)
    }

    fn take_break(&mut self) -> Result<bool, Malformed> {
        let found = *self.input.get(self.at).ok_or_else(|| self.ends())? == 0xFF;
        self.at += usize::from(found);
        Ok(found)
    }

    /// A key: text, whatever its length.
    fn key(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let at = self.at;
        match self.head()? {
            Head::Text(len) => self.text_of(len, "a key", at),
            _ => Err(Malformed::new("a key is not text", at)),
        }
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        let at = self.at;
        let text = match self.head()? {
            Head::Text(len) => self.text_of(len, key, at)?,
            Head::Null => return Ok(None),
            _ => return Err(Malformed::new(format!("{key} is not text"), at)),
        };
        let max = self.bounds.text_bytes_max;
        if text.len() > max {
            return Err(Malformed::new(format!("{key} has {} bytes, at most {max} are taken", text.len()), at));
        }
        Ok(Some(text))
    }

    pub(crate) fn string(&mut self, key: &str) -> Result<Option<String>, Malformed> {
        Ok(self.text(key)?.map(Cow::into_owned))
    }

    /// A byte string, as a slice of the input where it lies in one piece.
    pub(crate) fn bytes(&mut self, key: &str) -> Result<Option<Bytes>, Malformed> {
        let at = self.at;
        match self.head()? {
            Head::Bytes(Some(len)) => {
                let range = self.take(len)?;
                Ok(Some(self.whole.slice(range)))
            }
            Head::Bytes(None) => {
                let mut whole = Vec::new();
                while let Some(range) = self.chunk(false, at)? {
                    whole.extend_from_slice(&self.input[range]);
                }
                Ok(Some(whole.into()))
            }
            Head::Null => Ok(None),
            _ => Err(Malformed::new(format!("{key} is not a byte string"), at)),
        }
    }

    /// An integer from 0 to 2^63 - 1.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<u64>, Malformed> {
        let at = self.at;
        self.number_or(key, |key| Err(Malformed::new(format!("{key} is negative"), at)))
    }

    /// As [`Self::number`], but what is below 0 is 0.
    pub(crate) fn number_from_zero(&mut self, key: &str) -> Result<Option<u64>, Malformed> {
        self.number_or(key, |_| Ok(Some(0)))
    }

    fn number_or(
        &mut self,
        key: &str,
        negative: impl FnOnce(&str) -> Result<Option<u64>, Malformed>,
    ) -> Result<Option<u64>, Malformed> {
        let at = self.at;
        match self.head()? {
            Head::Unsigned(number) if number <= NUMBER_MAX => Ok(Some(number)),
            Head::Unsigned(_) => Err(Malformed::new(format!("{key} is above 2^63 - 1"), at)),
            Head::Negative(_) => negative(key),
            Head::Null => Ok(None),
            _ => Err(Malformed::new(format!("{key} is not an integer"), at)),
        }
    }

    pub(crate) fn bool(&mut self, key: &str) -> Result<Option<bool>, Malformed> {
        let at = self.at;
        match self.head()? {
            Head::Bool(value) => Ok(Some(value)),
            Head::Null => Ok(None),
            _ => Err(Malformed::new(format!("{key} is neither true nor false"), at)),
        }
    }

    /// Passes over one item, whatever it is. What is in it must be well-formed, and its keys text.
    pub(crate) fn skip(&mut self) -> Result<(), Malformed> {
        let mut open: Vec<(Left, bool)> = Vec::new();
        loop {
            let at = self.at;
            match self.head()? {
                Head::Array(items) => {
                    self.enter(at)?;
                    open.push((Left(items), false));
                }
                Head::Map(pairs) => {
                    self.enter(at)?;
                    open.push((Left(pairs), true));
                }
                Head::Text(len) => {
                    self.text_of(len, "a text", at)?;
                }
                Head::Bytes(Some(len)) => {
                    self.take(len)?;
                }
                Head::Bytes(None) => while self.chunk(false, at)?.is_some() {},
                Head::Break => return Err(Malformed::new("a break that ends nothing", at)),
                Head::Unsigned(_) | Head::Negative(_) | Head::Bool(_) | Head::Null | Head::Float(..) | Head::Other => {}
            }
            loop {
                let Some((left, keyed)) = open.last_mut() else { return Ok(()) };
                if self.more(left)? {
                    if *keyed {
                        self.key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// One item as a value, whatever it is. Calls itself as deep as the bounds let items lie in each other.
    pub(crate) fn value(&mut self) -> Result<Value, Malformed> {
        let at = self.at;
        Ok(match self.head()? {
            Head::Unsigned(number) => Value::Integer(number.into()),
            Head::Negative(number) => Value::Integer(-1 - i128::from(number)),
            Head::Bool(value) => Value::Bool(value),
            Head::Null => Value::Null,
            Head::Float(width, bits) => Value::Float(float(width, bits)),
            Head::Text(_) | Head::Bytes(_) | Head::Array(_) | Head::Map(_) => {
                self.at = at;
                return self.value_of_many();
            }
            Head::Other | Head::Break => return Err(Malformed::new("a value of no kind that is known", at)),
        })
    }

    fn value_of_many(&mut self) -> Result<Value, Malformed> {
        let at = self.at;
        let head = self.head()?;
        if let Head::Text(len) = head {
            return Ok(Value::Text(self.text_of(len, "a text", at)?.into_owned()));
        }
        self.at = at;
        match head {
            Head::Array(_) => {
                let mut items = Vec::new();
                self.items("a value", usize::MAX, |reader, _| {
                    items.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Value::Array(items))
            }
            Head::Map(_) => {
                let mut pairs = Pairs::default();
                self.fields("a value", |reader, key| {
                    let value = reader.value()?;
                    pairs.push(key, value);
                    Ok(())
                })?;
                Ok(Value::Map(pairs.into()))
            }
            _ => Ok(self.bytes("a value")?.map_or(Value::Null, Value::Bytes)),
        }
    }

    fn text_of(&mut self, len: Option<u64>, what: &str, at: usize) -> Result<Cow<'a, str>, Malformed> {
        let not_utf8 = |_| Malformed::new(format!("{what} is not UTF-8"), at);
        if let Some(len) = len {
            let range = self.take(len)?;
            return std::str::from_utf8(&self.input[range]).map(Cow::Borrowed).map_err(not_utf8);
        }
        let mut whole = String::new();
        while let Some(range) = self.chunk(true, at)? {
            whole.push_str(std::str::from_utf8(&self.input[range]).map_err(not_utf8)?);
        }
        Ok(Cow::Owned(whole))
    }

    /// The next piece of a string of indefinite length, `None` at its end: definite, of the same kind, without a tag.
    fn chunk(&mut self, text: bool, from: usize) -> Result<Option<Range<usize>>, Malformed> {
        let at = self.at;
        let len = match (self.untagged_head()?, text) {
            (Item::Plain(Head::Break), _) => return Ok(None),
            (Item::Plain(Head::Text(Some(len))), true) | (Item::Plain(Head::Bytes(Some(len))), false) => len,
            _ => return Err(Malformed::new(format!("a string from byte {from} has a piece of another kind"), at)),
        };
        self.take(len).map(Some)
    }

    /// The next `len` bytes, if they are there.
    fn take(&mut self, len: u64) -> Result<Range<usize>, Malformed> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let end = end.filter(|end| *end <= self.input.len()).ok_or_else(|| self.ends())?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    fn ends(&self) -> Malformed {
        Malformed::new("the message ends too early", self.at)
    }

    /// The head of the next item, its tags passed over.
    #[inline]
    fn head(&mut self) -> Result<Head, Malformed> {
        // Most items have no tag and their argument in their first byte.
        if let Some(byte) = self.input.get(self.at).filter(|byte| **byte & 0x1F < 24) {
            let argument = u64::from(*byte & 0x1F);
            let head = match byte >> 5 {
                0 => Head::Unsigned(argument),
                1 => Head::Negative(argument),
                2 => Head::Bytes(Some(argument)),
                3 => Head::Text(Some(argument)),
                4 => Head::Array(Some(argument)),
                5 => Head::Map(Some(argument)),
                _ => return self.any_head(),
            };
            self.at += 1;
            return Ok(head);
        }
        self.any_head()
    }

    fn any_head(&mut self) -> Result<Head, Malformed> {
        let at = self.at;
        let mut tags = 0;
        loop {
            match self.untagged_head()? {
                Item::Tag if self.depth + tags >= self.bounds.depth_max => return Err(self.too_deep(at)),
                Item::Tag => tags += 1,
                Item::Plain(Head::Break) if tags > 0 => return Err(Malformed::new("a tag of nothing", at)),
                Item::Plain(head) => return Ok(head),
            }
        }
    }

    fn untagged_head(&mut self) -> Result<Item, Malformed> {
        let at = self.at;
        let range = self.take(1)?;
        let byte = self.input[range.start];
        let (major, low) = (byte >> 5, byte & 0x1F);
        let argument = match low {
            0..=23 => Some(u64::from(low)),
            24..=27 => Some(self.argument(1 << (low - 24))?),
            31 if matches!(major, 2..=5 | 7) => None,
            _ => return Err(Malformed::new("no CBOR", at)),
        };
        Ok(Item::Plain(match (major, argument) {
            (0, Some(number)) => Head::Unsigned(number),
            (1, Some(number)) => Head::Negative(number),
            (2, len) => Head::Bytes(len),
            (3, len) => Head::Text(len),
            (4, len) => Head::Array(len),
            (5, len) => Head::Map(len),
            (6, _) => return Ok(Item::Tag),
            (_, None) => Head::Break,
            (_, Some(bits)) => match low {
                20 => Head::Bool(false),
                21 => Head::Bool(true),
                22 | 23 => Head::Null,
                // One byte, of which the first 32 have a shorter form that is the only one (RFC 8949 §3.3).
                24 if bits < 32 => return Err(Malformed::new("no CBOR", at)),
                25..=27 => Head::Float(low, bits),
                _ => Head::Other,
            },
        }))
    }

    /// The bytes of an argument, at most eight.
    fn argument(&mut self, len: u64) -> Result<u64, Malformed> {
        let range = self.take(len)?;
        let mut bytes = [0; 8];
        bytes[8 - range.len()..].copy_from_slice(&self.input[range]);
        Ok(u64::from_be_bytes(bytes))
    }
}

/// A float of two, four or eight bytes.
fn float(width: u8, bits: u64) -> f64 {
    match width {
        25 => half(bits),
        26 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// A float of two bytes (RFC 8949, appendix D).
fn half(bits: u64) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 0x1F, (bits & 0x3FF) as f64);
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1_024.0) * 2_f64.powi(exponent as i32 - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// A head, or a tag that stands in front of one.
enum Item {
    Plain(Head),
    Tag,
}

/// The value of a key that must be there; `at`: where the map begins.
pub(crate) fn must<T>(value: Option<T>, key: &str, at: usize) -> Result<T, Malformed> {
    value.ok_or_else(|| Malformed::new(format!("{key} is missing"), at))
}
