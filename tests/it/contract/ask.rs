//! Other modules are asked over a real broker: every question ends in its own answer or in a reason, and in time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use yizhan::bus::Bus;
use yizhan::bus::ask::{Ask, AskError};

use crate::support::broker::{Broker, rabbitmq, url};
use crate::support::clerk::{Clerk, question};
use crate::support::service::{Kind, Service};

/// How long anything may take that has no time of its own.
const PATIENCE: Duration = Duration::from_secs(60);
/// What ends at once ends within this time on a busy machine, and long before any question's own time.
const SOON: Duration = Duration::from_secs(10);
/// Questions that may wait at the same time.
const PLACES: usize = 1_024;

type Outcome = Result<Value, AskError>;

fn asking(bus: &Bus, ask: Ask) -> JoinHandle<Outcome> {
    let bus = bus.clone();
    tokio::spawn(async move { bus.ask(ask).await })
}

fn within(timeout: Duration, mut ask: Ask) -> Ask {
    ask.timeout = timeout;
    ask
}

/// Looks again and again, with a moment between, until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::timeout(Duration::from_millis(50), std::future::pending::<()>()).await.unwrap_err();
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it is so in time");
}

/// What is asked arrives whole, and what is answered comes back, whatever it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_gets_its_answer_or_the_reason_why_not() {
    assert_eq!(Bus::local().ask(question("crm", "ticket.create", json!({}))).await, Err(AskError::NoService));
    let service = Service::start(Kind::Rabbitmq, &[]);
    let (bus, module) = (rabbitmq(&url(&service)), Broker::connect(&service).await);
    // The first question ever: the exchange is not there before it.
    assert_eq!(bus.ask(question("crm", "ticket.create", json!({}))).await, Err(AskError::NoService));
    let mut clerk = Clerk::serve(&module, "crm").await;

    let mut ask = question("crm", "ticket.create", json!({ "title": "退款", "amount": 128 }));
    ask.id = "run-7".into();
    let asked = asking(&bus, within(Duration::from_secs(3), ask));
    let heard = clerk.next().await;
    let said = json!({ "op": "ticket.create", "tenant": "demo", "args": { "title": "退款", "amount": 128 } });
    assert_eq!((heard.key.as_str(), &heard.event), ("crm.ticket.create", &said));
    let (properties, text) = (&heard.properties, |field: &Option<lapin::types::ShortString>| field.clone().unwrap());
    assert_eq!(text(properties.message_id()).as_str(), "run-7");
    let expiration: u64 = text(properties.expiration()).as_str().parse().unwrap();
    assert!((1..=3_000).contains(&expiration), "{expiration}");
    let tenant = properties.headers().as_ref().unwrap().inner().get("tenant").and_then(|value| value.as_long_string());
    assert_eq!(tenant.unwrap().to_string(), "demo");
    clerk.answer(&heard, br#"{"ok":{"ticket":7}}"#).await;
    assert_eq!(asked.await.unwrap(), Ok(json!({ "ticket": 7 })));

    let large = format!(r#"{{"ok":"{}"}}"#, "x".repeat(65_536));
    let largest = format!(r#"{{"ok":"{}"}}"#, "x".repeat(65_536 - 9));
    let refused = AskError::Refused { code: "not_found".into(), message: "查无此户".into() };
    for (answer, expected) in [
        (r#"{"err":{"code":"not_found","message":"查无此户"}}"#, Err(refused)),
        ("{", Err(AskError::Garbled)),
        (large.as_str(), Err(AskError::TooLarge)),
        (largest.as_str(), Ok(Value::from("x".repeat(65_536 - 9)))),
    ] {
        let asked = asking(&bus, question("crm", "ticket.find", json!({})));
        clerk.answers(answer.as_bytes()).await;
        assert_eq!(asked.await.unwrap(), expected);
    }
    late_answers_are_passed_over(&bus, &mut clerk).await;
    nobody_serves(&bus).await;
    all_at_once(&bus, &mut clerk).await;
}

/// An answer that comes too late, or that belongs to no question, is nobody's: the next question gets its own.
async fn late_answers_are_passed_over(bus: &Bus, clerk: &mut Clerk) {
    let began = Instant::now();
    let late = asking(bus, within(Duration::from_millis(300), question("crm", "slow", json!({}))));
    let heard = clerk.next().await;
    assert_eq!(late.await.unwrap(), Err(AskError::Timeout));
    assert!(began.elapsed() >= Duration::from_millis(300) && began.elapsed() < SOON);
    let asked = asking(bus, question("crm", "next", json!({})));
    let next = clerk.next().await;
    clerk.answer(&heard, br#"{"ok":"late"}"#).await;
    clerk.answer_as(&next, "nobody's".into(), br#"{"ok":"nobody's"}"#).await;
    clerk.answer(&next, br#"{"ok":"next"}"#).await;
    clerk.answer(&next, br#"{"ok":"twice"}"#).await;
    assert_eq!(asked.await.unwrap(), Ok(json!("next")));

    // Whoever has gone is not waited for, and his answer disturbs nobody.
    let gone = asking(bus, question("crm", "gone", json!({})));
    let heard = clerk.next().await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    clerk.answer(&heard, br#"{"ok":"gone"}"#).await;
}

/// A question that no queue takes ends at once, not at the end of its time.
async fn nobody_serves(bus: &Bus) {
    let began = Instant::now();
    for ask in [question("bank", "balance", json!({})), question("crm.*", "#", json!({}))] {
        assert_eq!(bus.ask(ask).await, Err(AskError::NoService));
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// Two hundred questions at once, and as many that nobody serves between them: each gets what is its own, though the
/// answers come in another order.
async fn all_at_once(bus: &Bus, clerk: &mut Clerk) {
    let began = Instant::now();
    let asked = (0..200).map(|n| asking(bus, question("crm", "echo", json!({ "n": n })))).collect::<Vec<_>>();
    let nobody = (0..200).map(|n| asking(bus, question("bank", "echo", json!({ "n": n })))).collect::<Vec<_>>();
    let mut heard = Vec::new();
    while heard.len() < 200 {
        heard.push(clerk.next().await);
    }
    for question in heard.iter().rev() {
        let answer = json!({ "ok": question.event["args"]["n"] });
        clerk.answer(question, answer.to_string().as_bytes()).await;
    }
    for (n, outcome) in join_all(asked).await.into_iter().enumerate() {
        assert_eq!(outcome.unwrap(), Ok(json!(n)));
    }
    for outcome in join_all(nobody).await {
        assert_eq!(outcome.unwrap(), Err(AskError::NoService));
    }
    assert!(began.elapsed() < Duration::from_secs(20), "none had to wait for its end: {:?}", began.elapsed());
}

/// Questions that wait take places, of which there are so many; whoever goes gives his back. A service that fails again
/// and again is left alone, and the others are not.
#[tokio::test(flavor = "multi_thread")]
async fn questions_are_bounded_and_a_sick_service_is_left_alone() {
    let service = Service::start(Kind::Rabbitmq, &[]);
    let (bus, module) = (rabbitmq(&url(&service)), Broker::connect(&service).await);
    let mut clerk = Clerk::serve(&module, "crm").await;
    let queue = Clerk::queue(&module, "bank").await;
    let waiting = (0..PLACES).map(|_| asking(&bus, question("bank", "balance", json!({})))).collect::<Vec<_>>();
    until(async || module.waiting(&queue).await == 1_024).await;
    assert_eq!(bus.ask(question("crm", "ticket.create", json!({}))).await, Err(AskError::Busy));
    for asked in waiting {
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled(), "its time is not over yet");
    }
    let asked = asking(&bus, question("crm", "ticket.create", json!({})));
    clerk.answers(br#"{"ok":1}"#).await;
    assert_eq!(asked.await.unwrap(), Ok(json!(1)));

    let sick = || within(Duration::from_millis(100), question("bank", "balance", json!({})));
    for _ in 0..5 {
        assert_eq!(bus.ask(sick()).await, Err(AskError::Timeout));
    }
    let rests = bus.ask(within(Duration::from_secs(30), sick())).await;
    assert!(matches!(&rests, Err(AskError::Away(why)) if why.contains("'bank'")), "{rests:?}");
    let asked = asking(&bus, question("crm", "ticket.create", json!({})));
    clerk.answers(br#"{"ok":2}"#).await;
    assert_eq!(asked.await.unwrap(), Ok(json!(2)));

    // It is well again, and the one that tries finds out.
    let mut bank = Clerk::serve(&module, "bank").await;
    let trial = until(async || match bus.ask(question("bank", "trial", json!({}))).await {
        Ok(answer) => answer == json!("well"),
        Err(refused) => {
            assert!(matches!(refused, AskError::Away(_)), "{refused}");
            false
        }
    });
    let serving = async {
        // What had waited has expired, but for what was on its way to this clerk.
        loop {
            let heard = bank.next().await;
            if heard.key == "bank.trial" {
                break bank.answer(&heard, br#"{"ok":"well"}"#).await;
            }
        }
    };
    tokio::join!(trial, serving);
}

/// A broker that dies ends what waits on it at once; while it is away nothing waits; when it is back questions are
/// answered again. The same when only the exchange is deleted, and while it is short of memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_takes_its_questions_with_it_and_comes_back() {
    let mut service = Service::start(Kind::Rabbitmq, &[]);
    let bus = rabbitmq(&url(&service));
    let module = Broker::connect(&service).await;
    let mut clerk = Clerk::serve(&module, "crm").await;
    let asked = asking(&bus, within(PATIENCE, question("crm", "ticket.create", json!({}))));
    clerk.next().await;
    let began = Instant::now();
    let service = tokio::task::spawn_blocking(move || {
        service.kill();
        service
    });
    let mut service = service.await.unwrap();
    let lost = asked.await.unwrap();
    assert!(matches!(lost, Err(AskError::Away(_))), "{lost:?}");
    for _ in 0..50 {
        let away = bus.ask(question("crm", "ticket.create", json!({}))).await;
        assert!(matches!(away, Err(AskError::Away(_))), "{away:?}");
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    drop(clerk);
    let service = tokio::task::spawn_blocking(move || {
        service.resume();
        service
    });
    let service = service.await.unwrap();
    let module = Broker::connect(&service).await;
    answers_again(&bus, &module).await;

    // All bindings go with the exchange, and it is made anew at the next question.
    module.delete_exchange("yizhan.rpc").await;
    until(async || bus.ask(question("crm", "ticket.create", json!({}))).await == Err(AskError::NoService)).await;
    answers_again(&bus, &module).await;

    service.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1"]);
    let mut last = Err(AskError::Busy);
    until(async || {
        last = bus.ask(within(Duration::from_millis(500), question("crm", "ticket.create", json!({})))).await;
        matches!(&last, Err(AskError::Away(why)) if why.contains("short of memory"))
    })
    .await;
    service.rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1000000000"]);
    answers_again(&bus, &module).await;
}

/// A clerk comes, and somebody who asks until there is an answer gets one.
async fn answers_again(bus: &Bus, module: &Broker) {
    let mut clerk = Clerk::serve(module, "crm").await;
    let serving = tokio::spawn(async move {
        loop {
            let question = clerk.next().await;
            clerk.answer(&question, br#"{"ok":"again"}"#).await;
            if question.key == "crm.end" {
                break;
            }
        }
    });
    let ask = |op: &str| within(Duration::from_secs(2), question("crm", op, json!({})));
    until(async || bus.ask(ask("ticket.create")).await == Ok(json!("again"))).await;
    assert_eq!(bus.ask(ask("end")).await, Ok(json!("again")));
    serving.await.unwrap();
}
