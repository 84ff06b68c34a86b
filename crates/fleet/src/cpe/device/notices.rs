use sangam_cwmp_proto::message::{
    ArgStruct, AutonomousDuStateChangeComplete, AutonomousOpResult, AutonomousTransferComplete, Kicked, OpResult,
    RequestDownload,
};
use sangam_cwmp_proto::{EventCode, Message, Secret, Url};

use super::super::date::date;
use super::{Context, Device};

/// The event that belongs to what a device has to say.
pub(super) fn event_of(notice: &Message) -> Option<EventCode> {
    Some(match notice {
        Message::AutonomousTransferComplete(_) => EventCode::AutonomousTransferComplete,
        Message::AutonomousDuStateChangeComplete(_) => EventCode::AutonomousDuStateChangeComplete,
        Message::RequestDownload(_) => EventCode::RequestDownload,
        Message::Kicked(_) => EventCode::Kicked,
        _ => return None,
    })
}

impl Device {
    /// Some devices have more to say to an ACS that is new to them: of every sixteen one has fetched a file by itself, one has
    /// changed its software, two want a file, and of two somebody has followed a link.
    pub(super) fn meet(&mut self, cx: &mut Context<'_>) {
        let now = date(cx.now.wall);
        let notice: Message = match self.facts.number % 16 {
            9 => AutonomousTransferComplete {
                transfer_url: Url::new("http://files.example/ringer"),
                is_download: true,
                file_type: "5 Ringer File".to_owned(),
                file_size: 4_711,
                start_time: now.clone(),
                complete_time: now,
                ..AutonomousTransferComplete::default()
            }
            .into(),
            10 => AutonomousDuStateChangeComplete {
                results: vec![AutonomousOpResult {
                    result: OpResult {
                        uuid: "5b0d8a5e-0c3c-5f0e-9d25-0f1d4e2f7a11".to_owned(),
                        version: "1.0".to_owned(),
                        current_state: "Installed".to_owned(),
                        resolved: true,
                        start_time: now.clone(),
                        complete_time: now,
                        ..OpResult::default()
                    },
                    operation: "Install".to_owned(),
                }],
            }
            .into(),
            5 | 13 => RequestDownload {
                file_type: "2 Web Content".to_owned(),
                arguments: vec![ArgStruct { name: "page".to_owned(), value: "welcome".to_owned() }],
            }
            .into(),
            7 | 15 => Kicked {
                command: "welcome".to_owned(),
                referer: "http://gateway.example/".to_owned(),
                argument: Secret::new("a1"),
                next: Url::new("http://gateway.example/next"),
            }
            .into(),
            _ => return,
        };
        // Until it was answered it is the same, however often the device boots.
        self.notice.get_or_insert_with(|| Box::new(notice));
        self.tell_of_ended(cx.tally);
    }
}
