//! Adapters outside the question base: what they are given, and what their events come to. Knows no protocol of theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::answer::{Found, Reply};
use super::knowledge::Library;
use super::reply::{Near, wished};
use super::run::Task;
use super::spoken;
use crate::core::effect::{Effect, Effects, Push};
use crate::core::{Core, Error};
use crate::flow::CallError;
use crate::model::dialogue::{Choice, Leads, Outcome};
use crate::model::envelope::{ChannelKind, Envelope, Role};
use crate::model::id::{ContactId, TenantId};
use crate::model::robot::RobotSetting;
use crate::model::secret::Secret;
use crate::robot::faq::mask;
use crate::robot::service::{self, Asked};
use crate::robot::{self, Adapter, Guard, Http, RobotError, RobotEvent, Said, SettingError, Who};
use crate::runtime::Stop;
use crate::store::{conversation, dialogue, message};
use crate::template::Lang;
use crate::tenant::{Robot, robot::Adapter as Declared};

/// Earlier messages that an adapter is given.
const HISTORY: i64 = 12;
/// Entries of the question base that an adapter is given.
const PASSAGES: usize = 3;
/// A growing text is shown this often at the most.
const PACE: Duration = Duration::from_millis(150);
/// Events on their way from an adapter.
const EVENTS: usize = 64;

/// The way to adapters outside: what may be called, and the adapters of the tenants that have one.
#[derive(Debug)]
pub struct Robots {
    guard: Guard,
    http: Http,
    made: Mutex<HashMap<TenantId, (i64, Arc<Adapter>)>>,
}

impl Robots {
    /// Nothing is called before a tenant wants it.
    #[must_use]
    pub fn new(guard: Guard, http: Http) -> Self {
        Self { guard, http, made: Mutex::default() }
    }

    /// What may be called.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Has a service of a form do something, by a signed request.
    ///
    /// # Errors
    /// Why there is no answer that can be used.
    pub(in crate::core) async fn ask(
        &self,
        url: &str,
        secret: Option<(&Secret, i64)>,
        (id, op, args): (&str, &str, &Map<String, Value>),
        left: Duration,
    ) -> Result<Value, CallError> {
        let to = self.guard.endpoint(url).map_err(|blocked| CallError::Refused(blocked.to_string()))?;
        let asked = Asked { id, op, args, secret };
        service::ask(&self.http, &to, &asked, left).await.map_err(|error| match error {
            RobotError::Late => CallError::Timeout,
            RobotError::TooLarge { .. } => CallError::TooLarge,
            RobotError::Refused { message, .. } => CallError::Refused(message),
            _ => CallError::Unreachable,
        })
    }

    pub(super) fn adapter(
        &self,
        tenant: &TenantId,
        version: i64,
        setting: &RobotSetting,
        clock: &crate::clock::Clock,
    ) -> Result<Arc<Adapter>, SettingError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, adapter)) = made.get(tenant).filter(|(of, _)| *of == version) {
            return Ok(Arc::clone(adapter));
        }
        let adapter = Arc::new(Adapter::new(setting, &self.guard, &self.http, clock)?);
        made.insert(tenant.clone(), (version, Arc::clone(&adapter)));
        Ok(adapter)
    }
}

/// What is read before an adapter is asked.
struct Before {
    /// What is answered, in the customer's own words.
    said: String,
    history: Vec<Envelope>,
    memory: Option<String>,
    contact: ContactId,
    kind: ChannelKind,
}

impl Core {
    /// Asks the tenant's adapter.
    pub(super) async fn ask_outside(&self, tenant: &TenantId, robot: &Robot, library: &Library, task: &Task) -> Found {
        let asked = self.asked(tenant, robot, library, task).await;
        asked.unwrap_or_else(|error| {
            tracing::warn!(tenant = %tenant, error = ?error, "a robot could not be asked");
            Found::failed("the robot could not be asked")
        })
    }

