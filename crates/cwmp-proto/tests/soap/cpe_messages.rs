//! What an ACS asks of a CPE, and the answers, as TR-069 Amendment 6 Annex A.3.2 and A.4.1 and the schemas have them.
use crate::envelope::stands_as;
use sangam_cwmp_proto::message::*;
use sangam_cwmp_proto::{DateTime, ParameterValue, Secret, Url, ValueKind};

const KINDS: &[(ValueKind, &str, &str)] = &[
    (ValueKind::String, "xsd:string", "a<b"),
    (ValueKind::Int, "xsd:int", "-5"),
    (ValueKind::UnsignedInt, "xsd:unsignedInt", "5"),
    (ValueKind::Boolean, "xsd:boolean", "true"),
    (ValueKind::DateTime, "xsd:dateTime", "0001-01-01T00:00:00Z"),
    (ValueKind::Base64, "soap-enc:base64", "AAECAw=="),
    (ValueKind::Long, "xsd:long", "-9000000000"),
    (ValueKind::UnsignedLong, "xsd:unsignedLong", "9000000000"),
    (ValueKind::HexBinary, "xsd:hexBinary", "00FF"),
];

/// A parameter of each kind, and how they stand.
fn of_every_kind() -> (Vec<ParameterValue>, String) {
    let parameters = KINDS.iter().map(|(kind, _, value)| ParameterValue::new("Device.X", *value, kind.clone()));
    let items = KINDS.iter().map(|(_, name, value)| {
        let value = value.replace('<', "&lt;");
        format!(
            "<ParameterValueStruct><Name>Device.X</Name><Value xsi:type=\"{name}\">{value}</Value></ParameterValueStruct>"
        )
    });
    let list = format!(
        "<ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[{}]\">{}</ParameterList>",
        KINDS.len(),
        items.collect::<String>()
    );
    (parameters.collect(), list)
}

#[test]
fn values_are_set_with_their_types_and_a_key() {
    let (parameters, list) = of_every_kind();
    stands_as(
        SetParameterValues { parameters, parameter_key: "k1".into() },
        &format!("<cwmp:SetParameterValues>{list}<ParameterKey>k1</ParameterKey></cwmp:SetParameterValues>"),
    );
    for (status, text) in [(Status::Done, "0"), (Status::Later, "1")] {
        stands_as(
            SetParameterValuesResponse { status },
            &format!("<cwmp:SetParameterValuesResponse><Status>{text}</Status></cwmp:SetParameterValuesResponse>"),
        );
    }
}

#[test]
fn values_are_asked_for_by_names() {
    stands_as(
        GetParameterValues { names: vec!["Device.DeviceInfo.".into(), "Device.X".into()] },
        r#"<cwmp:GetParameterValues>
             <ParameterNames soap-enc:arrayType="xsd:string[2]">
               <string>Device.DeviceInfo.</string><string>Device.X</string>
             </ParameterNames>
           </cwmp:GetParameterValues>"#,
    );
    let (parameters, list) = of_every_kind();
    stands_as(
        GetParameterValuesResponse { parameters },
        &format!("<cwmp:GetParameterValuesResponse>{list}</cwmp:GetParameterValuesResponse>"),
    );
}

#[test]
fn names_are_asked_for_by_path() {
    stands_as(
        GetParameterNames { path: "Device.".into(), next_level: true },
        "<cwmp:GetParameterNames>
           <ParameterPath>Device.</ParameterPath><NextLevel>1</NextLevel>
         </cwmp:GetParameterNames>",
    );
    stands_as(
        GetParameterNamesResponse {
            parameters: vec![
                ParameterInfo { path: "Device.WiFi.".into(), writable: false },
                ParameterInfo { path: "Device.X".into(), writable: true },
            ],
        },
        r#"<cwmp:GetParameterNamesResponse>
             <ParameterList soap-enc:arrayType="cwmp:ParameterInfoStruct[2]">
               <ParameterInfoStruct><Name>Device.WiFi.</Name><Writable>0</Writable></ParameterInfoStruct>
               <ParameterInfoStruct><Name>Device.X</Name><Writable>1</Writable></ParameterInfoStruct>
             </ParameterList>
           </cwmp:GetParameterNamesResponse>"#,
    );
}

