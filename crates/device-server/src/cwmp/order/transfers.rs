use std::time::Duration;

use sangam_cwmp_proto::message::{Download, ScheduleDownload, TimeWindow, Upload};
use sangam_cwmp_proto::{Message, Secret, Url};
use sangam_device_proto::file::FileRow;
use serde::Deserialize;

use super::BadOrder;
use crate::cwmp::transfer::Handover;

/// A download, at once or in windows of time, or an upload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    file_type: String,
    /// Where it is fetched from or brought to.
    url: Option<String>,
    /// In place of that: the name of a file of ours.
    file: Option<String>,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    file_size: u64,
    #[serde(default)]
    target_file_name: String,
    /// Of one that is not scheduled.
    #[serde(default)]
    delay_secs: u32,
    /// Of one that is.
    #[serde(default)]
    windows: Vec<Window>,
}

/// When a transfer may happen, in seconds from the request (TR-069 Amendment 6 A.4.1.8).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    start_secs: u32,
    end_secs: u32,
    /// `1 At Any Time`, `2 Immediately`, `3 When Idle`, `4 Confirmation Needed`, or a vendor's own, which begins with `X `.
    #[serde(default = "any_time")]
    mode: String,
    /// For the person who is asked.
    #[serde(default)]
    message: String,
    /// How often it is tried again within the window; -1: as the device likes.
    #[serde(default)]
    retries_max: i32,
}

fn any_time() -> String {
    Window::MODES[0].to_owned()
}

impl Window {
    /// TR-069 Amendment 6, `TimeWindowStruct`.
    const MODES: [&str; 4] = ["1 At Any Time", "2 Immediately", "3 When Idle", "4 Confirmation Needed"];
    /// Characters of a message: `string(256)`.
    const MESSAGE_CHARS_MAX: usize = 256;

    fn is_mode(text: &str) -> bool {
        Self::MODES.contains(&text) || (text.starts_with("X ") && text.chars().count() <= 64)
    }

    fn written(self) -> Result<TimeWindow, BadOrder> {
        if self.start_secs >= self.end_secs {
            return Err(BadOrder::Wrong("a window ends after it begins"));
        }
        if !Self::is_mode(&self.mode) {
            return Err(BadOrder::Wrong("a window has a mode that no standard knows, such as `1 At Any Time`"));
        }
        if self.message.chars().count() > Self::MESSAGE_CHARS_MAX {
            return Err(BadOrder::Wrong("the message of a window has at most 256 characters"));
        }
        Ok(TimeWindow {
            start_secs: self.start_secs,
            end_secs: self.end_secs,
            mode: self.mode,
            user_message: self.message,
            max_retries: self.retries_max,
        })
    }
}

impl Transfer {
    /// How long after it was asked the device may begin.
    pub(super) fn begins_within(&self) -> Duration {
        let ends = self.windows.iter().map(|window| window.end_secs).max().unwrap_or(0);
        Duration::from_secs(self.delay_secs.max(ends).into())
    }

    /// With all that the device has to know: its own, or what it was handed over with.
    pub(super) fn settled(self, handover: Option<&Handover>) -> Result<Self, BadOrder> {
        match (&self.url, &self.file) {
            (Some(_), None) => Ok(self),
            (None, Some(name)) if !FileRow::is_name(name) => {
                Err(BadOrder::Wrong("its file has a name that none can have"))
            }
            (None, Some(_)) => {
                let wrong = "its file is not there, or the device named no host that it could be fetched from";
                let handover = handover.ok_or(BadOrder::Wrong(wrong))?;
                Ok(Self {
                    url: Some(handover.url.clone()),
                    username: handover.user.to_string(),
                    password: handover.secret.as_ref().map_or_else(String::new, |it| it.expose().to_owned()),
                    file_size: handover.bytes,
                    ..self
                })
            }
            _ => Err(BadOrder::Wrong("it names either a `url` or a `file`")),
        }
    }

    pub(super) fn download(self, command_key: String) -> Result<Message, BadOrder> {
        self.not_scheduled()?;
        let download = Download {
            command_key,
            file_type: self.file_type,
            url: Url::new(self.url.unwrap_or_default()),
            username: self.username,
            password: Secret::new(self.password),
            file_size: self.file_size,
            target_file_name: self.target_file_name,
            delay_secs: self.delay_secs,
            success_url: Url::default(),
            failure_url: Url::default(),
        };
        Ok(download.into())
    }

    pub(super) fn upload(self, command_key: String) -> Result<Message, BadOrder> {
        self.not_scheduled()?;
        let upload = Upload {
            command_key,
            file_type: self.file_type,
            url: Url::new(self.url.unwrap_or_default()),
            username: self.username,
            password: Secret::new(self.password),
            delay_secs: self.delay_secs,
        };
        Ok(upload.into())
    }

    /// TR-069 Amendment 6 A.4.1.8: one window or two, which do not overlap.
    pub(super) fn scheduled(self, command_key: String) -> Result<Message, BadOrder> {
        if !(1..=2).contains(&self.windows.len()) || self.delay_secs > 0 {
            return Err(BadOrder::Wrong("it has one or two `windows`, and no `delay_secs`"));
        }
        if let [first, second] = &self.windows[..]
            && second.start_secs < first.end_secs
        {
            return Err(BadOrder::Wrong("its second window begins before the first has ended"));
        }
        let scheduled = ScheduleDownload {
            command_key,
            file_type: self.file_type,
            url: Url::new(self.url.unwrap_or_default()),
            username: self.username,
            password: Secret::new(self.password),
            file_size: self.file_size,
            target_file_name: self.target_file_name,
            windows: self.windows.into_iter().map(Window::written).collect::<Result<_, _>>()?,
        };
        Ok(scheduled.into())
    }

    fn not_scheduled(&self) -> Result<(), BadOrder> {
        let wrong = BadOrder::Wrong("windows are for `schedule_download`");
        if self.windows.is_empty() { Ok(()) } else { Err(wrong) }
    }
}
