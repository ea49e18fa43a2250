//! What people look at while others answer: those with oversight at who is served now and at one session of them, a
//! colleague at the session that its agent invites to. Every look at a session that begins is put on record. Changes
//! nothing and tells nobody: whoever is watched does not notice.

use super::asker::{agent, supervises};
use super::audit::{Matter, ordered, record};
use super::effect::ConversationView;
use super::view::{Viewer, conversation_view};
use super::{Client, Core, Error, transfer};
use crate::model::code::Code;
use crate::model::id::{AgentId, SessionId};
use crate::model::session::State;
use crate::store::session::{self, Session};
use crate::store::{Tx, agent as people, conversation};
use crate::tenant::{AgentSeed, Role};

/// Sessions that a list shows.
const LISTED: i64 = 100;

/// The newest sessions in a state as an agent sees them.
pub(super) fn listed(tx: &mut Tx<'_>, state: State, viewer: &AgentId) -> Result<Vec<ConversationView>, Error> {
    let mut views = Vec::new();
    for session in session::of_state(tx, state, LISTED)? {
        views.extend(seen(tx, &session, viewer)?);
    }
    Ok(views)
}

fn seen(tx: &mut Tx<'_>, session: &Session, viewer: &AgentId) -> Result<Option<ConversationView>, Error> {
    let Some(conversation) = conversation::find(tx, session.conv)? else { return Ok(None) };
    conversation_view(tx, &conversation, Some(session), Viewer::Agent(viewer), None).map(Some)
}

/// The agent behind a client with oversight.
fn overseer(client: &Client) -> Result<&AgentId, Error> {
    match supervises(client) {
        true => agent(client),
        false => Err(Error::new(Code::Forbidden, "仅限班长 / for supervisors only")),
    }
}

/// Whether a colleague may look at a session when its agent asks: people with oversight may at any, others at what comes
/// through a queue of theirs.
fn may_look(colleague: &AgentSeed, session: &Session) -> bool {
    colleague.role != Role::Agent || session.queue.as_ref().is_some_and(|queue| colleague.queues.contains(queue))
}

impl Core {
    /// An agent lets a colleague look at the session that the agent answers: that is put on record, with who was invited.
    ///
    /// # Errors
    /// `not_in_control`, `session_ended`, `not_found` as for a transfer; `forbidden` for a colleague who may not look at
    /// it, `bad_request` for the agent. Refusals are put on record, too.
    pub async fn invite_colleague(&self, client: &Client, id: SessionId, colleague: &AgentId) -> Result<(), Error> {
        let tenant = self.tenants().tenant(&client.tenant).ok_or_else(Error::not_found)?;
        let seed = tenant.agents.iter().find(|seed| seed.id == *colleague).cloned().ok_or_else(Error::not_found)?;
        let owned = client.clone();
        let invited = self.change(&client.tenant, move |tx, scene, _fx| {
            let who = agent(&owned)?;
            if seed.id == *who {
                return Err(Error::new(Code::BadRequest, "不能邀请自己 / not yourself"));
            }
            let session = transfer::held(tx, who, id)?;
            if people::find(tx, &seed.id)?.is_none_or(|colleague| !colleague.enabled) {
                return Err(Error::not_found());
            }
            if !may_look(&seed, &session) {
                return Err(Error::new(
                    Code::Forbidden,
                    "只能邀请班长或本队列的同事 / supervisors and colleagues of this queue only",
                ));
            }
            ordered(tx, scene, (owned.participant(), "invite"), Some(format!("{id} agent:{}", seed.id)))
        });
        let invited = invited.await;
        if let Err(refusal) = &invited {
            self.put_on_record(client, Matter::session("invite", id), refusal).await;
        }
        invited
    }

    /// The sessions that people answer now, newest first.
    ///
    /// # Errors
    /// `forbidden` without oversight.
    pub async fn served(&self, client: &Client) -> Result<Vec<ConversationView>, Error> {
        let viewer = overseer(client)?.clone();
        self.scope(&client.tenant).read(move |tx| listed(tx, State::Active, &viewer)).await
    }

    /// Begins to watch a session: that is put on record, with who watches.
    ///
    /// # Errors
    /// `forbidden` without oversight, which is put on record, too; `not_found` where nobody answers.
    pub async fn watch(&self, client: &Client, id: SessionId) -> Result<ConversationView, Error> {
        let (owned, matter) = (client.clone(), Matter::session("watch", id));
        let begun = self.change(&client.tenant, move |tx, scene, _fx| {
            let viewer = overseer(&owned)?;
            let session = session::find(tx, id)?.filter(|session| session.state == State::Active);
            let view = session.map(|session| seen(tx, &session, viewer)).transpose()?.flatten();
            record(tx, scene, &owned, matter, "ok")?;
            view.ok_or_else(Error::not_found)
        });
        let begun = begun.await;
        if let Err(refusal) = &begun {
            self.put_on_record(client, matter, refusal).await;
        }
        begun
    }

    /// How long the log of a watched session is; `None` once the session is over.
    ///
    /// # Errors
    /// `forbidden` without oversight.
    pub async fn watched(&self, client: &Client, id: SessionId) -> Result<Option<i64>, Error> {
        overseer(client)?;
        self.scope(&client.tenant)
            .read(move |tx| {
                let open = session::find(tx, id)?.filter(|session| session.state != State::Ended);
                let conversation = open.map(|open| conversation::find(tx, open.conv)).transpose()?.flatten();
                Ok(conversation.map(|conversation| conversation.last_seq))
            })
            .await
    }
}
