//! Data models as text: a row is `path kind access content`.
//!
//! - kind: `s`tring, `i`nt, `u`nsignedInt, `l` unsignedLong, `b`oolean, `t` dateTime
//! - access: `r`ead only or `w`ritable
//! - content: `=text`, or `@word` for what each device has of its own
//! - `{1-4}` in a path is a row for each, `{1-H}` for each host that the seed gives the model

use sangam_cwmp_proto::ValueKind;

use super::Content;

/// What both roots have.
pub(super) const COMMON: &str = "\
DeviceInfo.Manufacturer s r @manufacturer
DeviceInfo.ManufacturerOUI s r @oui
DeviceInfo.ModelName s r @product
DeviceInfo.ProductClass s r @product
DeviceInfo.Description s r =a simulated gateway
DeviceInfo.SerialNumber s r @serial
DeviceInfo.HardwareVersion s r =H2
DeviceInfo.SoftwareVersion s r @software
DeviceInfo.ProvisioningCode s w =
DeviceInfo.UpTime u r @uptime
DeviceInfo.DeviceLog s r =
ManagementServer.URL s w @acs
ManagementServer.Username s w @user
ManagementServer.Password s w @secret
ManagementServer.PeriodicInformEnable b w =1
ManagementServer.PeriodicInformInterval u w @interval
ManagementServer.PeriodicInformTime t w =0001-01-01T00:00:00Z
ManagementServer.ParameterKey s r =
ManagementServer.ConnectionRequestURL s r @url
ManagementServer.ConnectionRequestUsername s w =
ManagementServer.ConnectionRequestPassword s w @secret
ManagementServer.UpgradesManaged b w =0
ManagementServer.CWMPRetryMinimumWaitInterval u w @retry
ManagementServer.CWMPRetryIntervalMultiplier u w =2000
ManagementServer.UDPConnectionRequestAddress s r =
ManagementServer.NATDetected b r =0
ManagementServer.STUNEnable b w =0
ManagementServer.STUNServerAddress s w =
ManagementServer.STUNServerPort u w =3478
ManagementServer.STUNUsername s w =
ManagementServer.STUNPassword s w @secret
ManagementServer.STUNMaximumKeepAlivePeriod i w =-1
ManagementServer.STUNMinimumKeepAlivePeriod u w =20
Time.Enable b w =1
Time.Status s r =Synchronized
Time.NTPServer1 s w =ntp.example
Time.CurrentLocalTime t r @time
Time.LocalTimeZone s w =UTC0
";

pub(super) struct Row {
    pub(super) path: String,
    pub(super) kind: ValueKind,
    pub(super) is_writable: bool,
    pub(super) content: Content,
}

/// All rows of a text under `root`; a row that says something else is left out, which a test finds.
pub(super) fn read(root: &str, text: &str, hosts: u32) -> Vec<Row> {
    text.lines().filter_map(|line| row(root, line, hosts)).flatten().collect()
}

fn row(root: &str, line: &str, hosts: u32) -> Option<Vec<Row>> {
    let mut words = line.splitn(4, ' ');
    let (path, kind, access, content) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let kind = kind_of(kind)?;
    let content = content_of(content)?;
    let is_writable = access == "w";
    let row = |path: String| Row { path, kind: kind.clone(), is_writable, content: content.clone() };
    let Some((before, rest)) = path.split_once("{1-") else { return Some(vec![row(format!("{root}{path}"))]) };
    let (last, after) = rest.split_once('}')?;
    let last = if last == "H" { hosts } else { last.parse().ok()? };
    Some((1..=last).map(|instance| row(format!("{root}{before}{instance}{after}"))).collect())
}

fn kind_of(word: &str) -> Option<ValueKind> {
    Some(match word {
        "s" => ValueKind::String,
        "i" => ValueKind::Int,
        "u" => ValueKind::UnsignedInt,
        "l" => ValueKind::UnsignedLong,
        "b" => ValueKind::Boolean,
        "t" => ValueKind::DateTime,
        _ => return None,
    })
}

fn content_of(word: &str) -> Option<Content> {
    if let Some(text) = word.strip_prefix('=') {
        return Some(Content::Text(text.into()));
    }
    Some(match word {
        "@manufacturer" => Content::Manufacturer,
        "@oui" => Content::Oui,
        "@product" => Content::Product,
        "@serial" => Content::Serial,
        "@software" => Content::Software,
        "@uptime" => Content::Uptime,
        "@acs" => Content::AcsUrl,
        "@user" => Content::User,
        "@secret" => Content::Secret,
        "@interval" => Content::Interval,
        "@retry" => Content::RetryWait,
        "@url" => Content::ConnectionRequestUrl,
        "@time" => Content::Time,
        "@mac" => Content::Mac,
        "@address" => Content::Address,
        "@lan" => Content::LanAddress,
        "@ssid" => Content::Ssid,
        "@channel" => Content::Channel,
        "@counter" => Content::Counter,
        "@signal" => Content::Signal,
        "@small" => Content::Small,
        "@hosts" => Content::Hosts,
        "@diagnostics" => Content::Diagnostics,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{tr098, tr181};
    use super::*;

    #[test]
    fn every_row_is_understood() {
        for text in [COMMON, tr098::ROWS, tr181::ROWS] {
            for line in text.lines() {
                assert!(row("Device.", line, 3).is_some_and(|rows| !rows.is_empty()), "{line}");
            }
        }
    }

    #[test]
    fn braces_are_a_row_for_each() {
        let paths = |line| read("Device.", line, 3).into_iter().map(|row| row.path).collect::<Vec<_>>();
        assert_eq!(paths("A.{1-2}.B u r @small"), ["Device.A.1.B", "Device.A.2.B"]);
        assert_eq!(paths("A.{1-H}.B u r @small").len(), 3);
        assert!(paths("A.B x r =").is_empty());
    }
}
