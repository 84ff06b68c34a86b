//! How devices in the field depart from the standard.

use sangam_cwmp_proto::Namespace;

use super::noise::Dice;

/// What one device does otherwise. A device without quirks is all as the standard has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quirks {
    bits: u16,
    pub(super) namespace: Namespace,
}

/// One departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Quirk {
    /// Another namespace than `cwmp-1-2`, perhaps one that no standard has.
    Namespace = 1,
    /// Prefixes that nobody expects.
    Prefixes = 1 << 1,
    /// No `ID` in any header.
    NoId = 1 << 2,
    /// The cookie as RFC 2965 has it, behind one of its own.
    OldCookie = 1 << 3,
    /// An OUI in small letters.
    SmallOui = 1 << 4,
    /// A byte order mark before the XML.
    ByteOrderMark = 1 << 5,
    /// Cannot read a chunked answer.
    NoChunks = 1 << 6,
    /// `arrayType` with a wrong count.
    ArrayCounts = 1 << 7,
    /// No `SOAPAction`, and `text/xml` without a charset.
    BareHeaders = 1 << 8,
    /// A connection for each request.
    Reconnects = 1 << 9,
}

/// All, with the name of each.
pub(super) const ALL: [(Quirk, &str); 10] = [
    (Quirk::Namespace, "namespace"),
    (Quirk::Prefixes, "prefixes"),
    (Quirk::NoId, "no_id"),
    (Quirk::OldCookie, "old_cookie"),
    (Quirk::SmallOui, "small_oui"),
    (Quirk::ByteOrderMark, "byte_order_mark"),
    (Quirk::NoChunks, "no_chunks"),
    (Quirk::ArrayCounts, "array_counts"),
    (Quirk::BareHeaders, "bare_headers"),
    (Quirk::Reconnects, "reconnects"),
];

impl Quirks {
    pub(super) const NONE: Self = Self { bits: 0, namespace: Namespace::V1_2 };

    /// One to three of them for a `share` of all devices.
    pub(super) fn of(seed: u64, number: u32, share: f64) -> Self {
        let mut dice = Dice::new(&[seed, u64::from(number), 0x9]);
        if dice.unit() >= share {
            return Self::NONE;
        }
        let mut it = Self::NONE;
        for _ in 0..=dice.below(3) {
            let (quirk, _) = ALL[dice.below(ALL.len() as u64) as usize];
            it = it.with(quirk);
        }
        if it.has(Quirk::Namespace) {
            let others = [Namespace::V1_0, Namespace::V1_1, Namespace::V1_3, Namespace::V1_4];
            it.namespace = others[dice.below(4) as usize];
        }
        it
    }

    pub(super) fn with(self, quirk: Quirk) -> Self {
        Self { bits: self.bits | quirk as u16, ..self }
    }

    pub(super) fn has(self, quirk: Quirk) -> bool {
        self.bits & quirk as u16 != 0
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        ALL.into_iter().filter(move |(quirk, _)| self.has(*quirk)).map(|(_, name)| name)
    }

    /// Spells an envelope as the device does.
    pub(super) fn spell(self, mut envelope: Vec<u8>) -> Vec<u8> {
        if self.has(Quirk::ArrayCounts) {
            envelope = miscounted(&envelope);
        }
        if self.has(Quirk::Prefixes) {
            envelope = renamed(&envelope);
        }
        if self.has(Quirk::ByteOrderMark) {
            envelope.splice(0..0, *b"\xef\xbb\xbf");
        }
        envelope
    }
}

/// Prefixes as our codec writes them, and as some device does. Longer ones first.
const PREFIXES: [(&str, &str); 5] =
    [("soap-env", "SOAP-ENV"), ("soap-enc", "e"), ("cwmp", "ns0"), ("xsd", "_x"), ("xsi", "i.s")];

fn renamed(envelope: &[u8]) -> Vec<u8> {
    in_tags(envelope, |tag| {
        PREFIXES.into_iter().fold(tag.to_owned(), |tag, (ours, theirs)| {
            let tag = tag.replace(&format!("{ours}:"), &format!("{theirs}:"));
            tag.replace(&format!("xmlns:{ours}="), &format!("xmlns:{theirs}="))
        })
    })
}

/// Every count one too high.
fn miscounted(envelope: &[u8]) -> Vec<u8> {
    in_tags(envelope, |tag| {
        let told = tag.split_once("arrayType=\"").and_then(|(before, rest)| {
            let (kind, rest) = rest.split_once('[')?;
            let (count, rest) = rest.split_once(']')?;
            Some(format!("{before}arrayType=\"{kind}[{}]{rest}", count.parse::<u32>().ok()? + 1))
        });
        told.unwrap_or_else(|| tag.to_owned())
    })
}

/// Changes tags alone: what stands between them is the device's values.
fn in_tags(envelope: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let text = String::from_utf8_lossy(envelope);
    let mut parts = text.split('<');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
        out.push('<');
        out.push_str(&change(tag));
        out.push('>');
        out.push_str(rest);
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use sangam_cwmp_proto::message::Inform;
    use sangam_cwmp_proto::{
        DeviceId, Envelope, EventStruct, Header, ParameterValue, SoapLimits, ValueKind, decode_noting, encode,
    };

    use super::*;

    fn envelope(namespace: Namespace) -> Envelope {
        let device_id = DeviceId { oui: "00005E".into(), serial_number: "1".into(), ..DeviceId::default() };
        let events = vec![EventStruct::default()];
        let parameters = vec![ParameterValue::new("A.cwmp:B", "<cwmp:x arrayType=\"[1]\">", ValueKind::String)];
        Envelope::new(namespace, Header::with_id("7"), Inform { device_id, events, parameters, ..Inform::default() })
    }

    #[test]
    fn an_envelope_says_the_same_however_it_is_spelled() {
        for (quirk, _) in ALL {
            let quirks = Quirks::NONE.with(quirk);
            let mut bytes = Vec::new();
            encode(&envelope(Namespace::V1_0), &mut bytes).unwrap();
            let spelled = quirks.spell(bytes.clone());
            let is_spelled = matches!(quirk, Quirk::Prefixes | Quirk::ByteOrderMark | Quirk::ArrayCounts);
            assert_eq!(spelled != bytes, is_spelled, "{quirk:?}");
            let (read, departures) = decode_noting(&spelled, &SoapLimits::default()).unwrap();
            assert_eq!(read, envelope(Namespace::V1_0), "{quirk:?}");
            assert_eq!(departures.array_counts > 0, quirk == Quirk::ArrayCounts);
        }
    }

    #[test]
    fn as_many_devices_have_quirks_as_are_to() {
        let quirky = |share| (0..1_000).filter(|at| Quirks::of(1, *at, share) != Quirks::NONE).count();
        assert_eq!((quirky(0.0), quirky(1.0)), (0, 1_000));
        assert!((400..600).contains(&quirky(0.5)));
        for (_, name) in ALL {
            assert!((0..1_000).any(|at| Quirks::of(1, at, 1.0).names().any(|it| it == name)), "{name}");
        }
    }
}
