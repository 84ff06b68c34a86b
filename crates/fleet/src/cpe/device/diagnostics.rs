use std::time::Duration;

use sangam_cwmp_proto::EventCode;
use sangam_types::Wall;

use super::super::date::date_text;
use super::super::model::Content;
use super::super::noise::Dice;
use super::super::tree::Slot;
use super::{Context, Device};

/// How long a diagnosis takes, and how much longer at most.
const TAKES: Duration = Duration::from_secs(1);
const SPREAD: Duration = Duration::from_secs(3);

impl Device {
    /// A parameter was set. If it is a `DiagnosticsState`, a diagnosis begins; another one beside it stops that.
    pub(crate) fn note_diagnostics(&mut self, cx: &Context<'_>, slot: Slot, value: &str) {
        let model = cx.world.model(self.facts.number);
        let Some(parameter) = model.at(slot.index) else { return };
        let (object, _) = parameter.path.rsplit_once('.').unwrap_or_default();
        if parameter.content == Content::Diagnostics {
            self.diagnostics.retain(|(_, running)| *running != slot);
            if value == "Requested" {
                let wait = TAKES + self.dice.within(SPREAD);
                self.diagnostics.push((cx.now.mono + wait, slot));
            }
        } else if let Some(state) = model.find(&format!("{object}.DiagnosticsState")).map(Slot::fixed)
            && !self.diagnostics.iter().any(|(_, running)| *running == state)
            && self.differences.get(state).is_some_and(|state| state != "Requested")
        {
            self.differences.set(state, "None");
        }
    }

    /// Writes the results of what has run.
    pub(crate) fn end_diagnostics(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        let ended: Vec<Slot> = self.diagnostics.extract_if(.., |(at, _)| *at <= now).map(|(_, slot)| slot).collect();
        for state in ended {
            let word = self.write_results(cx, state);
            self.differences.set(state, word);
            self.raise(cx.tally, EventCode::DiagnosticsComplete, "");
        }
    }

    /// The results, and the state that says how it ended: nothing is found out without a host or a URL.
    fn write_results(&mut self, cx: &Context<'_>, state: Slot) -> &'static str {
        let model = cx.world.model(self.facts.number);
        let Some(path) = model.at(state.index).map(|it| &it.path) else { return "Error_Internal" };
        let object = path.strip_suffix("DiagnosticsState").unwrap_or(path);
        let tree = self.tree(cx.world, cx.now);
        let input = |name: &str| tree.find(&format!("{object}{name}")).map(|slot| tree.value(slot).into_owned());
        let aim = ["Host", "DownloadURL", "UploadURL"].into_iter().find_map(|name| Some((name, input(name)?)));
        match aim {
            Some(("Host", host)) if host.is_empty() => return "Error_CannotResolveHostName",
            Some((_, url)) if url.is_empty() => return "Error_InitConnectionFailed",
            Some(_) | None => {}
        }
        let target = aim.map(|(_, target)| target).unwrap_or_default();
        let tried = input("NumberOfRepetitions").unwrap_or_default();
        let length = input("TestFileLength").and_then(|it| it.parse().ok());
        let run = Run { cx_wall: cx.now.wall, target, tried, bytes: length.unwrap_or(TEST_BYTES) };
        for index in model.under(object) {
            let Some(parameter) = model.at(index).filter(|it| !it.is_writable) else { continue };
            let name = parameter.path.get(object.len()..).unwrap_or_default();
            let result = run.result(name, &mut self.dice);
            self.differences.set(Slot::fixed(index), &result);
        }
        "Complete"
    }
}

/// How much a test of speed moves if nobody says how much.
const TEST_BYTES: u64 = 4_000_000;
/// How many routers are on the way: those that the data model has rows for.
const HOPS: u64 = 3;

/// A test that has run.
struct Run {
    cx_wall: Wall,
    target: String,
    tried: String,
    bytes: u64,
}

impl Run {
    /// What it found: half a second for the bytes, beginning a tenth of a second after the request.
    fn result(&self, name: &str, dice: &mut Dice) -> String {
        let at = |millis_before: u64| {
            let millis = self.cx_wall.unix_millis().saturating_sub(millis_before);
            let date = date_text(Wall::from_unix_millis(millis));
            let (seconds, _) = date.split_once('Z').unwrap_or((&date, ""));
            format!("{seconds}.{:03}000Z", millis % 1_000)
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        match last {
            "ROMTime" => at(600),
            "BOMTime" => at(500),
            "EOMTime" => at(0),
            "TCPOpenRequestTime" | "TCPOpenResponseTime" => at(650),
            "TestBytesReceived" => self.bytes.to_string(),
            "TotalBytesReceived" | "TotalBytesSent" => (self.bytes + self.bytes / 20).to_string(),
            "SuccessCount" => self.tried.clone(),
            "FailureCount" | "ErrorCode" | "HopErrorCode" => "0".to_owned(),
            "MinimumResponseTime" => "9".to_owned(),
            "AverageResponseTime" | "ResponseTime" => "12".to_owned(),
            "MaximumResponseTime" => (20 + dice.below(20)).to_string(),
            "RouteHopsNumberOfEntries" | "NumberOfRouteHops" => HOPS.to_string(),
            "Host" | "HopHost" if hop(name) == Some(HOPS) => self.target.clone(),
            "Host" | "HopHost" => format!("hop{}.example", hop(name).unwrap_or_default()),
            "HostAddress" | "HopHostAddress" => format!("198.18.{}.1", hop(name).unwrap_or_default()),
            "RTTimes" | "HopRTTimes" => {
                let base = 3 * hop(name).unwrap_or(1);
                format!("{base},{},{}", base + dice.below(3), base + dice.below(3))
            }
            _ => "0".to_owned(),
        }
    }
}

/// The number in `RouteHops.2.Host`.
fn hop(name: &str) -> Option<u64> {
    name.strip_prefix("RouteHops.")?.split('.').next()?.parse().ok()
}
