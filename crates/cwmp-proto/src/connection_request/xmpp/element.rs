use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element of a stanza.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// With its prefix, as it stands there.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Self>,
    pub(super) text: String,
}

impl Element {
    const ATTRIBUTES_MAX: usize = 32;

    /// Reads one element; `None`: it is not well-formed. Its length and depth were bounded by whoever cut it out.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        loop {
            let done = match reader.read_event().ok()? {
                Event::Start(start) => {
                    open.push(Self::begin(&start)?);
                    continue;
                }
                Event::Empty(start) => Self::begin(&start)?,
                Event::End(_) => open.pop()?,
                Event::Text(part) => {
                    open.last_mut()?.text.push_str(&part);
                    continue;
                }
                Event::CData(part) => {
                    open.last_mut()?.text.push_str(&part);
                    continue;
                }
                Event::GeneralRef(name) => {
                    let reference = format!("&{};", &*name);
                    open.last_mut()?.text.push_str(&quick_xml::escape::unescape(&reference).ok()?);
                    continue;
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) | Event::Eof => return None,
            };
            match open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => return Some(done),
            }
        }
    }

    /// The start tag of a stream, which has no end yet.
    pub(super) fn parse_header(tag: &str) -> Option<Self> {
        let mut reader = Reader::from_str(tag);
        match reader.read_event().ok()? {
            Event::Start(start) => Self::begin(&start),
            _ => None,
        }
    }

    /// Its name without the prefix.
    pub(super) fn local(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first child with this local name.
    pub(super) fn child(&self, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.local() == local)
    }

    fn begin(start: &BytesStart<'_>) -> Option<Self> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = quick_xml::escape::unescape(&attribute.value).ok()?.into_owned();
            attributes.push((attribute.key.into_inner().to_owned(), value));
            if attributes.len() > Self::ATTRIBUTES_MAX {
                return None;
            }
        }
        let name = start.name().into_inner().to_owned();
        Some(Self { name, attributes, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_read_with_all_it_holds() {
        let text = "<iq id='a&amp;b' type=\"error\"><x:error xmlns:x='u'>a&lt;<![CDATA[<b>]]>&#65;</x:error><c/></iq>";
        let iq = Element::parse(text).unwrap();
        assert_eq!((iq.name.as_str(), iq.attribute("id"), iq.attribute("to")), ("iq", Some("a&b"), None));
        let error = iq.child("error").unwrap();
        assert_eq!((error.name.as_str(), error.text.as_str()), ("x:error", "a<<b>A"));
        assert!(iq.child("c").is_some() && iq.child("d").is_none());
    }

    #[test]
    fn what_is_not_well_formed_is_none() {
        for text in ["<a>", "<a></b>", "<a b=c/>", "<a b='1' b='2'/>", "<a>&undeclared;</a>", "text", ""] {
            assert_eq!(Element::parse(text), None, "{text}");
        }
    }
}
