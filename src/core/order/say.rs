//! Orders about conversations and customers: say something, open a session, make somebody known.

use super::Author;
use super::answer::Done;
use super::kind::{IfClosed, Person, Send, Whom};
use crate::channel::capabilities;
use crate::core::effect::Effects;
use crate::core::event::emit;
use crate::core::request::Send as Words;
use crate::core::send;
use crate::core::switchboard::{Draft, append};
use crate::core::{Error, Scene, handoff, session};
use crate::model::account::ChannelSettings;
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{ChannelKind, Role, Sender, Visibility};
use crate::model::event::contact::Updated;
use crate::model::id::{AccountId, ClientId, ConversationId, MessageId, QueueId, RemoteId};
use crate::model::label::label;
use crate::model::session::State;
use crate::store::conversation::{self, Conversation, Identity};
use crate::store::{Tx, session as store};

/// Characters of a customer's name.
const NAME_CHARS: usize = 64;

/// The kind of a declared channel account.
fn kind(scene: &Scene, account: &AccountId) -> Result<ChannelKind, Error> {
    let account = scene.tenant.account(account).ok_or_else(Error::not_found)?;
    Ok(match account.channel {
        ChannelSettings::Wechat(_) => ChannelKind::Wechat,
        ChannelSettings::Web(_) => ChannelKind::Web,
        ChannelSettings::Xmpp(_) => ChannelKind::Xmpp,
    })
}

/// The customer of an account, made known if new; and whether they are.
fn identity(
    tx: &mut Tx<'_>,
    scene: &Scene,
    account: &AccountId,
    external: &RemoteId,
    name: Option<&str>,
) -> Result<(Identity, bool), Error> {
    let kind = kind(scene, account)?;
    match conversation::identity(tx, account, external)? {
        Some(known) => Ok((known, false)),
        None => Ok((conversation::create(tx, kind, account, external, name, scene.now)?, true)),
    }
}

fn find(tx: &mut Tx<'_>, scene: &Scene, whom: Whom) -> Result<Conversation, Error> {
    let conv = match whom {
        Whom::Conversation { conv } => Some(conv),
        Whom::Contact { contact, account } => store::conversation_of(tx, contact, &account)?,
        Whom::External { external_id, account } => Some(identity(tx, scene, &account, &external_id, None)?.0.conv),
    };
    let conv = conv.ok_or_else(Error::not_found)?;
    conversation::find(tx, conv)?.ok_or_else(Error::not_found)
}

/// Adds a message, in the name of an agent or of the module.
pub(super) fn send(
    tx: &mut Tx<'_>,
    scene: &Scene,
    author: &Author,
    order: Send,
    fx: &mut Effects,
) -> Result<Done, Error> {
    let Send { to, content, if_window } = order;
    let conversation = find(tx, scene, to)?;
    if if_window == IfClosed::Fail && !matches!(content, Content::Note { .. }) {
        window_is_open(scene, &conversation)?;
    }
    let envelope = match author {
        Author::Agent(client) => {
            let cid = ClientId::parse(&MessageId::generate(scene.now).to_string())?;
            let (reply_to, replaces, visibility, epoch) = (None, None, None, None);
            let words = Words { conv: conversation.conv, cid, content, reply_to, replaces, visibility, epoch };
            let sent = send::once(tx, scene, client, words)?;
            sent.effects.into_list().into_iter().for_each(|effect| fx.push(effect));
            sent.envelope
        }
        Author::Module(name) => {
            let draft = notice(tx, name, &conversation, content)?;
            append(tx, scene, draft, fx)?
        }
    };
    Ok(Done::Sent { conv: envelope.conv, id: envelope.id, seq: envelope.seq, ts: envelope.ts })
}

/// What a module says: into the open session if there is one, and past whoever answers in it.
fn notice(tx: &mut Tx<'_>, name: &str, conversation: &Conversation, mut content: Content) -> Result<Draft, Error> {
    send::check(true, &content)?;
    if content.media().is_some() || matches!(content, Content::Recall { .. } | Content::Choice { .. }) {
        return Err(Error::new(Code::UnsupportedType, "不能发送这种内容 / this content cannot be sent"));
    }
    send::clean(&mut content);
    let open = session::current(tx, conversation.conv)?;
    let mut draft = Draft::system(conversation.conv, open.as_ref().map(|open| open.session), content);
    draft.from = Sender { role: Role::System, id: name.to_owned(), name: None };
    draft.control_epoch = open.map_or(0, |open| open.control_epoch);
    if matches!(draft.content, Content::Note { .. }) {
        draft.visibility = Visibility::Agents;
    }
    Ok(draft)
}

fn window_is_open(scene: &Scene, conversation: &Conversation) -> Result<(), Error> {
    let called = capabilities(conversation.kind).is_some_and(|channel| !channel.socket);
    if !called || conversation.window.open(scene.now) {
        return Ok(());
    }
    let code = if conversation.window.until > scene.now { Code::ChannelQuota } else { Code::ChannelWindowClosed };
    Err(Error::new(code, "渠道现在不允许发送 / the channel does not let us write now"))
}

/// Opens a session, and lets it wait if a queue is named.
pub(super) fn open(
    tx: &mut Tx<'_>,
    scene: &Scene,
    whom: Whom,
    queue: Option<&QueueId>,
    fx: &mut Effects,
) -> Result<Done, Error> {
    let conversation = find(tx, scene, whom)?;
    let mut open = session::ensure_open(tx, scene, &conversation, fx)?;
    if let Some(queue) = queue {
        match open.state {
            State::Queued => return Err(Error::new(Code::AlreadyQueued, "已在排队 / waits already")),
            State::Active => return Err(Error::new(Code::Conflict, "客服正在接待 / an agent is answering")),
            State::New | State::Bot | State::Ended => handoff::enqueue(tx, scene, &mut open, Some(queue), fx)?,
        }
    }
    Ok(Done::Opened { conv: open.conv, session: open.session, state: open.state.as_str().to_owned() })
}

/// Makes a customer known, or names one.
pub(super) fn upsert(tx: &mut Tx<'_>, scene: &Scene, who: Person, name: Option<&str>) -> Result<Done, Error> {
    let name: Option<String> = name.map(|name| label(name, NAME_CHARS));
    let name = name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let (contact, conv, created): (_, Option<ConversationId>, _) = match who {
        Person::Contact { contact } => (contact, None, false),
        Person::External { external_id, account } => {
            let (known, created) = identity(tx, scene, &account, &external_id, name)?;
            (known.contact, Some(known.conv), created)
        }
    };
    let known = match name {
        Some(name) => conversation::set_name(tx, contact, name)?,
        None => !conversation::contact_names(tx, &[contact])?.is_empty(),
    };
    if !known {
        return Err(Error::not_found());
    }
    emit(tx, scene, &Updated { contact, created })?;
    Ok(Done::Known { contact, conv, created })
}
