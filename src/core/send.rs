//! A client's message on its way into the log: who may say what, once.

use std::sync::Arc;

use serde_json::{Value, json};

use super::effect::Effects;
use super::log::may_read;
use super::request::Send;
use super::silence::Deadlines;
use super::switchboard::{Draft, append_to};
use super::{Client, Core, Error, Party, Scene, asker, attachment, session};
use crate::channel::capabilities;
use crate::config::{Bug, planted};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{Envelope, Role, Visibility};
use crate::model::id::{DeviceId, MessageId};
use crate::model::session::State;
use crate::store::conversation::Conversation;
use crate::store::footing::{self, Footing, Foresight, OfSend};
use crate::store::{Course, Tx, message};

/// The longest text of a client, in Unicode scalar values.
const TEXT_MAX: usize = 4000;

/// What became of a send.
pub(super) struct Sent {
    pub(super) envelope: Arc<Envelope>,
    pub(super) dup: bool,
    pub(super) effects: Effects,
}

impl Core {
    /// Adds a client's message to a conversation. The same device sending the same `cid` again gets the same answer
    /// with `dup: true`; with another content it gets `conflict`.
    ///
    /// # Errors
    /// `not_found`, `not_in_control`, `stale_epoch`, `session_ended`, `unsupported_type`, `too_large`, `conflict`,
    /// `forbidden`, `dependency_unavailable`.
    pub(super) async fn send(&self, client: &Client, send: Send) -> Result<Value, Error> {
        let scene = self.scene(&client.tenant)?;
        let owned = client.clone();
        let of = standing(client, &send)?;
        let asks = Some(Foresight::Send(of.clone()));
        let job = move |tx: &mut Tx<'_>| {
            let Sent { envelope, dup, effects } = alone(tx, &scene, &owned, &of, send.clone())?;
            Ok::<_, Error>(((envelope, dup), effects))
        };
        let scope = self.scope(&client.tenant);
        let asked = async move { scope.repeat(Course::Lane, asks, job).await };
        let (envelope, dup) = self.hear(&client.tenant, asked).await?;
        Ok(json!({ "id": envelope.id, "seq": envelope.seq, "ts": envelope.ts, "dup": dup }))
    }
}

/// Client ids are unique per device, and devices name themselves: the participant in front keeps them apart.
fn sender_device(client: &Client) -> Result<DeviceId, Error> {
    let (kind, id) = match &client.party {
        Party::Agent { agent, .. } => ("a", agent.to_string()),
        Party::Contact { contact, .. } => ("c", contact.to_string()),
    };
    Ok(DeviceId::joined(kind, &id, &client.device))
}

/// Of what this client has to know before it sends.
fn standing(client: &Client, send: &Send) -> Result<OfSend, Error> {
    let (agent, device) = (client.party.agent().cloned(), sender_device(client)?.to_string());
    Ok(OfSend { conv: send.conv, agent, device, cid: send.cid.to_string(), timers: Deadlines::kinds() })
}

/// Adds what a client says, or finds it where it was added before.
pub(super) fn once(tx: &mut Tx<'_>, scene: &Scene, client: &Client, send: Send) -> Result<Sent, Error> {
    let of = standing(client, &send)?;
    let footing = stands(tx, client, &of)?;
    said(tx, scene, client, (&of, footing), send)
}

/// As [`once`], where nothing else is done in the same job.
fn alone(tx: &mut Tx<'_>, scene: &Scene, client: &Client, of: &OfSend, send: Send) -> Result<Sent, Error> {
    let footing = stands(tx, client, of)?;
    if stays_inside(&footing, &send) {
        tx.changes_only(&of.depends());
    }
    said(tx, scene, client, (of, footing), send)
}

/// How things stand for a client that may read the conversation.
fn stands(tx: &mut Tx<'_>, client: &Client, of: &OfSend) -> Result<Footing, Error> {
    footing::of_send(tx, of)?
        .filter(|footing| may_read(client, &footing.conversation, footing.held))
        .ok_or_else(Error::not_found)
}