    async fn asked(&self, tenant: &TenantId, robot: &Robot, library: &Library, task: &Task) -> Result<Found, Error> {
        let Declared::Outside(setting) = &robot.adapter else {
            return Ok(Found::failed("the tenant's robot is another one now"));
        };
        let known = self.tenants().tenant(tenant).ok_or_else(Error::not_found)?;
        let adapter = match self.inner.parts.robots.adapter(tenant, known.version, setting, self.clock()) {
            Ok(adapter) => adapter,
            Err(error) => return Ok(Found::failed(error)),
        };
        let before = self.before(tenant, task).await?;
        let chosen = task.turn.chosen.as_ref();
        let words = chosen.map_or(task.turn.query.as_str(), |choice| choice.label.as_str());
        let hits = library.search(words, PASSAGES, self.clock().now());
        let near: Vec<Near> = hits.iter().map(|(hit, entry)| Near::of(entry, hit.p)).collect();
        let useful = hits.iter().filter(|(hit, _)| hit.p >= robot.sureness.clarify / 2.0);
        let context =
            useful.map(|(_, entry)| robot::Passage { title: entry.question.clone(), text: entry.answer.clone() });
        let streaming = before.kind == ChannelKind::Web;
        let turn = robot::Turn {
            tenant: tenant.clone(),
            conv: task.turn.conv,
            session: task.turn.session,
            epoch: task.turn.epoch,
            seq: task.turn.seq,
            text: chosen.map_or_else(|| mask(&before.said), chosen_words),
            chosen: chosen.is_some(),
            locale: if known.lang == Lang::En { "en" } else { "zh-CN" }.to_owned(),
            history: before.history.iter().filter_map(said).collect(),
            context: context.collect(),
            memory: before.memory,
            deadline: Instant::now() + robot.timeout,
            caps: robot::Caps { streaming, rich: streaming, max_options: task.rows },
        };
        let (out, mut events) = mpsc::channel(EVENTS);
        let stop = Stop::new();
        let mut heard = Heard::default();
        let show = |text: &str| self.show_growing(tenant, before.contact, task, text);
        let listening = async {
            while let Some(event) = events.recv().await {
                heard.event(event, &show);
            }
        };
        let (finish, ()) = tokio::join!(adapter.turn(turn, out, &stop), listening);
        Ok(Found { near, ..heard.found(&finish) })
    }

    async fn before(&self, tenant: &TenantId, task: &Task) -> Result<Before, Error> {
        let (conv, session, seq) = (task.turn.conv, task.turn.session, task.turn.seq);
        self.scope(tenant)
            .read(move |tx| {
                let conversation = conversation::find(tx, conv)?.ok_or_else(Error::not_found)?;
                let origin = conversation.origin(tx);
                let mut history = message::before(tx, &origin, conv, seq + 1, HISTORY + 1)?;
                let asked = history.pop_if(|envelope| envelope.seq == seq);
                let said = asked.map(|asked| spoken(&asked.content).unwrap_or(&asked.fallback).trim().to_owned());
                let said = said.unwrap_or_default();
                history.retain(|envelope| envelope.for_contact() && envelope.session == Some(session));
                history.sort_by_key(|envelope| envelope.seq);
                let memory = dialogue::find(tx, session)?.memory;
                Ok(Before { said, history, memory, contact: conversation.contact, kind: conversation.kind })
            })
            .await
    }

    /// Shows the customer a text that still grows. Lost when nobody listens.
    fn show_growing(&self, tenant: &TenantId, contact: ContactId, task: &Task, text: &str) {
        let push = Push::Growing { conv: task.turn.conv, turn: task.turn.seq, text: text.to_owned() };
        let mut effects = Effects::default();
        effects.push(Effect::Contact(contact, push));
        self.announce(tenant, effects);
    }
}

/// What an adapter hears when a line of its list was chosen.
fn chosen_words(choice: &Choice) -> String {
    if let Leads::Says(words) = &choice.leads { words.clone() } else { choice.label.clone() }
}

