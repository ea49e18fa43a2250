//! From the robot to a person: what the agent is told, and the way into a queue.

use super::sender;
use crate::core::effect::Effects;
use crate::core::session::record;
use crate::core::{Error, Scene, handoff, transfer};
use crate::model::dialogue::Reason;
use crate::model::event::robot::{Ended, HandoffRequested};
use crate::model::id::QueueId;
use crate::store::session::Session;
use crate::store::turn::{self, Trace};
use crate::store::{Tx, dialogue};
use crate::template::Lang;

/// Turns that the agent is shown.
const TURNS: i64 = 10;
/// Characters of a question in the note.
const LINE: usize = 80;

/// Why and to whom a robot hands over, and what it wants the agent to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::core) struct Wish {
    pub(in crate::core) reason: Reason,
    pub(in crate::core) queue: Option<QueueId>,
    pub(in crate::core) summary: Option<String>,
}

impl Wish {
    /// For this reason, to whoever is free.
    pub(in crate::core) fn of(reason: Reason) -> Self {
        Self { reason, queue: None, summary: None }
    }
}

/// Hands a session over: the agent's note, the event for other modules, and the queue. Where nobody can come the
/// customer is asked to leave a message.
pub(in crate::core) fn hand_over(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    wish: Wish,
    fx: &mut Effects,
) -> Result<(), Error> {
    let turns = turn::of_session(tx, session.session, TURNS)?;
    let mut memory = dialogue::find(tx, session.session)?;
    if scene.tenant.robot.is_some() && !memory.handed_over {
        memory.handed_over = true;
        dialogue::keep(tx, session.session, &memory)?;
    }
    let note = note(scene.tenant.lang, &wish, &turns);
    let Wish { reason, queue, summary } = wish;
    let queue = queue.filter(|queue| scene.tenant.queue(queue).is_some());
    let (id, conv) = (session.session, session.conv);
    let requested =
        HandoffRequested { session: id, conv, reason, queue: queue.clone(), summary, missed: memory.missed };
    record(tx, scene, session, &requested, fx)?;
    let outcome = reason.as_str().to_owned();
    let count = u32::try_from(turns.len()).unwrap_or(u32::MAX);
    record(tx, scene, session, &Ended { session: id, conv, turns: count, outcome }, fx)?;
    if let Some(robot) = &scene.tenant.robot {
        transfer::leave_note(tx, scene, sender(robot), session, &note, fx)?;
    }
    handoff::enqueue(tx, scene, session, queue.as_ref(), fx)
}

/// Whether a robot settled a session: it answered, and nobody asked for a person.
pub(in crate::core) fn contained(tx: &mut Tx<'_>, scene: &Scene, session: &Session) -> Result<bool, Error> {
    if scene.tenant.robot.is_none() || session.queued_at.is_some() || session.connected_at.is_some() {
        return Ok(false);
    }
    Ok(dialogue::find(tx, session.session)?.contained())
}

/// What the agent reads first.
fn note(lang: Lang, wish: &Wish, turns: &[Trace]) -> String {
    let zh = lang == Lang::Zh;
    let mut lines = vec![match zh {
        true => format!("机器人转人工：{}", reason_zh(wish.reason)),
        false => format!("Handed over by the robot: {}", wish.reason.as_str()),
    }];
    if let Some(summary) = wish.summary.as_deref().filter(|summary| !summary.is_empty()) {
        lines.push(if zh { format!("摘要：{summary}") } else { format!("Summary: {summary}") });
    }
    let unanswered =
        turns.iter().rev().find(|turn| turn.reply_seq.is_none() || turn.decision.as_deref() == Some("fallback"));
    if let Some(turn) = unanswered {
        let question = short(&turn.query);
        lines.push(if zh { format!("未解决的问题：{question}") } else { format!("Not answered: {question}") });
    }
    for turn in turns {
        let came = turn.decision.as_deref().unwrap_or("…");
        lines.push(format!("· {} → {came}{}", short(&turn.query), nearest(turn)));
    }
    lines.join("\n")
}

fn reason_zh(reason: Reason) -> &'static str {
    match reason {
        Reason::Asked => "客户要求",
        Reason::Missed => "多次未能回答",
        Reason::Repeated => "重复同一答案",
        Reason::Unhelpful => "客户认为没有帮助",
        Reason::Sensitive => "敏感业务",
        Reason::Angry => "客户情绪激动",
        Reason::Adapter => "机器人请求",
        Reason::Failed => "机器人故障",
        Reason::Loop => "对话过于频繁",
        Reason::Flow => "流程转接",
    }
}

/// The question of the base that was nearest, with its probability.
fn nearest(turn: &Trace) -> String {
    let hits: Vec<super::reply::Near> =
        turn.hits.as_deref().and_then(|hits| serde_json::from_str(hits).ok()).unwrap_or_default();
    hits.first().map_or_else(String::new, |hit| format!("（{} {:.2}）", short(&hit.question), hit.p))
}

fn short(text: &str) -> String {
    text.chars().take(LINE).collect()
}
