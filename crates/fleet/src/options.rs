use std::time::Duration;

use secrecy::SecretString;

/// How a participant says what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Socket.IO: `webrtc-offer`, `webrtc-answer`, `webrtc-ice-candidate`, `verse-changed`, `reading-queue-update`.
    Documented,
    /// Socket.IO as newer front ends speak it: `webrtc-signaling`, `change-verse`, `update-queue`.
    Newest,
    /// JSON over WebSocket: `register`, `offer`, `answer`, `ice-candidate`.
    Json,
}

impl Dialect {
    /// Whether it is carried by Socket.IO.
    #[must_use]
    pub fn is_socketio(self) -> bool {
        matches!(self, Self::Documented | Self::Newest)
    }
}

/// How many, how long, what they do.
#[derive(Clone, Debug)]
pub struct RoomsOptions {
    /// Of the Socket.IO server: `http`, `https`, `ws` or `wss`. A path in it stands in place of `/socket.io/`.
    pub url: Option<String>,
    /// Of the JSON server: `ws` or `wss`. `{room}` in it is replaced with the room's name.
    pub json_url: Option<String>,
    /// Room by room, or participant by participant ([`Self::mixed`]), in turn.
    pub dialects: Vec<Dialect>,
    /// Whether one room has all dialects: the server has to bridge them.
    pub mixed: bool,
    /// How many rooms.
    pub rooms: u32,
    /// In each room.
    pub participants: u32,
    /// How long they chat, once all have had the time to join.
    pub duration: Duration,
    /// How many participants come in a second.
    pub ramp_per_sec: f64,
    /// What is said in each room in a second.
    pub chatter_per_sec: f64,
    /// How often a part of the clients is cut off at once.
    pub storm_interval: Option<Duration>,
    /// How large that part is, up to 1.
    pub storm_share: f64,
    /// How long messages and clients that are on their way at the end are waited for.
    pub settle_timeout: Duration,
    /// Sent as `Authorization: Bearer …`, and with CONNECT of Socket.IO as `token`.
    pub token: Option<SecretString>,
}

/// Why a fleet of these options makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// Nobody at all.
    #[error("nobody takes part: there must be a room, a participant and a dialect")]
    Nobody,
    /// More than this program is for.
    #[error("{wanted} participants are more than {max}: lower the number of rooms or of participants")]
    TooMany {
        /// Rooms times participants.
        wanted: u64,
        /// [`RoomsOptions::PARTICIPANTS_MAX`]
        max: u64,
    },
    /// A dialect without a server.
    #[error("there is no server for {dialect}: give {option}")]
    NoServer {
        /// What is to be spoken.
        dialect: &'static str,
        /// The option that says where.
        option: &'static str,
    },
    /// JSON agents of several rooms would meet in one.
    #[error("rooms of all dialects need the room's name in the JSON server's URL: write {{room}} in `--json-url`")]
    NoRoomName,
    /// Not above zero, or no number.
    #[error("{what} must be a number above 0")]
    NotPositive {
        /// Which option.
        what: &'static str,
    },
}

impl RoomsOptions {
    /// In all rooms: more than one machine has ports for.
    pub const PARTICIPANTS_MAX: u64 = 60_000;

    /// In all rooms.
    #[must_use]
    pub fn participants_total(&self) -> u64 {
        u64::from(self.rooms) * u64::from(self.participants)
    }

    /// How long it takes until all have begun to join.
    #[must_use]
    pub fn ramp(&self) -> Duration {
        // At most PARTICIPANTS_MAX, so exact.
        Duration::try_from_secs_f64(self.participants_total() as f64 / self.ramp_per_sec).unwrap_or(Duration::MAX)
    }

    /// Which dialect a participant of a room speaks.
    pub(crate) fn dialect(&self, room: u32, participant: u32) -> Dialect {
        let turn = if self.mixed { participant } else { room };
        self.dialects.get(turn as usize % self.dialects.len().max(1)).copied().unwrap_or(Dialect::Documented)
    }

