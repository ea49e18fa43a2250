//! A customer on WeChat, and the platform's deliveries on their behalf: three tries of five seconds, some repeated although
//! they were answered, some late.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use yizhan::simulator::{Act, Answered, Parcel, Platform, Raw};

use super::World;
use crate::history::{Kind, Token, What};
use crate::system::declare::Firm;

/// WeChat waits this long, and tries again this long after the last try began.
const WAIT: Duration = Duration::from_secs(5);
const TRIES: u64 = 3;

/// What a customer is asked to do.
#[derive(Debug)]
pub enum Write {
    /// Say something.
    Say(Token),
    /// Say a lot.
    Long(Token),
    /// Say something that arrives only after this time, and others before it.
    Late(Token, Duration),
    /// Say something that arrives once more after this time.
    Echo(Token, Duration),
    /// Push something that a phone would not make in this way: fields of a message or event.
    Raw(Token, Raw),
    /// Tell when everything is said and answered.
    Rest(oneshot::Sender<()>),
}

/// What is said besides the mark.
const WORDS: &str = " 请问这笔业务怎么办理？";
/// How often the words stand in what is long.
const LONG: usize = 350;

/// One customer.
#[derive(Debug)]
pub struct Contact {
    world: Arc<World>,
    platform: Platform,
    name: String,
    firm: Firm,
    openid: String,
    dice: StdRng,
    op: u64,
}

impl Contact {
    /// A customer who follows the account.
    pub async fn follows(world: Arc<World>, platform: Platform, firm: Firm, thread: u32) -> anyhow::Result<Self> {
        let openid = format!("oCampaign{}{thread:05}", firm.letter);
        platform.add_phone(&firm.appid(), None, Some(&openid))?;
        let name = format!("wx:{}:{thread}", firm.id);
        let dice = world.dice(u64::from(thread));
        let mut contact = Self { world, platform, name, firm, openid, dice, op: 0 };
        let parcel = Arc::new(contact.platform.hand_over(&contact.openid, Act::Follow { scene: None })?);
        contact.op += 1;
        contact.errand(parcel, None, Vec::new()).tries().await;
        Ok(contact)
    }

    /// Writes what it is asked to, one after another, until nobody asks any more.
    pub async fn run(mut self, mut asked: mpsc::Receiver<Write>) {
        let mut loose = JoinSet::new();
        while let Some(write) = asked.recv().await {
            if let Write::Rest(tell) = write {
                while loose.join_next().await.is_some() {}
                // Whoever asked may have given up.
                tell.send(()).unwrap_or_default();
                continue;
            }
            if let Err(error) = self.write(write, &mut loose).await {
                // Without an invocation in the history nothing is expected of it either.
                eprintln!("{}: {error:#}", self.name);
            }
            while loose.try_join_next().is_some() {}
        }
        while loose.join_next().await.is_some() {}
    }

    async fn write(&mut self, write: Write, loose: &mut JoinSet<()>) -> anyhow::Result<()> {
        let say = |token, words: &str| Act::Text { content: format!("{token}{words}"), menu_id: None };
        let mark = |token| self.world.mint.write(token);
        let (token, act, late, echo) = match write {
            Write::Say(token) => (token, say(mark(token), WORDS), None, None),
            Write::Long(token) => (token, say(mark(token), &WORDS.repeat(LONG)), None, None),
            Write::Late(token, late) => (token, say(mark(token), WORDS), Some(late), None),
            Write::Echo(token, echo) => (token, say(mark(token), WORDS), None, Some(echo)),
            Write::Raw(token, raw) => (token, Act::Raw(raw), None, None),
            Write::Rest(_) => return Ok(()),
        };
        self.op += 1;
        let parcel = self.platform.hand_over(&self.openid, act)?;
        let errand = self.errand(Arc::new(parcel), Some(token), self.world.places());
        // One in ten comes later than what was said after it.
        let late =
            late.or_else(|| self.dice.random_bool(0.1).then(|| Duration::from_millis(self.dice.random_range(20..800))));
        // One in four is repeated although it was answered, once to three times.
        let again = match echo {
            Some(_) => 1,
            None if self.dice.random_bool(0.25) => self.dice.random_range(1..=3),
            None => 0,
        };
        let pause = echo.unwrap_or_else(|| Duration::from_millis(self.dice.random_range(0..300)));
        match late {
            Some(late) => {
                loose.spawn(async move {
                    tokio::time::sleep(late).await;
                    errand.goes(again, pause).await;
                });
            }
            None if again > 0 => {
                let tries = errand.tries().await;
                loose.spawn(async move {
                    tokio::time::sleep(pause).await;
                    errand.repeats(tries, again).await;
                });
            }
            None => drop(errand.tries().await),
        }
        Ok(())
    }

