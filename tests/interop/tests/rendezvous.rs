//! A node that polls, with aiortc, and an agent on a WebSocket, with libwebrtc, that set up a link through us; and what else
//! happens to nodes.

use anyhow::{Result, bail};
use sangam_interop::{Linking, Script, TurnService, synapse_node};
use sangam_testkit::{Server, WAIT_MAX, wait_until};

/// As long as a node's id, and with the same sign at its end.
const NODE: &str = "bm9kZS1hLW5vZGUtYS1ub2RlLWEtbm9kZS1hLW5vZGU=";
const OTHER: &str = "bm9kZS1iLW5vZGUtYi1ub2RlLWItbm9kZS1iLW5vZGU=";
const AGENT: &str = "agent";

/// A server and what its relay can be used with.
struct Hall {
    server: Server,
    relay: TurnService,
}

impl Hall {
    fn open(settings: &[(&str, &str)]) -> Result<Self> {
        let (server, relay) = TurnService::sangam_set(settings)?;
        Ok(Self { server, relay })
    }

    fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.server.listener("http")?))
    }

    /// A node that has its relay from us and dials as its further options say.
    fn node(&self, id: &str, options: &[(&str, &str)]) -> Result<Linking> {
        let script = synapse_node(id, &self.url()?)?.option("ice-servers", self.relay.ice_servers()?.to_string());
        Linking::start(id, options.iter().fold(script, |script, (name, value)| script.option(name, value)))
    }

    /// An agent that has registered.
    fn agent(&self, options: &[(&str, &str)]) -> Result<Linking> {
        let script = Script::node("clients/original_agent_alone.mjs").option("id", AGENT);
        let script = script.option("signal", format!("ws://{}/", self.server.listener("signal")?));
        let script = script.option("ice-servers", self.relay.ice_servers()?.to_string());
        let script = options.iter().fold(script, |script, (name, value)| script.option(name, value));
        let mut agent = Linking::start(AGENT, script)?;
        agent.said("registered", AGENT)?;
        Ok(agent)
    }

    /// The value of one line of the exposition, zero if it is not there.
    fn metric(&self, line: &str) -> Result<u64> {
        let text = self.server.get("/metrics")?.body;
        let value = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
        Ok(value.map_or(Ok(0), str::parse)?)
    }

    fn until_metric(&self, line: &str, value: u64) -> Result<()> {
        wait_until(line, WAIT_MAX, || Ok((self.metric(line)? == value).then_some(())))
    }

    /// Nothing was dropped, no description and no candidate.
    fn expect_nothing_dropped(&self) -> Result<()> {
        let text = self.server.get("/metrics")?.body;
        let dropped: Vec<&str> =
            text.lines().filter(|line| line.starts_with("sangam_signal_messages_dropped")).collect();
        if dropped.is_empty() { Ok(()) } else { bail!("{dropped:?}") }
    }
}

