//! Connections as a state machine: what clients send, what hints say, what goes out. Without a socket.

mod push;
mod sweep;

use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;
use crate::core::log::LogPage;
use crate::core::request::Request;
use crate::core::{Error, signature};
use crate::hub::Hint;
use crate::model::code::Code;
use crate::model::content::{Content, Media};
use crate::model::envelope::{ChannelKind, ChannelRef, Envelope, Role, Sender, Visibility};
use crate::model::id::{AccountId, AgentId, ContactId, DeviceId, MediaId, MessageId, TenantId};
use crate::socket::work::Proof;

/// A connection with the time under control and its work done by hand.
struct Bench {
    connection: Connection,
    now: Instant,
    said: Vec<Value>,
}

fn tenant() -> TenantId {
    TenantId::parse("demo").unwrap()
}

pub(in crate::socket) fn conv(n: i64) -> ConversationId {
    ConversationId::parse(&format!("c_{n:026}")).unwrap()
}

pub(in crate::socket) fn envelope(conv: ConversationId, seq: i64, visibility: Visibility) -> Arc<Envelope> {
    Arc::new(Envelope {
        v: 1,
        id: MessageId::generate(Millis(seq)),
        tenant: tenant(),
        conv,
        session: None,
        seq,
        cid: None,
        ts: Millis(seq),
        from: Sender { role: Role::Contact, id: "p".into(), name: None },
        visibility,
        content: Content::text(format!("{seq}")),
        fallback: String::new(),
        reply_to: None,
        replaces: None,
        channel: ChannelRef {
            kind: ChannelKind::Web,
            account: AccountId::parse("site").unwrap(),
            ext_id: None,
            raw_type: None,
        },
        control_epoch: 0,
    })
}

impl Bench {
    fn open(endpoint: Endpoint) -> Self {
        let shared = Shared {
            settings: Settings::default(),
            node: NodeId::generate(Millis(0)),
            signer: signature::tests::signer(&Clock::system()),
            written: Written::default(),
            found: AtomicU64::new(0),
        };
        let now = Instant::now();
        let id = ConnectionId::generate(Millis(7));
        let mut bench = Self {
            connection: Connection::open(Arc::new(shared), id, endpoint, now, Millis(0)),
            now,
            said: Vec::new(),
        };
        bench.hear();
        assert_eq!(bench.said.remove(0)["op"], "hello");
        bench
    }

    /// A signed-in connection that has these conversations.
    fn signed_in(endpoint: Endpoint, positions: Vec<(ConversationId, i64)>) -> Self {
        Self::signed_in_with(endpoint, positions, Vec::new())
    }

