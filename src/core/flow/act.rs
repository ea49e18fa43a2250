//! What a step of a form has done: said, asked, handed over, ended. One compare-and-set, then the acts in their order.

use serde_json::Value;

use super::{FLOW, call, tell_end};
use crate::core::effect::Effects;
use crate::core::robot::{self, Wish, hand_over};
use crate::core::session::{conflict, tell};
use crate::core::switchboard::{Draft, append};
use crate::core::timer::{self, Kind};
use crate::core::{Error, Scene, ending};
use crate::flow::{self, Act, Definition, Input, Run, Step};
use crate::model::content::Content;
use crate::model::dialogue::Reason;
use crate::model::envelope::{Role, Sender};
use crate::model::session::{EndedBy, State};
use crate::store::session::Session;
use crate::store::{Tx, flow as rows};

/// Steps that answers of the gateway itself may lead through at once.
const HOPS: usize = 32;
/// The service of a form that is the gateway itself.
const LOCAL: &str = "local";

/// How a run leaves the session.
enum Exit {
    Robot,
    Person(Wish),
    End(String),
    Cancelled(&'static str),
}

/// Keeps the run as it waits now, and carries out what the step wants. Answers of the gateway itself lead on at once.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    (mut row, definition): (rows::Run, &Definition),
    mut next: Step,
    fx: &mut Effects,
) -> Result<(), Error> {
    for _ in 0..HOPS {
        let Step { run, acts } = next;
        let (local, exit) = carry_out(tx, scene, session, (&row, run.as_ref()), acts, fx)?;
        let Some(run) = run else {
            return leave(tx, scene, session, &row, exit, fx);
        };
        row = keep(tx, row, &run)?;
        match local {
            Some(answer) => next = flow::advance(definition, run, Input::Called(Ok(answer)), scene.now),
            None => {
                timer::set(tx, Kind::Flow, session.session, run.due(), fx)?;
                timer::cancel(tx, &[Kind::IdleClose], session.session)?;
                return tell(tx, session, fx);
            }
        }
    }
    Err(Error::internal(rows_never_end()))
}

fn rows_never_end() -> std::io::Error {
    std::io::Error::other("a form went on by itself for too long")
}

/// Keeps a step; whoever was faster wins.
fn keep(tx: &mut Tx<'_>, row: rows::Run, run: &Run) -> Result<rows::Run, Error> {
    let body = serde_json::to_string(run).map_err(Error::internal)?;
    let version = i64::try_from(run.serial).unwrap_or(i64::MAX);
    // An input that changed nothing leaves the row as it is.
    if version == row.version && body == row.body {
        return Ok(row);
    }
    if !rows::advance(tx, &row, &body, version)? {
        return Err(conflict());
    }
    Ok(rows::Run { body, version, ..row })
}

/// Carries out acts. Returns the answer of the gateway itself, if it was asked, and how the run leaves.
fn carry_out(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    (row, run): (&rows::Run, Option<&Run>),
    acts: Vec<Act>,
    fx: &mut Effects,
) -> Result<(Option<Value>, Option<Exit>), Error> {
    let (mut local, mut exit) = (None, None);
    for act in acts {
        match act {
            Act::Say(text) => speak(tx, session, scene, Content::text(text), fx)?,
            Act::Choices { prompt, options } => {
                speak(tx, session, scene, Content::Menu { prompt, options, tail: None }, fx)?;
            }
            Act::Link { text, url, state } => {
                let url = scene.way_back(&url, session.session, state)?;
                speak(tx, session, scene, Content::text(format!("{text}\n{url}")), fx)?;
            }
            Act::Call { service, op, args, timeout, id } if service == LOCAL => {
                let _ = (timeout, id);
                local = Some(call::local(tx, scene, session, run, &op, &args)?);
            }
            Act::Call { service, op, args, timeout, id } => {
                let asked = call::Asked { service, op, args };
                call::ask(tx, scene, (session.session, &row.purpose), &asked, (timeout, id), fx)?;
            }
            Act::Handoff { queue, reason, summary } => {
                let summary = Some(format!("{reason}：{summary}"));
                exit = Some(Exit::Person(Wish { queue, summary, ..Wish::of(Reason::Flow) }));
            }
            Act::Robot => exit = Some(Exit::Robot),
            Act::Survey => super::send_survey(tx, scene, session, fx)?,
            Act::End { reason } => exit = Some(Exit::End(reason)),
            Act::Cancelled(why) => exit = Some(Exit::Cancelled(word(why))),
        }
    }
    Ok((local, exit))
}

fn word(why: flow::Why) -> &'static str {
    match why {
        flow::Why::Escaped => "cancelled",
        flow::Why::Failed => "failed",
        flow::Why::Expired => "expired",
        flow::Why::Trouble => "trouble",
        flow::Why::Gone => "gone",
    }
}

/// Says something as the form.
pub(super) fn speak(
    tx: &mut Tx<'_>,
    session: &Session,
    scene: &Scene,
    content: Content,
    fx: &mut Effects,
) -> Result<(), Error> {
    let mut draft = Draft::system(session.conv, Some(session.session), content);
    draft.from = Sender { role: Role::Flow, id: "flow".into(), name: None };
    draft.control_epoch = session.control_epoch;
    append(tx, scene, draft, fx).map(drop)
}

/// A run is over: who has the session now.
fn leave(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    row: &rows::Run,
    exit: Option<Exit>,
    fx: &mut Effects,
) -> Result<(), Error> {
    if !rows::end(tx, row)? {
        return Err(conflict());
    }
    if row.purpose != FLOW {
        return Ok(());
    }
    timer::cancel(tx, &[Kind::Flow], session.session)?;
    let outcome = match &exit {
        Some(Exit::Robot) => "robot",
        Some(Exit::Person(_)) => "handoff",
        Some(Exit::End(_)) | None => "completed",
        Some(Exit::Cancelled(why)) => why,
    };
    if let Ok(run) = serde_json::from_str::<Run>(&row.body) {
        tell_end(tx, scene, session, &run, outcome, fx)?;
    }
    match exit {
        Some(Exit::Person(wish)) => hand_over(tx, scene, session, wish, fx),
        Some(Exit::End(reason)) if reason == "left_message" || scene.tenant.robot.is_none() => {
            ending::finish(tx, scene, session, EndedBy::System, &reason, fx)
        }
        _ => go_on(tx, scene, session, fx),
    }
}

/// Without a form: the robot, or where there is none the end of the session. The next words begin a new one.
pub(super) fn go_on(tx: &mut Tx<'_>, scene: &Scene, session: &mut Session, fx: &mut Effects) -> Result<(), Error> {
    if session.state != State::Bot {
        return Ok(());
    }
    if robot::begin(tx, scene, session, fx)? {
        return Ok(());
    }
    ending::finish(tx, scene, session, EndedBy::System, "flow", fx)
}
