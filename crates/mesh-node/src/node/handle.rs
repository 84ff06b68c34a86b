use bytes::Bytes;
use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::gossip::{Delivery, MessageId, PublishError};
use thiserror::Error;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{AgentEvent, Command, LinkView};

/// Why a node did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NodeError {
    /// It has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// It cannot publish that.
    #[error("the message cannot be published: {0}")]
    Publish(#[from] PublishError),
}

/// The handle of a running node. Clones are the same node; it runs on when all of them are dropped, until
/// [`Command::Stop`].
#[derive(Clone, Debug)]
pub struct Node {
    commands: mpsc::Sender<Command>,
    events: broadcast::Sender<AgentEvent>,
}

impl Node {
    /// The handle of whoever answers `commands` and sends `events`.
    #[must_use]
    pub fn new(commands: mpsc::Sender<Command>, events: broadcast::Sender<AgentEvent>) -> Self {
        Self { commands, events }
    }

    /// Asks the node. `None`: it has stopped.
    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(question(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Tells the node something that has no answer. False: it has stopped.
    pub async fn tell(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// Publishes a message on a topic: to every node of the mesh that wants to hear of it, now or when it is back soon.
    ///
    /// # Errors
    /// The topic's name or the payload is too long, or the node has stopped.
    pub async fn publish(&self, topic: &str, payload: impl Into<Bytes>) -> Result<MessageId, NodeError> {
        let (topic, payload) = (topic.to_owned(), payload.into());
        let asked = self.ask(|reply| Command::Publish { topic, payload, reply }).await;
        Ok(asked.ok_or(NodeError::Stopped)??)
    }

    /// Hears of a topic, until the receiver is dropped: what others publish, and each message once. A receiver that has
    /// `waiting_max` messages waiting loses those that come.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn subscribe(&self, topic: &str, waiting_max: usize) -> Result<mpsc::Receiver<Delivery>, NodeError> {
        let (to, deliveries) = mpsc::channel(waiting_max.max(1));
        let topic = topic.to_owned();
        self.ask(|reply| Command::Subscribe { topic, to, reply }).await.ok_or(NodeError::Stopped)?;
        Ok(deliveries)
    }

    /// The links there are, tried ones among them.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn links(&self) -> Result<Vec<LinkView>, NodeError> {
        self.ask(Command::Links).await.ok_or(NodeError::Stopped)
    }

    /// Seeks a link with a peer, also with one that was not found yet. Nodes link by themselves as far as their options say.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn dial(&self, peer: PeerId) -> Result<(), NodeError> {
        if self.tell(Command::Dial(peer)).await { Ok(()) } else { Err(NodeError::Stopped) }
    }

    /// Stops the node, and waits until its links, the LAN and its servers are told. Does nothing if it has stopped.
    pub async fn stop(&self) {
        let _stopped_before: Option<()> = self.ask(Command::Stop).await;
    }

    /// What happens from now on. A receiver that falls behind loses the oldest, and hears how many.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<AgentEvent> {
        self.events.subscribe()
    }

    /// Until the node has stopped.
    pub async fn stopped(&self) {
        self.commands.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_has_stopped_answers_nothing() {
        let (commands, engine) = mpsc::channel(1);
        let node = Node::new(commands, broadcast::channel(1).0);
        drop(engine);
        assert!(node.ask(Command::Topics).await.is_none());
        assert!(!node.tell(Command::Stop(oneshot::channel().0)).await);
        assert_eq!(node.publish("news", "hello").await, Err(NodeError::Stopped));
        assert_eq!(node.subscribe("news", 1).await.err(), Some(NodeError::Stopped));
        assert_eq!(node.links().await.err(), Some(NodeError::Stopped));
        node.stop().await;
        node.stopped().await;
    }

    #[tokio::test]
    async fn a_question_whose_answer_is_dropped_has_none() {
        let (commands, mut engine) = mpsc::channel(1);
        let node = Node::new(commands, broadcast::channel(1).0);
        let (answer, ()) = tokio::join!(node.ask(Command::State), async { drop(engine.recv().await) });
        assert!(answer.is_none());
    }
}
