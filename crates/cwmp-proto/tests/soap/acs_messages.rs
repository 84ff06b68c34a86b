//! What a CPE asks of an ACS, and the answers, as TR-069 Amendment 6 Annex A.3.3 and A.4.2 and the schemas have them.
use crate::envelope::stands_as;
use sangam_cwmp_proto::message::*;
use sangam_cwmp_proto::{
    DateTime, DeviceId, EventCode, EventStruct, FaultCode, FaultStruct, ParameterValue, Url, ValueKind,
};

#[test]
fn an_inform_stands_as_the_schema_has_it() {
    let event = |code, key: &str| EventStruct { code, command_key: key.into() };
    stands_as(
        Inform {
            device_id: DeviceId {
                manufacturer: "Example & Sons".into(),
                oui: "00D09E".into(),
                product_class: "Gateway".into(),
                serial_number: "123456789".into(),
            },
            events: vec![event(EventCode::Boot, ""), event(EventCode::Method("Reboot".into()), "task-1")],
            max_envelopes: 1,
            current_time: DateTime::new("2026-11-22T06:30:00+01:00"),
            retry_count: 2,
            parameters: vec![
                ParameterValue::new("Device.DeviceInfo.SoftwareVersion", "1.2.3", ValueKind::String),
                ParameterValue::new("Device.DeviceInfo.UpTime", "17", ValueKind::UnsignedInt),
            ],
        },
        r#"<cwmp:Inform>
             <DeviceId>
               <Manufacturer>Example &amp; Sons</Manufacturer>
               <OUI>00D09E</OUI>
               <ProductClass>Gateway</ProductClass>
               <SerialNumber>123456789</SerialNumber>
             </DeviceId>
             <Event soap-enc:arrayType="cwmp:EventStruct[2]">
               <EventStruct><EventCode>1 BOOT</EventCode><CommandKey></CommandKey></EventStruct>
               <EventStruct><EventCode>M Reboot</EventCode><CommandKey>task-1</CommandKey></EventStruct>
             </Event>
             <MaxEnvelopes>1</MaxEnvelopes>
             <CurrentTime>2026-11-22T06:30:00+01:00</CurrentTime>
             <RetryCount>2</RetryCount>
             <ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[2]">
               <ParameterValueStruct>
                 <Name>Device.DeviceInfo.SoftwareVersion</Name>
                 <Value xsi:type="xsd:string">1.2.3</Value>
               </ParameterValueStruct>
               <ParameterValueStruct>
                 <Name>Device.DeviceInfo.UpTime</Name>
                 <Value xsi:type="xsd:unsignedInt">17</Value>
               </ParameterValueStruct>
             </ParameterList>
           </cwmp:Inform>"#,
    );
}

#[test]
fn an_inform_response_says_how_many_envelopes() {
    stands_as(InformResponse::default(), "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>");
}

#[test]
fn a_transfer_that_went_well_has_fault_code_0() {
    stands_as(
        TransferComplete {
            command_key: "task-9".into(),
            fault: None,
            start_time: DateTime::new("2026-11-22T06:30:00Z"),
            complete_time: DateTime::new("2026-11-22T06:31:00Z"),
        },
        "<cwmp:TransferComplete>
           <CommandKey>task-9</CommandKey>
           <FaultStruct><FaultCode>0</FaultCode><FaultString></FaultString></FaultStruct>
           <StartTime>2026-11-22T06:30:00Z</StartTime>
           <CompleteTime>2026-11-22T06:31:00Z</CompleteTime>
         </cwmp:TransferComplete>",
    );
    stands_as(TransferCompleteResponse, "<cwmp:TransferCompleteResponse></cwmp:TransferCompleteResponse>");
}

#[test]
fn a_transfer_that_failed_says_why() {
    stands_as(
        TransferComplete {
            command_key: String::new(),
            fault: Some(FaultStruct { code: FaultCode::FileCorrupted, text: "bad checksum".into() }),
            start_time: DateTime::unknown(),
            complete_time: DateTime::unknown(),
        },
        "<cwmp:TransferComplete>
           <CommandKey></CommandKey>
           <FaultStruct><FaultCode>9018</FaultCode><FaultString>bad checksum</FaultString></FaultStruct>
           <StartTime>0001-01-01T00:00:00Z</StartTime>
           <CompleteTime>0001-01-01T00:00:00Z</CompleteTime>
         </cwmp:TransferComplete>",
    );
}

#[test]
fn a_transfer_that_nobody_asked_for_says_what_it_was() {
    stands_as(
        AutonomousTransferComplete {
            announce_url: Url::default(),
            transfer_url: Url::new("http://files.example/a?b=1&c=2"),
            is_download: true,
            file_type: "1 Firmware Upgrade Image".into(),
            file_size: 5_000_000_000,
            target_file_name: "image.bin".into(),
            fault: None,
            start_time: DateTime::unknown(),
            complete_time: DateTime::unknown(),
        },
        "<cwmp:AutonomousTransferComplete>
           <AnnounceURL></AnnounceURL>
           <TransferURL>http://files.example/a?b=1&amp;c=2</TransferURL>
           <IsDownload>1</IsDownload>
           <FileType>1 Firmware Upgrade Image</FileType>
           <FileSize>5000000000</FileSize>
           <TargetFileName>image.bin</TargetFileName>
           <FaultStruct><FaultCode>0</FaultCode><FaultString></FaultString></FaultStruct>
           <StartTime>0001-01-01T00:00:00Z</StartTime>
           <CompleteTime>0001-01-01T00:00:00Z</CompleteTime>
         </cwmp:AutonomousTransferComplete>",
    );
    stands_as(
        AutonomousTransferCompleteResponse,
        "<cwmp:AutonomousTransferCompleteResponse></cwmp:AutonomousTransferCompleteResponse>",
    );
}

