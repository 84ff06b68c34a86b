//! How devices in the field depart from the standard.

use sangam_cwmp_proto::Namespace;

use super::noise::Dice;
use super::options::QuirkShare;

/// What one device does otherwise. A device without quirks is all as the standard has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quirks {
    bits: u32,
    pub(super) namespace: Namespace,
    pub(super) speaks: Speaks,
}

/// What the namespace `cwmp-1-2` is used for: 1.3 and 1.4 have no other, and say so in headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// CWMP 1.2 and before.
    Plain,
    /// CWMP 1.3: `SessionTimeout`.
    V1_3,
    /// CWMP 1.4: `SupportedCWMPVersions`.
    V1_4,
}

/// One departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Quirk {
    /// Another namespace than `cwmp-1-2`, perhaps one that no standard has.
    Namespace = 1,
    /// Prefixes that nobody expects.
    Prefixes = 1 << 1,
    /// No `ID` in any header.
    NoId = 1 << 2,
    /// The cookie as RFC 2965 has it: a version before it, a path behind it.
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
    /// A cookie of its own before ours, with a comma between them.
    CommaCookie = 1 << 10,
    /// No product class.
    EmptyClass = 1 << 11,
    /// No clock: it is always the year 1.
    NoClock = 1 << 12,
    /// Cannot read more than [`NAMES_MAX`] names at once, and says that it has no room.
    FewNames = 1 << 13,
    /// Tells the end of each transfer twice.
    RepeatsTransfers = 1 << 14,
    /// Sends its Inform again although it was answered.
    RepeatsInform = 1 << 15,
    /// The whole URL in the `uri` of its digest, and the path alone in the request line.
    WholeDigestUri = 1 << 16,
    /// Header elements of CWMP 1.0: `HoldRequests`, which is the ACS's alone, and `NoMoreRequests`.
    OldHeaders = 1 << 17,
    /// Says that it takes 32 envelopes at once.
    ManyEnvelopes = 1 << 18,
    /// No `xsi:type` on any value.
    NoTypes = 1 << 19,
    /// Its own bodies in chunks.
    ChunkedBodies = 1 << 20,
    /// `Expect: 100-continue` on every body.
    ExpectsContinue = 1 << 21,
    /// Line ends where an empty POST is due.
    BlankPost = 1 << 22,
    /// An envelope with nothing in it where an empty POST is due.
    EmptyEnvelope = 1 << 23,
}

/// All, with the name of each: what the checklist of devices in the field has, one by one.
pub(super) const ALL: [(Quirk, &str); 24] = [
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
    (Quirk::CommaCookie, "comma_cookie"),
    (Quirk::EmptyClass, "empty_class"),
    (Quirk::NoClock, "no_clock"),
    (Quirk::FewNames, "few_names"),
    (Quirk::RepeatsTransfers, "repeats_transfers"),
    (Quirk::RepeatsInform, "repeats_inform"),
    (Quirk::WholeDigestUri, "whole_digest_uri"),
    (Quirk::OldHeaders, "old_headers"),
    (Quirk::ManyEnvelopes, "many_envelopes"),
    (Quirk::NoTypes, "no_types"),
    (Quirk::ChunkedBodies, "chunked_bodies"),
    (Quirk::ExpectsContinue, "expects_continue"),
    (Quirk::BlankPost, "blank_post"),
    (Quirk::EmptyEnvelope, "empty_envelope"),
];

/// In every namespace there is, and in those that no standard has.
const NAMESPACES: [Namespace; 5] =
    [Namespace::V1_2, Namespace::V1_0, Namespace::V1_1, Namespace::V1_3, Namespace::V1_4];

/// How many names a device with [`Quirk::FewNames`] reads at once.
pub(super) const NAMES_MAX: usize = 4;

impl Quirks {
    pub(super) const NONE: Self = Self { bits: 0, namespace: Namespace::V1_2, speaks: Speaks::Plain };

    pub(super) fn of(seed: u64, number: u32, shares: QuirkShare) -> Self {
        match shares {
            QuirkShare::Of(share) => Self::by_chance(seed, number, share),
            QuirkShare::Each => Self::in_turn(number),
        }
    }

