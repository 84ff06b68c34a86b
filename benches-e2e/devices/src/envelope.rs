//! What a device says, as devices of TR-181 write it.

use std::fmt::Write as _;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\n\
    <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">";
const MIDDLE: &str = "</cwmp:ID></soap-env:Header>\n<soap-env:Body>";
const TAIL: &str = "</soap-env:Body>\n</soap-env:Envelope>\n";

/// What a device tells with each Inform; the address is what changes.
const PARAMETERS: [(&str, &str); 8] = [
    ("RootDataModelVersion", "2.12"),
    ("DeviceInfo.HardwareVersion", "B2"),
    ("DeviceInfo.SoftwareVersion", "4.21.7"),
    ("DeviceInfo.ProvisioningCode", "TLCO.GRP2"),
    ("ManagementServer.ParameterKey", ""),
    ("ManagementServer.ConnectionRequestURL", "http://127.0.0.1:7547/"),
    ("ManagementServer.AliasBasedAddressing", "false"),
    ("IP.Interface.1.IPv4Address.1.IPAddress", "100.64."),
];

/// An Inform of a device with these events; `changes` counts how often its address did.
pub(crate) fn inform(number: u32, events: &[&str], changes: u32) -> String {
    let mut text = String::with_capacity(2_560);
    let count = events.len();
    write!(
        text,
        "{HEAD}{number}{MIDDLE}<cwmp:Inform><DeviceId><Manufacturer>Example Gateways</Manufacturer><OUI>00005E</OUI>\
         <ProductClass>Bench</ProductClass><SerialNumber>{number:010}</SerialNumber></DeviceId>\n\
         <Event soap-enc:arrayType=\"cwmp:EventStruct[{count}]\">"
    )
    .ok();
    for event in events {
        write!(text, "<EventStruct><EventCode>{event}</EventCode><CommandKey></CommandKey></EventStruct>").ok();
    }
    let parameters = PARAMETERS.len();
    write!(
        text,
        "</Event>\n<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-31T12:00:00Z</CurrentTime><RetryCount>0</RetryCount>\n\
         <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{parameters}]\">"
    )
    .ok();
    for (at, (name, value)) in PARAMETERS.iter().enumerate() {
        write!(text, "<ParameterValueStruct><Name>Device.{name}</Name><Value xsi:type=\"xsd:string\">{value}").ok();
        if at + 1 == parameters {
            write!(text, "{}.{}", changes / 250 % 250, changes % 250).ok();
        }
        text.push_str("</Value></ParameterValueStruct>\n");
    }
    text.push_str("</ParameterList></cwmp:Inform>");
    text.push_str(TAIL);
    text
}

/// The answer to SetParameterValues, which has taken effect.
pub(crate) fn values_are_set(id: &str) -> String {
    format!(
        "{HEAD}{id}{MIDDLE}<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>{TAIL}"
    )
}

/// The `ID` of a request.
pub(crate) fn id(body: &str) -> Option<&str> {
    content(body, ":ID")
}

/// The value of a parameter whose name ends so.
pub(crate) fn set_value<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = body.split_once(&format!(".{name}</Name>"))?;
    content(after, "<Value")
}

/// What the first element holds whose tag has this in it.
fn content<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, inside) = text.split_once(tag)?.1.split_once('>')?;
    Some(inside.split_once('<')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_says_is_found() {
        let body = "<h><cwmp:ID soapenv:mustUnderstand=\"1\">a7</cwmp:ID></h><Name>Device.ManagementServer.Password</Name>\
                    <Value xsi:type=\"xsd:string\">secret</Value><Name>D.ConnectionRequestPassword</Name><Value>x</Value>";
        assert_eq!(id(body), Some("a7"));
        assert_eq!(set_value(body, "Password"), Some("secret"));
        assert_eq!(set_value(body, "Username"), None);
    }

    #[test]
    fn an_inform_is_some_two_thousand_bytes_and_differs_by_device_and_change() {
        let plain = inform(7, &["2 PERIODIC"], 0);
        assert!((1_800..2_600).contains(&plain.len()), "{}", plain.len());
        assert!(plain != inform(8, &["2 PERIODIC"], 0) && plain != inform(7, &["2 PERIODIC"], 1));
    }
}