#[test]
fn a_download_is_asked_for_with_arguments() {
    stands_as(
        RequestDownload {
            file_type: "2 Web Content".into(),
            arguments: vec![ArgStruct { name: "Version".into(), value: "2".into() }],
        },
        r#"<cwmp:RequestDownload>
             <FileType>2 Web Content</FileType>
             <FileTypeArg soap-enc:arrayType="cwmp:ArgStruct[1]">
               <ArgStruct><Name>Version</Name><Value>2</Value></ArgStruct>
             </FileTypeArg>
           </cwmp:RequestDownload>"#,
    );
    stands_as(RequestDownloadResponse, "<cwmp:RequestDownloadResponse></cwmp:RequestDownloadResponse>");
}

#[test]
fn who_is_kicked_is_told_where_to_go() {
    stands_as(
        Kicked {
            command: "register".into(),
            referer: "portal".into(),
            argument: "a=1".into(),
            next: Url::new("http://portal.example/next"),
        },
        "<cwmp:Kicked>
           <Command>register</Command>
           <Referer>portal</Referer>
           <Arg>a=1</Arg>
           <Next>http://portal.example/next</Next>
         </cwmp:Kicked>",
    );
    stands_as(
        KickedResponse { next_url: Url::new("http://portal.example/done") },
        "<cwmp:KickedResponse><NextURL>http://portal.example/done</NextURL></cwmp:KickedResponse>",
    );
}

fn installed() -> OpResult {
    OpResult {
        uuid: "00112233-4455-6677-8899-AABBCCDDEEFF".into(),
        deployment_unit_ref: "Device.SoftwareModules.DeploymentUnit.1.".into(),
        version: "1.0".into(),
        current_state: "Installed".into(),
        resolved: true,
        execution_unit_refs: "Device.SoftwareModules.ExecutionUnit.1.".into(),
        start_time: DateTime::new("2026-11-22T06:30:00Z"),
        complete_time: DateTime::new("2026-11-22T06:30:09Z"),
        fault: None,
    }
}

const INSTALLED: &str = "<UUID>00112233-4455-6677-8899-AABBCCDDEEFF</UUID>
    <DeploymentUnitRef>Device.SoftwareModules.DeploymentUnit.1.</DeploymentUnitRef>
    <Version>1.0</Version>
    <CurrentState>Installed</CurrentState>
    <Resolved>1</Resolved>
    <ExecutionUnitRefList>Device.SoftwareModules.ExecutionUnit.1.</ExecutionUnitRefList>
    <StartTime>2026-11-22T06:30:00Z</StartTime>
    <CompleteTime>2026-11-22T06:30:09Z</CompleteTime>
    <Fault><FaultCode>0</FaultCode><FaultString></FaultString></Fault>";

#[test]
fn results_of_operations_are_repeated_elements_not_an_array() {
    let failed = OpResult {
        current_state: "Failed".into(),
        resolved: false,
        fault: Some(FaultStruct { code: FaultCode::DuplicateDeploymentUnit, text: "there".into() }),
        ..OpResult::default()
    };
    stands_as(
        DuStateChangeComplete { results: vec![installed(), failed], command_key: "du-1".into() },
        &format!(
            "<cwmp:DUStateChangeComplete>
               <Results>{INSTALLED}</Results>
               <Results>
                 <UUID></UUID><DeploymentUnitRef></DeploymentUnitRef><Version></Version>
                 <CurrentState>Failed</CurrentState><Resolved>0</Resolved>
                 <ExecutionUnitRefList></ExecutionUnitRefList>
                 <StartTime>0001-01-01T00:00:00Z</StartTime><CompleteTime>0001-01-01T00:00:00Z</CompleteTime>
                 <Fault><FaultCode>9026</FaultCode><FaultString>there</FaultString></Fault>
               </Results>
               <CommandKey>du-1</CommandKey>
             </cwmp:DUStateChangeComplete>"
        ),
    );
    stands_as(
        DuStateChangeCompleteResponse,
        "<cwmp:DUStateChangeCompleteResponse></cwmp:DUStateChangeCompleteResponse>",
    );
}

#[test]
fn an_operation_that_nobody_asked_for_says_which_it_was() {
    stands_as(
        AutonomousDuStateChangeComplete {
            results: vec![AutonomousOpResult { result: installed(), operation: "Install".into() }],
        },
        &format!(
            "<cwmp:AutonomousDUStateChangeComplete>
               <Results>{INSTALLED}<OperationPerformed>Install</OperationPerformed></Results>
             </cwmp:AutonomousDUStateChangeComplete>"
        ),
    );
    stands_as(
        AutonomousDuStateChangeCompleteResponse,
        "<cwmp:AutonomousDUStateChangeCompleteResponse></cwmp:AutonomousDUStateChangeCompleteResponse>",
    );
}

#[test]
fn both_sides_name_their_methods() {
    stands_as(GetRpcMethods, "<cwmp:GetRPCMethods></cwmp:GetRPCMethods>");
    stands_as(
        GetRpcMethodsResponse { methods: vec!["Inform".into(), "X_00D09E_Call".into()] },
        r#"<cwmp:GetRPCMethodsResponse>
             <MethodList soap-enc:arrayType="xsd:string[2]">
               <string>Inform</string><string>X_00D09E_Call</string>
             </MethodList>
           </cwmp:GetRPCMethodsResponse>"#,
    );
}
