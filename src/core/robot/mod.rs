//! A robot's part in a session: it begins, hears, hands over, gets a session back. Knows the rows and the rules; what is
//! answered is found out in `run`, what becomes of it in `reply`.
//!
//! A customer's words become a turn, a row of the transaction that accepts them. Whoever takes the turn answers it, on
//! any node, and says the answer only if the robot still has the control under which it was asked.

mod answer;
mod command;
mod copilot;
mod knowledge;
mod later;
mod outside;
mod over;
mod reply;
mod run;
mod trace;

pub(in crate::core) use copilot::Copilot;
pub use copilot::{Suggestion, Suggestions};
pub use knowledge::Knowledge;
pub(crate) use knowledge::{index_of, weights_of};
pub use later::Unheard;
pub use outside::Robots;
pub(in crate::core) use over::{Wish, contained, hand_over};

use super::effect::{Effect, Effects};
use super::session::{save, say, step};
use super::switchboard::{Draft, append};
use super::timer::{self, Kind};
use super::{Error, Scene, ending, flow, session};
use crate::model::content::Content;
use crate::model::dialogue::{Choice, Command, Dialogue, Leads, Reason, command as order};
use crate::model::envelope::{Envelope, Role, Sender};
use crate::model::event::robot::Started;
use crate::model::session::{EndedBy, Move};
use crate::robot::faq::normalise;
use crate::store::session::Session;
use crate::store::turn::{self, Turn};
use crate::store::{Tx, dialogue};
use crate::template::Prompt;
use crate::tenant::Robot;

/// What customers mean by yes and no, normalised.
const YES: &[&str] = &["是", "是的", "好", "好的", "可以", "要", "需要", "嗯", "1", "yes", "y", "ok"];
const NO: &[&str] = &["否", "不", "不用", "不用了", "不要", "不需要", "2", "no", "n"];

/// Whom a robot's words are from.
pub(super) fn sender(robot: &Robot) -> Sender {
    Sender { role: Role::Robot, id: "robot".into(), name: Some(robot.name.clone()) }
}

/// Lets the robot have a session that nobody has taken up. `false` where people answer.
pub(super) fn begin(tx: &mut Tx<'_>, scene: &Scene, session: &mut Session, fx: &mut Effects) -> Result<bool, Error> {
    let Some(robot) = &scene.tenant.robot else { return Ok(false) };
    step(session, Move::Robot)?;
    save(tx, session)?;
    let started = Started {
        session: session.session,
        conv: session.conv,
        adapter: robot.adapter.as_str().to_owned(),
        epoch: session.control_epoch,
    };
    session::record(tx, scene, session, &started, fx)?;
    session::tell(tx, session, fx)?;
    Ok(true)
}

/// What a message says to a machine; `None` for a picture and the like. A tap says the words on it: a key means something
/// in its own list only, which may be closed by now.
fn spoken(content: &Content) -> Option<&str> {
    match content {
        Content::Text { text } | Content::Voice { asr_text: Some(text), .. } => Some(text),
        Content::Choice { key, label } => Some(if label.is_empty() { key } else { label }),
        _ => None,
    }
}

/// The customer said something while the robot has the control.
pub(super) fn hear(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    envelope: &Envelope,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(robot) = &scene.tenant.robot else {
        // The robot was taken out of the declaration meanwhile.
        return super::handoff::enqueue(tx, scene, session, None, fx);
    };
    let idle = session::by_channel(scene.tenant.policy.contact_idle_close, envelope.channel.kind);
    timer::set(tx, Kind::IdleClose, session.session, scene.now.plus(idle), fx)?;
    let words = normalise(spoken(&envelope.content).unwrap_or_default());
    let mut memory = dialogue::find(tx, session.session)?;
    if let Some(until) = memory.asked_for_person.take() {
        dialogue::keep(tx, session.session, &memory)?;
        if scene.now <= until && YES.contains(&&*words) {
            return hand_over(tx, scene, session, Wish::of(Reason::Asked), fx);
        }
        if scene.now <= until && NO.contains(&&*words) {
            return say(tx, scene, session, &Prompt::RobotGoesOn, fx);
        }
    }
    match order(&words, &robot.handoff_words) {
        Some(Command::Person) => return hand_over(tx, scene, session, Wish::of(Reason::Asked), fx),
        Some(Command::End) => {
            if !flow::survey_says_goodbye(tx, scene, session, EndedBy::Contact)? {
                say(tx, scene, session, &Prompt::RobotEnded, fx)?;
            }
            return ending::finish(tx, scene, session, EndedBy::Contact, "contact", fx);
        }
        None => {}
    }
    let chosen = choose(tx, scene, session, &mut memory, (&envelope.content, &words))?;
    if matches!(&chosen, Some(Choice { leads: Leads::Person, .. })) {
        return hand_over(tx, scene, session, Wish::of(Reason::Asked), fx);
    }
    if chosen.is_none()
        && let Some(queue) = super::handoff::named(scene, &words)
    {
        let wish = Wish { queue: Some(queue), ..Wish::of(Reason::Asked) };
        return hand_over(tx, scene, session, wish, fx);
    }
    let says = |list: &[String]| list.iter().any(|word| !word.is_empty() && words.contains(word.as_str()));
    if chosen.is_none() && says(&robot.sensitive_words) {
        return hand_over(tx, scene, session, Wish::of(Reason::Sensitive), fx);
    }
    if chosen.is_none() && says(&robot.angry_words) {
        return hand_over(tx, scene, session, Wish::of(Reason::Angry), fx);
    }
    let turn = Turn {
        conv: session.conv,
        seq: envelope.seq,
        session: session.session,
        epoch: session.control_epoch,
        adapter: robot.adapter.as_str().to_owned(),
        query: words,
        chosen,
        slot: fx.keep_slot(scene.now),
        asked_at: scene.now,
        tries: 0,
    };
    turn::add(tx, &turn, scene.now)?;
    fx.push(Effect::Turn);
    Ok(())
}

/// The line of the open list that the message means: by its words, or by its key. A list is good for one choice; other
/// words leave it open.
fn choose(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    memory: &mut Dialogue,
    (content, words): (&Content, &str),
) -> Result<Option<Choice>, Error> {
    let key = words.trim_end_matches(['.', '、', '。']);
    let Some(open) = &memory.open else { return Ok(None) };
    // What was tapped has key and label; the label may come back shortened, and several lines may have the same one.
    let tapped = open.choices.iter().find(|choice| {
        matches!(content, Content::Choice { key, .. } if *key == choice.key)
            && normalise(&choice.label).starts_with(words)
    });
    let typed = || open.choices.iter().find(|choice| normalise(&choice.label) == words);
    let meant = tapped.or_else(typed).map_or(key, |choice| choice.key.as_str());
    let chosen = open.chosen(meant, scene.now).cloned();
    if chosen.is_some() {
        memory.open = None;
        dialogue::keep(tx, session.session, memory)?;
    }
    Ok(chosen)
}

/// Says something as the robot. Returns its place in the log.
fn speak(
    tx: &mut Tx<'_>,
    scene: &Scene,
    robot: &Robot,
    session: &Session,
    content: Content,
    fx: &mut Effects,
) -> Result<i64, Error> {
    let mut draft = Draft::system(session.conv, Some(session.session), content);
    draft.from = sender(robot);
    draft.control_epoch = session.control_epoch;
    Ok(append(tx, scene, draft, fx)?.seq)
}
