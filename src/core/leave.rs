//! Messages left for later: asked for when nobody can take a session, kept as a ticket for other modules.

use super::effect::Effects;
use super::event::emit;
use super::session::{by_channel, contact_here, home, save, say, step, tell};
use super::switchboard::{Draft, append};
use super::timer::{self, Kind};
use super::{Client, Core, Error, Scene, asker, ending, flow, handoff, session};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{Envelope, Role, Sender};
use crate::model::event::contact::Ticket;
use crate::model::event::session::{HandoffRefused, Left, Refusal};
use crate::model::id::SessionId;
use crate::model::session::{EndedBy, Move, State};
use crate::store::session::{self as store, Session};
use crate::store::{Tx, queue};
use crate::template::Prompt;

/// Longest text of a left message, characters.
const TEXT_MAX: usize = 4000;
/// Longest telephone number, characters.
const PHONE_MAX: usize = 32;

/// Why a customer is asked to leave a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Outside business hours.
    Closed,
    /// Nobody is signed in.
    NoAgent,
    /// The queue is at its maximum length.
    Full,
    /// Nobody could take it in time.
    Timeout,
}

impl Why {
    fn refusal(self) -> Refusal {
        match self {
            Self::Closed => Refusal::Closed,
            Self::NoAgent => Refusal::NoAgent,
            Self::Full => Refusal::QueueFull,
            Self::Timeout => Refusal::Timeout,
        }
    }

    fn text(self) -> Prompt<'static> {
        match self {
            Self::Closed => Prompt::Closed,
            Self::NoAgent | Self::Timeout => Prompt::NoAgent,
            Self::Full => Prompt::QueueFull,
        }
    }
}

/// Asks the customer to leave a message. A place in a queue is given up.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    why: Why,
    fx: &mut Effects,
) -> Result<(), Error> {
    handoff::left(tx, scene, session, Left::Timeout)?;
    let waited = session.state == State::Queued;
    queue::remove(tx, session.session)?;
    queue::forgive(tx, session.session)?;
    timer::cancel(tx, &[Kind::MaxWait, Kind::QueueGrace], session.session)?;
    step(session, Move::LeaveMessage)?;
    save(tx, session)?;
    let kind = home(tx, session)?.kind;
    let idle = by_channel(scene.tenant.policy.contact_idle_close, kind);
    timer::set(tx, Kind::IdleClose, session.session, scene.now.plus(idle), fx)?;
    if !waited {
        let queue = session.queue.clone();
        let refused = HandoffRefused { session: session.session, conv: session.conv, queue, why: why.refusal() };
        emit(tx, scene, &refused)?;
    }
    say(tx, scene, session, &why.text(), fx)?;
    if flow::instead_of_people(tx, scene, session, why, fx)? {
        return Ok(());
    }
    tell(tx, session, fx)
}

/// Keeps what the customer wrote as the message to leave, and ends the session.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    envelope: &Envelope,
    phone: Option<&str>,
    fx: &mut Effects,
) -> Result<(), Error> {
    if matches!(envelope.content, Content::Event { .. } | Content::Recall { .. }) {
        return Ok(());
    }
    let conversation = home(tx, session)?;
    let ticket = Ticket {
        session: session.session,
        conv: session.conv,
        contact: conversation.contact,
        message: envelope.id,
        seq: envelope.seq,
        phone: phone.map(ToOwned::to_owned),
        no: None,
        fields: None,
        flow: None,
    };
    emit(tx, scene, &ticket)?;
    say(tx, scene, session, &Prompt::LeaveMessageAck, fx)?;
    ending::finish(tx, scene, session, EndedBy::System, "left_message", fx)
}

/// A web customer who waits has had no socket for too long.
pub(super) fn abandoned(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    let Some(mut session) = store::find(tx, id)?.filter(|session| session.state == State::Queued) else {
        return Ok(());
    };
    let conversation = home(tx, &session)?;
    if contact_here(tx, &conversation)? {
        return Ok(());
    }
    ending::finish(tx, scene, &mut session, EndedBy::Contact, "abandoned", fx)
}

fn leave(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    text: String,
    phone: Option<&str>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let conversation = asker::own_conversation(tx, client)?;
    let mut open = session::ensure_open(tx, scene, &conversation, fx)?;
    if open.state == State::Active {
        return Err(Error::new(Code::Conflict, "客服正在接待您 / an agent is answering you"));
    }
    let mut draft = Draft::system(conversation.conv, Some(open.session), Content::text(text));
    draft.from = Sender { role: Role::Contact, id: conversation.contact.to_string(), name: None };
    draft.control_epoch = open.control_epoch;
    let envelope = append(tx, scene, draft, fx)?;
    keep(tx, scene, &mut open, &envelope, phone, fx)
}

impl Core {
    /// Leaves a message for later; the customer no longer waits. What was offered is taken back first.
    ///
    /// # Errors
    /// `bad_request`, `too_large`; `conflict` while an agent answers.
    pub(crate) async fn leave_message(
        &self,
        client: &Client,
        text: String,
        phone: Option<String>,
    ) -> Result<(), Error> {
        let text: String = text.chars().filter(|c| *c != '\0').collect();
        if text.trim().is_empty() || phone.as_ref().is_some_and(|phone| phone.chars().count() > PHONE_MAX) {
            return Err(Error::new(Code::BadRequest, "留言不能为空 / the message is empty"));
        }
        if text.chars().count() > TEXT_MAX {
            return Err(Error::new(Code::TooLarge, "留言过长 / the message is too long"));
        }
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| leave(tx, scene, &owned, text, phone.as_deref(), fx)).await
    }
}