fn said(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    (of, footing): (&OfSend, Footing),
    send: Send,
) -> Result<Sent, Error> {
    if footing.repeated
        && !planted(Bug::CidIgnored)
        && let Some(found) = earlier(tx, &footing.conversation, &of.device, &send)?
    {
        return Ok(Sent { envelope: Arc::new(found), dup: true, effects: Effects::default() });
    }
    accept(tx, scene, client, footing, send)
}

/// Whether a message changes nothing but its conversation's log and session: text to or from the agent who answers.
fn stays_inside(footing: &Footing, send: &Send) -> bool {
    let answered = footing.session.as_ref().is_some_and(|session| session.state == State::Active);
    answered && footing.agent.is_some() && matches!(send.content, Content::Text { .. }) && send.replaces.is_none()
}

/// The message that this device sent before under the same client id.
fn earlier(tx: &mut Tx<'_>, conversation: &Conversation, device: &str, send: &Send) -> Result<Option<Envelope>, Error> {
    let origin = conversation.origin(tx);
    let Some(found) = message::by_cid(tx, &origin, device, send.cid.as_str())? else { return Ok(None) };
    let mut content = send.content.clone();
    clean(&mut content);
    // What the store knows of a blob replaced what the client said of it: only the id counts.
    if let (Some(stored), Some(sent)) = (found.content.media(), content.media_mut())
        && stored.id == sent.id
    {
        sent.clone_from(stored);
    }
    if found.conv == send.conv && found.content == content && found.replaces == send.replaces {
        return Ok(Some(found));
    }
    Err(Error::new(Code::Conflict, "同一 cid 已用于另一条消息 / this cid was used for another message"))
}

/// Adds what a client says to a conversation that it may read, if it may say it here and now.
fn accept(tx: &mut Tx<'_>, scene: &Scene, client: &Client, footing: Footing, mut send: Send) -> Result<Sent, Error> {
    let Footing { mut conversation, session: open, agent: follower, timers, .. } = footing;
    let deadlines = Deadlines::found(timers);
    check_party(client, &send)?;
    clean(&mut send.content);
    if let Some(target) = target(&send) {
        own_and_recent(tx, scene, client, &conversation, target)?;
    }
    if let Some(media) = send.content.media_mut() {
        attachment::claim(tx, &client.participant(), media)?;
    }
    let mut effects = Effects::default();
    let visibility = visibility(&send)?;
    let mut rated = None;
    let held = match &client.party {
        Party::Agent { agent, .. } => match visibility {
            Visibility::All => Some(session::agent_speaks(open, agent, send.epoch)?),
            _ => open,
        },
        Party::Contact { .. } => {
            rated = session::rates(tx, scene, send.conv, open.as_ref(), &send.content)?;
            match open {
                None if rated.is_none() => Some(session::open(tx, scene, &conversation, &mut effects)?),
                open => open,
            }
        }
    };
    let from = asker::sender(client);
    let spoke_as_contact = from.role == Role::Contact;
    let draft = Draft {
        conv: send.conv,
        session: held.as_ref().map(|held| held.session),
        from,
        visibility,
        content: send.content,
        cid: if planted(Bug::CidIgnored) { None } else { Some((sender_device(client)?, send.cid)) },
        reply_to: send.reply_to,
        replaces: send.replaces,
        ext_id: None,
        raw_type: None,
        control_epoch: held.as_ref().map_or(0, |held| held.control_epoch),
    };
    let envelope = append_to(tx, scene, &mut conversation, draft, follower.into_iter().collect(), &mut effects)?;
    match (rated, held) {
        (Some(rating), _) => rating.keep(tx, scene, &mut effects)?,
        (None, Some(open)) if spoke_as_contact => {
            session::contact_said(tx, scene, (open, deadlines), &envelope, &mut effects)?;
        }
        (None, Some(open)) if envelope.for_contact() => {
            session::agent_said(tx, scene, &conversation, (open, deadlines), &mut effects)?;
        }
        (None, _) => {}
    }
    Ok(Sent { envelope, dup: false, effects })
}

