//! Getting a socket: a ticket or a resume token, and what the gateway tells in return.

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::view::View;
use super::{Client, Party};
use crate::history::{Kind, What};
use crate::load::socket::Socket;
use crate::load::web::{number, text};
use crate::system::declare::SITE;

impl Client {
    /// A signed-in socket.
    pub(super) async fn connect(&mut self) -> anyhow::Result<Socket> {
        let (path, origin) = match self.party {
            Party::Agent(..) => ("/ws/agent", self.world.origin()),
            Party::Visitor(_) => ("/ws/visitor", SITE.to_owned()),
        };
        let first = match &self.resume {
            Some(token) => {
                let convs: Vec<_> = self.views.iter().filter_map(|(conv, view)| view.place(conv)).collect();
                json!({ "op": "resume", "d": { "resume_token": token, "device": self.device, "convs": convs } })
            }
            None => json!({ "op": "auth", "d": { "ticket": self.ticket().await?, "device": self.device } }),
        };
        let mut socket = Socket::open(self.world.front, path, &origin).await?;
        let id = self.next_id;
        self.next_id += 1;
        let mut frame = first;
        if let Some(fields) = frame.as_object_mut() {
            fields.insert("id".to_owned(), id.into());
        }
        socket.send(&frame).await?;
        let (reply, pushed) = match socket.reply(id).await {
            Ok(reply) => reply,
            Err(error) => {
                // A refused token is no good the next time either; whether it was refused shows in the close code.
                if error.to_string().contains("closed 400") {
                    self.resume = None;
                }
                return Err(error);
            }
        };
        let Some(ok) = reply.get("ok") else {
            self.resume = None;
            anyhow::bail!("refused: {reply}");
        };
        let resumed = self.resume.is_some();
        self.sock += 1;
        self.arrived(ok, &pushed, resumed);
        Ok(socket)
    }

    async fn ticket(&mut self) -> anyhow::Result<String> {
        match &self.party {
            Party::Agent(login, _) => {
                let signed_in = match &self.signed_in {
                    Some(signed_in) => signed_in.clone(),
                    None => {
                        let signed_in = self.world.sign_in(&self.name, &self.firm, login).await?;
                        self.signed_in.insert(signed_in).clone()
                    }
                };
                let ticket = self.world.ticket(&self.name, &signed_in).await;
                if ticket.as_ref().is_err_and(|error| error.to_string().contains("401")) {
                    self.signed_in = None;
                }
                ticket
            }
            Party::Visitor(_) => {
                let (ticket, visitor) = self.world.visit(&self.name, &self.firm, self.visitor.as_deref()).await?;
                self.visitor = Some(visitor);
                Ok(ticket)
            }
        }
        .context("no ticket")
    }

    fn arrived(&mut self, ok: &Value, pushed: &[Value], resumed: bool) {
        let now = Instant::now();
        (self.heard, self.pinged) = (now, now);
        self.resume = text(ok, "resume_token").map(str::to_owned);
        let hello = pushed.iter().find(|frame| text(frame, "op") == Some("hello")).and_then(|frame| frame.get("d"));
        if let Some(ms) = hello.and_then(|d| d.get("heartbeat_ms")).and_then(Value::as_u64) {
            self.heartbeat = std::time::Duration::from_millis(ms);
        }
        let mut line = self.line(Kind::Recv, What::Socket);
        (line.arg, line.via) = ("open".to_owned(), if resumed { "resume" } else { "auth" }.to_owned());
        line.id = hello.and_then(|d| text(d, "node")).map(str::to_owned);
        line.n = self.lost_at.map(|lost| i64::try_from((line.t - lost) / 1_000_000).unwrap_or(i64::MAX));
        self.world.journal.write(&line);

        let state = ok.get("state");
        let list = |name: &str| state.and_then(|state| state.get(name)).and_then(Value::as_array).into_iter().flatten();
        let heads: Vec<_> = list("convs").cloned().collect();
        for recovery in ok.get("convs").and_then(Value::as_array).into_iter().flatten() {
            let conv = text(recovery, "conv").unwrap_or_default();
            let from = self.views.get(conv).map_or(0, |view| view.mine);
            let head =
                heads.iter().find(|head| text(head, "conv") == Some(conv)).and_then(|head| number(head, "last_seq"));
            self.recovered(recovery, from, head);
        }
        let entered: Vec<_> = heads.iter().filter_map(|head| text(head, "conv")).map(str::to_owned).collect();
        for gone in self.listed.clone().into_iter().filter(|conv| !entered.contains(conv)) {
            self.unlist(&gone);
        }
        heads.iter().for_each(|head| self.head(head));
        let offers: Vec<_> = list("offers").cloned().collect();
        offers.iter().for_each(|offer| self.offered(offer));
        match self.party {
            Party::Agent(..) => self.ready(state.and_then(|state| state.get("agent"))),
            // Who leaves opens nothing: that would begin another session.
            Party::Visitor(_) if self.draining.is_some() => {}
            Party::Visitor(_) => self.open(),
        }
        for frame in pushed.iter().filter(|frame| text(frame, "op") != Some("hello")) {
            self.handle(frame);
        }
    }

    /// A conversation that is in the list: its head may be ahead of what was shown.
    pub(super) fn head(&mut self, head: &Value) {
        let Some(conv) = text(head, "conv").map(str::to_owned) else { return };
        self.list(&conv);
        if let Party::Visitor(thread) = self.party {
            self.world.desk.learn(&conv, thread);
        }
        let view = self.views.entry(conv.clone()).or_insert_with(View::new);
        if let Some(epoch) = text(head, "epoch") {
            epoch.clone_into(&mut view.epoch);
        }
        if number(head, "last_seq").is_some_and(|last| last > view.mine) {
            self.catch(&conv);
        }
        if let Some(session) = head.get("session") {
            self.session(&conv, session);
        }
    }

    /// Puts a conversation into the list.
    pub(super) fn list(&mut self, conv: &str) {
        self.known.insert(conv.to_owned());
        if self.listed.insert(conv.to_owned()) {
            self.note_listed(conv, "in");
        }
    }

    /// Takes a conversation off the list.
    pub(super) fn unlist(&mut self, conv: &str) {
        if self.listed.remove(conv) {
            self.note_listed(conv, "out");
        }
        self.let_go(conv);
    }

    fn note_listed(&self, conv: &str, arg: &str) {
        let mut line = self.line(Kind::Recv, What::Listed);
        (line.conv, line.arg) = (Some(conv.to_owned()), arg.to_owned());
        self.world.journal.write(&line);
    }
}
