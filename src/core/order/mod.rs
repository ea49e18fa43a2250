//! Orders of other modules: each is done once, in one transaction with the note of its outcome, by the same functions
//! that serve people. Knows what may be ordered, not how it comes in.

pub mod answer;
pub mod kind;
pub mod letter;
mod phone;
mod run;
mod say;
mod steer;
mod tally;

pub use self::run::NodeOrder;
pub use self::tally::Tally;

use serde_json::Value;

use self::answer::{Answer, Done, refusal};
use self::kind::{Actor, Order};
use self::letter::Letter;
use super::effect::Effects;
use super::{Client, Core, Error, Party, Scene, audit};
use crate::model::code::Code;
use crate::model::id::{AgentId, ConnectionId, DeviceId, TenantId};
use crate::store::order::{self as store, Outcome};
use crate::store::{Tx, agent};

/// The device in whose name an agent's orders are carried out.
const DEVICE: &str = "order";

/// In whose name an order is carried out.
enum Author {
    /// A module.
    Module(String),
    /// An agent, as if at the console.
    Agent(Client),
}

impl Core {
    /// Carries out for an administrator what another module might order: once under this id, as long as `digest` is the
    /// same. What is refused for now may be asked again under it.
    ///
    /// # Errors
    /// As the order's own rules say.
    pub async fn order(
        &self,
        tenant: &TenantId,
        (id, digest): (String, String),
        actor: Actor,
        order: Order,
    ) -> Result<Value, Error> {
        let letter = Letter { id, digest, tenant: tenant.clone(), actor, order };
        answer::read(&self.obey(letter).await?)
    }

    /// Carries out an order and returns what its sender is told. The same order again gets the same answer and has no
    /// other effect.
    ///
    /// # Errors
    /// Only with a code that says to try again: nothing is noted then.
    async fn obey(&self, letter: Letter) -> Result<String, Error> {
        let tenant = letter.tenant.clone();
        let order = letter.clone();
        let outcome = self.change(&tenant, move |tx, scene, fx| {
            if let Some(known) = store::find(tx, &order.id)? {
                return Ok(repeated(&order, known));
            }
            let done = carry_out(tx, scene, &order, fx)?;
            if let Some(subject) = order.order.steers() {
                let actor = order.actor.to_string();
                audit::ordered(tx, scene, (actor, order.order.name()), Some(subject))?;
            }
            note(tx, scene, &order, Answer::Done(done).text()?)
        });
        let refused = match outcome.await {
            Ok(reply) => return Ok(reply),
            Err(error) if error.code.retry() => return Err(error),
            // There is nothing to note it with: the tenant does not exist.
            Err(error) if self.tenants().tenant(&tenant).is_none() => return Ok(refusal(error)),
            Err(error) => Answer::from(error).text()?,
        };
        // Its effects are undone. Whoever was first to note an outcome decides.
        self.change(&tenant, move |tx, scene, _fx| match store::find(tx, &letter.id)? {
            Some(known) => Ok(repeated(&letter, known)),
            None => note(tx, scene, &letter, refused),
        })
        .await
    }
}

fn note(tx: &mut Tx<'_>, scene: &Scene, letter: &Letter, reply: String) -> Result<String, Error> {
    let outcome = Outcome { digest: letter.digest.clone(), reply };
    if !store::note(tx, &letter.id, &outcome, scene.now)? {
        // Another node was faster: all of this is undone, and its answer is found at the next try.
        return Err(Error::new(Code::DependencyUnavailable, "请稍后再试 / try again"));
    }
    Ok(outcome.reply)
}

/// The answer to an order under an id that is known.
fn repeated(letter: &Letter, known: Outcome) -> String {
    if known.digest == letter.digest {
        return known.reply;
    }
    let text = "同一 message_id 已用于另一条指令 / this message_id was used for another command";
    refusal(Error::new(Code::Conflict, text))
}

/// In whose name the order is given. An agent must be one of the tenant's.
fn author(tx: &mut Tx<'_>, scene: &Scene, actor: &Actor) -> Result<Author, Error> {
    let id = match actor {
        Actor::Module(name) | Actor::Key(name) | Actor::Program(name) => return Ok(Author::Module(name.clone())),
        Actor::Agent(id) => id,
    };
    let unknown = || Error::new(Code::Forbidden, "没有这个坐席 / no such agent");
    let found = agent::find(tx, id)?.filter(|agent| agent.enabled).ok_or_else(unknown)?;
    let supervisor = found.role != "agent";
    Ok(Author::Agent(Client {
        tenant: tx.tenant().clone(),
        party: Party::Agent { agent: AgentId::clone(id), name: found.name, supervisor },
        device: DeviceId::parse(DEVICE)?,
        connection: ConnectionId::generate(scene.now),
        calls_only: false,
    }))
}

fn carry_out(tx: &mut Tx<'_>, scene: &Scene, letter: &Letter, fx: &mut Effects) -> Result<Done, Error> {
    let author = &author(tx, scene, &letter.actor)?;
    match letter.order.clone() {
        Order::Send(send) => say::send(tx, scene, author, *send, fx),
        Order::Open { to, queue } => say::open(tx, scene, to, queue.as_ref(), fx),
        Order::Upsert { who, name } => say::upsert(tx, scene, who, name.as_deref()),
        Order::Assign { session, agent } => steer::assign(tx, scene, author, (session, agent), fx),
        Order::Requeue { session, queue } => steer::requeue(tx, scene, author, (session, queue.as_ref()), fx),
        Order::Transfer { session, to, note } => steer::transfer(tx, scene, author, (session, to, note), fx),
        Order::End { session, reason } => steer::end(tx, scene, author, (session, reason.as_deref()), fx),
        Order::StartCall { session, media } => phone::start(tx, scene, author, (session, media), fx),
        Order::EndCall { call } => phone::end(tx, scene, author, call, fx),
        Order::RecordCall { call, on } => phone::record(tx, scene, author, (call, on), fx),
        Order::SetStatus { agent, status, reason } => {
            steer::choose(tx, scene, author, &agent, (Some(status), reason, None), fx)
        }
        Order::SetCapacity { agent, capacity } => {
            steer::choose(tx, scene, author, &agent, (None, None, Some(capacity)), fx)
        }
        Order::Reload {} | Order::Drain {} => Err(Error::new(Code::UnsupportedOp, "仅限节点 / for nodes only")),
    }
}
