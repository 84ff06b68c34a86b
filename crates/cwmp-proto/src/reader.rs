use std::borrow::Cow;
use std::str::FromStr;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use crate::value::ValueKind;
use crate::wire::Bound;
use crate::xml_char::is_xml_char;
use crate::{Departures, SoapError, SoapLimits};

/// Walks through elements within the limits. Whoever takes a child reads it to its end, by [`Self::child`] up to `None`,
/// [`Self::text`] or [`Self::skip`], before the next.
pub(crate) struct Reader<'a> {
    xml: NsReader<&'a [u8]>,
    limits: &'a SoapLimits,
    departures: Departures,
    /// Elements that are open.
    depth: usize,
    elements: usize,
    asides: usize,
}

/// A start tag.
pub(crate) struct Element<'a> {
    start: BytesStart<'a>,
}

impl Element<'_> {
    /// Its name without the prefix.
    pub(crate) fn local(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// The raw value of the first attribute with this local name.
    pub(crate) fn attribute(&self, local: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.start.attributes();
        let found = attributes.with_checks(false).flatten().find(|it| it.key.local_name().into_inner() == local)?;
        Some(found.value)
    }

    /// The names of the namespaces that it declares.
    pub(crate) fn declared(&self) -> Vec<String> {
        let mut attributes = self.start.attributes();
        let declarations = attributes.with_checks(false).flatten().filter(|it| it.key.as_namespace_binding().is_some());
        declarations.map(|it| it.value.to_string()).collect()
    }
}