    fn errand(&self, parcel: Arc<Parcel>, token: Option<Token>, to: Vec<SocketAddr>) -> Errand {
        let (world, name, ten) = (Arc::clone(&self.world), self.name.clone(), self.firm.id);
        Errand { world, name, ten, op: self.op, token, parcel, to }
    }
}

/// One push on its way.
#[derive(Debug)]
struct Errand {
    world: Arc<World>,
    name: String,
    ten: &'static str,
    op: u64,
    token: Option<Token>,
    parcel: Arc<Parcel>,
    /// Where deliveries go; the balancer when empty.
    to: Vec<SocketAddr>,
}

impl Errand {
    async fn goes(&self, again: u64, pause: Duration) {
        let tries = self.tries().await;
        if again > 0 {
            tokio::time::sleep(pause).await;
            self.repeats(tries, again).await;
        }
    }

    /// Delivers until it is answered or the platform gives up; how many tries that took.
    async fn tries(&self) -> u64 {
        for attempt in 1..=TRIES {
            let begun = Instant::now();
            if self.deliveries(attempt).await {
                if self.token.is_some() {
                    self.world.accept();
                }
                return attempt;
            }
            if attempt < TRIES {
                tokio::time::sleep_until(begun + WAIT).await;
            }
        }
        TRIES
    }

    /// Deliveries although there was an answer, all at once.
    async fn repeats(&self, tries: u64, again: u64) {
        let all = (1..=again).map(|n| self.deliveries(tries + n));
        futures_util::future::join_all(all).await;
    }

    /// One delivery to each place at once; whether one was taken.
    async fn deliveries(&self, attempt: u64) -> bool {
        if self.to.is_empty() {
            return self.delivery(attempt, self.world.front).await;
        }
        let all = self.to.iter().map(|to| self.delivery(attempt, *to));
        futures_util::future::join_all(all).await.contains(&true)
    }

    async fn delivery(&self, attempt: u64, to: SocketAddr) -> bool {
        let Ok(mut outgoing) = self.parcel.delivery() else { return false };
        let line = |kind| {
            let mut line = self.world.journal.line(&self.name, kind, What::WxIn);
            (line.op, line.attempt, line.ten) = (self.op, attempt, self.ten.to_owned());
            line
        };
        let mut invoked = line(Kind::Invoke);
        invoked.tok = self.token.map(|token| self.world.mint.write(token)).into_iter().collect();
        self.world.journal.write(&invoked);
        let placed = outgoing
            .url
            .set_host(Some(&to.ip().to_string()))
            .and(outgoing.url.set_port(Some(to.port())).map_err(|()| url::ParseError::InvalidPort));
        if placed.is_err() {
            return false;
        }
        let begun = Instant::now();
        let heard = self.post(outgoing).await;
        let ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let mut answer = line(if matches!(heard, Heard::Taken { .. }) { Kind::Ok } else { Kind::Info });
        answer.n = Some(ms);
        let taken = match heard {
            Heard::Taken { reply } => {
                answer.http = Some(200);
                answer.arg = reply;
                true
            }
            Heard::Abnormal { status, why } => {
                (answer.http, answer.code) = (Some(status), why);
                false
            }
            Heard::Nothing { why } => {
                answer.code = why;
                false
            }
        };
        self.world.journal.write(&answer);
        taken
    }

    async fn post(&self, outgoing: yizhan::simulator::Outgoing) -> Heard {
        let request = self.world.http.post(outgoing.url).header("Content-Type", outgoing.content_type);
        let exchange = async {
            let answer = request.body(outgoing.body).send().await?;
            let status = answer.status().as_u16();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        };
        match tokio::time::timeout(WAIT, exchange).await {
            Err(_elapsed) => Heard::Nothing { why: "timeout".to_owned() },
            Ok(Err(error)) => Heard::Nothing { why: format!("broken: {error}") },
            Ok(Ok((status, body))) => match self.parcel.judge(status, body) {
                Ok(Answered::Taken) => Heard::Taken { reply: String::new() },
                Ok(Answered::Reply(reply)) => Heard::Taken { reply },
                Err(why) => Heard::Abnormal { status, why },
            },
        }
    }
}

enum Heard {
    Taken { reply: String },
    Abnormal { status: u16, why: String },
    Nothing { why: String },
}
