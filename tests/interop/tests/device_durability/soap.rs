//! What devices write and read, as the standard has it (TR-069 A.3, SOAP 1.1).

use crate::book::Event;

/// A message in its envelope.
pub(crate) fn envelope(id: &str, body: &str) -> String {
    format!(
        "<soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
         <soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">{id}</cwmp:ID></soap-env:Header>\
         <soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    )
}

/// An Inform: what happened, and the number of this Inform as a value.
pub(crate) fn inform(serial: &str, events: &[Event], number: u64) -> String {
    let event = |(code, key): &Event| {
        format!("<EventStruct><EventCode>{code}</EventCode><CommandKey>{key}</CommandKey></EventStruct>")
    };
    let count = events.len();
    let events: String = events.iter().map(event).collect();
    envelope(
        &format!("i{number}"),
        &format!(
            "<cwmp:Inform><DeviceId><Manufacturer>Maker</Manufacturer><OUI>00D09E</OUI><ProductClass>Box</ProductClass>\
             <SerialNumber>{serial}</SerialNumber></DeviceId>\
             <Event soap-enc:arrayType=\"cwmp:EventStruct[{count}]\">{events}</Event><MaxEnvelopes>1</MaxEnvelopes>\
             <CurrentTime>2026-01-31T12:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
             <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[2]\"><ParameterValueStruct>\
             <Name>Device.DeviceInfo.SoftwareVersion</Name><Value xsi:type=\"xsd:string\">1.0</Value>\
             </ParameterValueStruct><ParameterValueStruct><Name>{NUMBER}</Name>\
             <Value xsi:type=\"xsd:unsignedInt\">{number}</Value></ParameterValueStruct></ParameterList></cwmp:Inform>"
        ),
    )
}

/// Where the number of the last Inform stands.
pub(crate) const NUMBER: &str = "Device.X_00D09E_Test.Number";

/// A transfer has ended well.
pub(crate) fn transfer_complete(task: u64) -> String {
    envelope(
        &format!("t{task}"),
        &format!(
            "<cwmp:TransferComplete><CommandKey>task-{task}</CommandKey><FaultStruct><FaultCode>0</FaultCode>\
             <FaultString></FaultString></FaultStruct><StartTime>2026-01-31T12:00:00Z</StartTime>\
             <CompleteTime>2026-01-31T12:00:01Z</CompleteTime></cwmp:TransferComplete>"
        ),
    )
}

/// What the first element of that name holds, if it is text.
pub(crate) fn text<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let tag = |it: &str| it.strip_prefix(name).is_some_and(|rest| rest.starts_with(['>', ' ']));
    let at = body.match_indices(['<', ':']).map(|(at, _)| at + 1).find(|at| tag(&body[*at..]))?;
    body[at..].split_once('>')?.1.split('<').next()
}

/// The value of the parameter whose name ends so.
pub(crate) fn value<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    text(body.split_once(&format!(".{name}</Name>"))?.1, "Value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_says_is_found() {
        let body = "<e:H><cwmp:ID e:mustUnderstand=\"1\">7</cwmp:ID></e:H><cwmp:Reboot><CommandKey>task-3</CommandKey>\
                    <Name>D.M.Password</Name><Value xsi:type=\"xsd:string\">s</Value>";
        assert_eq!(
            (text(body, "ID"), text(body, "CommandKey"), text(body, "Nothing")),
            (Some("7"), Some("task-3"), None)
        );
        assert_eq!((value(body, "Password"), value(body, "Username")), (Some("s"), None));
    }
}