#[test]
fn attributes_that_stay_are_not_changed() {
    stands_as(
        SetParameterAttributes {
            parameters: vec![
                SetParameterAttribute {
                    path: "Device.X".into(),
                    notification: Some(Notification::Active),
                    access_list: None,
                },
                SetParameterAttribute {
                    path: "Device.Y.".into(),
                    notification: None,
                    access_list: Some(vec!["Subscriber".into()]),
                },
            ],
        },
        r#"<cwmp:SetParameterAttributes>
             <ParameterList soap-enc:arrayType="cwmp:SetParameterAttributesStruct[2]">
               <SetParameterAttributesStruct>
                 <Name>Device.X</Name>
                 <NotificationChange>1</NotificationChange>
                 <Notification>2</Notification>
                 <AccessListChange>0</AccessListChange>
                 <AccessList soap-enc:arrayType="xsd:string[0]"></AccessList>
               </SetParameterAttributesStruct>
               <SetParameterAttributesStruct>
                 <Name>Device.Y.</Name>
                 <NotificationChange>0</NotificationChange>
                 <Notification>0</Notification>
                 <AccessListChange>1</AccessListChange>
                 <AccessList soap-enc:arrayType="xsd:string[1]"><string>Subscriber</string></AccessList>
               </SetParameterAttributesStruct>
             </ParameterList>
           </cwmp:SetParameterAttributes>"#,
    );
    stands_as(
        SetParameterAttributesResponse,
        "<cwmp:SetParameterAttributesResponse></cwmp:SetParameterAttributesResponse>",
    );
}

#[test]
fn attributes_are_asked_for_by_names() {
    stands_as(
        GetParameterAttributes { names: vec!["Device.X".into()] },
        r#"<cwmp:GetParameterAttributes>
             <ParameterNames soap-enc:arrayType="xsd:string[1]"><string>Device.X</string></ParameterNames>
           </cwmp:GetParameterAttributes>"#,
    );
    for number in 0..=7 {
        stands_as(
            GetParameterAttributesResponse {
                parameters: vec![ParameterAttribute {
                    path: "Device.X".into(),
                    notification: Notification::from_number(number),
                    access_list: vec![],
                }],
            },
            &format!(
                r#"<cwmp:GetParameterAttributesResponse>
                     <ParameterList soap-enc:arrayType="cwmp:ParameterAttributeStruct[1]">
                       <ParameterAttributeStruct>
                         <Name>Device.X</Name>
                         <Notification>{number}</Notification>
                         <AccessList soap-enc:arrayType="xsd:string[0]"></AccessList>
                       </ParameterAttributeStruct>
                     </ParameterList>
                   </cwmp:GetParameterAttributesResponse>"#
            ),
        );
    }
}

#[test]
fn objects_are_added_and_deleted() {
    stands_as(
        AddObject { path: "Device.WiFi.SSID.[guest].".into(), parameter_key: "k".into() },
        "<cwmp:AddObject>
           <ObjectName>Device.WiFi.SSID.[guest].</ObjectName><ParameterKey>k</ParameterKey>
         </cwmp:AddObject>",
    );
    stands_as(
        AddObjectResponse { instance_number: 17, status: Status::Later },
        "<cwmp:AddObjectResponse><InstanceNumber>17</InstanceNumber><Status>1</Status></cwmp:AddObjectResponse>",
    );
    stands_as(
        DeleteObject { path: "Device.WiFi.SSID.17.".into(), parameter_key: String::new() },
        "<cwmp:DeleteObject>
           <ObjectName>Device.WiFi.SSID.17.</ObjectName><ParameterKey></ParameterKey>
         </cwmp:DeleteObject>",
    );
    stands_as(
        DeleteObjectResponse { status: Status::Done },
        "<cwmp:DeleteObjectResponse><Status>0</Status></cwmp:DeleteObjectResponse>",
    );
}

#[test]
fn a_reboot_has_a_key_and_a_factory_reset_has_none() {
    stands_as(Reboot { command_key: "r".into() }, "<cwmp:Reboot><CommandKey>r</CommandKey></cwmp:Reboot>");
    stands_as(RebootResponse, "<cwmp:RebootResponse></cwmp:RebootResponse>");
    stands_as(FactoryReset, "<cwmp:FactoryReset></cwmp:FactoryReset>");
    stands_as(FactoryResetResponse, "<cwmp:FactoryResetResponse></cwmp:FactoryResetResponse>");
}

#[test]
fn a_download_has_its_elements_in_order() {
    stands_as(
        Download {
            command_key: "d1".into(),
            file_type: "1 Firmware Upgrade Image".into(),
            url: Url::new("http://files.example/1.bin"),
            username: "u".into(),
            password: Secret::new("p<1"),
            file_size: 33_554_432,
            target_file_name: "1.bin".into(),
            delay_secs: 60,
            success_url: Url::default(),
            failure_url: Url::default(),
        },
        "<cwmp:Download>
           <CommandKey>d1</CommandKey>
           <FileType>1 Firmware Upgrade Image</FileType>
           <URL>http://files.example/1.bin</URL>
           <Username>u</Username>
           <Password>p&lt;1</Password>
           <FileSize>33554432</FileSize>
           <TargetFileName>1.bin</TargetFileName>
           <DelaySeconds>60</DelaySeconds>
           <SuccessURL></SuccessURL>
           <FailureURL></FailureURL>
         </cwmp:Download>",
    );
    stands_as(
        DownloadResponse { status: Status::Later, start_time: DateTime::unknown(), complete_time: DateTime::unknown() },
        "<cwmp:DownloadResponse>
           <Status>1</Status>
           <StartTime>0001-01-01T00:00:00Z</StartTime>
           <CompleteTime>0001-01-01T00:00:00Z</CompleteTime>
         </cwmp:DownloadResponse>",
    );
}

