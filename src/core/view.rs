//! What clients see of rows: sessions, conversations, offers, agents, queues. Reads only.

use std::collections::HashMap;
use std::sync::Arc;

use super::effect::{
    AgentView, AssignmentView, ContactView, ControlView, ConversationView, EndView, OfferView, PlaceView, QueueView,
    SessionView,
};
use super::{Client, Error, Party, Scene, call};
use crate::model::assignment::State as Share;
use crate::model::envelope::{ChannelKind, Envelope};
use crate::model::id::{AgentId, ContactId, ConversationId, QueueId};
use crate::model::session::{Holder, State};
use crate::store::agent::{self, Agent};
use crate::store::assignment::{self, Assignment};
use crate::store::conversation::{self, Conversation};
use crate::store::cursor::{self, Cursor};
use crate::store::session::{self, Session};
use crate::store::{Tx, message, queue};

/// Characters of the last message that an offer shows.
const SUMMARY_CHARS: usize = 120;
/// Messages that are looked at to find the newest one that a client may see.
const LOOK_BACK: i64 = 10;

/// For whom a view is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Viewer<'a> {
    /// An agent: sees the labels, and their own share of a session first.
    Agent(&'a AgentId),
    /// The customer.
    Contact(ContactId),
}

impl<'a> Viewer<'a> {
    /// The party behind a client.
    pub(crate) fn of(client: &'a Client) -> Self {
        match &client.party {
            Party::Agent { agent, .. } => Self::Agent(agent),
            Party::Contact { contact, .. } => Self::Contact(*contact),
        }
    }

    fn participant(self) -> String {
        match self {
            Self::Agent(agent) => format!("agent:{agent}"),
            Self::Contact(contact) => format!("contact:{contact}"),
        }
    }

    fn sees(self, envelope: &Envelope) -> bool {
        match self {
            Self::Agent(agent) => envelope.for_agent(agent),
            Self::Contact(_) => envelope.for_contact(),
        }
    }
}

/// What a session's view needs besides its row. Made once for every viewer.
#[derive(Debug)]
pub(crate) struct Around {
    shares: Vec<Assignment>,
    names: HashMap<AgentId, String>,
    place: Option<PlaceView>,
}

impl Around {
    /// Reads it.
    pub(crate) fn read(tx: &mut Tx<'_>, session: &Session) -> Result<Self, Error> {
        let shares = assignment::of_sessions(tx, &[session.session])?;
        let agents: Vec<AgentId> = shares.iter().map(|share| share.agent.clone()).collect();
        let names = agent::names(tx, &agents)?;
        Ok(Self { shares, names, place: place(tx, session)? })
    }

    /// The agents who have a share of the session that is not over.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.shares.iter().filter(|share| share.state != Share::Offered).map(|share| &share.agent)
    }

    /// The share to show: the viewer's own, or else that of the agent who answers.
    fn share(&self, viewer: Viewer<'_>) -> Option<&Assignment> {
        let own = |share: &&Assignment| matches!(viewer, Viewer::Agent(agent) if *agent == share.agent);
        let answers = self.shares.iter().find(|share| share.state == Share::Active);
        self.shares.iter().find(own).or(answers)
    }
}

fn place(tx: &mut Tx<'_>, session: &Session) -> Result<Option<PlaceView>, Error> {
    if session.state != State::Queued {
        return Ok(None);
    }
    let Some(entry) = queue::find(tx, session.session)? else { return Ok(None) };
    let pos = queue::position(tx, &entry)?;
    Ok(Some(PlaceView { queue: entry.queue, pos, since: entry.enqueued_at }))
}

/// A session as the viewer sees it.
pub(crate) fn session_view(session: &Session, around: &Around, viewer: Viewer<'_>) -> SessionView {
    let share = around.share(viewer).map(|share| AssignmentView {
        assignment: share.assignment,
        agent: share.agent.clone(),
        agent_name: around.names.get(&share.agent).cloned().unwrap_or_default(),
        state: share.state.as_str().to_owned(),
        since: share.accepted_at.unwrap_or(share.offered_at),
        until: (share.state != Share::Active).then_some(share.deadline),
    });
    let tags = match viewer {
        Viewer::Agent(_) => session.tags.clone(),
        Viewer::Contact(_) => Vec::new(),
    };
    SessionView {
        v: session.version,
        session: session.session,
        conv: session.conv,
        state: session.state.as_str(),
        control: ControlView { holder: session.holder.as_str(), agent: holder_agent(&session.holder) },
        control_epoch: session.control_epoch,
        queue: around.place.clone(),
        assignment: share,
        tags,
        started_at: session.started_at,
        ended: session.ended.as_ref().map(|end| EndView { by: end.by.clone(), reason: end.reason.clone(), at: end.at }),
    }
}

fn holder_agent(holder: &Holder) -> Option<AgentId> {
    holder.agent().cloned()
}

/// A customer as agents see them.
pub(crate) fn contact_view(tx: &mut Tx<'_>, conversation: &Conversation) -> Result<ContactView, Error> {
    let named = conversation::contact_names(tx, &[conversation.contact])?.into_iter().find_map(|(_, name)| name);
    Ok(ContactView {
        id: conversation.contact,
        name: named.unwrap_or_else(|| nickname(conversation)),
        channel: conversation.kind.as_str(),
        account: conversation.account.to_string(),
    })
}

/// A name for a customer who has none: the end of the id keeps two of them apart.
fn nickname(conversation: &Conversation) -> String {
    let id = conversation.contact.to_string();
    let skip = id.chars().count().saturating_sub(4);
    let tail: String = id.chars().skip(skip).collect();
    match conversation.kind {
        ChannelKind::Wechat => format!("微信客户 {tail}"),
        ChannelKind::Web | ChannelKind::Xmpp => format!("访客 {tail}"),
    }
}

