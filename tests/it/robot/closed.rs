//! Robots outside business hours: they answer at any time, people do not. On one node and on two.

use serde_json::Value;

use super::{declared, tell_of};
use crate::support::{Agent, TestApp, Visitor};

/// Yesterday, today and tomorrow, as no test may depend on the date.
fn around_now() -> String {
    let now = yizhan::clock::Clock::system().now().seconds();
    let day = |n: i64| chrono::DateTime::from_timestamp(now + n * 86_400, 0).unwrap().format("%Y-%m-%d");
    [-1, 0, 1].map(|n| format!("\"{}\"", day(n))).join(", ")
}

fn closed(text: &str) -> String {
    text.replace("holidays = []", &format!("holidays = [{}]", around_now()))
}

/// These days are holidays.
fn on_holiday(text: &str) -> String {
    declared(&closed(text), "")
}

/// These days are holidays, and worked all the same to make up for others.
fn made_up(text: &str) -> String {
    let days = format!("make_up_days = [{}]", around_now());
    let all_day = ("make_up = [\"09:00-18:00\"]", "make_up = [\"00:00-24:00\"]");
    declared(&closed(text).replace("make_up_days = []", &days).replace(all_day.0, all_day.1), "")
}

tell_of! {
    on_a_holiday_the_robot_answers_and_nobody_is_queued of on_holiday;
    on_a_day_that_makes_up_for_another_people_are_there of made_up;
}

/// 5: the robot answers; whoever wants a person is told that nobody is there and may leave a message.
async fn on_a_holiday_the_robot_answers_and_nobody_is_queued(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("你们几点上班").await;
    visitor.expects_text("工作日 9:00-17:00。").await;
    visitor.says("人工").await;
    let asked = visitor.socket.push("session", |f| f["d"]["control"]["holder"] == "leave_message").await["d"].clone();
    assert!(asked.get("queue").is_none_or(Value::is_null), "{asked}");
    visitor.expects_text("现在是非服务时间。请留言，我们上班后会尽快回复您。").await;
    li.is("ready").await;
    assert!(!li.socket.has("offer"));
}

/// 5: a day that is worked to make up for another is open, holiday or not.
async fn on_a_day_that_makes_up_for_another_people_are_there(near: &TestApp, far: &TestApp) {
    let mut li = Agent::ready(far, "li").await;
    let mut visitor = Visitor::arrives(near, "w1").await;
    visitor.says("人工").await;
    let conv = li.takes_offer().await;
    assert_eq!(conv["conv"], visitor.conv);
}
