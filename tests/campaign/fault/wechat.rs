//! WeChat at its worst: deliveries that are doubled, late and confused, and an API that fails in every way.

use std::time::Duration;

use serde_json::{Value, json};
use yizhan::simulator::{Fault as Rule, Raw, Reset};

use super::{Requirement, Stage};
use crate::load::contact::Write;
use crate::system::declare::FIRMS;
use crate::system::proxy::Mode;

/// F12: every delivery comes four times at once, to all nodes.
pub(super) async fn four_at_once(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let nodes: Vec<_> = stage.system.nodes.iter().map(|node| node.address).collect();
    stage.world.double(nodes.iter().cycle().take(4).copied().collect());
    stage.harm("each delivery four times at once");
    stage.until_enough(0.9).await;
    stage.world.double(Vec::new());
    stage.heal("deliveries");
    Ok(Vec::new())
}

/// F38: late, repeated and reordered deliveries; one id for two people; two events in one second.
pub(super) async fn confused(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let late = Duration::from_secs(if stage.brief { 10 } else { 60 });
    let people = stage.crew.wechat();
    stage.harm("late, repeated and confused deliveries");
    for (n, thread) in people.iter().enumerate().take(if stage.brief { 40 } else { 120 }) {
        let id = 25_000_000_000_000_000_u64 + u64::try_from(n / 2).unwrap_or(0);
        match n % 3 {
            0 => stage.crew.write(*thread, |token| Write::Late(token, late)).await,
            1 => stage.crew.write(*thread, |token| Write::Echo(token, late)).await,
            // Two people after each other get the same id: it was seen in bursts of voice messages.
            _ => stage.same_id(*thread, id).await,
        }
        if let Some(other) = people.get(n + 1).filter(|_| n % 3 == 2) {
            stage.same_id(*other, id).await;
        }
        stage.two_events(*thread).await;
    }
    tokio::time::sleep(late + Duration::from_secs(3)).await;
    stage.heal("deliveries");
    Ok(Vec::new())
}

impl Stage<'_> {
    /// A text under a given id.
    async fn same_id(&self, thread: u32, id: u64) {
        let mint = self.world.mint.clone();
        let raw = |token| fields(&json!({ "MsgType": "text", "Content": mint.write(token), "MsgId": id }));
        self.crew.write(thread, |token| Write::Raw(token, raw(token))).await;
    }

    /// Two taps of the menu within one second: neither has an id, and only their keys differ.
    async fn two_events(&self, thread: u32) {
        for _ in 0..2 {
            let mint = self.world.mint.clone();
            let raw = |token| fields(&json!({ "MsgType": "event", "Event": "CLICK", "EventKey": mint.write(token) }));
            self.crew.write(thread, |token| Write::Raw(token, raw(token))).await;
        }
    }
}

fn fields(value: &Value) -> Raw {
    Raw { fields: value.as_object().cloned(), ..Raw::default() }
}

/// F20: every way in which an API call can fail. Answers that are wrong concern one tenant, the wire all of them.
pub(super) async fn api_fails(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let span = Duration::from_secs(if stage.brief { 3 } else { 10 });
    let platform = stage.system.wechat.platform.clone();
    let send = |rule: Rule| Rule { path: "/cgi-bin/message/custom/send".into(), appid: Some(FIRMS[0].appid()), ..rule };
    let answers = [
        Rule { http: Some(500), ..Rule::default() },
        Rule { http: Some(502), body: Some("<html>Bad Gateway</html>".into()), ..Rule::default() },
        Rule { body: Some("<html>hello</html>".into()), ..Rule::default() },
        Rule { body: Some("{\"errcode\":".into()), ..Rule::default() },
        Rule { body: Some(String::new()), ..Rule::default() },
        Rule { errcode: Some(-1), ..Rule::default() },
        Rule { reset: Some(Reset::Before), ..Rule::default() },
        Rule { reset: Some(Reset::AfterAccept), times: Some(20), ..Rule::default() },
        Rule { delay_ms: 30_000, times: Some(20), ..Rule::default() },
    ];
    stage.harm("the API of WeChat fails in turn");
    for rule in answers {
        platform.add_faults(vec![send(rule)])?;
        tokio::time::sleep(span).await;
        platform.clear_faults();
    }
    for mode in [Mode::Refuse, Mode::Hold, Mode::Drip(1_000), Mode::CutAnswers(20), Mode::Delay(300)] {
        stage.system.api.set(mode);
        tokio::time::sleep(span).await;
        stage.system.api.set(Mode::Pass);
        stage.system.api.cut(None);
    }
    stage.heal("the API of WeChat");
    let uncertain = stage.system.database.count("FROM delivery WHERE state = 'uncertain'").await?;
    Ok(vec![Requirement::at_least("sends whose answer was lost are uncertain", uncertain, 1)])
}

/// F21: tokens that are refused, and another system that revokes them.
pub(super) async fn tokens_revoked(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let platform = stage.system.wechat.platform.clone();
    let begun = stage.journal.now();
    stage.harm("access tokens are refused");
    for errcode in [40001, 42001] {
        let rule = Rule { path: "/cgi-bin/message/custom/send".into(), errcode: Some(errcode), ..Rule::default() };
        platform.add_faults(vec![Rule { times: Some(40), ..rule }])?;
        tokio::time::sleep(Duration::from_secs(15)).await;
        platform.clear_faults();
    }
    for _ in 0..if stage.brief { 2 } else { 6 } {
        for firm in FIRMS {
            platform.revoke_tokens(&firm.appid())?;
        }
        tokio::time::sleep(Duration::from_secs(8)).await;
    }
    stage.heal("access tokens");
    let seconds = Duration::from_nanos(stage.journal.now() - begun).as_secs_f64();
    Ok(vec![Requirement::noted("tokens refused and revoked for", format!("{seconds:.0} s"))])
}
