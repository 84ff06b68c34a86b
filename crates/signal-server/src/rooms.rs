use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Members, RoomEnded, RoomError, RoomList, RoomWithMembers, Rooms};
use tokio::sync::oneshot;

use crate::hub::{Command, Order};
use crate::server::Shared;

/// How long the task that owns the rooms has for each turn that a question takes.
const TURN_MAX: Duration = Duration::from_secs(1);

/// The rooms as operators see and moderate them.
pub(crate) struct OperatedRooms {
    pub(crate) shared: Arc<Shared>,
}

impl OperatedRooms {
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, RoomError> {
        let (answer, answered) = oneshot::channel();
        let turn = async {
            self.shared.hub.send(Command::Ordered(order(answer))).await.ok()?;
            answered.await.ok()
        };
        tokio::time::timeout(TURN_MAX, turn).await.ok().flatten().ok_or(RoomError::Silent)
    }

    /// Turn by turn, so that clients wait for one of them and not for all.
    async fn page(&self, mut after: Option<String>, limit: usize) -> Result<RoomList, RoomError> {
        let mut list = RoomList::default();
        loop {
            let (from, left) = (after.take(), limit - list.rooms.len());
            let turn = self.ask(|answer| Order::List { after: from, limit: left, answer }).await?;
            let rooms = list.rooms.into_iter().chain(turn.rooms).collect();
            list = RoomList { rooms, ..turn };
            if !list.has_more || list.rooms.len() >= limit {
                return Ok(list);
            }
            after = list.rooms.last().map(|room| room.room.clone());
        }
    }

    async fn room(&self, room: String, mut members: Members) -> Result<RoomWithMembers, RoomError> {
        let mut found = Vec::new();
        loop {
            let turn = self.ask(|answer| Order::Find { room: room.clone(), members, answer }).await??;
            members.limit = members.limit.saturating_sub(turn.members.len());
            found.extend(turn.members);
            match turn.next {
                Some(next) if members.limit > 0 => members.after = next,
                next => return Ok(RoomWithMembers { room: turn.room, members: found, next }),
            }
        }
    }
}

impl Rooms for OperatedRooms {
    fn list(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<RoomList, RoomError>> {
        self.page(after, limit.max(1)).boxed()
    }

    fn find(&self, room: String, members: Members) -> BoxFuture<'_, Result<RoomWithMembers, RoomError>> {
        self.room(room, members).boxed()
    }

    fn kick(&self, room: String, participant: String, reason: Option<String>) -> BoxFuture<'_, Result<(), RoomError>> {
        let reason = reason.map(Into::into);
        async { self.ask(|answer| Order::Kick { room, participant, reason, answer }).await? }.boxed()
    }

    fn lock(&self, room: String, locked: bool) -> BoxFuture<'_, Result<(), RoomError>> {
        async move { self.ask(|answer| Order::Lock { room, locked, answer }).await? }.boxed()
    }

    fn end(&self, room: String, reason: Option<String>) -> BoxFuture<'_, Result<RoomEnded, RoomError>> {
        let reason = reason.map(Into::into);
        async { self.ask(|answer| Order::End { room, reason, answer }).await? }.boxed()
    }
}