#[test]
fn an_upload_has_its_elements_in_order() {
    stands_as(
        Upload {
            command_key: "u1".into(),
            file_type: "3 Vendor Configuration File 1".into(),
            url: Url::new("http://files.example/put"),
            username: "u".into(),
            password: Secret::new("p"),
            delay_secs: 0,
        },
        "<cwmp:Upload>
           <CommandKey>u1</CommandKey>
           <FileType>3 Vendor Configuration File 1</FileType>
           <URL>http://files.example/put</URL>
           <Username>u</Username>
           <Password>p</Password>
           <DelaySeconds>0</DelaySeconds>
         </cwmp:Upload>",
    );
    stands_as(
        UploadResponse {
            status: Status::Done,
            start_time: DateTime::new("2026-11-22T06:30:00Z"),
            complete_time: DateTime::new("2026-11-22T06:30:01Z"),
        },
        "<cwmp:UploadResponse>
           <Status>0</Status>
           <StartTime>2026-11-22T06:30:00Z</StartTime>
           <CompleteTime>2026-11-22T06:30:01Z</CompleteTime>
         </cwmp:UploadResponse>",
    );
}

#[test]
fn an_inform_is_scheduled_by_delay_and_key() {
    stands_as(
        ScheduleInform { delay_secs: 30, command_key: "s".into() },
        "<cwmp:ScheduleInform><DelaySeconds>30</DelaySeconds><CommandKey>s</CommandKey></cwmp:ScheduleInform>",
    );
    stands_as(ScheduleInformResponse, "<cwmp:ScheduleInformResponse></cwmp:ScheduleInformResponse>");
}

#[test]
fn a_download_is_scheduled_within_windows() {
    stands_as(
        ScheduleDownload {
            command_key: "d2".into(),
            file_type: "1 Firmware Upgrade Image".into(),
            url: Url::new("http://files.example/1.bin"),
            username: String::new(),
            password: Secret::default(),
            file_size: 0,
            target_file_name: String::new(),
            windows: vec![TimeWindow {
                start_secs: 3_600,
                end_secs: 7_200,
                mode: "3 When Idle".into(),
                user_message: String::new(),
                max_retries: -1,
            }],
        },
        r#"<cwmp:ScheduleDownload>
             <CommandKey>d2</CommandKey>
             <FileType>1 Firmware Upgrade Image</FileType>
             <URL>http://files.example/1.bin</URL>
             <Username></Username>
             <Password></Password>
             <FileSize>0</FileSize>
             <TargetFileName></TargetFileName>
             <TimeWindowList soap-enc:arrayType="cwmp:TimeWindowStruct[1]">
               <TimeWindowStruct>
                 <WindowStart>3600</WindowStart>
                 <WindowEnd>7200</WindowEnd>
                 <WindowMode>3 When Idle</WindowMode>
                 <UserMessage></UserMessage>
                 <MaxRetries>-1</MaxRetries>
               </TimeWindowStruct>
             </TimeWindowList>
           </cwmp:ScheduleDownload>"#,
    );
    stands_as(ScheduleDownloadResponse, "<cwmp:ScheduleDownloadResponse></cwmp:ScheduleDownloadResponse>");
}

#[test]
fn transfers_that_wait_are_listed_and_cancelled() {
    stands_as(GetQueuedTransfers, "<cwmp:GetQueuedTransfers></cwmp:GetQueuedTransfers>");
    stands_as(
        GetQueuedTransfersResponse {
            transfers: vec![QueuedTransfer { command_key: "d".into(), state: TransferState::InProgress }],
        },
        r#"<cwmp:GetQueuedTransfersResponse>
             <TransferList soap-enc:arrayType="cwmp:QueuedTransferStruct[1]">
               <QueuedTransferStruct><CommandKey>d</CommandKey><State>2</State></QueuedTransferStruct>
             </TransferList>
           </cwmp:GetQueuedTransfersResponse>"#,
    );
    stands_as(GetAllQueuedTransfers, "<cwmp:GetAllQueuedTransfers></cwmp:GetAllQueuedTransfers>");
    stands_as(
        GetAllQueuedTransfersResponse {
            transfers: vec![AnyQueuedTransfer {
                command_key: "d".into(),
                state: TransferState::Completed,
                is_download: true,
                file_type: "2 Web Content".into(),
                file_size: 9,
                target_file_name: "f".into(),
            }],
        },
        r#"<cwmp:GetAllQueuedTransfersResponse>
             <TransferList soap-enc:arrayType="cwmp:AllQueuedTransferStruct[1]">
               <AllQueuedTransferStruct>
                 <CommandKey>d</CommandKey>
                 <State>3</State>
                 <IsDownload>1</IsDownload>
                 <FileType>2 Web Content</FileType>
                 <FileSize>9</FileSize>
                 <TargetFileName>f</TargetFileName>
               </AllQueuedTransferStruct>
             </TransferList>
           </cwmp:GetAllQueuedTransfersResponse>"#,
    );
    stands_as(
        CancelTransfer { command_key: "d".into() },
        "<cwmp:CancelTransfer><CommandKey>d</CommandKey></cwmp:CancelTransfer>",
    );
    stands_as(CancelTransferResponse, "<cwmp:CancelTransferResponse></cwmp:CancelTransferResponse>");
}

