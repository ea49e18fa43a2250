//! What becomes of a turn: one transaction that checks the control, lets the rules judge, and says it.

use serde::{Deserialize, Serialize};

use super::answer::{Found, Reply};
use super::over::{Wish, hand_over};
use super::speak;
use crate::core::effect::Effects;
use crate::core::event::emit;
use crate::core::session::{home, millis, say, tell};
use crate::core::{Error, Scene, ending, flow, slot};
use crate::model::content::{Content, MenuOption};
use crate::model::dialogue::{Choice, Dialogue, Leads, Open, Outcome, Reason, Verdict};
use crate::model::envelope::ChannelKind;
use crate::model::event::robot;
use crate::model::id::FaqId;
use crate::model::session::{EndedBy, Holder};
use crate::store::session::{self as store, Session};
use crate::store::turn::{self, Done, Turn};
use crate::store::{Tx, dialogue, unknown};
use crate::template::{Audience, Prompt};
use crate::tenant::Robot;

/// A question of the base that was near, for traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Near {
    pub(super) faq: FaqId,
    pub(super) question: String,
    pub(super) p: f64,
}

impl Near {
    pub(super) fn of(entry: &crate::store::faq::Entry, p: f64) -> Self {
        Self { faq: entry.faq.clone(), question: entry.question.clone(), p }
    }

    /// The entry that was chosen from a list.
    pub(super) fn exact(entry: &crate::store::faq::Entry) -> Self {
        Self::of(entry, 1.0)
    }
}

/// Where a turn's answer goes to.
struct Stage<'a> {
    scene: &'a Scene,
    robot: &'a Robot,
    turn: &'a Turn,
}

/// Says what a turn came to, if the robot still has the control under which it was asked; otherwise it is only traced.
pub(super) fn conclude(
    tx: &mut Tx<'_>,
    scene: &Scene,
    turn: &Turn,
    found: Found,
    fx: &mut Effects,
) -> Result<(), Error> {
    let latency_ms = i64::try_from(millis(scene.now.since(turn.asked_at))).unwrap_or(i64::MAX);
    let hits = serde_json::to_string(&found.near).map_err(Error::internal)?;
    let (p1, p2) = (found.near.first().map(|near| near.p), found.near.get(1).map(|near| near.p));
    let mut done = Done { hits: Some(hits), latency_ms, error: found.error.clone(), ..Done::default() };
    let session = store::find(tx, turn.session)?;
    let robot = scene.tenant.robot.as_ref();
    let current = session.filter(|session| session.holder == Holder::Robot && session.control_epoch == turn.epoch);
    match (current, robot) {
        (Some(mut session), Some(robot)) => {
            let open = slot::reopen(tx, scene, turn.conv, turn.slot.as_ref(), fx)?;
            let stage = Stage { scene, robot, turn };
            (done.decision, done.reply_seq) = stage.say(tx, &mut session, found, fx)?;
            slot::close(tx, turn.slot.as_ref().filter(|_| open), fx)?;
        }
        _ => (done.decision, done.stale) = ("stale", true),
    }
    if !turn::finish(tx, turn, &done)? {
        // Somebody else was faster: nothing of this may stand.
        return Err(crate::core::session::conflict());
    }
    let decision = done.decision.to_owned();
    let told = robot::Turn { session: turn.session, conv: turn.conv, seq: turn.seq, decision, p1, p2, latency_ms };
    emit(tx, scene, &told)
}

