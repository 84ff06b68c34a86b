use crate::encoding::decode_text;
use crate::header::read_header;
use crate::reader::{Element, Reader};
use crate::value::is_name;
use crate::{Body, Departures, Envelope, Fault, Header, Message, Namespace, SoapError, SoapLimits};

/// Reads the body of an HTTP request or response as one envelope with one message.
///
/// # Errors
/// [`SoapError`] if it is none, or passes a limit. An empty body, by which a CPE hands the word to the ACS and an ACS ends
/// a session, is no SOAP: it is [`SoapError::Empty`].
pub fn decode(body: &[u8], limits: &SoapLimits) -> Result<Envelope, SoapError> {
    decode_noting(body, limits).map(|(envelope, _)| envelope)
}

/// As [`decode()`], and says what was read although no standard has it so.
///
/// # Errors
/// As [`decode()`].
pub fn decode_noting(body: &[u8], limits: &SoapLimits) -> Result<(Envelope, Departures), SoapError> {
    if body.len() > limits.body_bytes {
        return Err(SoapError::BodyBytes { actual: body.len(), max: limits.body_bytes });
    }
    let mut departures = Departures::default();
    let text = decode_text(body, &mut departures)?;
    let mut reader = Reader::new(&text, limits);
    *reader.departures() = departures;
    let envelope = read_envelope(&mut reader)?;
    Ok((envelope, *reader.departures()))
}

fn read_envelope(reader: &mut Reader<'_>) -> Result<Envelope, SoapError> {
    let root = reader.root()?.ok_or_else(|| reader.syntax())?;
    let namespace = reader.namespace_of(&root);
    if root.local() != "Envelope" || namespace.is_some_and(|it| it != SOAP_1_1) {
        return Err(SoapError::NotSoap);
    }
    let mut found = Namespaces::default();
    found.note_declared(&root);
    let mut header = Header::default();
    let mut body = None;
    while let Some(child) = reader.child()? {
        found.note_declared(&child);
        match child.local() {
            "Header" => read_header(reader, &mut header, &mut found)?,
            "Body" if body.is_some() => return Err(SoapError::MoreThanOne),
            "Body" => body = Some(read_body(reader, &mut found)?),
            _ => reader.skip_unknown()?,
        }
    }
    if reader.root()?.is_some() {
        return Err(SoapError::MoreThanOne);
    }
    let body = body.ok_or(SoapError::NoBody)?;
    Ok(Envelope { namespace: found.chosen(), header, body })
}

fn read_body(reader: &mut Reader<'_>, found: &mut Namespaces) -> Result<Body, SoapError> {
    let Some(child) = reader.child()? else { return Ok(Body::Empty) };
    found.note_declared(&child);
    found.in_body = reader.namespace_of(&child).as_deref().and_then(Namespace::parse);
    let method = child.local();
    let body = if method == "Fault" {
        Body::Message(Message::Fault(Fault::read(reader, found)?))
    } else if let Some(message) = Message::read(method, reader) {
        Body::Message(message?)
    } else if is_name(method) {
        let method = method.to_owned();
        reader.skip()?;
        Body::Unknown { method }
    } else {
        return Err(SoapError::Name);
    };
    check(&body)?;
    match reader.child()? {
        None => Ok(body),
        Some(_) => Err(SoapError::MoreThanOne),
    }
}

/// Without these a message means nothing; whatever else is missing has a default.
fn check(body: &Body) -> Result<(), SoapError> {
    let element = match body {
        Body::Message(Message::Inform(it)) if it.device_id.oui.is_empty() && it.device_id.serial_number.is_empty() => {
            "DeviceId"
        }
        Body::Message(Message::AddObjectResponse(it)) if it.instance_number == 0 => "InstanceNumber",
        _ => return Ok(()),
    };
    Err(SoapError::Missing { element })
}

/// Namespaces of CWMP that an envelope names.
#[derive(Default)]
pub(crate) struct Namespaces {
    /// That of the message.
    pub(crate) in_body: Option<Namespace>,
    /// That of a header element.
    pub(crate) in_header: Option<Namespace>,
    /// The first that is declared, used or not.
    declared: Option<Namespace>,
}

impl Namespaces {
    pub(crate) fn note_declared(&mut self, element: &Element<'_>) {
        if self.declared.is_none() {
            self.declared = element.declared().iter().find_map(|it| Namespace::parse(it));
        }
    }

    fn chosen(&self) -> Namespace {
        self.in_body.or(self.in_header).or(self.declared).unwrap_or_default()
    }
}

/// SOAP 1.1 §3: the namespace of the envelope.
const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
