use std::borrow::Cow;

use sangam_signal_proto::{DtlsRole, OfferShape};
use serde::{Deserialize, Serialize};

/// `RTCSessionDescriptionInit` ([WebRTC §4.6.2](https://www.w3.org/TR/webrtc/#dom-rtcsessiondescriptioninit)).
#[derive(Serialize, Deserialize)]
struct Description<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    sdp: Cow<'a, str>,
}

/// What makes an offer fit for being handed over as an answer: it negotiates nothing. That holds for data channels alone
/// with `a=setup:actpass`. Two such offers fit each other if they have the same sections under the same names.
pub(crate) fn shape(offer: &str) -> Option<OfferShape> {
    let description: Description<'_> = serde_json::from_str(offer).ok()?;
    if description.r#type != "offer" {
        return None;
    }
    let mut shape = Vec::new();
    for line in description.sdp.lines() {
        if let Some(section) = line.strip_prefix("m=") {
            let (media, rest) = section.split_once(' ')?;
            let (_port, protocol_and_format) = rest.split_once(' ')?;
            if media != "application" {
                return None;
            }
            shape.extend_from_slice(protocol_and_format.as_bytes());
        } else if line.starts_with("a=mid:") || line.starts_with("a=group:") {
            shape.extend_from_slice(line.as_bytes());
        } else if line == "a=ice-lite" || line.strip_prefix("a=setup:").is_some_and(|setup| setup != "actpass") {
            return None;
        } else {
            continue;
        }
        shape.push(b'\n');
    }
    Some(OfferShape(shape.into_boxed_slice()))
}

/// Rewrites an offer that has a shape into the answer of a sender with that role (RFC 8842 §5.3: the answer names one of
/// the two roles that `actpass` leaves open). An offer without a shape stays as it is.
pub(crate) fn crossed(offer: &str, sender_role: DtlsRole) -> String {
    let Ok(description) = serde_json::from_str::<Description<'_>>(offer) else { return offer.to_owned() };
    let setup = match sender_role {
        DtlsRole::Active => "a=setup:active",
        DtlsRole::Passive => "a=setup:passive",
    };
    let sdp = description.sdp.replace("a=setup:actpass", setup);
    let answer = Description { r#type: "answer".into(), sdp: sdp.into() };
    serde_json::to_string(&answer).unwrap_or_else(|_| offer.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(sdp: &str) -> String {
        serde_json::json!({ "type": "offer", "sdp": sdp }).to_string()
    }

    const DATA: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP \
                        webrtc-datachannel\r\na=mid:0\r\na=ice-ufrag:x\r\na=setup:actpass\r\n";

    #[test]
    fn offers_of_data_channels_fit_each_other_whatever_their_ports_and_credentials() {
        let other = DATA.replace("application 9", "application 50001").replace("ufrag:x", "ufrag:y");
        assert!(shape(&offer(DATA)).is_some());
        assert_eq!(shape(&offer(DATA)), shape(&offer(&other)));
        assert_ne!(shape(&offer(DATA)), shape(&offer(&DATA.replace("mid:0", "mid:data"))));
    }

    #[test]
    fn an_offer_that_negotiates_something_has_no_shape() {
        for sdp in [
            DATA.replace("m=application", "m=audio"),
            DATA.replace("actpass", "active"),
            DATA.replace("v=0\r\n", "v=0\r\na=ice-lite\r\n"),
            DATA.replace("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=application"),
        ] {
            assert_eq!(shape(&offer(&sdp)), None, "{sdp}");
        }
        for payload in [r#""text""#, "1", "{}", r#"{"type":"answer","sdp":"v=0"}"#, r#"{"type":"offer"}"#] {
            assert_eq!(shape(payload), None, "{payload}");
        }
    }

    #[test]
    fn a_crossed_offer_is_an_answer_that_names_its_senders_role() {
        let answer = crossed(&offer(DATA), DtlsRole::Active);
        let answer: Description<'_> = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.r#type, "answer");
        assert_eq!(answer.sdp, DATA.replace("actpass", "active"));
        assert!(crossed(&offer(DATA), DtlsRole::Passive).contains("a=setup:passive"));
    }
}
