use super::super::Verdict;
use super::element::Element;

/// What the error of an iq means (RFC 6120 §8.3.3). A CPE that takes no more requests for now and a server whose CPE is not
/// connected say the same, `service-unavailable`: it counts as unreachable, which is by far the more frequent.
pub(super) fn verdict(iq: &Element) -> Verdict {
    let condition =
        iq.child("error").and_then(|error| error.children.iter().map(Element::local).find(|it| *it != "text"));
    match condition.unwrap_or_default() {
        "not-authorized" | "forbidden" | "not-allowed" => Verdict::AuthenticationRefused,
        "service-unavailable" | "recipient-unavailable" | "remote-server-timeout" => Verdict::Unreachable,
        "item-not-found" | "gone" | "jid-malformed" | "remote-server-not-found" => Verdict::NotFound,
        "resource-constraint" | "policy-violation" => Verdict::Busy { retry_after_secs: None },
        "redirect" => Verdict::Redirected,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_its_verdict() {
        for (condition, expected) in [
            ("not-authorized", Verdict::AuthenticationRefused),
            ("service-unavailable", Verdict::Unreachable),
            ("item-not-found", Verdict::NotFound),
            ("resource-constraint", Verdict::Busy { retry_after_secs: None }),
            ("redirect", Verdict::Redirected),
            ("undefined-condition", Verdict::Refused),
        ] {
            let text = format!(
                "<iq type='error'><connectionRequest/><error type='cancel'><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                 <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            );
            assert_eq!(verdict(&Element::parse(&text).unwrap()), expected, "{condition}");
        }
        assert_eq!(verdict(&Element::parse("<iq type='error'/>").unwrap()), Verdict::Refused);
    }
}
