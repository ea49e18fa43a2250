//! Rooms outlive the link: what the next node needs to go on with them is stored when it changes, and looked up when
//! the agent arrives.

use std::sync::Arc;

use super::oversight::Watched;
use super::room::Room;
use super::{Seat, within};
use crate::model::id::SessionId;
use crate::model::jid::Jid;
use crate::store::room::Room as Kept;

impl Seat {
    /// Stores what the next node needs of a room.
    pub(super) async fn keep_room(&self, room: &Room) {
        let (tenant, account) = &self.desk.key;
        if let Err(error) = within(self.desk.core.xmpp_keep_room(tenant, account, room.kept().clone())).await {
            tracing::warn!(agent = %self.agent, error = ?error, "a room could not be noted; it ends with the link");
        }
    }

    /// A room concerns nobody any more.
    pub(super) async fn forget_room(&self, room: &Jid) {
        self.desk.close_room(room);
        let (tenant, account) = &self.desk.key;
        if let Err(error) = within(self.desk.core.xmpp_forget_room(tenant, account, room.clone())).await {
            tracing::warn!(agent = %self.agent, error = ?error, "a closed room could not be forgotten; it is closed again later");
        }
    }

    /// The session is over, or nobody needs the room: it is closed.
    pub(super) async fn close_room(&self, room: Room) {
        self.desk.out.send(room.end()).await;
        self.forget_room(room.jid()).await;
    }

    /// The room that a session had when the agent arrived, to be entered again.
    pub(super) fn kept_room(&mut self, session: SessionId, heard: i64) -> Option<Room> {
        let live = self.live.as_mut()?;
        let place = live.kept.iter().position(|kept| kept.session == session && !kept.watched)?;
        let kept = live.kept.swap_remove(place);
        self.room_again(kept, heard)
    }

    fn room_again(&self, kept: Kept, heard: i64) -> Option<Room> {
        let voice = self.voice_of(kept.conv, &kept.channel)?;
        self.desk.open_room(&kept.jid, &self.jid);
        Room::new(kept, voice, heard)
    }

    /// What is left of the rooms when all chats are there: those for watching are entered again, the others closed.
    pub(super) async fn return_to_rooms(&mut self) {
        let Some(live) = &mut self.live else { return };
        let (kept, client) = (std::mem::take(&mut live.kept), Arc::clone(&live.client));
        for room in kept {
            let session = room.session;
            let head = match room.watched {
                true => within(self.desk.core.watched(&client, session)).await,
                false => Ok(None),
            };
            let heard = head.as_ref().ok().copied().flatten().map_or(0, Watched::begins);
            let Some(room) = self.room_again(room, heard) else { continue };
            match head {
                Ok(Some(_)) => self.watch_again(session, room).await,
                Ok(None) => self.close_room(room).await,
                Err(error) => {
                    tracing::warn!(agent = %self.agent, error = ?error, "a room for watching could not be entered again");
                    self.close_room(room).await;
                }
            }
        }
    }

    /// The agent has gone: nobody answers in the rooms, and nobody watches.
    pub(super) async fn close_rooms(&mut self) {
        let Some(live) = &mut self.live else { return };
        let served = live.chats.values_mut().filter_map(|chat| chat.room.take());
        let rooms: Vec<Room> = served.chain(live.oversight.close()).collect();
        for room in rooms {
            self.close_room(room).await;
        }
    }

    /// The agent has not come since the link opened: rooms that were left for them are closed.
    pub(super) async fn close_kept(&mut self) {
        let (tenant, account) = &self.desk.key;
        let kept = within(self.desk.core.xmpp_rooms(tenant, account, &self.agent)).await;
        match kept {
            Ok(kept) => {
                self.left = None;
                for room in kept {
                    if let Some(room) = self.room_again(room, 0) {
                        self.close_room(room).await;
                    }
                }
            }
            Err(error) => {
                tracing::debug!(agent = %self.agent, error = ?error, "rooms could not be looked up; tried again");
            }
        }
    }
}
