use sangam_cwmp_proto::{EventCode, Events, Message, SoapLimits, decode_noting, encode, peek_events};

/// The body of a CPE's request, or of an ACS's answer. What is read is read again as it was after it is written, and then
/// there is nothing to remark; a look at its events claims none that it has not.
pub fn soap(bytes: &[u8]) {
    let limits = SoapLimits { events: 16, parameters: 64, items: 16, text_bytes: 4_096, ..SoapLimits::default() };
    let seen = peek_events(bytes, usize::MAX);
    let Ok((envelope, _)) = decode_noting(bytes, &limits) else { return };
    let events = match envelope.message() {
        Some(Message::Inform(inform)) => &inform.events[..],
        _ => &[],
    };
    assert!(events.len() <= limits.events);
    let claimed = (0..14).filter_map(EventCode::from_number).filter(|it| seen.has(it));
    for code in claimed {
        assert!(events.iter().any(|it| it.code == code), "{code} is not among {events:?}");
    }
    let mut written = Vec::new();
    encode(&envelope, &mut written).expect("what was read can be written");
    let (again, departures) = decode_noting(&written, &limits).expect("what was written can be read");
    assert_eq!(again, envelope);
    let tidy = departures.unknown_elements + departures.array_counts + departures.forbidden_characters;
    assert_eq!(tidy + departures.untyped_arrays + departures.unbound_prefixes, 0, "{departures:?}");
    if let Some(Message::Inform(inform)) = again.message() {
        assert_whole(&peek_events(&written, usize::MAX), inform.events.iter().map(|it| &it.code));
    }
}

/// In a body of ours the look finds every numbered event.
fn assert_whole<'a>(seen: &Events, mut codes: impl Iterator<Item = &'a EventCode>) {
    assert!(seen.is_inform && seen.is_complete);
    assert!(codes.all(|it| it.number().is_none() || seen.has(it)));
}