#[test]
fn operations_on_deployment_units_say_their_types() {
    stands_as(
        ChangeDuState {
            operations: vec![
                Operation::Install {
                    url: Url::new("http://files.example/du"),
                    uuid: "u1".into(),
                    username: "u".into(),
                    password: Secret::new("p"),
                    execution_env_ref: "Device.SoftwareModules.ExecEnv.1.".into(),
                },
                Operation::Update {
                    uuid: "u2".into(),
                    version: "1".into(),
                    url: Url::new("http://files.example/du2"),
                    username: String::new(),
                    password: Secret::default(),
                },
                Operation::Uninstall { uuid: "u3".into(), version: String::new(), execution_env_ref: String::new() },
            ],
            command_key: "du".into(),
        },
        r#"<cwmp:ChangeDUState>
             <Operations xsi:type="cwmp:InstallOpStruct">
               <URL>http://files.example/du</URL>
               <UUID>u1</UUID>
               <Username>u</Username>
               <Password>p</Password>
               <ExecutionEnvRef>Device.SoftwareModules.ExecEnv.1.</ExecutionEnvRef>
             </Operations>
             <Operations xsi:type="cwmp:UpdateOpStruct">
               <UUID>u2</UUID><Version>1</Version><URL>http://files.example/du2</URL>
             </Operations>
             <Operations xsi:type="cwmp:UninstallOpStruct"><UUID>u3</UUID></Operations>
             <CommandKey>du</CommandKey>
           </cwmp:ChangeDUState>"#,
    );
    stands_as(ChangeDuStateResponse, "<cwmp:ChangeDUStateResponse></cwmp:ChangeDUStateResponse>");
}

#[test]
fn vouchers_are_base64_and_options_are_listed() {
    stands_as(
        SetVouchers { vouchers: vec![Secret::new("Vm91Y2hlcg==")] },
        r#"<cwmp:SetVouchers>
             <VoucherList soap-enc:arrayType="soap-enc:base64[1]"><base64>Vm91Y2hlcg==</base64></VoucherList>
           </cwmp:SetVouchers>"#,
    );
    stands_as(SetVouchersResponse, "<cwmp:SetVouchersResponse></cwmp:SetVouchersResponse>");
    stands_as(
        GetOptions { option_name: "fast".into() },
        "<cwmp:GetOptions><OptionName>fast</OptionName></cwmp:GetOptions>",
    );
    stands_as(
        GetOptionsResponse {
            options: vec![OptionStruct {
                option_name: "fast".into(),
                voucher_sn: 4,
                state: 3,
                mode: 1,
                start_date: DateTime::new("2026-01-01T00:00:00Z"),
                expiration_date: Some(DateTime::new("2027-01-01T00:00:00Z")),
                is_transferable: false,
            }],
        },
        r#"<cwmp:GetOptionsResponse>
             <OptionList soap-enc:arrayType="cwmp:OptionStruct[1]">
               <OptionStruct>
                 <OptionName>fast</OptionName>
                 <VoucherSN>4</VoucherSN>
                 <State>3</State>
                 <Mode>1</Mode>
                 <StartDate>2026-01-01T00:00:00Z</StartDate>
                 <ExpirationDate>2027-01-01T00:00:00Z</ExpirationDate>
                 <IsTransferable>0</IsTransferable>
               </OptionStruct>
             </OptionList>
           </cwmp:GetOptionsResponse>"#,
    );
}

#[test]
fn passwords_and_vouchers_are_not_in_debug() {
    let download = Download { password: Secret::new("hunter22"), ..Download::default() };
    let vouchers = SetVouchers { vouchers: vec![Secret::new("hunter22")] };
    assert!(!format!("{download:?} {vouchers:?}").contains("hunter22"));
}
