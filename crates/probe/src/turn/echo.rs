//! Data from one allocation through the relay to another, and back.
//!
//! ```text
//!   here -- channel --> allocation A ==> allocation B -- channel --> here
//!   here <-- channel -- allocation A <== allocation B <-- channel -- here
//! ```

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::session::Session;
use crate::bounds::Bounds;
use crate::credentials::Credentials;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::spread::Spread;

/// What is sent through the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many messages.
    pub messages: u32,
    /// How long each is, in bytes, 8 to [`Load::SIZE_MAX`].
    pub size: usize,
}

impl Load {
    /// More than this does not fit into one packet of 1,500 bytes at any point of the way.
    pub const SIZE_MAX: usize = 1_400;
    /// Room for a message's number.
    pub const SIZE_MIN: usize = 8;
}

/// How the echo went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EchoMeasured {
    /// Messages sent.
    pub sent: u32,
    /// Messages that reached the other allocation.
    pub arrived: u32,
    /// Messages that came back whole.
    pub returned: u32,
    /// From sending to return: twice through the relay, in each direction.
    pub rtt: Option<Spread>,
}

/// RFC 8656 §12: the first channel number.
const CHANNEL: u16 = 0x4000;

/// Between messages, so that a burst fills no queue on the way: 160 bytes each are 256 kbit/s, a good call.
const PAUSE: Duration = Duration::from_millis(5);

/// Messages between two words about how far it is: half a second.
const PROGRESS_EVERY: u32 = 100;

/// One end: its session and where the other end finds it.
pub(super) struct End<'a> {
    pub(super) session: &'a mut Session,
    pub(super) relayed: SocketAddr,
}

/// Joins both ends by channels.
pub(super) async fn join(
    near: &mut End<'_>,
    far: &mut End<'_>,
    credentials: &Credentials,
    bounds: Bounds<'_>,
) -> Result<(), Fault> {
    near.session.bind(credentials, CHANNEL, far.relayed, bounds).await?;
    far.session.bind(credentials, CHANNEL, near.relayed, bounds).await
}

/// Sends the load and waits for its return: after the last message at most the timeout.
pub(super) async fn echo(
    near: &mut Session,
    far: &mut Session,
    load: Load,
    bounds: Bounds<'_>,
) -> Result<EchoMeasured, Fault> {
    let mut measured = EchoMeasured { sent: 0, arrived: 0, returned: 0, rtt: None };
    let mut under_way = HashMap::new();
    let mut took = Vec::new();
    let mut pace = interval(PAUSE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = Instant::now() + bounds.timeout;
    while measured.returned < load.messages {
        tokio::select! {
            _ = pace.tick(), if measured.sent < load.messages => {
                near.link.send(&channel_data(&payload(measured.sent, load.size)), bounds).await?;
                under_way.insert(measured.sent, Instant::now());
                measured.sent += 1;
                if measured.sent.is_multiple_of(PROGRESS_EVERY) {
                    (bounds.progress)(&format!("{} of {} messages sent", measured.sent, load.messages));
                }
                end = Instant::now() + bounds.timeout;
            }
            received = far.link.receive() => {
                if let Some(data) = channel_payload(&received?) {
                    measured.arrived += 1;
                    far.link.send(&channel_data(data), bounds).await?;
                }
            }
            received = near.link.receive() => {
                let received = received?;
                let number = channel_payload(&received).and_then(|data| number(data, load.size));
                if let Some(sent) = number.and_then(|number| under_way.remove(&number)) {
                    measured.returned += 1;
                    took.push(sent.elapsed());
                }
            }
            () = sleep_until(end) => break,
        }
    }
    measured.rtt = Spread::of(took);
    Ok(measured)
}

/// The message's number and bytes that follow from it, so that a mixed-up answer is not taken for a whole one.
fn payload(number: u32, size: usize) -> Vec<u8> {
    let fill = (0_u8..=u8::MAX).cycle().skip((number % 256) as usize);
    number.to_be_bytes().into_iter().chain(fill).take(size).collect()
}

fn number(data: &[u8], size: usize) -> Option<u32> {
    let number = u32::from_be_bytes(*data.first_chunk()?);
    (data == payload(number, size)).then_some(number)
}

fn channel_data(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&CHANNEL.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}

fn channel_payload(message: &[u8]) -> Option<&[u8]> {
    let (header, data) = message.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    (header[..2] == CHANNEL.to_be_bytes()).then(|| data.get(..length)).flatten()
}

/// What the echo says of the relay.
pub(super) fn judge(subject: &str, measured: &EchoMeasured) -> Finding {
    let EchoMeasured { sent, arrived, returned, rtt } = measured;
    let lost = sent - returned;
    let said = format!("{returned} of {sent} messages came back");
    match rtt {
        None if *arrived == 0 => Finding::failed(subject, said).because(
            "the relay takes data and none arrives: relay ports are closed to the relay itself, or it announces an address that does not lead back to it",
            "open the range of relay ports, udp; check the external address",
        ),
        None => Finding::failed(subject, said).because(
            "data passes in one direction only: a firewall between the relay's own addresses",
            "open the range of relay ports, udp, in both directions",
        ),
        Some(rtt) if lost == 0 => Finding::fine(subject, format!("{said}; {rtt}")),
        Some(rtt) => {
            let said = format!("{said}, {:.1} % lost; {rtt}", f64::from(lost) * 100.0 / f64::from((*sent).max(1)));
            let mark = if lost * 10 > *sent { Finding::failed(subject, said) } else { Finding::warning(subject, said) };
            mark.because(
                "the path or the relay loses packets, or a limit on the user's rate is reached",
                "probe from another network; look at the relay's drops and its rate limits (coturn: max-bps)",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn a_payload_is_known_by_its_number_and_only_whole() {
        for (sent, size) in [(0, 8), (7, 160), (70_000, Load::SIZE_MAX)] {
            let data = payload(sent, size);
            assert_eq!(data.len(), size);
            assert_eq!(number(&data, size), Some(sent));
            assert_eq!(number(&data[1..], size), None);
            assert_eq!(channel_payload(&channel_data(&data)), Some(&data[..]));
        }
        assert_eq!(channel_payload(b"\x40\x01\0\x01x"), None);
        assert_eq!(channel_payload(b"\x40\0\0\x05x"), None);
    }

    #[test]
    fn loss_is_judged_by_how_much_and_which_way() {
        let check = |arrived, returned, mark| {
            let rtt = Spread::of(vec![Duration::from_millis(1); returned as usize]);
            let found = judge("echo", &EchoMeasured { sent: 100, arrived, returned, rtt });
            assert_eq!(found.mark, mark, "{found:?}");
            found.cause.unwrap_or_default()
        };
        check(100, 100, Mark::Fine);
        check(95, 95, Mark::Warning);
        check(90, 80, Mark::Failed);
        assert!(check(0, 0, Mark::Failed).contains("none arrives"));
        assert!(check(100, 0, Mark::Failed).contains("one direction"));
    }
}
