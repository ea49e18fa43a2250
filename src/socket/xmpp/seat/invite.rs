//! An agent lets a colleague read along in a room of the session. Whether the colleague may, the core decides.

use std::sync::Arc;

use super::{Seat, within};
use crate::model::id::ConversationId;
use crate::socket::xmpp::words;
use crate::tenant::{AgentSeed, Role};

impl Seat {
    /// Invites a colleague, by id, login or name.
    pub(super) async fn invite(&mut self, conv: ConversationId, typed: &str) -> Result<String, String> {
        let live = self.live.as_ref().ok_or(words::OFFLINE)?;
        let (client, chat) = (Arc::clone(&live.client), live.chats.get(&conv).ok_or(words::NOT_SERVING)?);
        let (session, returning) =
            (chat.session.session, chat.room.as_ref().is_some_and(super::room::Room::is_returning));
        let colleague = self.colleague(typed).ok_or(words::NO_TARGET)?;
        let guest = colleague.xmpp.ok_or(words::NOT_ON_XMPP)?;
        let mut room = self.new_room(conv).ok_or(words::NO_ROOMS)?;
        if returning {
            return Err(words::AWAY.to_owned());
        }
        within(self.desk.core.invite_colleague(&client, session, &colleague.id))
            .await
            .map_err(|error| error.message)?;
        let chat = self.live.as_mut().and_then(|live| live.chats.get_mut(&conv));
        if let Some(open) = chat.and_then(|chat| chat.room.as_mut()) {
            if !open.invite(&guest) {
                return Err(words::GUESTS_ENOUGH.to_owned());
            }
            let open = open.clone();
            self.keep_room(&open).await;
            // One that is being made invites everybody when it is there.
            if open.is_open() {
                self.desk.out.send(open.invitation(&guest)).await;
            }
        } else if self.desk.has_room(room.jid()) {
            // Somebody watches there already, and the agent need not know.
            self.desk.out.send(room.invitation(&guest)).await;
        } else {
            room.invite(&guest);
            self.enter_room(conv, room).await;
        }
        Ok(words::invited(&colleague.name))
    }

    /// A colleague by id, login or name.
    pub(super) fn colleague(&self, typed: &str) -> Option<AgentSeed> {
        let (tenant, _) = self.desk.declared()?;
        let fits = |seed: &&AgentSeed| {
            seed.id.as_str().eq_ignore_ascii_case(typed) || seed.login == typed || seed.name == typed
        };
        tenant.agents.iter().find(fits).cloned()
    }

    /// The colleagues who can be invited, as they are to be chosen from.
    pub(super) fn colleagues(&self) -> Vec<(String, String)> {
        let Some((tenant, _)) = self.desk.declared() else { return Vec::new() };
        let own = tenant.agents.iter().find(|seed| seed.id == self.agent).map(|seed| seed.queues.as_slice());
        let shares = |seed: &AgentSeed| seed.queues.iter().any(|queue| own.is_some_and(|own| own.contains(queue)));
        let may = |seed: &&AgentSeed| seed.id != self.agent && (seed.role != Role::Agent || shares(seed));
        let on_xmpp = tenant.agents.iter().filter(may).filter(|seed| seed.xmpp.is_some());
        on_xmpp.map(|seed| (seed.id.to_string(), seed.name.clone())).collect()
    }
}
