use sangam_signal_proto::ParticipantId;
use sangam_signal_proto::RoomId;
use sangam_signal_server::dialect::socketio::{Client, Ear, GuardOptions, Outgoing, SessionNames, SignalNames};
use sangam_socketio_proto::Arguments;
use sangam_types::{Mono, Now, Text, Wall};

pub(crate) const DOCUMENTED: Ear = Ear { signals: SignalNames::ByKind, session: SessionNames::Documented };
pub(crate) const NEWCOMER: Ear = Ear { signals: SignalNames::Both, session: SessionNames::Hooks };
pub(crate) const NEWEST: Ear = Ear { signals: SignalNames::Common, session: SessionNames::Hooks };
pub(crate) const OLDER: Ear = Ear { signals: SignalNames::ByKind, session: SessionNames::Hooks };

pub(crate) const GUARD: GuardOptions = GuardOptions {
    echo_window: std::time::Duration::from_secs(10),
    echoes_max: 256,
    undirected_per_sec: 20,
    undirected_burst: 200,
};

/// Stamps of this test say 5.
pub(crate) const NOW: Now = Now { mono: Mono::ZERO, wall: Wall::from_unix_millis(5) };

pub(crate) fn arguments(json: &str) -> Arguments {
    Arguments::new(Text::from(json)).unwrap()
}

/// `name {"a":1}` as arguments.
pub(crate) fn event(line: &str) -> Arguments {
    let (name, object) = line.split_once(' ').unwrap_or((line, ""));
    let comma = if object.is_empty() { "" } else { "," };
    arguments(&format!("[\"{name}\"{comma}{object}]"))
}

/// And back.
pub(crate) fn line(event: &Outgoing) -> String {
    let items = event.arguments.items().unwrap();
    format!("{} {}", event.arguments.event_name().unwrap().unwrap(), items[1].get())
}

pub(crate) fn lines(events: &[Outgoing]) -> Vec<String> {
    events.iter().map(line).collect()
}

pub(crate) fn client() -> Client {
    Client::new(Mono::ZERO, &GUARD)
}

pub(crate) fn id(text: &str) -> ParticipantId {
    ParticipantId::parse(text).unwrap()
}

pub(crate) fn room(text: &str) -> RoomId {
    RoomId::parse(text).unwrap()
}
