use crate::header::write_header;
use crate::value::is_name;
use crate::writer::Writer;
use crate::{Body, EncodeError, Envelope, Message};

/// Writes an envelope behind what `out` holds, as UTF-8, in the namespace it names.
///
/// # Errors
/// [`EncodeError`] if a text holds what XML cannot carry; `out` is then as it was. What [`decode`](crate::decode()) made
/// can always be written.
pub fn encode(envelope: &Envelope, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = out.len();
    let written = write_envelope(envelope, out);
    if written.is_err() {
        out.truncate(before);
    }
    written
}

fn write_envelope(envelope: &Envelope, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = Writer::new(out);
    writer.raw(BEGIN);
    writer.raw(&envelope.namespace.to_string());
    writer.raw("\">");
    write_header(&envelope.header, &mut writer);
    writer.raw("<soap-env:Body>");
    match &envelope.body {
        Body::Message(Message::Fault(fault)) => fault.write(&mut writer),
        Body::Message(message) => {
            let name = format!("cwmp:{}", message.method());
            writer.open(&name);
            message.write(&mut writer);
            writer.close(&name);
        }
        Body::Unknown { method } if is_name(method) => {
            let name = format!("cwmp:{method}");
            writer.open(&name);
            writer.close(&name);
        }
        Body::Unknown { .. } => return Err(EncodeError::Name),
        Body::Empty => {}
    }
    writer.raw("</soap-env:Body></soap-env:Envelope>");
    writer.finish()
}

/// Up to the name of the namespace of CWMP.
const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap-env:Envelope \
     xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
     xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" \
     xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"";
