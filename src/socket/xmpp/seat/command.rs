//! Doing what an agent typed. Every command is a request that the console makes, too.

use super::{Seat, part};
use crate::channel::xmpp::command::{Command, HELP, Target};
use crate::core::request::{self, Request, Send};
use crate::core::{Error, call};
use crate::model::content::Content;
use crate::model::id::{ClientId, ConversationId, QueueId};
use crate::socket::xmpp::frame::Conversation;
use crate::socket::xmpp::words;

/// Messages that `/history` shows by default and at most.
const HISTORY: (u32, u32) = (20, 100);

impl Seat {
    /// Does a command; what to tell about it, nothing if that shows itself.
    pub(super) async fn command(&mut self, command: Command, conv: Option<ConversationId>) -> String {
        match self.order(command, conv).await {
            Ok(answer) => answer,
            Err(refusal) => refusal,
        }
    }

    async fn order(&mut self, command: Command, conv: Option<ConversationId>) -> Result<String, String> {
        match command {
            Command::Help => Ok(HELP.to_owned()),
            Command::Rate => Ok(words::RATE.to_owned()),
            Command::Ready => self.status("ready", None).await,
            Command::Busy(reason) => self.status("busy", reason).await,
            Command::Break(reason) => self.status("break", reason).await,
            Command::Queue => self.queues().await,
            Command::Take(number) => self.take(number).await.map(|()| String::new()),
            Command::Skip(number) => self.skip(number).await.map(|()| "已跳过 / skipped".to_owned()),
            Command::Watch(number) => self.watch(number).await,
            Command::Pull(queue) => self.pull(queue.as_deref()).await,
            in_chat => self.order_in_chat(in_chat, conv.ok_or(words::IN_A_CHAT)?).await,
        }
    }

    async fn order_in_chat(&mut self, command: Command, conv: ConversationId) -> Result<String, String> {
        let chat = self.live.as_ref().ok_or(words::OFFLINE)?.chats.get(&conv).ok_or(words::NOT_SERVING)?;
        let session = chat.session.session;
        let share = chat.session.assignment.as_ref().map(|share| share.assignment);
        match command {
            Command::End(reason) => self.asked(Request::End { session: Some(session), reason }).await,
            Command::Transfer { to, note } => {
                let to = self.target(&to).ok_or(words::NO_TARGET)?;
                self.asked(Request::Transfer { session, to, note }).await?;
                Ok("已发起转接，对方接受前仍由您接待 / transfer under way, yours until it is taken".to_owned())
            }
            Command::Invite(colleague) => self.invite(conv, &colleague).await,
            Command::Note(text) => self.note_down(conv, text).await,
            Command::History(count) => {
                let count = count.unwrap_or(HISTORY.0).clamp(1, HISTORY.1);
                self.summed_up(conv, i64::from(count)).await.map_err(told)
            }
            Command::Call(media) => {
                let link = call::request::Request::Link { session, media };
                self.asked(Request::Call(Box::new(link))).await?;
                Ok(words::CALL_LINK.to_owned())
            }
            Command::Done => {
                let assignment = share.ok_or(words::NOT_SERVING)?;
                let done = Request::WrapupDone { assignment, disposition: None, tags: None, note: None };
                self.asked(done).await?;
                Ok("整理完毕 / done".to_owned())
            }
            _ => Err(words::IN_A_CHAT.to_owned()),
        }
    }

    /// Notes something for colleagues.
    pub(super) async fn note_down(&self, conv: ConversationId, text: String) -> Result<String, String> {
        let content = Content::Note { text };
        // Not from the same spring as messages: a note is shown to its author as noted.
        let cid = ClientId::parse(&format!("note-{:032x}", rand::random::<u128>())).map_err(|_never| words::AWAY)?;
        let send = Send { conv, cid, content, reply_to: None, replaces: None, visibility: None, epoch: None };
        self.asked(Request::Send(Box::new(send))).await
    }

    /// Makes a request whose outcome shows itself.
    async fn asked(&self, request: Request) -> Result<String, String> {
        self.perform(request).await.map(|_done| String::new()).map_err(told)
    }

    async fn status(&mut self, status: &str, reason: Option<String>) -> Result<String, String> {
        if self.live.is_none() {
            return Err(words::OFFLINE.to_owned());
        }
        self.set_status(status, reason.clone()).await.map_err(told)?;
        Ok(words::status(status, reason.as_deref()))
    }

    /// Who waits, and what is offered.
    async fn queues(&self) -> Result<String, String> {
        let live = self.live.as_ref().ok_or(words::OFFLINE)?;
        let ready = super::within(self.desk.core.ready(&live.client)).await.map_err(told)?;
        let mut lines: Vec<String> = ready
            .queues
            .iter()
            .map(|queue| {
                format!("{}（{}）：{}", queue.name, queue.queue, words::standing(queue.waiting, queue.longest_ms))
            })
            .collect();
        lines.extend(live.offers.listed().map(|(number, offer)| format!("邀请 #{number} {}", offer.contact.name)));
        let served = live.chats.values().filter(|chat| chat.is_open());
        lines.extend(served.map(|chat| format!("接待中 {}", chat.contact.name)));
        Ok(lines.join("\n"))
    }

    async fn pull(&mut self, queue: Option<&str>) -> Result<String, String> {
        let queue = match queue {
            Some(typed) => self.queue(typed),
            None => self.own_queue(),
        };
        let request = Request::Pull { queue: queue.ok_or(words::NO_TARGET)? };
        let pulled = self.perform(request).await.map_err(told)?;
        if let Some(conversation) = part::<Conversation>(&pulled, "conv") {
            self.conversation(conversation, false).await;
        }
        Ok(String::new())
    }

    fn own_queue(&self) -> Option<QueueId> {
        let (tenant, _) = self.desk.declared()?;
        let seed = tenant.agents.iter().find(|seed| seed.id == self.agent)?;
        seed.queues.first().cloned()
    }

    fn queue(&self, typed: &str) -> Option<QueueId> {
        let (tenant, _) = self.desk.declared()?;
        let fits = |queue: &&crate::tenant::Queue| queue.id.as_str().eq_ignore_ascii_case(typed) || queue.name == typed;
        tenant.queues.iter().find(fits).map(|queue| queue.id.clone())
    }

    fn target(&self, typed: &Target) -> Option<request::Target> {
        match typed {
            Target::Queue(name) => self.queue(name).map(request::Target::Queue),
            Target::Agent(name) => self.colleague(name).map(|seed| request::Target::Agent(seed.id)),
        }
    }
}

fn told(error: Error) -> String {
    error.message
}