    /// One to three of them for a `share` of all devices.
    fn by_chance(seed: u64, number: u32, share: f64) -> Self {
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
            it.namespace = NAMESPACES[1 + dice.below(4) as usize];
        }
        it
    }

    /// Each quirk once in 25 devices, one of which has none; each namespace once in five, and with another quirk each time.
    fn in_turn(number: u32) -> Self {
        let number = number as usize;
        let turn = ALL.len() + 1;
        let mut it = ALL.get(number % turn).map_or(Self::NONE, |(quirk, _)| Self::NONE.with(*quirk));
        it.namespace = NAMESPACES[(number + number / turn) % NAMESPACES.len()];
        if it.namespace == Namespace::V1_2 {
            it.speaks = [Speaks::V1_4, Speaks::V1_3, Speaks::Plain][number / NAMESPACES.len() % 3];
        } else {
            it = it.with(Quirk::Namespace);
        }
        it
    }

    pub(super) fn with(self, quirk: Quirk) -> Self {
        Self { bits: self.bits | quirk as u32, ..self }
    }

    pub(super) fn has(self, quirk: Quirk) -> bool {
        self.bits & quirk as u32 != 0
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        ALL.into_iter().filter(move |(quirk, _)| self.has(*quirk)).map(|(_, name)| name)
    }

    /// Spells an envelope as the device does.
    pub(super) fn spell(self, mut envelope: Vec<u8>) -> Vec<u8> {
        if self.has(Quirk::OldHeaders) {
            envelope = with_old_headers(&envelope);
        }
        if self.has(Quirk::NoTypes) {
            envelope = untyped(&envelope);
        }
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

    /// The body of its empty POST.
    pub(super) fn empty_post(self) -> &'static [u8] {
        if self.has(Quirk::EmptyEnvelope) {
            b"<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\"><SOAP-ENV:Body/></SOAP-ENV:Envelope>"
        } else if self.has(Quirk::BlankPost) {
            b"\r\n"
        } else {
            b""
        }
    }

    /// A cookie as it gives it back.
    pub(super) fn cookie(self, cookie: String) -> String {
        if self.has(Quirk::OldCookie) {
            format!("$Version=\"1\"; {cookie}; $Path=\"/\"")
        } else if self.has(Quirk::CommaCookie) {
            format!("lang=en, {cookie}")
        } else {
            cookie
        }
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

/// What CWMP 1.0 had in headers, where there is a header.
fn with_old_headers(envelope: &[u8]) -> Vec<u8> {
    const HEADER: &str = "<soap-env:Header>";
    const OLD: &str = "<soap-env:Header><cwmp:HoldRequests soap-env:mustUnderstand=\"1\">0</cwmp:HoldRequests>\
                       <cwmp:NoMoreRequests>0</cwmp:NoMoreRequests>";
    String::from_utf8_lossy(envelope).replacen(HEADER, OLD, 1).into_bytes()
}

fn untyped(envelope: &[u8]) -> Vec<u8> {
    in_tags(envelope, |tag| {
        let stripped = tag.split_once(" xsi:type=\"").and_then(|(before, rest)| {
            let (_, after) = rest.split_once('"')?;
            Some(format!("{before}{after}"))
        });
        stripped.unwrap_or_else(|| tag.to_owned())
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
            let is_spelled = matches!(
                quirk,
                Quirk::Prefixes | Quirk::ByteOrderMark | Quirk::ArrayCounts | Quirk::OldHeaders | Quirk::NoTypes
            );
            assert_eq!(spelled != bytes, is_spelled, "{quirk:?}");
            let (read, departures) = decode_noting(&spelled, &SoapLimits::default()).unwrap();
            if !matches!(quirk, Quirk::OldHeaders | Quirk::NoTypes) {
                assert_eq!(read, envelope(Namespace::V1_0), "{quirk:?}");
            }
            assert_eq!(departures.array_counts > 0, quirk == Quirk::ArrayCounts);
        }
    }

    #[test]
    fn as_many_devices_have_quirks_as_are_to() {
        let of = |at, share| Quirks::of(1, at, QuirkShare::Of(share));
        let quirky = |share| (0..1_000).filter(|at| of(*at, share) != Quirks::NONE).count();
        assert_eq!((quirky(0.0), quirky(1.0)), (0, 1_000));
        assert!((400..600).contains(&quirky(0.5)));
        for (_, name) in ALL {
            assert!((0..1_000).any(|at| of(at, 1.0).names().any(|it| it == name)), "{name}");
        }
    }

    #[test]
    fn twenty_five_devices_have_each_quirk_and_each_namespace_and_one_has_none() {
        let all: Vec<Quirks> = (0..25).map(|at| Quirks::of(1, at, QuirkShare::Each)).collect();
        for (quirk, name) in ALL {
            assert!(all.iter().any(|it| it.has(quirk)), "{name}");
        }
        for namespace in NAMESPACES {
            assert_eq!(all.iter().filter(|it| it.namespace == namespace).count(), 5, "{namespace:?}");
        }
        let plain = |it: &&Quirks| it.names().all(|name| name == "namespace");
        assert!(all.iter().filter(plain).count() >= 2);
        // In the next 25 the same quirk stands in another namespace.
        assert_ne!(Quirks::of(1, 30, QuirkShare::Each).namespace, all[5].namespace);
    }

    #[test]
    fn cookies_and_empty_posts_are_written_as_old_devices_do() {
        let cookie = |quirk| Quirks::NONE.with(quirk).cookie("s=1".to_owned());
        assert_eq!(cookie(Quirk::OldCookie), "$Version=\"1\"; s=1; $Path=\"/\"");
        assert_eq!(cookie(Quirk::CommaCookie), "lang=en, s=1");
        assert_eq!(cookie(Quirk::NoId), "s=1");
        assert_eq!(Quirks::NONE.empty_post(), b"");
        assert_eq!(Quirks::NONE.with(Quirk::BlankPost).empty_post(), b"\r\n");
        let empty = Quirks::NONE.with(Quirk::EmptyEnvelope).empty_post();
        assert_eq!(decode_noting(empty, &SoapLimits::default()).unwrap().0.message(), None);
    }
}
