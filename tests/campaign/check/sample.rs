//! A small campaign in which everything is in order, for tests that then break one thing. A WeChat customer (thread 1)
//! and a visitor (thread 2) of the tenant `acme` write, and its agent `a1` answers both.

use super::super::history::dump::{Agent, Assignment, Conversation, Delivery, Dump, Message};
use super::super::history::folder::Capture;
use super::super::history::plan::Tenant;
use super::super::history::{Kind, Line, Mint, Plan, Records, Token, What};

const AGENT: &str = "agent:acme:a1";
const VISITOR: &str = "visitor:acme:2";
const SEED: u64 = 7;

/// Records that can be changed.
#[derive(Debug, Clone)]
pub struct Sample {
    pub plan: Plan,
    pub lines: Vec<Line>,
    pub dump: Dump,
    pub logs: Vec<String>,
    captures: Vec<Capture>,
    ops: u64,
}

impl Sample {
    /// The campaign.
    pub fn new() -> Self {
        let tenant = |letter, id: &str| Tenant { letter, id: id.to_owned() };
        let tenants = vec![tenant('a', "acme"), tenant('b', "bank")];
        let plan = Plan { seed: SEED, tenants, ..Plan::default() };
        let (dump, logs) = (Dump::default(), Vec::new());
        let mut sample = Self { plan, lines: Vec::new(), dump, logs, captures: Vec::new(), ops: 0 };
        sample.opens();
        sample.stores("c1", "wechat");
        sample.stores("c2", "web");
        sample.wechat_writes(10);
        sample.log("c1", "system", "all", None, "greeting");
        sample.log("c1", "system", "agents", None, "connected");
        sample.accepts(AGENT, "s1", 2, 20, 22);
        sample.says(AGENT, "c1", (1, 2), 40);
        sample.delivered(50);
        sample.says(VISITOR, "c2", (2, 1), 60);
        sample.accepts(AGENT, "s2", 1, 70, 72);
        sample.says(AGENT, "c2", (2, 2), 80);
        sample.sees_everything();
        sample.shares();
        for (client, t) in [(AGENT, 300), (VISITOR, 300), ("campaign", 400)] {
            let arg = if client == "campaign" { "end" } else { "drained" };
            sample.line(t, client, Kind::Recv, What::Phase, |line| (line.arg, line.life) = (arg.to_owned(), 1));
        }
        sample
    }

    /// What a checker gets.
    pub fn records(&self) -> Records {
        let mut lines = self.lines.clone();
        lines.sort_by_key(|line| line.t);
        let (plan, dump) = (self.plan.clone(), self.dump.clone());
        let (captures, logs) = (self.captures.clone(), self.logs.clone());
        Records { plan, lines, dump, captures, logs, broken: Vec::new() }
    }

    /// The mint of its marks.
    pub fn mint(&self) -> Mint {
        Mint::new(SEED)
    }

    /// A stored message: `contact writes`, `greeting` or `agent says`.
    pub fn message(&mut self, which: &str) -> &mut Message {
        let seq = match which {
            "contact writes" => 1,
            "greeting" => 2,
            _ => 4,
        };
        self.dump.messages.iter_mut().find(|message| message.conv == "c1" && message.seq == seq).unwrap()
    }

    fn line(&mut self, t: u64, p: &str, k: Kind, f: What, set: impl FnOnce(&mut Line)) {
        let mut line = Line::new(t, p, k, f);
        line.ten = "acme".to_owned();
        set(&mut line);
        self.lines.push(line);
    }

    fn opens(&mut self) {
        for (client, conv) in [(AGENT, "c1"), (AGENT, "c2"), (VISITOR, "c2")] {
            self.line(1, client, Kind::Recv, What::Socket, |line| {
                (line.arg, line.sock, line.life) = ("open".to_owned(), 1, 1);
            });
            self.line(2, client, Kind::Recv, What::Listed, |line| {
                (line.arg, line.conv) = ("in".to_owned(), Some(conv.to_owned()));
            });
        }
    }

