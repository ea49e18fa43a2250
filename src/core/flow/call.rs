//! What forms ask other systems: noted with the step, asked after the commit, by whichever node comes first; the answer
//! leads the run on if it still waits for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{act, live};
use crate::bus::Bus;
use crate::core::backlog::{Backlog, Worked, failed, long_after};
use crate::core::effect::{Effect, Effects};
use crate::core::event::emit;
use crate::core::{Core, Error, Scene};
use crate::flow::{self, CallError, Input, Run};
use crate::model::event::contact::Ticket;
use crate::model::id::{MessageId, SessionId, TenantId};
use crate::model::session::Holder;
use crate::runtime::Stop;
use crate::store::session::{self as store, Session};
use crate::store::{Tx, conversation, flow as rows};
use crate::tenant::service::Kind;

/// Calls that are made at the same time, half of them of one tenant.
const CONCURRENCY: usize = 64;
/// After this beyond its own time another node makes a call again.
const SPARE: Duration = Duration::from_secs(2);

/// What another system is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) service: String,
    pub(super) op: String,
    pub(super) args: Map<String, Value>,
}

/// Notes a call with the step that waits for it.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    scene: &Scene,
    (session, purpose): (SessionId, &str),
    asked: &Asked,
    (timeout, serial): (Duration, u64),
    fx: &mut Effects,
) -> Result<(), Error> {
    let call = rows::Call {
        call: MessageId::generate(scene.now).to_string(),
        session,
        purpose: purpose.to_owned(),
        version: i64::try_from(serial).unwrap_or(i64::MAX),
        body: serde_json::to_string(asked).map_err(Error::internal)?,
        deadline: scene.now.plus(timeout),
    };
    rows::ask(tx, &call, scene.now)?;
    fx.push(Effect::Asked);
    Ok(())
}

/// The gateway's own answer to a form.
///
/// # Errors
/// `not_found` for what it does not know.
pub(super) fn local(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    run: Option<&Run>,
    op: &str,
    args: &Map<String, Value>,
) -> Result<Value, Error> {
    match op {
        "ticket.create" => ticket(tx, scene, session, run, args),
        "survey.rate" => super::survey::rate(tx, scene, session, args),
        _ => {
            tracing::error!(op, "a form asks the gateway for what it cannot do");
            Err(Error::not_found())
        }
    }
}

/// Takes a message down as a ticket for other modules.
fn ticket(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    run: Option<&Run>,
    args: &Map<String, Value>,
) -> Result<Value, Error> {
    let conversation = conversation::find(tx, session.conv)?.ok_or_else(Error::not_found)?;
    let text = |name: &str| args.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = MessageId::generate(scene.now);
    let no = ticket_no(scene, &id);
    let ticket = Ticket {
        session: session.session,
        conv: session.conv,
        contact: conversation.contact,
        message: id,
        seq: conversation.last_seq,
        phone: text("phone"),
        no: Some(no.clone()),
        fields: Some(Value::Object(args.clone())),
        flow: run.map(|run| run.flow.clone()),
    };
    emit(tx, scene, &ticket)?;
    Ok(json!({ "no": no }))
}

/// A number that a customer can read out: the day and six characters.
fn ticket_no(scene: &Scene, id: &MessageId) -> String {
    let day = scene.tenant.zone.local(scene.now).format("%Y%m%d").to_string();
    let text: String = id.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = text.chars().rev().take(6).collect();
    format!("{day}-{}", tail.to_uppercase())
}

type Key = (TenantId, String);

impl Core {
    /// Asks what forms wait for until `stop`; then finishes the calls that are under way.
    pub async fn run_calls(&self, bus: Bus, stop: Stop) {
        let calls = Backlog {
            what: "calls of forms",
            bell: &self.inner.calls,
            at_once: CONCURRENCY,
            due: |_: &Core| rows::due,
        };
        calls.work_off(self, &stop, |key| self.clone().make_call(bus.clone(), key, stop.clone())).await;
    }