    /// # Errors
    /// [`OptionsError`]
    pub fn check(&self) -> Result<(), OptionsError> {
        let wanted = self.participants_total();
        if wanted == 0 || self.dialects.is_empty() {
            return Err(OptionsError::Nobody);
        }
        if wanted > Self::PARTICIPANTS_MAX {
            return Err(OptionsError::TooMany { wanted, max: Self::PARTICIPANTS_MAX });
        }
        let is_positive = |number: f64| number.is_finite() && number > 0.0;
        for (what, is_fine) in [
            ("the ramp", is_positive(self.ramp_per_sec) && self.ramp() < Duration::from_secs(86_400)),
            ("the share of a storm", is_positive(self.storm_share) && self.storm_share <= 1.0),
            ("the time between storms", self.storm_interval.is_none_or(|interval| !interval.is_zero())),
            ("the duration", !self.duration.is_zero()),
        ] {
            if !is_fine {
                return Err(OptionsError::NotPositive { what });
            }
        }
        if self.chatter_per_sec != 0.0 && !is_positive(self.chatter_per_sec) {
            return Err(OptionsError::NotPositive { what: "the chatter" });
        }
        self.check_servers()
    }

    fn check_servers(&self) -> Result<(), OptionsError> {
        if self.url.is_none() && self.dialects.iter().any(|dialect| dialect.is_socketio()) {
            return Err(OptionsError::NoServer { dialect: "Socket.IO", option: "`--url`" });
        }
        let speaks_json = self.dialects.contains(&Dialect::Json);
        match &self.json_url {
            None if speaks_json => Err(OptionsError::NoServer { dialect: "JSON", option: "`--json-url`" }),
            Some(url) if speaks_json && self.mixed && self.dialects.len() > 1 && !url.contains("{room}") => {
                Err(OptionsError::NoRoomName)
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> RoomsOptions {
        RoomsOptions {
            url: Some("http://localhost".to_owned()),
            json_url: None,
            dialects: vec![Dialect::Documented, Dialect::Newest],
            mixed: false,
            rooms: 4,
            participants: 3,
            duration: Duration::from_secs(1),
            ramp_per_sec: 6.0,
            chatter_per_sec: 1.0,
            storm_interval: None,
            storm_share: 0.5,
            settle_timeout: Duration::from_secs(1),
            token: None,
        }
    }

    #[test]
    fn a_room_speaks_one_dialect_unless_it_is_mixed() {
        let mut options = options();
        assert_eq!(options.check(), Ok(()));
        assert_eq!(options.ramp(), Duration::from_secs(2));
        assert_eq!([options.dialect(0, 1), options.dialect(1, 0)], [Dialect::Documented, Dialect::Newest]);
        options.mixed = true;
        assert_eq!([options.dialect(0, 1), options.dialect(1, 0)], [Dialect::Newest, Dialect::Documented]);
    }

    #[test]
    fn senseless_options_are_refused_with_what_to_change() {
        let said = |change: fn(&mut RoomsOptions)| {
            let mut options = options();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(said(|options| options.rooms = 0).contains("nobody"));
        assert!(said(|options| options.rooms = 100_000).contains("60000"));
        assert!(said(|options| options.url = None).contains("`--url`"));
        assert!(said(|options| options.dialects.push(Dialect::Json)).contains("`--json-url`"));
        assert!(said(|options| options.ramp_per_sec = f64::NAN).contains("ramp"));
        assert!(said(|options| options.storm_share = 1.5).contains("share"));
        assert!(said(|options| options.chatter_per_sec = -1.0).contains("chatter"));
        let mixed = said(|options| {
            options.dialects.push(Dialect::Json);
            options.json_url = Some("ws://localhost".to_owned());
            options.mixed = true;
        });
        assert!(mixed.contains("{room}"));
    }
}
