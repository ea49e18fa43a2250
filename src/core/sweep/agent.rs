//! Agents: what is offered to them, the conversations in their lists and what is new in these, their sign-ins.

use std::collections::{BTreeMap, HashMap};

use super::list::{AgentSeen, ConvSeen, Rows};
use super::{Core, Memory, News, RECENT};
use crate::core::effect::{Push, Receipt, WindowView};
use crate::core::log::{far, receipt};
use crate::core::view::{Around, Viewer, conversation_view, offer_view, session_view};
use crate::core::{Error, Scene};
use crate::hub::{Hint, Recipient, digest};
use crate::model::assignment::State;
use crate::model::delivery::DeliveryState;
use crate::model::id::{AgentId, TenantId};
use crate::store::conversation::Conversation;
use crate::store::cursor::Cursor;
use crate::store::delivery::Delivery;
use crate::store::sweep::{self, Share};
use crate::store::{Tx, assignment, conversation, delivery, message, session};

/// The most messages of a conversation that is new here whose state is told.
const LATELY: i64 = 50;

/// One agent who is looked at.
struct Look<'a> {
    agent: &'a AgentId,
    to: Recipient,
    before: Option<&'a AgentSeen>,
    news: &'a mut News,
}

/// Whether something has happened in the conversation of late.
fn recent(scene: &Scene, rows: &Rows, share: &Share) -> bool {
    rows.heads.get(&share.conv).is_some_and(|head| scene.now.since(head.updated_at) <= RECENT)
}

fn look(
    tx: &mut Tx<'_>,
    scene: &Scene,
    agents: &[AgentId],
    known: &HashMap<AgentId, AgentSeen>,
) -> Result<(HashMap<AgentId, AgentSeen>, News), Error> {
    let mut news = News { statements: 2, ..News::default() };
    let shares = sweep::shares_of(tx, agents)?;
    let sign_ins = sweep::sign_ins(tx, agents)?;
    let mut rows = Rows::read(tx, &shares)?;
    news.statements += if shares.is_empty() { 0 } else { 4 };
    news.statements += rows.read_moved(tx, &shares, known)?;
    let mut seen = HashMap::new();
    for agent in agents {
        let before = known.get(agent);
        let own: Vec<&Share> = shares.iter().filter(|share| share.agent == *agent).collect();
        let hashes: Vec<&str> = sign_ins.iter().filter(|(of, _)| of == agent).map(|(_, hash)| hash.as_str()).collect();
        let mut now = AgentSeen { sign_ins: digest(hashes), ..AgentSeen::default() };
        let to = Recipient::Agent(tx.tenant().clone(), agent.clone());
        let mut look = Look { agent, to, before, news: &mut news };
        // One that ended before the first look cannot be seen by comparing.
        if before.is_none_or(|before| before.sign_ins != now.sign_ins) {
            look.news.list.push((look.to.clone(), Hint::SignedOut));
        }
        look.offers(tx, scene, &own, &mut now)?;
        look.list(tx, scene, &own, &rows, &mut now)?;
        seen.insert(agent.clone(), now);
    }
    Ok((seen, news))
}