/// An earlier message as an adapter sees it, without card, identity and telephone numbers.
fn said(envelope: &Envelope) -> Option<Said> {
    let who = match envelope.from.role {
        Role::Contact => Who::Contact,
        Role::Robot => Who::Robot,
        Role::Agent | Role::Supervisor => Who::Agent,
        Role::System | Role::Flow => return None,
    };
    Some(Said { who, text: mask(&envelope.fallback) })
}

/// A line of a list, under its number: what the robot calls it is for nobody else to read, and may not be unique.
fn line((number, option): (u32, robot::Choice)) -> Choice {
    let leads = if option.key == option.label { Leads::Words } else { Leads::Says(option.key) };
    Choice { key: number.to_string(), label: option.label, leads }
}

/// What an adapter has told so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    texts: Vec<String>,
    list: Option<(String, Vec<Choice>)>,
    wish: Option<super::over::Wish>,
    end: Option<String>,
    memory: Option<String>,
    growing: String,
    shown: Option<Instant>,
}

impl Heard {
    pub(super) fn event(&mut self, event: RobotEvent, show: &impl Fn(&str)) {
        match event {
            RobotEvent::Typing => {}
            RobotEvent::Delta(more) => {
                self.growing.push_str(&more);
                if self.shown.is_none_or(|at| at.elapsed() >= PACE) {
                    show(&self.growing);
                    self.shown = Some(Instant::now());
                }
            }
            RobotEvent::Message(answer) => self.texts.extend(answer.into_parts()),
            RobotEvent::Clarify { prompt, options } => {
                // One list is open at a time: of an earlier one the customer sees the question.
                self.texts.extend(self.list.take().map(|(prompt, _)| prompt));
                self.list = Some((prompt, (1..).zip(options).map(line).collect()));
            }
            RobotEvent::Handoff(handoff) => {
                let slots = handoff.slots.iter().map(|(name, value)| format!("{name}={value}"));
                let parts = [handoff.reason, handoff.summary].into_iter().filter(|part| !part.is_empty()).chain(slots);
                self.wish = Some(wished(handoff.queue, parts.collect::<Vec<_>>().join("；")));
            }
            RobotEvent::End { reason } => self.end = Some(reason),
            RobotEvent::Memory(memory) => self.memory = Some(memory),
        }
    }

    /// What a complete answer comes to.
    pub(super) fn said(self) -> Found {
        self.found(&Ok(robot::Finish { outcome: robot::Outcome::Nothing, cut: false, tokens: None }))
    }

    /// What all of it comes to. An adapter that failed after it had said something has said it.
    fn found(mut self, finish: &Result<robot::Finish, RobotError>) -> Found {
        let error = finish.as_ref().err().map(ToString::to_string);
        let later = matches!(finish, Ok(finish) if finish.outcome == robot::Outcome::Later);
        let memory = self.memory.take();
        let mut first = std::mem::take(&mut self.texts);
        let (outcome, reply) = match self {
            Self { wish: Some(wish), list, .. } => {
                first.extend(list.map(|(prompt, _)| prompt));
                (Outcome::Answer(None), Reply::Person(wish))
            }
            Self { end: Some(reason), list, .. } => {
                first.extend(list.map(|(prompt, _)| prompt));
                (Outcome::Answer(None), Reply::End(reason))
            }
            Self { list: Some((prompt, choices)), .. } => (Outcome::Clarify, Reply::List(Some(prompt), choices)),
            _ if !first.is_empty() => (Outcome::Answer(None), Reply::Texts(std::mem::take(&mut first))),
            _ if later => (Outcome::Answer(None), Reply::Later),
            _ if error.is_some() => (Outcome::Failed, Reply::Nothing),
            _ => (Outcome::Miss, Reply::Nothing),
        };
        Found { first, memory, error, ..Found::new(outcome, reply) }
    }
}