    /// The same, told these states by the answer.
    fn signed_in_with(endpoint: Endpoint, positions: Vec<(ConversationId, i64)>, marks: Vec<crate::hub::Mark>) -> Self {
        let mut bench = Self::open(endpoint);
        let work = bench.say(r#"{"id":1,"op":"auth","d":{"ticket":"t","device":"d"}}"#);
        assert!(matches!(&work[..], [Work::Admit { proof: Proof::Ticket(t), .. }] if t == "t"));
        let party = match endpoint {
            Endpoint::Agent => {
                Party::Agent { agent: AgentId::parse("li").unwrap(), name: "小李".into(), supervisor: false }
            }
            Endpoint::Visitor => {
                Party::Contact { contact: ContactId::generate(Millis(1)), account: AccountId::parse("site").unwrap() }
            }
        };
        let device = DeviceId::parse("d").unwrap();
        let client =
            Arc::new(Client { tenant: tenant(), party, device, connection: bench.connection.id(), calls_only: false });
        let admission = Admission { client, ready: r#"{"state":{}}"#.into(), positions, marks };
        bench.done(Done::Admitted(Box::new(admission)));
        assert_eq!(bench.said.remove(0), json!({"id": 1, "ok": {"state": {}}}));
        bench
    }

    /// Collects what the connection says.
    fn hear(&mut self) {
        let heard: Vec<Value> =
            self.connection.outgoing().map(|text| serde_json::from_str(text.as_str()).unwrap()).collect();
        self.said.extend(heard);
    }

    /// The work that is to be done now.
    fn work(&mut self) -> Vec<Work> {
        let request = self.connection.next_request(self.now);
        let marks = self.connection.next_marks(self.now);
        let read = self.connection.next_read(0);
        self.hear();
        request.into_iter().chain(marks).chain(read).collect()
    }

    fn say(&mut self, text: &str) -> Vec<Work> {
        self.connection.text(text, self.now);
        self.work()
    }

    fn done(&mut self, done: Done) -> Vec<Work> {
        self.connection.done(done, self.now);
        self.work()
    }

    fn hint(&mut self, hint: &Hint) -> Vec<Work> {
        self.connection.hint(hint);
        self.work()
    }

    fn pass(&mut self, ms: u64) -> Vec<Work> {
        self.now += Duration::from_millis(ms);
        self.connection.tick(self.now);
        self.work()
    }

    fn code(&self) -> Option<u16> {
        self.connection.verdict().and_then(|close| close.code)
    }

    /// Pushed messages as (prev, seq), taken away.
    fn pushed(&mut self) -> Vec<(i64, i64)> {
        let pushes = std::mem::take(&mut self.said);
        let seqs = pushes.iter().map(|push| (push["prev"].as_i64().unwrap(), push["d"]["seq"].as_i64().unwrap()));
        seqs.collect()
    }
}

#[test]
fn whoever_does_not_sign_in_is_sent_away() {
    let mut silent = Bench::open(Endpoint::Agent);
    silent.pass(9_900);
    assert_eq!(silent.code(), None);
    silent.pass(200);
    assert_eq!(silent.code(), Some(4001));
    assert_eq!(silent.said.last().unwrap()["d"]["reconnect"], false);
    for early in [
        r#"{"id":1,"op":"history","d":{}}"#,
        r#"{"op":"fly"}"#,
        &format!(r#"{{"op":"ack","d":{{"conv":"{}","seq":1}}}}"#, conv(1)),
    ] {
        let mut bench = Bench::open(Endpoint::Visitor);
        bench.say(early);
        assert_eq!(bench.code(), Some(4001), "{early}");
    }
    let mut second = Bench::open(Endpoint::Agent);
    second.say(r#"[{"id":1,"op":"auth","d":{"ticket":"t","device":"d"}},{"id":2,"op":"auth","d":{"ticket":"t","device":"d"}}]"#);
    second.done(Done::Refused(Close::AUTH_FAILED));
    assert_eq!(second.code(), Some(4001));
}

#[test]
fn texts_that_are_no_frames_end_the_connection_and_others_only_get_an_error() {
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![]);
    bench.say(r#"{"id":5,"op":"fly"}"#);
    assert_eq!(bench.said.pop().unwrap()["err"]["code"], "unsupported_op");
    bench.say(r#"{"id":6,"op":"auth","d":{"ticket":"t","device":"d"}}"#);
    assert_eq!(bench.said.pop().unwrap()["err"]["code"], "conflict");
    bench.say(r#"{"op":"ping"}"#);
    assert_eq!(bench.said.pop().unwrap(), json!({"op": "pong"}));
    bench.say("not json");
    assert_eq!(bench.code(), Some(4004));
    assert_eq!(bench.said.pop().unwrap()["op"], "bye");
    bench.say(r#"{"op":"ping"}"#);
    assert!(bench.said.is_empty(), "nothing is said after the verdict");
}

#[test]
fn requests_are_done_one_after_another_in_their_order() {
    let mut bench = Bench::signed_in(Endpoint::Visitor, vec![]);
    let work = bench.say(r#"[{"id":1,"op":"open"},{"id":2,"op":"handoff"},{"id":3,"op":"cancel_queue"}]"#);
    assert!(matches!(&work[..], [Work::Perform { id: Some(1), .. }]));
    assert!(!bench.connection.listens());
    let work = bench.done(Done::Performed { id: Some(1), result: Ok("{}".into()) });
    assert!(matches!(&work[..], [Work::Perform { id: Some(2), .. }]));
    let mut busy = Error::new(Code::QueueFull, "满");
    busy.after_ms = Some(9);
    bench.done(Done::Performed { id: Some(2), result: Err(busy) });
    bench.done(Done::Performed { id: Some(3), result: Ok("{}".into()) });
    assert!(bench.connection.listens());
    assert_eq!(bench.said[0], json!({"id": 1, "ok": {}}));
    assert_eq!(bench.said[1]["err"], json!({"code": "queue_full", "msg": "满", "retry": false, "after_ms": 9}));
}

#[test]
fn twenty_sends_in_ten_seconds_and_no_more() {
    let mut bench = Bench::signed_in(Endpoint::Visitor, vec![]);
    for i in 0..25 {
        let frame = format!(
            r#"{{"id":{i},"op":"send","d":{{"conv":"{}","cid":"a{i}","type":"text","body":{{"text":"x"}}}}}}"#,
            conv(1)
        );
        for _ in bench.say(&frame) {
            bench.done(Done::Performed { id: Some(i), result: Ok("{}".into()) });
        }
    }
    let refused: Vec<_> = bench.said.iter().filter(|reply| reply["err"]["code"] == "rate_limited").collect();
    assert_eq!((refused.len(), bench.said.len()), (5, 25));
    assert!(refused[0]["err"]["after_ms"].as_u64().unwrap() > 9_000);
}

#[test]
fn typing_is_calmed_and_marks_are_gathered() {
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![(conv(1), 9)]);
    let mut typed = 0;
    for i in 0..300 {
        let frame = format!(r#"{{"op":"typing","d":{{"conv":"{}","on":{}}}}}"#, conv(1), i % 2 == 0);
        typed += bench.say(&frame).len();
        bench.connection.done(Done::Performed { id: None, result: Ok("null".into()) }, bench.now);
        typed += bench.pass(10).len();
        bench.connection.done(Done::Performed { id: None, result: Ok("null".into()) }, bench.now);
    }
    assert_eq!(typed + bench.pass(1_000).len(), 4);
    bench.connection.done(Done::Performed { id: None, result: Ok("null".into()) }, bench.now);
    let mark = |op: &str, seq: i64| format!(r#"{{"op":"{op}","d":{{"conv":"{}","seq":{seq}}}}}"#, conv(1));
    assert!(matches!(&bench.say(&mark("ack", 3))[..], [Work::Marks(marks)] if marks.len() == 1));
    bench.done(Done::Marked { refused: 0 });
    bench.say(&mark("ack", 4));
    bench.say(&mark("read", 4));
    assert!(bench.say(&mark("ack", 7)).is_empty(), "gathered for a moment");
    let gathered = bench.pass(550);
    let [Work::Marks(marks)] = &gathered[..] else { panic!("{gathered:?}") };
    assert!(matches!(&marks[..], [Request::Ack(ack), Request::Read(read)] if (ack.seq, read.seq) == (7, 4)));
    bench.say(&mark("ack", 9));
    bench.say(&mark("read", 9));
    assert!(bench.pass(550).is_empty(), "one set of marks at a time");
    assert!(bench.connection.listens(), "nobody waits for marks that are being written");
    let work = bench.say(&format!(r#"{{"id":7,"op":"history","d":{{"conv":"{}","limit":10}}}}"#, conv(1)));
    assert!(matches!(&work[..], [Work::Perform { id: Some(7), .. }]), "{work:?}");
    let gathered = bench.done(Done::Marked { refused: 0 });
    let [Work::Marks(marks)] = &gathered[..] else { panic!("{gathered:?}") };
    assert!(matches!(&marks[..], [Request::Read(read)] if read.seq == 9), "what was read has arrived: {marks:?}");
    bench.done(Done::Performed { id: Some(7), result: Ok("{}".into()) });
    bench.done(Done::Marked { refused: 0 });
    bench.say(&mark("read", 11));
    let last = bench.connection.last_marks();
    assert!(matches!(last, Some(Work::Marks(marks)) if marks.len() == 1), "a connection that ends loses none");
    assert!(bench.connection.last_marks().is_none());
}

#[test]
fn marks_that_make_no_sense_are_counted() {
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![(conv(1), 9)]);
    let beyond = format!(r#"{{"op":"ack","d":{{"conv":"{}","seq":18446744073709551616}}}}"#, conv(1));
    for _ in 0..8 {
        bench.say(&beyond);
    }
    bench.say(&format!(r#"{{"op":"ack","d":{{"conv":"{}","seq":-1}}}}"#, conv(1)));
    bench.done(Done::Marked { refused: 1 });
    assert_eq!(bench.code(), None);
    bench.say(&beyond);
    assert_eq!(bench.code(), Some(4004));
    assert!(bench.said.iter().all(|push| push["op"] == "bye"), "marks get no answer");
}

#[test]
fn a_node_that_slept_hears_what_came_meanwhile_before_it_judges() {
    let mut there = Bench::signed_in(Endpoint::Visitor, vec![]);
    there.pass(100_000);
    assert_eq!(there.code(), None);
    there.say(r#"{"op":"ping"}"#);
    there.pass(2_100);
    assert_eq!(there.code(), None);

    let mut gone = Bench::signed_in(Endpoint::Visitor, vec![]);
    gone.pass(100_000);
    gone.pass(2_100);
    assert_eq!(gone.code(), Some(4009));
}

#[test]
fn silence_floods_and_recheck_end_as_they_should() {
    let mut silent = Bench::signed_in(Endpoint::Visitor, vec![]);
    silent.pass(60_600);
    silent.pass(1_800);
    assert_eq!(silent.code(), None);
    silent.pass(200);
    assert_eq!(silent.code(), Some(4009));

    let mut flooding = Bench::signed_in(Endpoint::Visitor, vec![]);
    for _ in 0..400 {
        flooding.say(r#"{"op":"ping"}"#);
        flooding.now += Duration::from_millis(20);
    }
    assert_eq!(flooding.code(), Some(4008));

    // Many small things in few texts are as many: ten texts a second, each of 32 frames that make no sense.
    let mut packed = Bench::signed_in(Endpoint::Visitor, vec![]);
    let batch = format!("[{}]", [r#"{"op":"call.desc","d":7}"#; 32].join(","));
    let ended = (0..100).position(|_| {
        packed.say(&batch);
        packed.now += Duration::from_millis(100);
        packed.code().is_some()
    });
    assert_eq!((packed.code(), ended.map(|texts| texts / 10)), (Some(4008), Some(4)));
    let mut burst = Bench::signed_in(Endpoint::Visitor, vec![]);
    for _ in 0..9 {
        burst.say(&batch);
    }
    assert_eq!(burst.code(), None, "a burst is no flood");

    let mut agent = Bench::signed_in(Endpoint::Agent, vec![]);
    assert!(matches!(&agent.hint(&Hint::SignedOut)[..], [Work::Recheck]));
    agent.done(Done::Alive(true));
    assert_eq!(agent.code(), None);
    agent.hint(&Hint::SignedOut);
    agent.done(Done::Alive(false));
    assert_eq!(agent.code(), Some(4001));
}

#[test]
fn a_drain_lets_the_request_finish_and_a_newer_connection_replaces() {
    let mut bench = Bench::signed_in(Endpoint::Visitor, vec![]);
    bench.say(r#"[{"id":1,"op":"open"},{"id":2,"op":"open"}]"#);
    bench.connection.drain(Duration::from_secs(3));
    assert_eq!(bench.code(), None);
    bench.done(Done::Performed { id: Some(1), result: Ok("{}".into()) });
    assert_eq!(bench.code(), Some(4010));
    assert_eq!(bench.said[0]["id"], 1);
    assert_eq!(bench.said[1]["d"], json!({"code": 4010, "reconnect": true, "delay_ms": 3000, "reason": "draining"}));

    let mut old = Bench::signed_in(Endpoint::Visitor, vec![]);
    old.hint(&Hint::Replaced(ConnectionId::generate(Millis(9))));
    assert_eq!(old.code(), None);
    let own = old.connection.id();
    old.hint(&Hint::Replaced(own));
    assert_eq!(old.code(), Some(4003));
}