    fn stores(&mut self, conv: &str, kind: &str) {
        self.dump.conversations.push(Conversation {
            tenant: "acme".to_owned(),
            conv: conv.to_owned(),
            kind: kind.to_owned(),
            external_id: String::new(),
            last_seq: 0,
        });
    }

    fn log(&mut self, conv: &str, role: &str, visibility: &str, token: Option<Token>, text: &str) -> (i64, String) {
        let head = self.dump.conversations.iter_mut().find(|head| head.conv == conv).unwrap();
        head.last_seq += 1;
        let (seq, words) = (head.last_seq, token.map_or_else(|| text.to_owned(), |token| Mint::new(SEED).write(token)));
        let id = format!("{conv}-{seq}");
        let session = if conv == "c1" { "s1" } else { "s2" };
        self.dump.messages.push(Message {
            tenant: "acme".to_owned(),
            conv: conv.to_owned(),
            seq,
            id: id.clone(),
            session: Some(session.to_owned()),
            role: role.to_owned(),
            sender: if role == "agent" { "a1".to_owned() } else { String::new() },
            visibility: visibility.to_owned(),
            content: format!("{{\"text\":\"{words} 你好\"}}"),
            cid: None,
            control_epoch: if role == "agent" { if conv == "c1" { 2 } else { 1 } } else { 0 },
        });
        (seq, id)
    }

    fn wechat_writes(&mut self, t: u64) {
        let token = Token { tenant: 'a', thread: 1, n: 1 };
        let words = self.mint().write(token);
        self.line(t, "wx:acme:1", Kind::Invoke, What::WxIn, |line| {
            (line.op, line.attempt, line.tok) = (1, 1, vec![words]);
        });
        self.line(t + 2, "wx:acme:1", Kind::Ok, What::WxIn, |line| {
            (line.op, line.attempt, line.http, line.n) = (1, 1, Some(200), Some(12));
        });
        self.log("c1", "contact", "all", Some(token), "");
    }

    /// An agent takes a session.
    pub fn accepts(&mut self, client: &str, session: &str, epoch: i64, from: u64, to: u64) {
        self.ops += 1;
        let (op, sess) = (self.ops + 100, Some(session.to_owned()));
        self.line(from, client, Kind::Invoke, What::Accept, |line| (line.op, line.sess) = (op, sess.clone()));
        self.line(to, client, Kind::Ok, What::Accept, |line| {
            (line.op, line.sess, line.epoch) = (op, sess.clone(), Some(epoch));
        });
    }

    fn says(&mut self, client: &str, conv: &str, (thread, n): (u32, u32), t: u64) {
        let token = Token { tenant: 'a', thread, n };
        self.ops += 1;
        let (op, words) = (self.ops + 100, self.mint().write(token));
        let (sess, epoch) = if conv == "c1" { ("s1", 2) } else { ("s2", 1) };
        let conv_id = Some(conv.to_owned());
        self.line(t, client, Kind::Invoke, What::Send, |line| {
            (line.op, line.conv, line.tok) = (op, conv_id.clone(), vec![words]);
            if client == AGENT {
                (line.sess, line.epoch) = (Some(sess.to_owned()), Some(epoch));
            }
        });
        let role = if client == AGENT { "agent" } else { "contact" };
        let (seq, id) = self.log(conv, role, "all", Some(token), "");
        self.line(t + 2, client, Kind::Ok, What::Send, |line| (line.op, line.seq, line.id) = (op, Some(seq), Some(id)));
    }