/// Removes what no store keeps alike on both back ends.
pub(super) fn clean(content: &mut Content) {
    if let Content::Text { text } | Content::Note { text } = content
        && text.contains('\0')
    {
        text.retain(|c| c != '\0');
    }
}

/// What only an agent may send.
fn check_party(client: &Client, send: &Send) -> Result<(), Error> {
    let agent = matches!(client.party, Party::Agent { .. });
    if !agent && (send.visibility.is_some() || matches!(send.content, Content::Note { .. })) {
        return Err(Error::new(Code::Forbidden, "仅限客服 / for agents only"));
    }
    check(agent, &send.content)
}

/// What kinds of content an agent, or else a customer, may send, and how much.
pub(super) fn check(agent: bool, content: &Content) -> Result<(), Error> {
    let allowed = match content {
        Content::Text { .. }
        | Content::Image { .. }
        | Content::Voice { .. }
        | Content::Video { .. }
        | Content::File { media: Some(_), .. }
        | Content::Location { .. }
        | Content::Link { .. }
        | Content::Recall { .. } => true,
        // What a customer taps in a machine's list.
        Content::Choice { .. } => !agent,
        Content::Article { .. } | Content::Card { .. } | Content::Menu { .. } | Content::Note { .. } => agent,
        Content::File { .. } | Content::Event { .. } | Content::Unsupported { .. } => false,
    };
    if !allowed {
        return Err(Error::new(Code::UnsupportedType, "不能发送这种内容 / this content cannot be sent"));
    }
    match content {
        Content::Text { text } | Content::Note { text } if text.chars().count() > TEXT_MAX => {
            return Err(Error::new(
                Code::TooLarge,
                format!("文字不能超过 {TEXT_MAX} 字 / text over {TEXT_MAX} characters"),
            ));
        }
        Content::Text { text } | Content::Note { text } if text.trim().is_empty() => {
            return Err(Error::new(Code::BadRequest, "不能发送空消息 / empty message"));
        }
        _ => {}
    }
    Ok(())
}

/// The earlier message that this one withdraws or replaces.
fn target(send: &Send) -> Option<MessageId> {
    match &send.content {
        Content::Recall { target } => Some(*target),
        _ => send.replaces,
    }
}

/// Whoever withdraws or edits a message must have written it, and not long ago.
fn own_and_recent(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    conversation: &Conversation,
    target: MessageId,
) -> Result<(), Error> {
    let origin = conversation.origin(tx);
    let found = message::by_id(tx, &origin, target)?
        .filter(|envelope| envelope.conv == conversation.conv)
        .ok_or_else(Error::not_found)?;
    let mine = match &client.party {
        Party::Agent { agent, .. } => found.from.role != Role::Contact && found.from.id == agent.as_str(),
        Party::Contact { contact, .. } => found.from.role == Role::Contact && found.from.id == contact.to_string(),
    };
    if !mine {
        return Err(Error::new(Code::Forbidden, "只能撤回或修改自己的消息 / not your message"));
    }
    let recalls = capabilities(conversation.kind).is_some_and(|channel| channel.recall);
    if found.for_contact() && !recalls {
        return Err(Error::new(
            Code::UnsupportedType,
            "这个渠道的消息发出后不能撤回或修改 / sent messages stay on this channel",
        ));
    }
    if scene.now.since(found.ts) > scene.tenant.policy.recall {
        return Err(Error::new(Code::Forbidden, "超过可撤回的时间 / too late to take it back"));
    }
    Ok(())
}

fn visibility(send: &Send) -> Result<Visibility, Error> {
    match (&send.content, send.visibility.as_deref()) {
        (Content::Note { .. }, _) | (_, Some("agents")) => Ok(Visibility::Agents),
        (_, None | Some("all")) => Ok(Visibility::All),
        _ => Err(Error::new(Code::BadRequest, "visibility 应为 all 或 agents / bad visibility")),
    }
}