fn dropped(kind: &str, reason: &str) -> String {
    format!(r#"sangam_signal_messages_dropped_total{{type="{kind}",reason="{reason}"}}"#)
}

fn glares(outcome: &str) -> String {
    format!(r#"sangam_signal_glares_total{{outcome="{outcome}"}}"#)
}

#[test]
fn two_nodes_find_each_other_and_link_up() -> Result<()> {
    let hall = Hall::open(&[])?;
    let mut one = hall.node(NODE, &[("discover", "1")])?;
    let mut other = hall.node(OTHER, &[("discover", "1")])?;
    one.linked_with(&mut other)
}

#[test]
fn a_node_links_up_with_an_agent_that_trickles_its_answer() -> Result<()> {
    let hall = Hall::open(&[])?;
    let mut agent = hall.agent(&[("late", NODE)])?;
    let mut node = hall.node(NODE, &[("dial", AGENT)])?;
    node.linked_with(&mut agent)?;
    // A candidate that comes after the answer was polled goes nowhere, and the node lives.
    hall.until_metric(&dropped("candidate", "candidate_late"), 1)?;
    node.said("heard", "after the candidate")
}

#[test]
fn an_agent_that_never_ends_its_candidates_links_up_with_a_node() -> Result<()> {
    let hall = Hall::open(&[])?;
    let mut agent = hall.agent(&[("dial", NODE)])?;
    let mut node = hall.node(NODE, &[])?;
    agent.linked_with(&mut node)?;
    hall.expect_nothing_dropped()
}

#[test]
fn an_agent_whose_candidates_overtake_its_offer_links_up_with_a_node() -> Result<()> {
    let hall = Hall::open(&[("signal.rooms.whole_timeout", "1s")])?;
    let mut agent = hall.agent(&[("dial", NODE), ("trickle", "first")])?;
    let mut node = hall.node(NODE, &[])?;
    agent.linked_with(&mut node)?;
    hall.expect_nothing_dropped()
}

#[test]
fn two_nodes_that_dial_each_other_at_once_link_up() -> Result<()> {
    let hall = Hall::open(&[])?;
    let mut one = hall.node(NODE, &[("dial", OTHER)])?;
    one.said("sent", "offer")?;
    // It dials before it can know that it was dialled.
    let mut other = hall.node(OTHER, &[("dial", NODE), ("dial-first", "yes")])?;
    one.linked_with(&mut other)?;
    assert_eq!(hall.metric(&glares("first_stands"))?, 1);
    assert_eq!(hall.metric(&dropped("offer", "glare_lost"))?, 1);
    Ok(())
}

#[test]
fn a_node_and_an_agent_that_dial_each_other_at_once_link_up() -> Result<()> {
    // However slow the machine, the second offer comes in time.
    let hall = Hall::open(&[("signal.glare_window", "5s"), ("signal.rooms.whole_timeout", "1s")])?;
    let mut agent = hall.agent(&[("dial", NODE)])?;
    let mut node = hall.node(NODE, &[("dial", AGENT), ("dial-first", "yes")])?;
    agent.linked_with(&mut node)?;
    assert_eq!(hall.metric(&glares("second_stands"))?, 1);
    Ok(())
}

#[test]
fn a_node_does_not_hear_of_an_offer_whose_sender_left() -> Result<()> {
    let hall = Hall::open(&[("signal.rooms.whole_timeout", "1s")])?;
    let mut gone = hall.agent(&[("dial", NODE)])?;
    // It is in the room and does not poll.
    let hello = format!(r#"{{"from_peer":"{NODE}","to_peer":"x","type":"hello","payload":{{}}}}"#);
    let answer = sangam_testkit::http::send(hall.server.listener("http")?, "POST", "/signal/send", &[], &hello)?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    hall.until_metric("sangam_signal_mail", 1)?;
    gone.said("sent", "offer")?;
    gone.program.stop()?;
    hall.until_metric(&dropped("offer", "peer_left"), 1)?;
    let mut agent = hall.agent(&[])?;
    let mut node = hall.node(NODE, &[("dial", AGENT)])?;
    node.linked_with(&mut agent)?;
    assert!(!node.program.output().contains(r#""got": "offer""#), "{}", node.program.output());
    Ok(())
}

#[test]
fn everybody_offers_to_everybody_over_three_wires() -> Result<()> {
    let hall = Hall::open(&[])?;
    let script = Script::node("clients/three_wires.mjs").option("http", hall.url()?);
    let result = script.option("signal", format!("ws://{}/", hall.server.listener("signal")?)).run()?;
    assert_eq!(result["crossed"], 6, "{result}");
    hall.expect_nothing_dropped()
}

#[test]
fn nobody_gets_the_mail_of_somebody_at_another_address() -> Result<()> {
    let hall = Hall::open(&[])?;
    let http = hall.server.listener("http")?.to_string();
    let result = Script::node("clients/rendezvous_owner.mjs").option("http", http).run()?;
    assert_eq!(result["stolen"]["status"], 409, "{result}");
    assert_eq!(result["stolen"]["body"]["detail"], "this id is in use from another address", "{result}");
    assert_eq!(result["forged"], 409, "{result}");
    assert_eq!(result["got"], serde_json::json!(["STRANGER="]), "{result}");
    Ok(())
}
