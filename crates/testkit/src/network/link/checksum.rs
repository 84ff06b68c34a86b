//! Checksums of packets whose sender left them to a network card that is not there.
//!
//! The kernel does not compute them for what stays on the machine, and says so beside the packet only. What was copied out
//! of it and goes back in needs them in full.

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

/// Where in a packet things stand.
struct Layout {
    /// Begin of the two addresses, one behind the other.
    addresses: usize,
    addresses_bytes: usize,
    payload: usize,
    end: usize,
    protocol: u8,
}

/// Writes the checksum of the segment or datagram in an IP packet anew. What is none, or a piece of one, stays as it is.
pub(super) fn complete(packet: &mut [u8]) {
    let Some(layout) = layout_of(packet) else { return };
    let field = layout.payload
        + match layout.protocol {
            TCP => 16,
            UDP => 6,
            ICMP_V6 => 2,
            _ => return,
        };
    let Some(old) = packet.get(field..field + 2).filter(|_| field + 2 <= layout.end) else { return };
    // Over IPv4 a datagram may have none (RFC 768).
    if layout.protocol == UDP && old == [0, 0] {
        return;
    }
    packet[field..field + 2].fill(0);
    let length = u32::try_from(layout.end - layout.payload).unwrap_or(u32::MAX);
    let addresses = &packet[layout.addresses..layout.addresses + layout.addresses_bytes];
    let sum = sum_of(addresses) + sum_of(&packet[layout.payload..layout.end]) + length + u32::from(layout.protocol);
    let folded = !fold(sum);
    let checksum = if layout.protocol == UDP && folded == 0 { u16::MAX } else { folded };
    packet[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn layout_of(packet: &[u8]) -> Option<Layout> {
    let (addresses, addresses_bytes, payload, total, protocol) = match packet.first()? >> 4 {
        4 => {
            let is_piece = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x3FFF != 0;
            let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            (12, 8, usize::from(packet[0] & 0xF) * 4, total, *packet.get(9).filter(|_| !is_piece)?)
        }
        6 => {
            let length = usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
            (8, 32, 40, 40 + length, *packet.get(6)?)
        }
        _ => return None,
    };
    let is_whole = addresses + addresses_bytes <= payload && payload <= total && total <= packet.len();
    is_whole.then_some(Layout { addresses, addresses_bytes, payload, end: total, protocol })
}

/// Of at most 64 KiB: the sum of their words stays below 2^31.
fn sum_of(bytes: &[u8]) -> u32 {
    let mut words = bytes.chunks_exact(2);
    let whole: u32 = words.by_ref().map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    whole + words.remainder().first().map_or(0, |&last| u32::from(last) << 8)
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 10.0.0.2:4096 to 10.0.0.1:53, "ab", its checksum left to the card.
    fn datagram() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 30, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
        packet.extend_from_slice(&[0x10, 0x00, 0x00, 0x35, 0, 10, 0xFF, 0xFF, b'a', b'b']);
        packet
    }

    /// The ones' complement sum over pseudo header and datagram, which a receiver takes: 0xFFFF if all is well.
    fn sum_at_the_receiver(packet: &[u8]) -> u16 {
        fold(sum_of(&packet[12..20]) + sum_of(&packet[20..]) + 17 + u32::try_from(packet.len() - 20).unwrap())
    }

    #[test]
    fn a_datagram_gets_the_checksum_that_a_receiver_finds_right() {
        let mut packet = datagram();
        assert_ne!(sum_at_the_receiver(&packet), 0xFFFF);
        complete(&mut packet);
        assert_eq!(sum_at_the_receiver(&packet), 0xFFFF);
        // 0a00 + 0002 + 0a00 + 0001 + 0011 + 000a + 1000 + 0035 + 000a + 6162 = 85bf
        assert_eq!(packet[26..28], (!0x85BF_u16).to_be_bytes());
    }

    #[test]
    fn what_is_no_whole_segment_stays_as_it_is() {
        let (mut fragment, mut without, mut short, mut other) = (datagram(), datagram(), datagram(), datagram());
        fragment[6] = 0x20;
        without[26..28].fill(0);
        short.truncate(24);
        other[9] = 1;
        for packet in
            [&mut fragment, &mut without, &mut short, &mut other, &mut vec![], &mut vec![0x60], &mut vec![0x4F; 8]]
        {
            let before = packet.clone();
            complete(packet);
            assert_eq!(*packet, before);
        }
    }
}
