//! What a device says, written by hand: the codec of our own server has no part in it.

use sangam_cwmp_proto::Envelope;

use super::CwmpAsked;

/// What every envelope is in.
fn envelope(id: Option<&str>, body: &str) -> String {
    let header = id.map_or_else(String::new, |id| {
        format!("<soap-env:Header><cwmp:ID soap-env:mustUnderstand=\"1\">{}</cwmp:ID></soap-env:Header>", escaped(id))
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <soap-env:Envelope xmlns:soap-env=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:soap-enc=\"http://schemas.xmlsoap.org/soap/encoding/\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\">\
         {header}<soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
    )
}

/// An Inform that comes by itself, of a device of TR-181.
pub(super) fn inform(id: &str, asked: &CwmpAsked) -> String {
    let parameters = [
        ("RootDataModelVersion", "2.11"),
        ("DeviceInfo.HardwareVersion", "probe"),
        ("DeviceInfo.SoftwareVersion", env!("CARGO_PKG_VERSION")),
        ("DeviceInfo.ProvisioningCode", ""),
        ("ManagementServer.ParameterKey", ""),
        ("ManagementServer.ConnectionRequestURL", ""),
    ];
    let list: String = parameters
        .iter()
        .map(|(name, value)| {
            format!(
                "<ParameterValueStruct><Name>Device.{name}</Name><Value xsi:type=\"xsd:string\">{value}</Value>\
                 </ParameterValueStruct>"
            )
        })
        .collect();
    envelope(
        Some(id),
        &format!(
            "<cwmp:Inform><DeviceId><Manufacturer>Sangam probe</Manufacturer><OUI>{}</OUI>\
             <ProductClass>{}</ProductClass><SerialNumber>{}</SerialNumber></DeviceId>\
             <Event soap-enc:arrayType=\"cwmp:EventStruct[1]\"><EventStruct><EventCode>2 PERIODIC</EventCode>\
             <CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>\
             <CurrentTime>0001-01-01T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
             <ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{}]\">{list}</ParameterList></cwmp:Inform>",
            escaped(&asked.oui),
            escaped(&asked.product_class),
            escaped(&asked.serial_number),
            parameters.len()
        ),
    )
}

/// Fault 9001 on whatever was asked.
pub(super) fn denied(asked: &Envelope) -> String {
    envelope(
        asked.header.id.as_deref(),
        "<soap-env:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
         <FaultCode>9001</FaultCode><FaultString>Request denied</FaultString></cwmp:Fault></detail></soap-env:Fault>",
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use sangam_cwmp_proto::{FaultCode, Message, SoapLimits, decode};

    use super::*;

    #[test]
    fn what_is_written_by_hand_is_read_as_what_it_is() {
        let asked = CwmpAsked {
            oui: "00005E".to_owned(),
            product_class: "a<b&c".to_owned(),
            serial_number: "1".to_owned(),
            login: None,
        };
        let read = decode(inform("7", &asked).as_bytes(), &SoapLimits::default()).unwrap();
        assert_eq!(read.header.id.as_deref(), Some("7"));
        let Some(Message::Inform(inform)) = read.message() else { panic!("{read:?}") };
        assert_eq!((inform.device_id.product_class.as_str(), inform.parameters.len()), ("a<b&c", 6));
        let denied = decode(denied(&read).as_bytes(), &SoapLimits::default()).unwrap();
        let Some(Message::Fault(fault)) = denied.message() else { panic!("{denied:?}") };
        assert_eq!((fault.code(), denied.header.id.as_deref()), (Some(FaultCode::RequestDenied), Some("7")));
    }
}