/// What stands next.
enum Step<'a> {
    Begin(Element<'a>),
    End,
    Text,
    Eof,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, limits: &'a SoapLimits) -> Self {
        let mut xml = NsReader::from_str(text);
        xml.config_mut().expand_empty_elements = true;
        Self { xml, limits, departures: Departures::default(), depth: 0, elements: 0, asides: 0 }
    }

    pub(crate) fn departures(&mut self) -> &mut Departures {
        &mut self.departures
    }

    pub(crate) fn limits(&self) -> &SoapLimits {
        self.limits
    }

    /// How many there may be in such a list, and the name of that limit.
    pub(crate) fn bound(&self, bound: Bound) -> (usize, &'static str) {
        match bound {
            Bound::Events => (self.limits.events, "events"),
            Bound::Parameters => (self.limits.parameters, "parameters"),
            Bound::Items => (self.limits.items, "items"),
        }
    }

    /// The root; `None` at the end of the document.
    pub(crate) fn root(&mut self) -> Result<Option<Element<'a>>, SoapError> {
        let mut ignored = String::new();
        loop {
            match self.step(&mut ignored)? {
                Step::Begin(element) => return Ok(Some(element)),
                Step::Eof => return Ok(None),
                Step::Text if ignored.trim().is_empty() => ignored.clear(),
                Step::Text | Step::End => return Err(self.syntax()),
            }
        }
    }

    /// The next child of the element that is open; `None`: it ends. Text between children means nothing.
    pub(crate) fn child(&mut self) -> Result<Option<Element<'a>>, SoapError> {
        let mut ignored = String::new();
        loop {
            match self.step(&mut ignored)? {
                Step::Begin(element) => return Ok(Some(element)),
                Step::End => return Ok(None),
                Step::Text => ignored.clear(),
                Step::Eof => return Err(self.syntax()),
            }
        }
    }

    /// The text of the element that is open, up to its end.
    pub(crate) fn text(&mut self) -> Result<String, SoapError> {
        let mut text = String::new();
        loop {
            match self.step(&mut text)? {
                Step::Begin(_) => self.skip_unknown()?,
                Step::End => return Ok(text),
                Step::Text => {}
                Step::Eof => return Err(self.syntax()),
            }
        }
    }

    /// Passes over the rest of the element that is open.
    pub(crate) fn skip(&mut self) -> Result<(), SoapError> {
        let outside = self.depth.saturating_sub(1);
        let mut ignored = String::new();
        while self.depth > outside {
            if let Step::Eof = self.step(&mut ignored)? {
                return Err(self.syntax());
            }
            ignored.clear();
        }
        Ok(())
    }

    /// Passes over an element that no schema has there.
    pub(crate) fn skip_unknown(&mut self) -> Result<(), SoapError> {
        self.departures.unknown_elements += 1;
        self.skip()
    }

    /// A number that decides something: a status, a code. Nothing at all counts as 0.
    pub(crate) fn number<T: FromStr + Default>(&mut self, element: &'static str) -> Result<T, SoapError> {
        let text = self.text()?;
        let text = text.trim();
        if text.is_empty() {
            self.departures.wrong_values += 1;
            return Ok(T::default());
        }
        text.parse().map_err(|_| SoapError::Value { element, wanted: "a number" })
    }

    /// A number such as a count or a size. `None` if it is none: no reason to turn a whole message down.
    pub(crate) fn number_if_any<T: FromStr>(&mut self) -> Result<Option<T>, SoapError> {
        let number = self.text()?.trim().parse().ok();
        if number.is_none() {
            self.departures.wrong_values += 1;
        }
        Ok(number)
    }

    /// `0`, `1`, `false` or `true`, also in capitals. Nothing at all counts as false.
    pub(crate) fn boolean(&mut self, element: &'static str) -> Result<bool, SoapError> {
        let text = self.text()?;
        let text = text.trim();
        if text.is_empty() {
            self.departures.wrong_values += 1;
        }
        match text {
            "1" => Ok(true),
            "0" | "" => Ok(false),
            _ if text.eq_ignore_ascii_case("true") => Ok(true),
            _ if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(SoapError::Value { element, wanted: "a boolean" }),
        }
    }

    /// The `xsi:type` of a value.
    pub(crate) fn kind_of(&mut self, element: &Element<'_>) -> ValueKind {
        let said = element.attribute("type").unwrap_or_default();
        let kind = ValueKind::parse(said.rsplit(':').next().unwrap_or_default().trim());
        if kind == ValueKind::Untyped {
            self.departures.untyped_values += 1;
        }
        kind
    }

    /// Compares the `arrayType` of a list with what it holds.
    pub(crate) fn note_count(&mut self, element: &Element<'_>, actual: usize) {
        let said = element.attribute("arrayType");
        let count = said.as_deref().and_then(|it| it.trim_end().strip_suffix(']')?.rsplit_once('['));
        match count.and_then(|(_, count)| count.trim().parse::<usize>().ok()) {
            None => self.departures.untyped_arrays += 1,
            Some(count) if count != actual => self.departures.array_counts += 1,
            Some(_) => {}
        }
    }

    /// The namespace of an element. `None`: it has none, or its prefix is not declared.
    pub(crate) fn namespace_of(&mut self, element: &Element<'_>) -> Option<String> {
        match self.xml.resolver().resolve_element(element.start.name()).0 {
            ResolveResult::Bound(namespace) => Some(namespace.into_inner().to_owned()),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(_) => {
                self.departures.unbound_prefixes += 1;
                None
            }
        }
    }

    pub(crate) fn syntax(&self) -> SoapError {
        SoapError::Syntax { at: self.xml.buffer_position() }
    }

    /// The next event that counts; text is added to what there is.
    fn step(&mut self, text: &mut String) -> Result<Step<'a>, SoapError> {
        loop {
            match self.xml.read_event().map_err(|_| self.syntax())? {
                Event::Start(start) => return self.begin(start).map(Step::Begin),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Step::End);
                }
                Event::Text(part) => {
                    self.push(text, &part)?;
                    return Ok(Step::Text);
                }
                Event::CData(part) => {
                    self.push(text, &part)?;
                    return Ok(Step::Text);
                }
                Event::GeneralRef(name) => {
                    self.push_reference(text, &name)?;
                    return Ok(Step::Text);
                }
                Event::DocType(_) => return Err(SoapError::DocType),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {
                    self.asides += 1;
                    if self.asides > self.limits.asides {
                        return Err(SoapError::Limit { bound: "asides" });
                    }
                }
                Event::Empty(_) => return Err(self.syntax()),
                Event::Eof => return Ok(Step::Eof),
            }
        }
    }

    fn begin(&mut self, start: BytesStart<'a>) -> Result<Element<'a>, SoapError> {
        self.depth += 1;
        self.elements += 1;
        let passed = [
            (self.depth > self.limits.depth, "depth"),
            (self.elements > self.limits.elements, "elements"),
            (start.len() > self.limits.tag_bytes, "tag_bytes"),
        ];
        if let Some((_, bound)) = passed.into_iter().find(|(is_passed, _)| *is_passed) {
            return Err(SoapError::Limit { bound });
        }
        let mut attributes = start.attributes();
        for (at, attribute) in attributes.with_checks(false).enumerate() {
            if at == self.limits.attributes {
                return Err(SoapError::Limit { bound: "attributes" });
            }
            if attribute.is_err() {
                return Err(self.syntax());
            }
        }
        Ok(Element { start })
    }

    /// Adds text, with ends of lines as XML 1.0 §2.11 wants them.
    fn push(&mut self, text: &mut String, part: &str) -> Result<(), SoapError> {
        if text.len() + part.len() > self.limits.text_bytes {
            return Err(SoapError::Limit { bound: "text_bytes" });
        }
        if part.bytes().all(|it| it >= b' ' && it != 0xEF) {
            text.push_str(part);
            return Ok(());
        }
        let mut characters = part.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\r' if characters.peek() == Some(&'\n') => {}
                '\r' => text.push('\n'),
                _ => self.push_character(text, character),
            }
        }
        Ok(())
    }

    fn push_reference(&mut self, text: &mut String, name: &str) -> Result<(), SoapError> {
        if text.len() + 4 > self.limits.text_bytes {
            return Err(SoapError::Limit { bound: "text_bytes" });
        }
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#').ok_or(SoapError::Entity)?;
                let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
                let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_hexdigit());
                let number = is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten();
                // A number that is no character at all stands for one that may not be there.
                char::from_u32(number.ok_or(SoapError::Entity)?).unwrap_or('\0')
            }
        };
        self.push_character(text, character);
        Ok(())
    }

    fn push_character(&mut self, text: &mut String, character: char) {
        if is_xml_char(character) {
            text.push(character);
        } else {
            self.departures.forbidden_characters += 1;
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
