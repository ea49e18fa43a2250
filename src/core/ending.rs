//! How a session ends, and the paperwork after it.

use super::audit::{self, Matter};
use super::effect::{Effect, Effects, Push};
use super::event::emit;
use super::session::{conflict, millis, record, save, say, step, tell};
use super::timer::{self, Kind};
use super::{Client, Core, Error, Party, Scene, asker, call, flow, handoff, offer, presence, robot, transfer};
use crate::model::assignment::{Move as Turn, State as Share};
use crate::model::code::Code;
use crate::model::event::assignment::{Completed, WrapupStarted};
use crate::model::event::session::{Ended, Left};
use crate::model::id::{AssignmentId, SessionId};
use crate::model::label::label;
use crate::model::session::{EndedBy, Move, State};
use crate::store::assignment::{self, Assignment};
use crate::store::session::{self as store, End, Session};
use crate::store::{Tx, agent, queue};
use crate::template::Prompt;

/// Labels of a session, and characters of each.
const TAGS_MAX: usize = 20;
const TAG_CHARS: usize = 32;

/// Characters of a disposition.
const DISPOSITION_CHARS: usize = 200;

/// What an agent writes about a session that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paperwork {
    /// How it ended, in the tenant's own words.
    pub(crate) disposition: Option<String>,
    /// The session's labels, in place of the earlier ones.
    pub(crate) tags: Option<Vec<String>>,
    /// A note for colleagues.
    pub(crate) note: Option<String>,
}

/// Ends a session: no offer stands any more, its agent goes into wrap-up, nothing waits for it.
pub(super) fn finish(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    by: EndedBy,
    reason: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    handoff::left(tx, scene, session, Left::Ended)?;
    call::ended(tx, scene, session.session, fx)?;
    let since = |at| millis(scene.now.since(at));
    let ended = Ended {
        session: session.session,
        conv: session.conv,
        by,
        reason: reason.to_owned(),
        total_ms: since(session.started_at),
        since_queued_ms: session.queued_at.map(since),
        since_connected_ms: session.connected_at.map(since),
        first_reply_ms: session.first_reply_at.zip(session.connected_at).map(|(at, from)| millis(at.since(from))),
        contained: robot::contained(tx, scene, session)?,
    };
    record(tx, scene, session, &ended, fx)?;
    for share in assignment::of_sessions(tx, &[session.session])? {
        match share.state {
            Share::Offered => offer::withdraw(tx, scene, &share, Turn::Revoke, "cancelled", fx)?,
            Share::Active => wrap_up(tx, scene, &share, reason, fx)?,
            _ => {}
        }
    }
    queue::remove(tx, session.session)?;
    queue::forgive(tx, session.session)?;
    flow::abandon(tx, scene, session, "ended", fx)?;
    let kinds = [Kind::MaxWait, Kind::QueueGrace, Kind::IdleWarn, Kind::IdleClose, Kind::SessionMax];
    timer::cancel(tx, &kinds, session.session)?;
    session.transfer = None;
    step(session, Move::End)?;
    session.ended = Some(End { at: scene.now, by: by.to_string(), reason: reason.to_owned() });
    save(tx, session)?;
    if flow::survey_is_due(tx, scene, session, by)? {
        flow::send_survey(tx, scene, session, fx)?;
    }
    tell(tx, session, fx)?;
    fx.push(Effect::Route);
    Ok(())
}

/// An agent's share is over as far as the customer is concerned: the place is free, the paperwork begins.
pub(super) fn wrap_up(
    tx: &mut Tx<'_>,
    scene: &Scene,
    share: &Assignment,
    reason: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    if !assignment::step(tx, share, Turn::Finish, Some(reason), scene.now)? {
        return Err(conflict());
    }
    agent::give_slot(tx, &share.agent)?;
    let until = scene.now.plus(scene.tenant.policy.wrapup);
    assignment::set_deadline(tx, share.assignment, until)?;
    timer::set(tx, Kind::Wrapup, share.assignment, until, fx)?;
    let started = WrapupStarted {
        assignment: share.assignment,
        session: share.session,
        conv: share.conv,
        agent: share.agent.clone(),
        reason: reason.to_owned(),
        until,
    };
    emit(tx, scene, &started)?;
    presence::show(tx, &share.agent, fx)
}

/// The time for the paperwork is over.
pub(super) fn wrapup_over(tx: &mut Tx<'_>, scene: &Scene, id: AssignmentId, fx: &mut Effects) -> Result<(), Error> {
    match assignment::find(tx, id)?.filter(|share| share.state == Share::Wrapup) {
        Some(share) => complete(tx, scene, &share, fx),
        None => Ok(()),
    }
}

fn complete(tx: &mut Tx<'_>, scene: &Scene, share: &Assignment, fx: &mut Effects) -> Result<(), Error> {
    if !assignment::step(tx, share, Turn::Complete, None, scene.now)? {
        return Err(conflict());
    }
    timer::cancel(tx, &[Kind::Wrapup], share.assignment)?;
    let stored = assignment::find(tx, share.assignment)?.unwrap_or_else(|| share.clone());
    let completed = Completed {
        assignment: share.assignment,
        session: share.session,
        conv: share.conv,
        agent: share.agent.clone(),
        reason: stored.reason,
        disposition: stored.disposition,
    };
    emit(tx, scene, &completed)?;
    leave_list(tx, share, fx)
}