impl Look<'_> {
    fn offers(&mut self, tx: &mut Tx<'_>, scene: &Scene, own: &[&Share], now: &mut AgentSeen) -> Result<(), Error> {
        let before = self.before;
        let stands = |share: &&&Share| share.state == State::Offered.as_str() && share.deadline > scene.now;
        now.offers = own.iter().filter(stands).map(|share| share.assignment).collect();
        for id in now.offers.iter().filter(|id| before.is_none_or(|before| !before.offers.contains(id))) {
            let Some(offer) = assignment::find(tx, *id)? else { continue };
            let view = offer_view(tx, scene, &offer)?;
            self.news.statements += 5;
            self.news.push(&self.to, &Push::Offer(Box::new(view)))?;
        }
        for gone in before.iter().flat_map(|before| &before.offers).filter(|id| !now.offers.contains(id)) {
            let taken = own.iter().any(|share| share.assignment == *gone);
            let reason = if taken { "taken_elsewhere" } else { "cancelled" };
            self.news.push(&self.to, &Push::OfferRevoke { assignment: *gone, reason })?;
        }
        Ok(())
    }

    /// The conversations that the agent answers or wraps up, each with the share that counts.
    fn list(
        &mut self,
        tx: &mut Tx<'_>,
        scene: &Scene,
        own: &[&Share],
        rows: &Rows,
        now: &mut AgentSeen,
    ) -> Result<(), Error> {
        let before = self.before;
        let mut held: Vec<&&Share> = own.iter().filter(|share| share.state != State::Offered.as_str()).collect();
        held.sort_by_key(|share| (share.state != State::Active.as_str(), share.assignment));
        for share in held {
            if now.convs.contains_key(&share.conv) {
                continue;
            }
            let Some(mut seen) = rows.seen(share) else { continue };
            match before.and_then(|before| before.convs.get(&share.conv)) {
                Some(was) if was.assignment == seen.assignment => self.changed(tx, rows, share, was, &mut seen)?,
                Some(_) => self.entered(tx, scene, share, &mut seen)?,
                None if before.is_some() || recent(scene, rows, share) => self.entered(tx, scene, share, &mut seen)?,
                // An agent who has just come was told by the answer to the sign-in.
                None => self.news.head(&self.to, share.conv, seen.seq, seen.seq),
            }
            now.convs.insert(share.conv, seen);
        }
        for gone in before.iter().flat_map(|before| before.convs.keys()) {
            if !now.convs.contains_key(gone) {
                self.news.push(&self.to, &Push::ConversationGone { conv: *gone })?;
            }
        }
        Ok(())
    }

    fn entered(&mut self, tx: &mut Tx<'_>, scene: &Scene, share: &Share, seen: &mut ConvSeen) -> Result<(), Error> {
        let Some(conversation) = conversation::find(tx, share.conv)? else { return Ok(()) };
        let session = session::find(tx, share.session)?;
        let view = conversation_view(tx, &conversation, session.as_ref(), Viewer::Agent(self.agent), None)?;
        self.news.statements += 8;
        self.news.push(&self.to, &Push::Conversation(Box::new(view)))?;
        self.session(tx, seen)?;
        self.news.head(&self.to, share.conv, seen.seq, seen.seq);
        if seen.called { self.lately(tx, scene, &conversation, seen) } else { Ok(()) }
    }

    /// How messages stand that came shortly before the conversation was seen here for the first time: one that was sent
    /// and arrived between two looks was never seen on its way.
    fn lately(
        &mut self,
        tx: &mut Tx<'_>,
        scene: &Scene,
        conversation: &Conversation,
        seen: &mut ConvSeen,
    ) -> Result<(), Error> {
        let (origin, since) = (conversation.origin(tx), scene.now.minus(RECENT));
        let log = message::after(tx, &origin, conversation.conv, seen.seq.saturating_sub(LATELY), LATELY)?;
        self.news.statements += 1;
        let Some(first) = log.iter().find(|envelope| envelope.ts >= since) else { return Ok(()) };
        let before = ConvSeen { seq: first.seq - 1, unsettled: BTreeMap::new(), ..seen.clone() };
        let Some((first, last)) = seen.moved_since(&before) else { return Ok(()) };
        let moved = delivery::between(tx, conversation.conv, first, last)?;
        self.news.statements += 1;
        self.settled(tx, &moved, &before, seen)
    }

    fn changed(
        &mut self,
        tx: &mut Tx<'_>,
        rows: &Rows,
        share: &Share,
        was: &ConvSeen,
        now: &mut ConvSeen,
    ) -> Result<(), Error> {
        if was.stand != now.stand {
            self.session(tx, now)?;
        }
        if was.seq != now.seq && share.state == State::Active.as_str() {
            self.news.head(&self.to, share.conv, now.seq, was.seq);
        }
        if was.window != now.window && now.called {
            let view = WindowView { conv: share.conv, window: now.window };
            self.news.push(&self.to, &Push::Window(view))?;
        }
        if was.customer != now.customer {
            let cursor = Cursor { delivered: now.customer.0, seen: now.customer.1 };
            self.news.push(&self.to, &Push::Receipt(far(share.conv, "contact".into(), cursor)))?;
        }
        self.settled(tx, rows.moved.get(&share.conv).map_or(&[], Vec::as_slice), was, now)
    }

    /// Tells how messages of a conversation stand of those that have `moved`.
    fn settled(
        &mut self,
        tx: &mut Tx<'_>,
        moved: &[Delivery],
        was: &ConvSeen,
        now: &mut ConvSeen,
    ) -> Result<(), Error> {
        let moved: Vec<&Delivery> =
            moved.iter().filter(|item| item.seq > was.seq || was.unsettled.contains_key(&item.seq)).collect();
        let Some(first) = moved.first() else { return Ok(()) };
        let Some(conversation) = conversation::find(tx, first.conv)? else { return Ok(()) };
        let origin = conversation.origin(tx);
        self.news.statements += 1 + moved.len();
        for item in moved {
            let id = message::at(tx, &origin, item.conv, item.seq)?.map(|envelope| envelope.id);
            let on_its_way = matches!(item.state, DeliveryState::Pending | DeliveryState::Sending);
            if !on_its_way || item.code.is_some() {
                // That it is on its way is not worth telling: a hint that came meanwhile may have said more.
                let receipt: Receipt = receipt(item, id);
                self.news.push(&self.to, &Push::Receipt(receipt))?;
            }
            // Each statement sees its own moment: the list of what is on its way may have been read before this message
            // came, and without it here nobody would look at the message again.
            let stand = (item.state.as_str().to_owned(), item.code.clone());
            if sweep::ON_THEIR_WAY.contains(&item.state) {
                now.unsettled.insert(item.seq, digest(stand));
            }
        }
        Ok(())
    }

    fn session(&mut self, tx: &mut Tx<'_>, seen: &ConvSeen) -> Result<(), Error> {
        let Some(session) = session::find(tx, seen.session)? else { return Ok(()) };
        let around = Around::read(tx, &session)?;
        self.news.statements += 4;
        let view = session_view(&session, &around, Viewer::Agent(self.agent));
        self.news.push(&self.to, &Push::Session(Box::new(view)))
    }
}

