//! One entry for every request of an authenticated client: who may ask for it, and who does it.

use serde_json::{Value, json};

use super::asker::agent;
use super::audit::Matter;
use super::effect::{Effect, Effects, Push};
use super::ending::Paperwork;
use super::log::readable;
use super::request::Request;
use super::{Client, Core, Error, Party};
use crate::config::{Bug, planted};
use crate::model::code::Code;
use crate::model::envelope::ChannelKind;
use crate::model::id::ConversationId;
use crate::store::assignment;

fn json_of(view: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(view).map_err(Error::internal)
}

fn contact(client: &Client) -> Result<(), Error> {
    match &client.party {
        Party::Contact { .. } => Ok(()),
        Party::Agent { .. } => Err(Error::new(Code::Forbidden, "仅限访客 / for visitors only")),
    }
}

impl Core {
    /// Does what a client asks for and returns the reply's body.
    ///
    /// Dropping the future does not undo it: what was handed to the store is done.
    ///
    /// # Errors
    /// As the request's own rules say; the code is what the client gets.
    pub async fn perform(&self, client: &Client, request: Request) -> Result<Value, Error> {
        let matter = Matter::of(&request);
        let result = match request {
            Request::Call(request) => Box::pin(self.perform_call(client, *request)).await,
            _ if client.calls_only => Err(Error::new(Code::Forbidden, "仅限通话 / for calls only")),
            Request::Send(send) => self.send(client, *send).await,
            Request::Ack(mark) if planted(Bug::PanicInFrame) && mark.seq % 10 == 9 => unreachable!("planted"),
            Request::Ack(mark) => self.mark(client, mark, false).await.map(|()| Value::Null),
            Request::Read(mark) => self.mark(client, mark, true).await.map(|()| Value::Null),
            // What all messages and marks go through has no room for what they do not need.
            other => Box::pin(self.perform_other(client, other)).await,
        };
        if let Err(refusal) = &result {
            Box::pin(self.put_on_record(client, matter, refusal)).await;
        }
        result
    }

    async fn perform_other(&self, client: &Client, request: Request) -> Result<Value, Error> {
        match request {
            Request::Typing { conv, on } => self.typing(client, conv, on).await.map(|()| Value::Null),
            Request::History { conv, before, after, limit } => self.history(client, conv, (before, after), limit).await,
            Request::Sync { convs } => Ok(json!({ "convs": json_of(&self.sync(client, convs).await?)? })),
            Request::Upload { name, size, mime } => json_of(&self.grant_upload(client, &name, size, &mime).await?),
            Request::Open { .. }
            | Request::Handoff { .. }
            | Request::CancelQueue {}
            | Request::LeaveMessage { .. }
            | Request::Feedback { .. }
            | Request::End { session: None, .. } => self.perform_contact(client, request).await,
            other => self.perform_agent(client, other).await,
        }
    }

    async fn perform_contact(&self, client: &Client, request: Request) -> Result<Value, Error> {
        contact(client)?;
        match request {
            Request::Open { .. } => Ok(json!({ "conv": json_of(&self.open(client).await?)? })),
            Request::Handoff { queue } => json_of(&self.handoff(client, queue).await?),
            Request::CancelQueue {} => self.cancel_queue(client).await.map(|()| json!({})),
            Request::Feedback { seq, helpful } => self.robot_feedback(client, seq, helpful).await.map(|()| json!({})),
            Request::LeaveMessage { text, phone } => self.leave_message(client, text, phone).await.map(|()| json!({})),
            _ => self.end(client, None, None).await.map(|()| json!({})),
        }
    }

    async fn perform_agent(&self, client: &Client, request: Request) -> Result<Value, Error> {
        agent(client)?;
        match request {
            Request::PresenceSet { status, reason, capacity } => {
                json_of(&self.presence_set(client, &status, reason, capacity).await?)
            }
            Request::OfferAccept { assignment, token } => {
                Ok(json!({ "conv": json_of(&self.offer_accept(client, assignment, token).await?)? }))
            }
            Request::OfferReject { assignment, token, reason } => {
                self.offer_reject(client, assignment, token, reason).await.map(|()| json!({}))
            }
            Request::Pull { queue } => Ok(json!({ "conv": json_of(&self.pull(client, queue).await?)? })),
            Request::Transfer { session, to, note } => {
                self.transfer(client, session, to, note).await.map(|()| json!({}))
            }
            Request::TransferCancel { session } => self.transfer_cancel(client, session).await.map(|()| json!({})),
            Request::End { session, reason } => self.end(client, session, reason).await.map(|()| json!({})),
            Request::WrapupDone { assignment, disposition, tags, note } => {
                let paperwork = Paperwork { disposition, tags, note };
                self.wrapup_done(client, assignment, paperwork).await.map(|()| json!({}))
            }
            Request::RobotList {} => Ok(json!({ "convs": json_of(&self.robot_list(client).await?)? })),
            Request::RobotTrace { session } => {
                Ok(json!({ "turns": json_of(&self.robot_trace(client, session).await?)? }))
            }
            Request::TakeOver { session } => Ok(json!({ "conv": json_of(&self.take_over(client, session).await?)? })),
            Request::RobotBack { session } => self.pass_back(client, session).await.map(|()| json!({})),
            Request::Tag { session, tags } => self.tag(client, session, tags).await.map(|()| json!({})),
            _ => Err(Error::new(Code::UnsupportedOp, "不支持的操作 / unsupported op")),
        }
    }

    /// Tells the other side that somebody types. Lost when nobody listens.
    async fn typing(&self, client: &Client, conv: ConversationId, on: bool) -> Result<(), Error> {
        let owned = client.clone();
        let (conversation, agents) = self
            .scope(&client.tenant)
            .read(move |tx| {
                let conversation = readable(tx, &owned, conv)?;
                let agents = assignment::holders(tx, conv)?;
                Ok::<_, Error>((conversation, agents))
            })
            .await?;
        let mut effects = Effects::default();
        match &client.party {
            Party::Contact { .. } => {
                for agent in agents {
                    effects.push(Effect::Agent(agent, Push::Typing { conv, who: "contact".into(), on }));
                }
            }
            Party::Agent { agent, .. } if conversation.kind == ChannelKind::Web => {
                effects.push(Effect::Contact(conversation.contact, Push::Typing { conv, who: agent.to_string(), on }));
            }
            Party::Agent { .. } => self.show_typing(client.tenant.clone(), conversation, on),
        }
        self.announce(&client.tenant, effects);
        Ok(())
    }
}