    /// The newest message of `c1` reaches WeChat, and its agent hears of it.
    fn delivered(&mut self, t: u64) {
        let last = self.dump.messages.iter().rfind(|message| message.conv == "c1").unwrap().clone();
        self.dump.deliveries.push(Delivery {
            tenant: "acme".to_owned(),
            conv: "c1".to_owned(),
            seq: last.seq,
            state: "delivered".to_owned(),
            code: None,
        });
        self.line(t, "wechat", Kind::Recv, What::WxOut, |line| {
            (line.tok, line.code) = (vec![last.content], "0".into());
        });
        self.line(t + 2, AGENT, Kind::Recv, What::Receipt, |line| {
            (line.id, line.code) = (Some(last.id), "delivered".to_owned());
        });
    }

    fn sees_everything(&mut self) {
        for (client, convs) in [(AGENT, &["c1", "c2"][..]), (VISITOR, &["c2"][..])] {
            for (message, n) in self.dump.messages.clone().iter().zip(0_u64..) {
                if convs.contains(&message.conv.as_str()) {
                    self.shows(client, message, 100 + n);
                }
            }
        }
    }

    fn shows(&mut self, client: &str, message: &Message, t: u64) {
        let tok = self.mint().ours(&message.content).into_iter().map(|token| self.mint().write(token)).collect();
        self.line(t, client, Kind::Recv, What::Msg, |line| {
            (line.conv, line.seq, line.id) = (Some(message.conv.clone()), Some(message.seq), Some(message.id.clone()));
            (line.sock, line.life, line.shown, line.tok) = (1, 1, true, tok);
            line.via = "push".to_owned();
        });
    }

    fn shares(&mut self) {
        let share = |session: &str, conv: &str, state: &str, ended_at| Assignment {
            tenant: "acme".to_owned(),
            session: session.to_owned(),
            conv: conv.to_owned(),
            agent: "a1".to_owned(),
            state: state.to_owned(),
            accepted_at: Some(800_000),
            ended_at,
        };
        self.dump.assignments.push(share("s1", "c1", "active", None));
        self.dump.assignments.push(share("s2", "c2", "done", Some(850_000)));
        let (tenant, agent) = ("acme".to_owned(), "a1".to_owned());
        self.dump.agents.push(Agent { tenant, agent, capacity: 5, load: 1 });
    }

    /// The agent answers on WeChat again.
    pub fn second_reply(&mut self) {
        self.says(AGENT, "c1", (1, 3), 150);
        self.delivered(160);
        let last = self.dump.messages.last().unwrap().clone();
        self.shows(AGENT, &last, 170);
    }

    /// A client asks for what it misses and gets so many messages.
    pub fn recovery(&mut self, client: &str, conv: &str, from: i64, head: i64, n: i64) {
        let conv = Some(conv.to_owned());
        self.line(200, client, Kind::Recv, What::Recovery, |line| {
            (line.conv, line.from, line.seq, line.n) = (conv.clone(), Some(from), Some(head), Some(n));
            line.arg = "recovered".to_owned();
        });
    }

    /// Somebody of a tenant hears of a message.
    pub fn receipt(&mut self, client: &str, tenant: &str, words: &str) {
        self.line(210, client, Kind::Recv, What::Receipt, |line| {
            (line.ten, line.tok) = (tenant.to_owned(), vec![words.to_owned()]);
        });
    }

    /// Every stored message is told on the bus.
    pub fn events(&mut self) {
        for message in self.dump.messages.clone() {
            self.line(250, "bus", Kind::Recv, What::Event, |line| {
                (line.id, line.arg) = (Some(message.id), "yizhan.message.accepted.v1".to_owned());
            });
        }
    }

    /// The system lets a text out.
    pub fn capture(&mut self, capture: Capture) {
        self.captures.push(capture);
    }

    /// Something is wrong for a while.
    pub fn harm(&mut self, from: u64, to: u64) {
        self.line(from, "nemesis", Kind::Fault, What::Start, |line| line.arg = "test".to_owned());
        self.line(to, "nemesis", Kind::Fault, What::Heal, |_| {});
    }

    /// A process holds so much memory.
    pub fn sample(&mut self, process: &str, kb: i64) {
        self.line(220, process, Kind::Recv, What::Sample, |line| line.n = Some(kb));
    }
}