impl Stage<'_> {
    /// Says it. Returns the decision in a word, and the answer's place in the log.
    fn say(
        &self,
        tx: &mut Tx<'_>,
        session: &mut Session,
        found: Found,
        fx: &mut Effects,
    ) -> Result<(&'static str, Option<i64>), Error> {
        let mut memory = dialogue::find(tx, session.session)?;
        if let Some(kept) = found.memory {
            memory.memory = Some(kept);
        }
        let verdict = match &found.reply {
            // The answer is not there yet: it will be judged when it is.
            Reply::Later => Verdict::Say,
            _ => memory.judge(&found.outcome, &self.robot.limits, self.scene.now),
        };
        memory.open = None;
        if matches!(found.outcome, Outcome::Miss) {
            self.unknown(tx)?;
        }
        if matches!(verdict, Verdict::Say) {
            self.speak(tx, session, &found.first, fx)?;
        }
        let said = match (verdict, found.reply) {
            (Verdict::HandOver(reason), Reply::Person(wish)) => {
                self.over(tx, session, &mut memory, Wish { reason, ..wish }, fx)
            }
            (Verdict::HandOver(reason), _) => self.over(tx, session, &mut memory, Wish::of(reason), fx),
            (Verdict::Say, Reply::Person(wish)) => self.over(tx, session, &mut memory, wish, fx),
            (Verdict::Say, Reply::Texts(texts)) => {
                let chat = matches!(found.outcome, Outcome::Chitchat);
                let last = self.speak(tx, session, &texts, fx)?;
                Ok((if chat { "chitchat" } else { "answer" }, last))
            }
            (Verdict::Say, Reply::List(prompt, choices)) => {
                let seq = self.list(tx, session, &mut memory, (prompt, choices), fx)?;
                Ok(("clarify", Some(seq)))
            }
            (Verdict::Say, Reply::Flow(flow)) => {
                dialogue::keep(tx, session.session, &memory)?;
                flow::start(tx, self.scene, session, &flow, fx)?;
                return Ok(("flow", None));
            }
            (Verdict::Say, Reply::End(reason)) => {
                if found.first.is_empty() {
                    say(tx, self.scene, session, &Prompt::RobotEnded, fx)?;
                }
                ending::finish(tx, self.scene, session, EndedBy::System, &reason, fx)?;
                Ok(("end", None))
            }
            (Verdict::Say, Reply::Later) => Ok(("later", None)),
            (Verdict::Fallback(_), _) | (Verdict::Say, Reply::Nothing) => {
                let text = self.text(&Prompt::RobotFallback)?;
                let seq = speak(tx, self.scene, self.robot, session, Content::text(text), fx)?;
                Ok(("fallback", Some(seq)))
            }
        };
        dialogue::keep(tx, session.session, &memory)?;
        said
    }

    /// Says these texts, one after another. Returns the place of the last one in the log.
    fn speak(
        &self,
        tx: &mut Tx<'_>,
        session: &Session,
        texts: &[String],
        fx: &mut Effects,
    ) -> Result<Option<i64>, Error> {
        let mut last = None;
        for text in texts {
            last = Some(speak(tx, self.scene, self.robot, session, Content::text(text.clone()), fx)?);
        }
        Ok(last)
    }

    /// A person takes over; where nobody has asked for one and the tenant wants it so, the customer is asked first.
    fn over(
        &self,
        tx: &mut Tx<'_>,
        session: &mut Session,
        memory: &mut Dialogue,
        wish: Wish,
        fx: &mut Effects,
    ) -> Result<(&'static str, Option<i64>), Error> {
        if self.robot.confirm && wish.reason.is_guess() {
            memory.asked_for_person = Some(self.scene.now.plus(self.robot.list_life));
            memory.missed_in_row = 0;
            let text = self.text(&Prompt::RobotConfirm)?;
            let seq = speak(tx, self.scene, self.robot, session, Content::text(text), fx)?;
            return Ok(("confirm", Some(seq)));
        }
        memory.handed_over = true;
        dialogue::keep(tx, session.session, memory)?;
        hand_over(tx, self.scene, session, wish, fx)?;
        tell(tx, session, fx)?;
        Ok(("handoff", None))
    }

    fn list(
        &self,
        tx: &mut Tx<'_>,
        session: &Session,
        memory: &mut Dialogue,
        (prompt, mut choices): (Option<String>, Vec<Choice>),
        fx: &mut Effects,
    ) -> Result<i64, Error> {
        let own = prompt.is_none();
        let prompt = match prompt {
            Some(prompt) => prompt,
            None => self.text(&Prompt::RobotClarify)?,
        };
        if own {
            for (text, leads) in [(Prompt::RobotNone, Leads::None), (Prompt::RobotPerson, Leads::Person)] {
                let key = (choices.len() + 1).to_string();
                choices.push(Choice { key, label: self.text(&text)?, leads });
            }
        }
        let options =
            choices.iter().map(|choice| MenuOption { key: choice.key.clone(), label: choice.label.clone() }).collect();
        memory.open = Some(Open { choices, until: self.scene.now.plus(self.robot.list_life) });
        let menu = Content::Menu { prompt, options, tail: None };
        speak(tx, self.scene, self.robot, session, menu, fx)
    }

    fn text(&self, prompt: &Prompt<'_>) -> Result<String, Error> {
        let tenant = &self.scene.tenant;
        let audience = Audience { tenant: &tenant.id, name: &tenant.name, lang: tenant.lang };
        self.scene.templates.render(&audience, prompt).map(|text| text.trim_end().to_owned()).map_err(Error::internal)
    }

    fn unknown(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let turn = self.turn;
        if turn.query.is_empty() || turn.chosen.is_some() {
            return Ok(());
        }
        unknown::count(tx, &turn.query, &turn.query, self.scene.now)?;
        emit(tx, self.scene, &robot::Unknown { session: turn.session, conv: turn.conv, seq: turn.seq })
    }
}

/// Lines that fit on a customer's channel.
pub(super) fn rows(tx: &mut Tx<'_>, robot: &Robot, session: &Session) -> Result<usize, Error> {
    Ok(match home(tx, session)?.kind {
        ChannelKind::Wechat => robot.list_wechat,
        ChannelKind::Web | ChannelKind::Xmpp => robot.list_web,
    })
}

/// Why an adapter's wish for a person is followed.
pub(super) fn wished(queue: Option<crate::model::id::QueueId>, summary: String) -> Wish {
    Wish { reason: Reason::Adapter, queue, summary: Some(summary) }
}