    async fn make_call(self, bus: Bus, key: Key, stop: Stop) -> Worked<Key> {
        let Err(error) = self.call_one(&bus, &key, &stop).await else { return Ok(key) };
        tracing::error!(tenant = %key.0, call = %key.1, error = ?error, "a form's call could not be made");
        failed(key, &error)
    }

    async fn call_one(&self, bus: &Bus, (tenant, id): &Key, stop: &Stop) -> Result<(), Error> {
        let (now, claimed) = (self.clock().now(), id.clone());
        let until = now.plus(flow::CALL_MAX).plus(SPARE);
        let claim = move |tx: &mut Tx<'_>| rows::claim(tx, &claimed, now, until).map_err(Error::from);
        let Some(call) = self.scope(tenant).write(claim).await? else { return Ok(()) };
        let asked: Asked = serde_json::from_str(&call.body).map_err(Error::internal)?;
        let left = call.deadline.since(self.clock().now());
        let answer = match left.is_zero() {
            true => Err(CallError::Timeout),
            false => tokio::select! {
                answer = self.ask_service(bus, tenant, &call.call, &asked, left) => answer,
                // It is made again, under the same id.
                () = long_after(stop) => {
                    let now = self.clock().now();
                    let back = move |tx: &mut Tx<'_>| rows::give_back(tx, &call.call, until, now).map_err(Error::from);
                    return self.scope(tenant).write(back).await;
                }
            },
        };
        if let Err(error) = &answer {
            let (service, op) = (&asked.service, &asked.op);
            tracing::warn!(tenant = %tenant, service, op, error = %error, "a form had no answer");
        }
        self.change(tenant, move |tx, scene, fx| called(tx, scene, &call, answer, fx)).await
    }

    async fn ask_service(
        &self,
        bus: &Bus,
        tenant: &TenantId,
        id: &str,
        asked: &Asked,
        left: Duration,
    ) -> Result<Value, CallError> {
        let known = self.tenants().tenant(tenant).ok_or(CallError::Unreachable)?;
        let service = known.service(&asked.service).ok_or(CallError::Unreachable)?;
        match &service.kind {
            Kind::Script(script) => script.answer(&asked.op, &asked.args).map_err(CallError::Refused),
            Kind::Http { url, secret } => {
                let secret = secret.as_ref().map(|secret| (secret, self.clock().now().seconds()));
                self.inner.parts.robots.ask(url, secret, (id, &asked.op, &asked.args), left).await
            }
            Kind::Amqp => {
                let ask = crate::bus::ask::Ask {
                    service: asked.service.clone(),
                    op: asked.op.clone(),
                    args: asked.args.clone(),
                    tenant: tenant.clone(),
                    id: id.to_owned(),
                    timeout: left,
                };
                bus.ask(ask).await.map_err(of_module)
            }
        }
    }
}

fn of_module(error: crate::bus::ask::AskError) -> CallError {
    use crate::bus::ask::AskError;
    match error {
        AskError::Timeout => CallError::Timeout,
        AskError::Refused { message, .. } => CallError::Refused(message),
        AskError::TooLarge => CallError::TooLarge,
        _ => CallError::Unreachable,
    }
}

/// The answer of a service: the run goes on if it still waits for this one.
fn called(
    tx: &mut Tx<'_>,
    scene: &Scene,
    call: &rows::Call,
    answer: Result<Value, CallError>,
    fx: &mut Effects,
) -> Result<(), Error> {
    if !rows::answered(tx, &call.call)? {
        return Ok(());
    }
    let Some(mut session) = store::find(tx, call.session)?.filter(|session| session.holder == Holder::Flow) else {
        return Ok(());
    };
    let Some(live) = live(tx, scene, call.session, &call.purpose)? else { return Ok(()) };
    if live.row.version != call.version {
        tracing::info!(call = %call.call, "an answer came too late for its form");
        return Ok(());
    }
    let next = flow::advance(&live.definition, live.run, Input::Called(answer), scene.now);
    act::settle(tx, scene, &mut session, (live.row, &live.definition), next, fx)
}