/// A conversation in the viewer's list. `device` is the device whose cursor is shown; without one it is the furthest.
pub(crate) fn conversation_view(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    session: Option<&Session>,
    viewer: Viewer<'_>,
    device: Option<&str>,
) -> Result<ConversationView, Error> {
    let participant = viewer.participant();
    let person = cursor::of_participant(tx, conversation.conv, &participant)?;
    let here = match device {
        Some(device) => cursor::of_device(tx, conversation.conv, &participant, device)?.unwrap_or_default(),
        None => person,
    };
    let Cursor { delivered, .. } = here;
    let session = match session {
        Some(session) => Some(session_view(session, &Around::read(tx, session)?, viewer)),
        None => None,
    };
    let counts = conversation.kind == ChannelKind::Wechat && matches!(viewer, Viewer::Agent(_));
    Ok(ConversationView {
        conv: conversation.conv,
        epoch: conversation.epoch.clone(),
        last_seq: conversation.last_seq,
        delivered,
        read: person.seen,
        contact: contact_view(tx, conversation)?,
        session,
        window: counts.then_some(conversation.window),
        last: newest(tx, conversation, |envelope| viewer.sees(envelope))?.map(Arc::new),
    })
}

/// The newest message that passes, if it is among the last few.
fn newest(
    tx: &mut Tx<'_>,
    conversation: &Conversation,
    passes: impl Fn(&Envelope) -> bool,
) -> Result<Option<Envelope>, Error> {
    let origin = conversation.origin(tx);
    let before = conversation.last_seq.saturating_add(1);
    let found = message::before(tx, &origin, conversation.conv, before, LOOK_BACK)?;
    Ok(found.into_iter().filter(|envelope| passes(envelope)).max_by_key(|envelope| envelope.seq))
}

/// The conversations that an agent answers or wraps up, oldest first, each once and with that session.
pub(crate) fn agent_conversations(
    tx: &mut Tx<'_>,
    agent: &AgentId,
    device: Option<&str>,
) -> Result<Vec<ConversationView>, Error> {
    let mut shares = assignment::of_agent(tx, agent)?;
    shares.retain(|share| share.state != Share::Offered);
    // What is answered now goes before what is wrapped up in the same conversation.
    shares.sort_by_key(|share| (share.state != Share::Active, share.assignment));
    let mut seen: Vec<ConversationId> = Vec::new();
    let mut views = Vec::new();
    for share in shares {
        if seen.contains(&share.conv) {
            continue;
        }
        seen.push(share.conv);
        let Some(conversation) = conversation::find(tx, share.conv)? else { continue };
        let session = session::find(tx, share.session)?;
        views.push(conversation_view(tx, &conversation, session.as_ref(), Viewer::Agent(agent), device)?);
    }
    Ok(views)
}

/// The offers that wait for an agent's answer.
pub(crate) fn offers(tx: &mut Tx<'_>, scene: &Scene, agent: &AgentId) -> Result<Vec<OfferView>, Error> {
    let mut views = Vec::new();
    for share in assignment::of_agent(tx, agent)? {
        if share.state == Share::Offered && share.deadline > scene.now {
            views.push(offer_view(tx, scene, &share)?);
        }
    }
    Ok(views)
}

/// An offer as its agent sees it.
pub(crate) fn offer_view(tx: &mut Tx<'_>, scene: &Scene, offer: &Assignment) -> Result<OfferView, Error> {
    let conversation = conversation::find(tx, offer.conv)?.ok_or_else(Error::not_found)?;
    let said = newest(tx, &conversation, |envelope| {
        envelope.for_contact() && envelope.from.role == crate::model::envelope::Role::Contact
    })?;
    let waiting_since = match queue::find(tx, offer.session)? {
        Some(entry) => entry.enqueued_at,
        None => offer.offered_at,
    };
    Ok(OfferView {
        assignment: offer.assignment,
        session: offer.session,
        conv: offer.conv,
        queue: offer.queue.clone(),
        contact: contact_view(tx, &conversation)?,
        summary: said.map(|envelope| envelope.fallback.chars().take(SUMMARY_CHARS).collect()).unwrap_or_default(),
        waited_ms: u64::try_from(scene.now.since(waiting_since).as_millis()).unwrap_or(u64::MAX),
        expires_at: offer.deadline,
        token: offer.token.clone(),
        media: call::wants(tx, scene, offer.session)?,
        transfer_from: offer.transfer_from.clone(),
    })
}

/// An agent as colleagues see them.
pub(crate) fn agent_view(agent: &Agent) -> AgentView {
    AgentView {
        agent: agent.agent.clone(),
        name: agent.name.clone(),
        status: agent.presence.status.as_str().to_owned(),
        reason: agent.reason.clone(),
        load: agent.presence.load,
        capacity: agent.presence.capacity,
        display: agent.presence.display(),
    }
}

/// A queue's length.
pub(crate) fn queue_view(tx: &mut Tx<'_>, scene: &Scene, id: &QueueId) -> Result<QueueView, Error> {
    let (waiting, oldest) = queue::length(tx, id)?;
    let longest = oldest.map(|since| scene.now.since(since)).unwrap_or_default();
    Ok(QueueView {
        queue: id.clone(),
        name: scene.tenant.queue(id).map(|queue| queue.name.clone()).unwrap_or_default(),
        waiting,
        longest_ms: u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
    })
}
