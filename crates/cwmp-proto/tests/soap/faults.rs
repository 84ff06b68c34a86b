//! SOAP faults of both sides (TR-069 Amendment 6 §3.5 and Annex A.5).
use crate::envelope::{around, stands_as};
use sangam_cwmp_proto::{
    CwmpFault, Fault, FaultCode, Message, Namespace, SetParameterValuesFault, SoapFaultCode, SoapLimits, decode,
};

fn read(body: &str) -> Fault {
    match decode(around(body).as_bytes(), &SoapLimits::default()).unwrap().message() {
        Some(Message::Fault(fault)) => fault.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fault_of_the_acs_stands_as_the_schema_has_it() {
    stands_as(
        Fault::new(FaultCode::AcsMethodNotSupported),
        "<soap-env:Fault>
           <faultcode>soap-env:Server</faultcode>
           <faultstring>CWMP fault</faultstring>
           <detail><cwmp:Fault>
             <FaultCode>8000</FaultCode><FaultString>Method not supported</FaultString>
           </cwmp:Fault></detail>
         </soap-env:Fault>",
    );
}

#[test]
fn values_that_could_not_be_set_are_named_one_by_one() {
    let mut fault = Fault::with_text(FaultCode::InvalidArguments, "no");
    fault.detail.as_mut().unwrap().parameters = vec![
        SetParameterValuesFault {
            path: "Device.X".into(),
            code: FaultCode::InvalidParameterValue,
            text: "too long".into(),
        },
        SetParameterValuesFault { path: "Device.Y".into(), code: FaultCode::Other(9_801), text: String::new() },
    ];
    stands_as(
        fault,
        "<soap-env:Fault>
           <faultcode>soap-env:Client</faultcode>
           <faultstring>CWMP fault</faultstring>
           <detail><cwmp:Fault>
             <FaultCode>9003</FaultCode>
             <FaultString>no</FaultString>
             <SetParameterValuesFault>
               <ParameterName>Device.X</ParameterName><FaultCode>9007</FaultCode><FaultString>too long</FaultString>
             </SetParameterValuesFault>
             <SetParameterValuesFault>
               <ParameterName>Device.Y</ParameterName><FaultCode>9801</FaultCode><FaultString></FaultString>
             </SetParameterValuesFault>
           </cwmp:Fault></detail>
         </soap-env:Fault>",
    );
}

#[test]
fn a_fault_of_soap_alone_has_no_code_of_cwmp() {
    let fault = read(
        "<soap-env:Fault><faultcode>SOAP:VersionMismatch</faultcode><faultstring>x</faultstring></soap-env:Fault>",
    );
    assert_eq!(fault.fault_code, SoapFaultCode::Other("VersionMismatch".into()));
    assert_eq!((fault.code(), fault.detail), (None, None));
}

#[test]
fn a_fault_without_its_detail_around_it_is_understood() {
    let detail = CwmpFault { code: FaultCode::RequestDenied, text: "no".into(), parameters: vec![] };
    let fault = read("<cwmp:Fault><FaultCode> 9001 </FaultCode><FaultString>no</FaultString></cwmp:Fault>");
    assert_eq!(fault.detail, Some(detail));
}

#[test]
fn the_namespace_of_a_fault_is_that_of_its_detail() {
    let body = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
                <faultcode>s:Server</faultcode><detail>\
                <c:Fault xmlns:c=\"urn:dslforum-org:cwmp-1-1\"><FaultCode>9002</FaultCode></c:Fault>\
                </detail></s:Fault></s:Body></s:Envelope>";
    let envelope = decode(body.as_bytes(), &SoapLimits::default()).unwrap();
    assert_eq!(envelope.namespace, Namespace::V1_1);
}
