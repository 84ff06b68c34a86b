use super::*;

const START: Mono = Mono::ZERO;

const STREAM: &str = "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
    xmlns='jabber:component:accept' from='acs.example.net' id='3BF96D32'>";

fn at(secs: u64) -> Mono {
    Mono::from_start(Duration::from_secs(secs))
}

fn options() -> ComponentOptions {
    ComponentOptions { pending_max: 2, ..ComponentOptions::new("acs.example.net", Secret::new("test")) }
}

fn drain(component: &mut Component) -> Vec<ComponentOutput> {
    let mut outputs = Vec::new();
    loop {
        match component.poll_output() {
            ComponentOutput::Wait(_) => return outputs,
            output => outputs.push(output),
        }
    }
}

fn receive(component: &mut Component, text: &str) -> Vec<ComponentOutput> {
    component.handle_bytes(START, text.as_bytes());
    drain(component)
}

fn send(text: &str) -> ComponentOutput {
    ComponentOutput::Send(text.as_bytes().to_vec())
}

fn answered(handle: u64, verdict: Verdict) -> ComponentOutput {
    ComponentOutput::Answered { handle: XmppRequestHandle(handle), verdict }
}

/// A component that the server let in.
fn ready() -> Component {
    let mut component = Component::new(options(), START);
    receive(&mut component, STREAM);
    assert_eq!(receive(&mut component, "<handshake/>"), [ComponentOutput::Ready]);
    component
}

fn request(component: &mut Component, handle: u64, to: &str) -> Result<(), RequestOffence> {
    let (to, password) = (Jid::parse(to).unwrap(), Secret::new("p<w"));
    let request = XmppRequest { handle: XmppRequestHandle(handle), to: &to, username: "u&n", password: &password };
    component.handle_request(START, &request)
}

#[test]
fn a_stream_is_begun_and_the_handshake_of_xep_0114_proves_the_secret() {
    let mut component = Component::new(options(), START);
    let begun = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                 xmlns:stream='http://etherx.jabber.org/streams' to='acs.example.net'>";
    assert_eq!(drain(&mut component), [send(begun)]);
    // printf 3BF96D32test | sha1sum
    let handshake = send("<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>");
    assert_eq!(receive(&mut component, STREAM), [handshake]);
    assert_eq!(request(&mut component, 1, "cpe@example.net/a"), Err(RequestOffence::NotReady));
    assert_eq!(receive(&mut component, "<handshake/>"), [ComponentOutput::Ready]);
}

#[test]
fn a_request_is_the_iq_of_annex_k_and_a_result_accepts_it() {
    let mut component = ready();
    request(&mut component, 7, "Cpe'1@example.net/box".replace('\'', "").as_str()).unwrap();
    let expected = "<iq from='acs.example.net' to='cpe1@example.net/box' id='cr1' type='get'>\
        <connectionRequest xmlns='urn:broadband-forum-org:cwmp:xmppConnReq-1-0'>\
        <username>u&amp;n</username><password>p&lt;w</password></connectionRequest></iq>";
    assert_eq!(drain(&mut component), [send(expected)]);
    let result = "<iq from='cpe1@EXAMPLE.net/box' to='acs.example.net' id='cr1' type='result'/>";
    assert_eq!(receive(&mut component, result), [answered(7, Verdict::Accepted)]);
    assert_eq!(receive(&mut component, result), [], "only once");
    assert_eq!((component.pending(), component.ignored()), (0, 1));
}

#[test]
fn an_error_says_why() {
    let mut component = ready();
    request(&mut component, 7, "cpe@example.net/box").unwrap();
    drain(&mut component);
    let error = "<iq from='cpe@example.net/box' id='cr1' type='error'><error type='auth'>\
        <not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    assert_eq!(receive(&mut component, error), [answered(7, Verdict::AuthenticationRefused)]);
}

#[test]
fn nobody_else_answers_for_a_cpe() {
    let mut component = ready();
    request(&mut component, 7, "cpe@example.net/box").unwrap();
    drain(&mut component);
    for forged in [
        "<iq from='other@example.net/box' id='cr1' type='result'/>",
        "<iq from='cpe@example.net' id='cr1' type='result'/>",
        "<iq id='cr1' type='result'/>",
        "<iq from='cpe@example.net/box' id='cr2' type='result'/>",
        "<iq from='cpe@example.net/box' type='result'/>",
        "<message from='cpe@example.net/box' id='cr1'/>",
        "<presence/>",
    ] {
        assert_eq!(receive(&mut component, forged), [], "{forged}");
    }
    assert_eq!((component.pending(), component.ignored()), (1, 7));
}

