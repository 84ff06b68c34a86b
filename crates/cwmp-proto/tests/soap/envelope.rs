//! An envelope around a message, written by hand.
use sangam_cwmp_proto::{Envelope, Header, Message, Namespace, SoapLimits, decode_noting, encode};

/// What stands around the body of a message in namespace `cwmp-1-2` with the header ID `7`.
pub(crate) fn around(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
         <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">7</cwmp:ID></soap-env:Header>\
         <soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    )
}

/// The message in an envelope as [`around`] writes it.
pub(crate) fn envelope(message: impl Into<Message>) -> Envelope {
    Envelope::new(Namespace::V1_2, Header::with_id("7"), message)
}

/// Shows that a message is written as the text, byte for byte but for the white space between its lines, and that the
/// text is read as the message without anything to remark.
pub(crate) fn stands_as(message: impl Into<Message>, text: &str) {
    let lines: String = text.lines().map(str::trim).collect();
    let envelope = envelope(message);
    let mut written = Vec::new();
    encode(&envelope, &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), around(&lines));
    let (read, departures) = decode_noting(around(&lines).as_bytes(), &SoapLimits::default()).unwrap();
    assert_eq!(read, envelope);
    assert!(departures.is_none(), "{departures:?}");
    // White space between elements means nothing.
    let (read, _) = decode_noting(around(text).as_bytes(), &SoapLimits::default()).unwrap();
    assert_eq!(read, envelope);
}
