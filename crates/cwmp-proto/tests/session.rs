//! Sessions over the bytes that devices send: what is decoded goes through the machine, and what comes out is encoded.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use sangam_cwmp_proto::message::{GetParameterValues, Reboot};
use sangam_cwmp_proto::session::plan::{ReadOptions, ReadValues};
use sangam_cwmp_proto::session::{
    AcsRequest, EndReason, Output, Post, Reply, RequestHandle, Session, SessionOptions, Stored,
};
use sangam_cwmp_proto::{Message, SoapError, SoapLimits, decode, encode};
use sangam_types::Mono;

/// What an ACS does with a session: everything is durable at once, and work comes from a list.
struct Acs {
    session: Session,
    work: Vec<Message>,
    reads: Option<ReadValues>,
    limits: SoapLimits,
    seen: Vec<String>,
}

impl Acs {
    fn new(work: Vec<Message>) -> Self {
        let session = Session::new(SessionOptions::default(), Mono::ZERO);
        Self { session, work, reads: None, limits: SoapLimits::default(), seen: Vec::new() }
    }

    /// One exchange: the body of a POST in, status and body of its reply out.
    fn post(&mut self, body: &str) -> (u16, String) {
        let post = match decode(body.as_bytes(), &self.limits) {
            Ok(envelope) => Post::Envelope(Box::new(envelope)),
            Err(SoapError::Empty) => Post::Empty,
            Err(SoapError::Limit { .. } | SoapError::BodyBytes { .. }) => Post::TooLarge,
            Err(_) => Post::Unreadable,
        };
        self.session.handle_post(Mono::ZERO, post);
        let mut reply = None;
        loop {
            match self.session.poll_output() {
                Output::Wait(_) => return reply.expect("every POST has its reply"),
                Output::Reply(it) => reply = Some(written(&it)),
                Output::Inform(facts) => {
                    self.seen.push(format!("Inform of {}", facts.inform.device_id.serial_number));
                    self.session.handle_durable(Mono::ZERO, Stored::Durable).unwrap();
                }
                Output::Notice(_) => {
                    self.seen.push("notice".to_owned());
                    self.session.handle_durable(Mono::ZERO, Stored::Durable).unwrap();
                }
                Output::Next => {
                    let next = self.next_request();
                    let work = next.map(|message| AcsRequest { handle: RequestHandle(1), message });
                    self.session.handle_work(Mono::ZERO, work).unwrap();
                }
                Output::Answered { outcome, .. } => match &mut self.reads {
                    Some(reads) => reads.handle_outcome(outcome),
                    None => self.seen.push(format!("{outcome:?}")),
                },
                Output::Ended { reason, unanswered } => self.seen.push(format!("{} {unanswered:?}", reason.label())),
            }
        }
    }

    fn next_request(&mut self) -> Option<Message> {
        match &mut self.reads {
            Some(reads) => reads.next_request(),
            None if self.work.is_empty() => None,
            None => Some(self.work.remove(0)),
        }
    }
}

fn written(reply: &Reply) -> (u16, String) {
    let mut body = Vec::new();
    if let Reply::Envelope(envelope) = reply {
        encode(envelope, &mut body).unwrap();
    }
    (reply.status(), String::from_utf8(body).unwrap())
}

/// A message as devices write it.
fn soap(id: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-2">
  <SOAP-ENV:Header><cwmp:ID SOAP-ENV:mustUnderstand="1">{id}</cwmp:ID></SOAP-ENV:Header>
  <SOAP-ENV:Body>{body}</SOAP-ENV:Body>
</SOAP-ENV:Envelope>"#
    )
}

fn inform() -> String {
    soap(
        "42",
        r#"<cwmp:Inform>
      <DeviceId><Manufacturer>Example</Manufacturer><OUI>00D09E</OUI><ProductClass>Box</ProductClass>
        <SerialNumber>S1</SerialNumber></DeviceId>
      <Event SOAP-ENC:arrayType="cwmp:EventStruct[1]"><EventStruct><EventCode>1 BOOT</EventCode><CommandKey/></EventStruct></Event>
      <MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-02T03:04:05Z</CurrentTime><RetryCount>0</RetryCount>
      <ParameterList SOAP-ENC:arrayType="cwmp:ParameterValueStruct[0]"/>
    </cwmp:Inform>"#,
    )
}

