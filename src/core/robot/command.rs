//! What agents and customers ask of robots: the list of what they answer, taking over, passing back, feedback.

use super::over::{Wish, hand_over};
use super::{begin, trace};
use crate::core::asker::{agent as who, own_conversation, supervises};
use crate::core::effect::{ConversationView, Effects};
use crate::core::event::emit;
use crate::core::session::{conflict, record, say, tell};
use crate::core::watch::listed;
use crate::core::{Client, Core, Error, Scene, call, ending, flow, offer, router};
use crate::model::assignment::State as Share;
use crate::model::code::Code;
use crate::model::event::robot::{Ended, Feedback};
use crate::model::id::SessionId;
use crate::model::session::{Holder, State};
use crate::store::assignment::{self, Terms};
use crate::store::session::{self as store, Session};
use crate::store::{Tx, agent, dialogue, turn};
use crate::template::Prompt;

/// Takes a session from a robot or a form.
fn take_over(
    tx: &mut Tx<'_>,
    scene: &Scene,
    client: &Client,
    id: SessionId,
    fx: &mut Effects,
) -> Result<Session, Error> {
    let taker = who(client)?;
    let mut session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
    match session.state {
        State::New | State::Bot => {}
        State::Ended => return Err(Error::new(Code::SessionEnded, "会话已结束 / the session has ended")),
        State::Queued | State::Active => return Err(conflict()),
    }
    if !agent::pick_slot(tx, taker, scene.now)? {
        return Err(Error::new(Code::AgentCapacity, "接待数已满 / your capacity is used up"));
    }
    let terms = Terms { now: scene.now, deadline: scene.now.plus(router::offer_time(scene, None)) };
    let offer = terms.offer(session.session, session.conv, taker.clone());
    assignment::insert(tx, &offer)?;
    if !assignment::accept(tx, offer.assignment, taker, &offer.token, scene.now)? {
        return Err(conflict());
    }
    let was = session.holder.clone();
    flow::abandon(tx, scene, &session, "taken_over", fx)?;
    offer::connect(tx, scene, &mut session, &offer, fx)?;
    if was == Holder::Robot {
        let turns = u32::try_from(turn::of_session(tx, id, 10)?.len()).unwrap_or(u32::MAX);
        let ended = Ended { session: id, conv: session.conv, turns, outcome: "taken_over".into() };
        record(tx, scene, &session, &ended, fx)?;
    }
    Ok(session)
}

/// Passes a session back to the robot.
fn pass_back(tx: &mut Tx<'_>, scene: &Scene, client: &Client, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    let holder = who(client)?;
    let Some(robot) = &scene.tenant.robot else {
        return Err(Error::new(Code::NotFound, "没有机器人 / there is no robot"));
    };
    let mut session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
    if session.holder.agent() != Some(holder) || session.transfer.is_some() {
        return Err(Error::new(Code::NotInControl, "会话不由您接待 / another party answers this session"));
    }
    for share in assignment::of_sessions(tx, &[id])?.into_iter().filter(|share| share.state == Share::Active) {
        ending::wrap_up(tx, scene, &share, "robot", fx)?;
    }
    call::moved_on(tx, scene, id, fx)?;
    let mut memory = dialogue::find(tx, id)?;
    memory.renew();
    dialogue::keep(tx, id, &memory)?;
    begin(tx, scene, &mut session, fx)?;
    say(tx, scene, &session, &Prompt::RobotBack { robot: &robot.name }, fx)?;
    tell(tx, &session, fx)
}

impl Core {
    /// The sessions that machines answer, the newest first, with what was said last.
    ///
    /// # Errors
    /// `forbidden` for customers.
    pub(in crate::core) async fn robot_list(&self, client: &Client) -> Result<Vec<ConversationView>, Error> {
        let viewer = who(client)?.clone();
        self.scope(&client.tenant).read(move |tx| listed(tx, State::Bot, &viewer)).await
    }

    /// What the robot of a session was asked, and what it made of it.
    ///
    /// # Errors
    /// `not_found` for sessions that are not this agent's business.
    pub(in crate::core) async fn robot_trace(
        &self,
        client: &Client,
        id: SessionId,
    ) -> Result<Vec<trace::TurnView>, Error> {
        let owned = client.clone();
        self.scope(&client.tenant)
            .read(move |tx| {
                let session = store::find(tx, id)?.ok_or_else(Error::not_found)?;
                let open = matches!(session.state, State::New | State::Bot);
                if !open && !supervises(&owned) && !assignment::ever_held(tx, who(&owned)?, session.conv)? {
                    return Err(Error::not_found());
                }
                trace::of(tx, id)
            })
            .await
    }

    /// Takes a session from a robot or a form. The capacity counts, the status does not.
    ///
    /// # Errors
    /// `not_found`, `session_ended`, `agent_capacity`; `conflict` when it waits or a person answers.
    pub(in crate::core) async fn take_over(&self, client: &Client, id: SessionId) -> Result<ConversationView, Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let session = take_over(tx, scene, &owned, id, fx)?;
            offer::entered(tx, &owned, &session)
        })
        .await
    }

    /// Passes a session back to the robot; what it remembers of misses is forgotten.
    ///
    /// # Errors
    /// `not_in_control`; `not_found` where there is no robot.
    pub(in crate::core) async fn pass_back(&self, client: &Client, id: SessionId) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| pass_back(tx, scene, &owned, id, fx)).await
    }

    /// A customer says whether the robot's answer at `seq` was of help. Saying it twice does no harm.
    ///
    /// # Errors
    /// `not_found` when no robot answered there.
    pub(in crate::core) async fn robot_feedback(&self, client: &Client, seq: i64, helpful: bool) -> Result<(), Error> {
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let conversation = own_conversation(tx, &owned)?;
            let Some(of) = turn::answered_at(tx, conversation.conv, seq)? else { return Err(Error::not_found()) };
            if !turn::rate(tx, conversation.conv, seq, helpful)? {
                return Ok(());
            }
            emit(tx, scene, &Feedback { session: of, conv: conversation.conv, seq, helpful })?;
            let current = store::find(tx, of)?.filter(|session| session.holder == Holder::Robot);
            let (Some(mut session), Some(robot)) = (current, &scene.tenant.robot) else { return Ok(()) };
            let mut memory = dialogue::find(tx, of)?;
            let enough = memory.rated(helpful, &robot.limits);
            dialogue::keep(tx, of, &memory)?;
            match enough {
                Some(reason) => hand_over(tx, scene, &mut session, Wish::of(reason), fx),
                None => Ok(()),
            }
        })
        .await
    }
}