impl Core {
    /// Looks at these agents.
    pub(super) async fn sweep_agents(
        &self,
        tenant: &TenantId,
        agents: Vec<AgentId>,
        memory: &mut Memory,
    ) -> Result<(), Error> {
        let all = memory.agents.entry(tenant.clone()).or_default();
        let known = agents.iter().filter_map(|agent| Some((agent.clone(), all.get(agent)?.clone())));
        let known: HashMap<AgentId, AgentSeen> = known.collect();
        let scene = self.scene(tenant)?;
        let (seen, news) = self.scope(tenant).read(move |tx| look(tx, &scene, &agents, &known)).await?;
        memory.agents.entry(tenant.clone()).or_default().extend(seen);
        memory.found(news);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::envelope::ChannelKind;
    use crate::model::id::{AccountId, AssignmentId, RemoteId, SessionId};
    use crate::model::time::Millis;
    use crate::model::window::Window;
    use crate::store::trial::{Trial, on_both};

    on_both! { what_came_in_the_middle_of_a_look_is_looked_at_again }

    fn seen(seq: i64) -> ConvSeen {
        let (assignment, session) = (AssignmentId::generate(Millis(1)), SessionId::generate(Millis(1)));
        let stand = (1, "active".to_owned(), Millis(0));
        let (window, unsettled, customer) = (Window::default(), BTreeMap::new(), (0, 0));
        ConvSeen { assignment, session, stand, seq, window, called: true, unsettled, customer }
    }

    async fn what_came_in_the_middle_of_a_look_is_looked_at_again(on: Trial) {
        let (ground, tenant) = (on.ground(), TenantId::parse("bank").unwrap());
        let tell = move |tx: &mut Tx<'_>| {
            let (account, external) = (AccountId::parse("oa").unwrap(), RemoteId::parse("o-1").unwrap());
            let conv = conversation::create(tx, ChannelKind::Wechat, &account, &external, None, Millis(1))?.conv;
            let (state, next_at) = (DeliveryState::Sending, Millis(1));
            let mut reply =
                Delivery { conv, seq: 1, account, state, part: 0, attempts: 1, next_at, code: None, detail: None };
            delivery::insert(tx, &reply)?;
            let (agent, mut news) = (AgentId::parse("li").unwrap(), News::default());
            let to = Recipient::Agent(tx.tenant().clone(), agent.clone());
            let mut look = Look { agent: &agent, to, before: None, news: &mut news };
            // The list of what is on its way was read, then the message came, then the newest message was read.
            let (before, mut now) = (seen(0), seen(1));
            let mut settled = |tx: &mut Tx<'_>, was: &ConvSeen, now: &mut ConvSeen| {
                let (first, last) = now.moved_since(was).unwrap();
                let moved = delivery::between(tx, conv, first, last)?;
                look.settled(tx, &moved, was, now)
            };
            settled(tx, &before, &mut now)?;
            reply.state = DeliveryState::Delivered;
            delivery::save(tx, &reply)?;
            settled(tx, &now, &mut seen(1))?;
            Ok::<_, Error>(news)
        };
        let news = ground.store().tenant(&tenant).write(tell).await.unwrap();
        let told =
            news.list.iter().filter_map(|(_, hint)| if let Hint::Swept(f) = hint { Some(&f.text) } else { None });
        let told: Vec<_> = told.map(|text| text.contains("delivered\"")).collect();
        assert_eq!(told, [true], "the end is told, and not that it was on its way");
    }
}
