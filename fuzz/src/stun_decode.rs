use sangam_turn_proto::{Attribute, AttributeType, ChannelData, Message, MessageBuilder};

/// A datagram of a stranger as STUN and as ChannelData. What is understood means the same after encoding it again.
pub fn stun_decode(bytes: &[u8]) {
    if let Some(data) = ChannelData::decode(bytes) {
        assert!(data.payload.end <= bytes.len(), "a payload beyond its message");
    }
    let Ok(message) = Message::decode(bytes) else { return };
    assert_eq!(message.as_bytes(), bytes);
    if bytes.len() > WITH_ROOM {
        return;
    }
    let mut again = MessageBuilder::new(message.class(), message.method(), message.transaction());
    let mut understood = Vec::new();
    for raw in message.attributes() {
        assert_eq!(&bytes[raw.range()], raw.value, "an attribute lies where it says");
        if let Ok(attribute) = Attribute::decode(raw.kind, raw.value, message.transaction()) {
            assert_eq!(attribute.kind(), raw.kind);
            if let Attribute::UnknownAttributes(list) = attribute {
                assert_eq!(list.iter().count(), raw.value.len() / 2);
            }
            again = again.attribute(&attribute);
            understood.push(attribute);
        }
    }
    if message.has_integrity() {
        assert!(!message.is_integrity_by(b"a key that no input was made with"));
    }
    assert_eq!(message.find(AttributeType(0xFFFF)).is_some(), understood.iter().any(is_the_last_number));
    let encoded = again.integrity(KEY).fingerprint().finish();
    let decoded = Message::decode(&encoded).expect("what the builder makes is a message");
    assert!(decoded.is_integrity_by(KEY) && decoded.has_fingerprint());
    let values = decoded.attributes().map(|raw| Attribute::decode(raw.kind, raw.value, decoded.transaction()));
    assert!(values.eq(understood.into_iter().map(Ok)), "an attribute changed on its way through the codec");
}

/// Leaves room in a message for the integrity and the fingerprint added below.
const WITH_ROOM: usize = 65_000;
const KEY: &[u8] = b"0123456789abcdef";

fn is_the_last_number(attribute: &Attribute<'_>) -> bool {
    attribute.kind() == AttributeType(0xFFFF)
}
