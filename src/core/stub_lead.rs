//! STAND-IN for the switchboard while it is being written elsewhere; to be deleted at the merge.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::effect::{Effect, Effects, Push};
use super::{Core, Error, Inner};
use crate::clock::Clock;
use crate::hub::{Hint, Hub, Recipient};
use crate::model::code::Code;
use crate::model::content::Content;
use crate::model::envelope::{ChannelKind, Envelope, Role, Sender, Visibility};
use crate::model::id::{ClientId, ConversationId, DeviceId, MessageId, NodeId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::store::{Scope, Store, Tx, conversation, message, outbox, session};
use crate::template::{Audience, Prompt, Templates};
use crate::tenant::{Registry, Tenant};

#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) now: Millis,
    pub(crate) node: NodeId,
}

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) conv: ConversationId,
    pub(crate) session: Option<SessionId>,
    pub(crate) from: Sender,
    pub(crate) visibility: Visibility,
    pub(crate) content: Content,
    pub(crate) cid: Option<(DeviceId, ClientId)>,
    pub(crate) reply_to: Option<MessageId>,
    pub(crate) replaces: Option<MessageId>,
    pub(crate) ext_id: Option<String>,
    pub(crate) raw_type: Option<String>,
    pub(crate) control_epoch: i64,
}

impl Draft {
    pub(crate) fn system(conv: ConversationId, session: Option<SessionId>, content: Content) -> Self {
        Self {
            conv,
            session,
            from: Sender { role: Role::System, id: "system".into(), name: None },
            visibility: Visibility::All,
            content,
            cid: None,
            reply_to: None,
            replaces: None,
            ext_id: None,
            raw_type: None,
            control_epoch: 0,
        }
    }
}

pub(crate) fn append(
    tx: &mut Tx<'_>,
    scene: &Scene,
    draft: Draft,
    fx: &mut Effects,
) -> Result<Arc<Envelope>, Error> {
    let conversation = conversation::advance(tx, draft.conv, scene.now)?.ok_or_else(Error::not_found)?;
    let (device, cid) = draft.cid.unzip();
    let mut channel = conversation.origin(tx).channel;
    channel.ext_id = draft.ext_id;
    channel.raw_type = draft.raw_type;
    let envelope = Arc::new(Envelope {
        v: 1,
        id: MessageId::generate(scene.now),
        tenant: tx.tenant().clone(),
        conv: draft.conv,
        session: draft.session,
        seq: conversation.last_seq,
        cid,
        ts: scene.now,
        from: draft.from,
        visibility: draft.visibility,
        fallback: draft.content.fallback(),
        content: draft.content,
        reply_to: draft.reply_to,
        replaces: draft.replaces,
        channel,
        control_epoch: draft.control_epoch,
    });
    message::insert(tx, &envelope, device.as_ref().map(DeviceId::as_str))?;
    let agents = match draft.session {
        Some(session) => session::followers(tx, session)?,
        None => Vec::new(),
    };
    let contact = (conversation.kind == ChannelKind::Web).then_some(conversation.contact);
    fx.push(Effect::Message { envelope: Arc::clone(&envelope), contact, agents });
    Ok(envelope)
}

pub(crate) fn prompt(
    tx: &mut Tx<'_>,
    scene: &Scene,
    conv: ConversationId,
    session: Option<SessionId>,
    prompt: &Prompt<'_>,
    fx: &mut Effects,
) -> Result<Arc<Envelope>, Error> {
    let audience = Audience { tenant: &scene.tenant.id, name: &scene.tenant.name, lang: scene.tenant.lang };
    let text = scene.templates.render(&audience, prompt).map_err(|source| Error {
        code: Code::Internal,
        message: "内部错误 / internal error".into(),
        after_ms: None,
        source: Some(Box::new(source)),
    })?;
    append(tx, scene, Draft::system(conv, session, Content::text(text)), fx)
}

pub(crate) fn emit(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: Option<SessionId>,
    kind: &str,
    data: Value,
) -> Result<(), Error> {
    let sequence = match session {
        Some(session) => Some(session::next_event(tx, session)?),
        None => None,
    };
    let event = json!({ "kind": kind, "session": session, "sequence": sequence, "data": data });
    Ok(outbox::add(tx, &MessageId::generate(scene.now).to_string(), &event.to_string(), scene.now)?)
}

#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<BTreeSet<TenantId>>,
    notify: Notify,
}

impl Bell {
    pub(crate) fn ring(&self, tenant: &TenantId) {
        self.rung.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(tenant.clone());
        self.notify.notify_one();
    }

    pub(crate) async fn heard(&self) -> BTreeSet<TenantId> {
        loop {
            self.notify.notified().await;
            let rung = std::mem::take(&mut *self.rung.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
            if !rung.is_empty() {
                return rung;
            }
        }
    }
}

impl Core {
    pub(crate) fn stub(store: Store, clock: Clock, tenants: Registry) -> Self {
        let inner = Inner {
            store,
            hub: Hub::local(),
            node: NodeId::generate(clock.now()),
            clock,
            deliveries: Notify::new(),
            timers: Notify::new(),
            routes: Bell::default(),
            tenants,
            templates: Arc::new(Templates::built_in()),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn scene(&self, tenant: &TenantId) -> Result<Scene, Error> {
        Ok(Scene {
            tenant: self.inner.tenants.tenant(tenant).ok_or_else(Error::not_found)?,
            templates: Arc::clone(&self.inner.templates),
            now: self.inner.clock.now(),
            node: self.inner.node,
        })
    }

    pub(crate) fn scope(&self, tenant: &TenantId) -> Scope {
        self.inner.store.tenant(tenant)
    }

    pub(crate) fn announce(&self, tenant: &TenantId, effects: Effects) {
        for effect in effects.into_list() {
            match effect {
                Effect::Message { .. } | Effect::Deliver(_) => {}
                Effect::Agent(agent, push) => self.tell_stub(&Recipient::Agent(tenant.clone(), agent), &push),
                Effect::Agents(push) => self.tell_stub(&Recipient::Agents(tenant.clone()), &push),
                Effect::Contact(contact, push) => self.tell_stub(&Recipient::Contact(tenant.clone(), contact), &push),
                Effect::Route => self.inner.routes.ring(tenant),
                Effect::Timer => self.inner.timers.notify_one(),
            }
        }
    }

    fn tell_stub(&self, to: &Recipient, push: &Push) {
        if let Ok(frame) = serde_json::to_string(push) {
            self.inner.hub.publish(to, &Hint::Frame(frame.into()));
        }
    }
}
