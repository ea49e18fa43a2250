//! A client's message on its way into the log: who may say what, once.

use std::sync::Arc;

use serde_json::{Value, json};

use super::effect::Effects;
use super::log::readable;
use super::request::Send;
use super::switchboard::{Draft, append};
use super::{Client, Core, Error, Party, Scene, asker, attachment, session};
use crate::channel::capabilities;
use crate::config::{Bug, planted};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{Envelope, Role, Visibility};
use crate::model::id::{DeviceId, MessageId};
use crate::store::conversation::Conversation;
use crate::store::{Tx, message};

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
        let sent = self
            .scope(&client.tenant)
            .write(move |tx| {
                let conversation = readable(tx, &owned, send.conv)?;
                match earlier(tx, &owned, &conversation, &send)? {
                    Some(envelope) => Ok(Sent { envelope: Arc::new(envelope), dup: true, effects: Effects::default() }),
                    None => accept(tx, &scene, &owned, &conversation, send),
                }
            })
            .await?;
        self.announce(&client.tenant, sent.effects);
        let envelope = sent.envelope;
        Ok(json!({ "id": envelope.id, "seq": envelope.seq, "ts": envelope.ts, "dup": sent.dup }))
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

/// The message that this device sent before under the same client id.
fn earlier(
    tx: &mut Tx<'_>,
    client: &Client,
    conversation: &Conversation,
    send: &Send,
) -> Result<Option<Envelope>, Error> {
    let origin = conversation.origin(tx);
    let device = sender_device(client)?;
    if planted(Bug::CidIgnored) {
        return Ok(None);
    }
    let Some(found) = message::by_cid(tx, &origin, device.as_str(), send.cid.as_str())? else { return Ok(None) };
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

/// Adds what a client says, if it may say it here and now.
pub(super) fn accept(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    conversation: &Conversation,
    mut send: Send,
) -> Result<Sent, Error> {
    check_party(client, &send)?;
    clean(&mut send.content);
    if let Some(target) = target(&send) {
        own_and_recent(tx, scene, client, conversation, target)?;
    }
    if let Some(media) = send.content.media_mut() {
        attachment::claim(tx, &client.participant(), media)?;
    }
    let mut effects = Effects::default();
    let visibility = visibility(&send)?;
    let from = asker::sender(client);
    let mut rated = None;
    let held = match &client.party {
        Party::Agent { agent, .. } => match visibility {
            Visibility::All => Some(session::agent_speaks(tx, scene, agent, conversation, send.epoch)?),
            _ => session::current(tx, conversation.conv)?,
        },
        Party::Contact { .. } => match session::rates(tx, scene, conversation, &send.content)? {
            Some(rating) => {
                rated = Some(rating);
                session::current(tx, conversation.conv)?
            }
            None => Some(session::ensure_open(tx, scene, conversation, &mut effects)?),
        },
    };
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
    let envelope = append(tx, scene, draft, &mut effects)?;
    match held {
        _ if rated.is_some() => {
            if let Some(rating) = rated {
                rating.keep(tx, scene, &mut effects)?;
            }
        }
        Some(open) if spoke_as_contact => session::contact_said(tx, scene, open, &envelope, &mut effects)?,
        _ if envelope.for_contact() => session::agent_said(tx, scene, conversation, &envelope, &mut effects)?,
        _ => {}
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