/// Takes the conversation off the agent's list unless another share keeps it there.
pub(super) fn leave_list(tx: &mut Tx<'_>, share: &Assignment, fx: &mut Effects) -> Result<(), Error> {
    let kept = assignment::of_agent(tx, &share.agent)?
        .iter()
        .any(|other| other.conv == share.conv && other.state != Share::Offered);
    if !kept {
        fx.push(Effect::Agent(share.agent.clone(), Push::ConversationGone { conv: share.conv }));
    }
    Ok(())
}

/// Ends a session by order of somebody who may: the customer reads that it is over.
pub(super) fn close(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    by: EndedBy,
    reason: Option<&str>,
    fx: &mut Effects,
) -> Result<(), Error> {
    if session.state == State::Ended {
        return Err(Error::new(Code::SessionEnded, "会话已结束 / the session has ended"));
    }
    let reason = label(reason.unwrap_or("resolved"), 64);
    if !flow::survey_says_goodbye(tx, scene, session, by)? {
        say(tx, scene, session, &Prompt::Ended, fx)?;
    }
    finish(tx, scene, session, by, &reason, fx)
}

pub(super) fn end_by_agent(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    id: SessionId,
    reason: Option<&str>,
    fx: &mut Effects,
) -> Result<(), Error> {
    let who = asker::agent(client)?;
    let mut session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
    if !asker::supervises(client) && !assignment::ever_held(tx, who, session.conv)? {
        return Err(Error::not_found());
    }
    if session.state == State::Ended {
        return Err(Error::new(Code::SessionEnded, "会话已结束 / the session has ended"));
    }
    let by = match session.holder.agent() {
        Some(holder) if holder == who => EndedBy::Agent,
        _ if asker::supervises(client) => EndedBy::Supervisor,
        _ => return Err(Error::new(Code::NotInControl, "会话不由您接待 / another party answers this session")),
    };
    if by == EndedBy::Supervisor {
        audit::record(tx, scene, client, Matter::session("end", id), "ok")?;
    }
    close(tx, scene, &mut session, by, reason, fx)
}

fn check_tags(tags: &[String]) -> Result<(), Error> {
    if tags.len() > TAGS_MAX || tags.iter().any(|tag| tag.is_empty() || label(tag, TAG_CHARS) != **tag) {
        return Err(Error::new(Code::BadRequest, "标签过多或过长 / too many or too long labels"));
    }
    Ok(())
}

/// Keeps what the agent wrote about a session that is over.
fn file(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    share: &Assignment,
    paperwork: &Paperwork,
    fx: &mut Effects,
) -> Result<(), Error> {
    if let Some(text) = &paperwork.disposition {
        let short = label(text, DISPOSITION_CHARS);
        assignment::set_disposition(tx, share.assignment, Some(&short))?;
    }
    let mut session = store::find(tx, share.session)?.ok_or_else(Error::not_found)?;
    if let Some(text) = paperwork.note.as_deref().filter(|note| !note.trim().is_empty()) {
        transfer::leave_note(tx, scene, asker::sender(client), &session, text, fx)?;
    }
    if let Some(tags) = &paperwork.tags {
        session.tags.clone_from(tags);
        save(tx, &mut session)?;
        tell(tx, &session, fx)?;
    }
    Ok(())
}

impl Core {
    /// Ends a session: an agent's or supervisor's by name, a customer's own.
    ///
    /// # Errors
    /// `not_found`, `not_in_control`, `session_ended`.
    pub(crate) async fn end(
        &self,
        client: &Client,
        id: Option<SessionId>,
        reason: Option<String>,
    ) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| match (&owned.party, id) {
            (Party::Agent { .. }, Some(id)) => end_by_agent(tx, scene, &owned, id, reason.as_deref(), fx),
            (Party::Agent { .. }, None) => Err(Error::new(Code::BadRequest, "缺少 session / session is missing")),
            (Party::Contact { .. }, _) => {
                let conversation = asker::own_conversation(tx, &owned)?;
                let mut session = store::open_of(tx, conversation.conv)?
                    .ok_or_else(|| Error::new(Code::SessionEnded, "会话已结束 / the session has ended"))?;
                finish(tx, scene, &mut session, EndedBy::Contact, "contact", fx)
            }
        })
        .await
    }

    /// Ends the wrap-up of an assignment. Doing it twice does no harm.
    ///
    /// # Errors
    /// `not_found`; `conflict` while the session goes on; `bad_request` for too many or too long labels.
    pub(crate) async fn wrapup_done(
        &self,
        client: &Client,
        id: AssignmentId,
        paperwork: Paperwork,
    ) -> Result<(), Error> {
        check_tags(paperwork.tags.as_deref().unwrap_or_default())?;
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let who = asker::agent(&owned)?;
            let share = assignment::find(tx, id)?.filter(|share| share.agent == *who).ok_or_else(Error::not_found)?;
            match share.state {
                Share::Wrapup => {}
                Share::Done => return Ok(()),
                _ => return Err(conflict()),
            }
            file(tx, scene, &owned, &share, &paperwork, fx)?;
            complete(tx, scene, &share, fx)
        })
        .await
    }

    /// Gives a session its labels, in place of the earlier ones.
    ///
    /// # Errors
    /// `not_found` for sessions that this agent never answered; `bad_request` for too many or too long labels.
    pub(crate) async fn tag(&self, client: &Client, id: SessionId, tags: Vec<String>) -> Result<(), Error> {
        check_tags(&tags)?;
        let owned = client.clone();
        self.change(&client.tenant, move |tx, _scene, fx| {
            let who = asker::agent(&owned)?;
            let mut session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
            if !asker::supervises(&owned) && !assignment::ever_held(tx, who, session.conv)? {
                return Err(Error::not_found());
            }
            session.tags = tags;
            save(tx, &mut session)?;
            tell(tx, &session, fx)
        })
        .await
    }
}