#[test]
fn who_asks_us_something_is_told_that_we_serve_nothing() {
    let mut component = ready();
    let ping = "<iq from='a@b/c&apos;' to='acs.example.net' id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>";
    let expected = "<iq from='acs.example.net' to='a@b/c&apos;' id='p' type='error'><error type='cancel'>\
        <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    assert_eq!(receive(&mut component, ping), [send(expected)]);
    assert_eq!(receive(&mut component, "<iq type='set'/>"), [], "who gives no address gets no answer");
}

#[test]
fn a_cpe_that_does_not_answer_is_unreachable() {
    let mut component = ready();
    request(&mut component, 7, "cpe@example.net/box").unwrap();
    drain(&mut component);
    assert_eq!(component.poll_output(), ComponentOutput::Wait(Some(at(15))));
    component.handle_timeout(at(14));
    assert_eq!(drain(&mut component), []);
    component.handle_timeout(at(15));
    assert_eq!(drain(&mut component), [answered(7, Verdict::Unreachable)]);
}

#[test]
fn requests_that_wait_are_bounded_and_go_to_full_jids() {
    let mut component = ready();
    assert_eq!(request(&mut component, 1, "cpe@example.net"), Err(RequestOffence::NotFull));
    assert_eq!(request(&mut component, 1, "cpe@example.net/a"), Ok(()));
    assert_eq!(request(&mut component, 2, "cpe@example.net/b"), Ok(()));
    assert_eq!(request(&mut component, 3, "cpe@example.net/c"), Err(RequestOffence::Full));
    let (to, password) = (Jid::parse("a@b/c").unwrap(), Secret::new("\u{1}"));
    let bad = XmppRequest { handle: XmppRequestHandle(4), to: &to, username: "u", password: &password };
    assert_eq!(ready().handle_request(START, &bad), Err(RequestOffence::Unwritable));
}

#[test]
fn silence_is_broken_by_a_blank() {
    let mut component = ready();
    assert_eq!(component.poll_output(), ComponentOutput::Wait(Some(at(60))));
    component.handle_timeout(at(60));
    assert_eq!(drain(&mut component), [send(" ")]);
    assert_eq!(component.poll_output(), ComponentOutput::Wait(Some(at(120))));
}

#[test]
fn the_end_of_a_connection_says_why_and_what_waits_is_unreachable() {
    let error = |condition: &str| {
        format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    };
    for (text, expected) in [
        (error("not-authorized"), CloseReason::NotAuthorized),
        (error("host-unknown"), CloseReason::HostUnknown),
        (error("conflict"), CloseReason::Conflict),
        (error("system-shutdown"), CloseReason::ByServer),
        ("</stream:stream>".to_owned(), CloseReason::ByServer),
        ("<iq></a>".to_owned(), CloseReason::Stanza),
        ("<!-- -->".to_owned(), CloseReason::Frame(FrameOffence::Restricted)),
        (format!("<a>{}", "x".repeat(70_000)), CloseReason::Frame(FrameOffence::TooLong)),
    ] {
        let mut component = ready();
        request(&mut component, 7, "cpe@example.net/box").unwrap();
        drain(&mut component);
        let outputs = receive(&mut component, &text);
        assert_eq!(outputs, [answered(7, Verdict::Unreachable), ComponentOutput::Closed(expected)], "{text:.60}");
        assert_eq!(component.poll_output(), ComponentOutput::Wait(None));
        assert_eq!(receive(&mut component, "<handshake/>"), [], "nothing comes after");
        component.handle_disconnect();
        assert_eq!(drain(&mut component), [], "it ends once");
    }
}

#[test]
fn a_server_that_is_none_or_says_nothing_is_left() {
    for text in ["<html>", "<stream:stream from='acs.example.net'>", "<stream:stream id='1'><iq/>"] {
        let mut component = Component::new(options(), START);
        drain(&mut component);
        let outputs = receive(&mut component, text);
        assert_eq!(outputs.last(), Some(&ComponentOutput::Closed(CloseReason::Stanza)), "{text}");
    }
    let mut component = Component::new(options(), START);
    drain(&mut component);
    assert_eq!(component.poll_output(), ComponentOutput::Wait(Some(at(10))));
    component.handle_timeout(at(10));
    assert_eq!(drain(&mut component), [ComponentOutput::Closed(CloseReason::Timeout)]);
}

#[test]
fn no_secret_is_printed() {
    let mut component = ready();
    request(&mut component, 7, "cpe@example.net/box").unwrap();
    drain(&mut component);
    let text = format!("{component:?}");
    assert!(!text.contains("test") && !text.contains("p<w"), "{text}");
}