#[test]
fn a_session_of_a_device_is_answered_byte_for_byte_where_it_matters() {
    let mut acs = Acs::new(vec![Reboot { command_key: "k".into() }.into()]);
    let (status, body) = acs.post(&inform());
    assert_eq!(status, 200);
    assert!(body.contains("urn:dslforum-org:cwmp-1-2"), "{body}");
    assert!(body.contains(">42</cwmp:ID>") && body.contains("mustUnderstand=\"1\""), "{body}");
    assert!(body.contains("<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>"), "{body}");

    let transfer = "<cwmp:TransferComplete><CommandKey>f</CommandKey><FaultStruct><FaultCode>0</FaultCode><FaultString/>\
        </FaultStruct><StartTime>2026-01-02T03:04:05Z</StartTime><CompleteTime>2026-01-02T03:05:05Z</CompleteTime>\
        </cwmp:TransferComplete>";
    let (status, body) = acs.post(&soap("43", transfer));
    assert!(status == 200 && body.contains(">43</cwmp:ID>") && body.contains("TransferCompleteResponse"), "{body}");

    let (status, body) = acs.post("");
    assert!(status == 200 && body.contains("<cwmp:Reboot><CommandKey>k</CommandKey></cwmp:Reboot>"), "{body}");
    let (status, body) = acs.post(&soap("1", "<cwmp:RebootResponse/>"));
    assert_eq!((status, body.as_str()), (204, ""));
    let answered = "Response(RebootResponse(RebootResponse))";
    assert_eq!(acs.seen, ["Inform of S1", "notice", answered, "done None"]);
}

#[test]
fn an_unknown_method_gets_fault_8000_on_the_wire() {
    let mut acs = Acs::new(vec![]);
    acs.post(&inform());
    let (status, body) = acs.post(&soap("44", "<cwmp:X_00D09E_Dance/>"));
    assert_eq!(status, 200);
    assert!(body.contains("<FaultCode>8000</FaultCode>") && body.contains("<faultcode>"), "{body}");
}

#[test]
fn a_fault_of_the_device_reaches_whoever_asked() {
    let mut acs = Acs::new(vec![GetParameterValues { names: vec!["Device.X".into()] }.into()]);
    acs.post(&inform());
    acs.post("  \r\n");
    let fault = "<SOAP-ENV:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
        <FaultCode>9005</FaultCode><FaultString>Invalid Parameter Name</FaultString></cwmp:Fault></detail></SOAP-ENV:Fault>";
    assert_eq!(acs.post(&soap("1", fault)).0, 204);
    assert!(acs.seen[1].starts_with("Fault(") && acs.seen[1].contains("InvalidParameterName"), "{:?}", acs.seen);
}

#[test]
fn a_response_past_the_limits_is_asked_for_in_halves_within_the_same_session() {
    let mut acs = Acs::new(vec![]);
    let names: Vec<String> = (0..4).map(|at| format!("Device.P{at}")).collect();
    acs.reads = Some(ReadValues::new(names, ReadOptions::default()));
    acs.limits.parameters = 2;
    acs.post(&inform());
    let (mut status, mut body) = acs.post("");
    let mut ids = 0;
    while status == 200 {
        ids += 1;
        let values: String =
            body.match_indices("Device.P").filter_map(|(at, _)| body.get(at..at + 9)).map(value).collect();
        let response = format!(
            "<cwmp:GetParameterValuesResponse><ParameterList>{values}</ParameterList></cwmp:GetParameterValuesResponse>"
        );
        (status, body) = acs.post(&soap(&ids.to_string(), &response));
    }
    let (values, unread, _) = acs.reads.take().unwrap().into_result();
    assert_eq!((values.len(), unread.len(), ids), (4, 0, 3), "four at once, then two and two");
    assert_eq!(acs.seen.last().map(String::as_str), Some("done None"));
}

fn value(name: &str) -> String {
    let value = r#"<Value xsi:type="xsd:string">v</Value>"#;
    format!("<ParameterValueStruct><Name>{name}</Name>{value}</ParameterValueStruct>")
}

#[test]
fn what_is_no_soap_is_turned_away() {
    for body in ["<html/>", "{}", "<!DOCTYPE x><x/>"] {
        let mut acs = Acs::new(vec![]);
        assert_eq!(acs.post(body), (400, String::new()));
        assert_eq!(acs.seen, [format!("{} None", EndReason::Unreadable.label())]);
    }
}
