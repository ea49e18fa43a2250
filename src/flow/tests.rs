use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::model::id::{MediaId, QueueId};
use crate::model::time::Millis;

const NOW: Millis = Millis(1_795_392_000_000);
const NOTHING: [Act; 0] = [];

fn flow(steps: &str) -> Definition {
    let source = format!("flow: f\nttl: 10m\nstep_ttl: 2m\nescape: {{'0': cancel, 人工: handoff}}\nsteps:\n{steps}");
    Definition::parse(&source).unwrap_or_else(|problems| panic!("{problems}"))
}

fn vars() -> Vars {
    let Value::Object(vars) = json!({"contact": {"name": "小王"}, "tenant": {"name": "银行"}, "channel": "web"})
    else {
        panic!()
    };
    vars
}

/// A run that is played by its customer and its services.
pub(super) struct Play<'d> {
    definition: &'d Definition,
    pub(super) run: Option<Run>,
    pub(super) acts: Vec<Act>,
    now: Millis,
}

impl<'d> Play<'d> {
    pub(super) fn start(definition: &'d Definition) -> Self {
        let Step { run, acts } = start(definition, vars(), NOW);
        Self { definition, run, acts, now: NOW }
    }

    pub(super) fn give(&mut self, input: Input<'_>) -> &mut Self {
        let run = self.run.take().expect("a run that waits");
        let Step { run, acts } = advance(self.definition, run, input, self.now);
        (self.run, self.acts) = (run, acts);
        self
    }

    pub(super) fn words(&mut self, words: &str) -> &mut Self {
        self.give(Input::Words(words))
    }

    pub(super) fn called(&mut self, value: Value) -> &mut Self {
        self.give(Input::Called(Ok(value)))
    }

    fn later(&mut self, after: Duration) -> &mut Self {
        self.now = self.now.plus(after);
        self
    }

    fn waiting(&self) -> &Run {
        self.run.as_ref().expect("a run that waits")
    }

    fn var(&self, name: &str) -> &Value {
        &self.waiting().vars[name]
    }

    pub(super) fn said(&self) -> String {
        let text = |act: &Act| match act {
            Act::Say(text) | Act::Link { text, .. } => Some(text.clone()),
            Act::Choices { prompt, .. } => Some(prompt.clone()),
            _ => None,
        };
        self.acts.iter().filter_map(text).collect::<Vec<_>>().join("\n")
    }
}

fn end(reason: &str) -> Act {
    Act::End { reason: reason.into() }
}

#[test]
fn what_is_said_and_set_before_a_question_comes_at_once() {
    let flow = flow(
        "
  - set: {n: 2, who: '{{contact.name}}'}
  - say: '您好 {{who}}，{{n}} 步'
  - branch: {if: 'n > 1', goto: x}
  - say: 不会
  - label: x
    ask: {var: a, prompt: '请说：'}
  - end: {reason: ok, text: '{{a}}。'}
",
    );
    let mut play = Play::start(&flow);
    assert_eq!(play.acts, [Act::Say("您好 小王，2 步".into()), Act::Say("请说：".into())]);
    let run = play.waiting().clone();
    assert_eq!((run.node, run.serial, run.waits, run.due()), (4, 1, Waits::Answer, NOW.plus(Duration::from_secs(120))));
    play.words("好");
    assert_eq!(play.acts, [Act::Say("好。".into()), end("ok")]);
    assert_eq!(play.run, None);
}

#[test]
fn a_run_is_stored_and_read_back() {
    let flow = flow("  - verify: {service: s, to: '{{channel}}', prompt: p}\n  - end: {}\n");
    let mut play = Play::start(&flow);
    play.called(json!({"token": 7}));
    let written = serde_json::to_string(play.waiting()).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&written).unwrap(), *play.waiting());
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again_until_patience_is_used_up() {
    let steps =
        "  - ask: {var: p, prompt: '手机：', validate: {regex: '^1\\d{10}$'}, retries: 2, error: '不对', on_fail: ";
    let definition = flow(&format!("{steps}cancel}}\n  - end: {{}}\n"));
    let mut play = Play::start(&definition);
    assert_eq!(play.words("139").said(), "不对\n手机：");
    assert_eq!((play.waiting().retries, play.waiting().serial), (1, 2));
    assert_eq!(play.words("１３８００１３８０００").acts, [end("done")], "full-width digits are digits");

    let mut play = Play::start(&definition);
    play.words("1").words("2").words("3");
    assert_eq!(play.acts.last(), Some(&Act::Cancelled(Why::Failed)));
    assert!(play.said().contains("已取消"), "{}", play.said());

    let definition = flow(&format!("{steps}handoff}}\n  - end: {{}}\n"));
    let mut play = Play::start(&definition);
    play.words("1").words("2").words("3");
    assert!(matches!(&play.acts[..], [Act::Handoff { reason, .. }] if reason == "failed"), "{:?}", play.acts);

    let definition = flow(&format!("{steps}x}}\n  - end: {{}}\n  - label: x\n    end: {{reason: elsewhere}}\n"));
    let mut play = Play::start(&definition);
    play.words("1").words("2").words("3");
    assert_eq!(play.acts, [end("elsewhere")]);

    let definition = flow(&format!("{steps}continue}}\n  - end: {{text: '[{{{{p}}}}]'}}\n"));
    let mut play = Play::start(&definition);
    play.words("1").words("2").words("3");
    assert_eq!(play.said(), "[]");
}

#[test]
fn answers_are_judged_by_length_list_and_range_and_may_be_skipped() {
    let flow = flow(
        "
  - ask: {var: a, prompt: a, validate: {len: [2, 3]}}
  - ask: {var: b, prompt: b, validate: {one_of: [男, 女]}}
  - ask: {var: c, prompt: c, validate: {range: [1, 9.5]}}
  - ask: {var: d, prompt: d, skip: [跳过]}
  - ask: {var: e, prompt: e}
  - end: {}
",
    );
    let mut play = Play::start(&flow);
    for (wrong, right) in [("我", "我们"), ("人", " 女。"), ("10", "２.5"), (" ", "跳过")] {
        let node = play.waiting().node;
        assert_eq!(play.words(wrong).waiting().node, node, "{wrong}");
        assert_eq!(play.words(right).waiting().node, node + 1, "{right}");
    }
    assert_eq!(
        [play.var("a"), play.var("b"), play.var("c"), play.var("d")],
        [&json!("我们"), &json!("女"), &json!(2.5), &json!("")]
    );
}

#[test]
fn an_option_is_chosen_by_its_number_its_text_or_a_tap() {
    let flow = flow(
        "
  - menu: {var: t, prompt: 选, options: {1: 存款, 2: {text: 贷款, value: 7, goto: two}}}
  - end: {reason: one}
  - label: two
    ask: {var: x, prompt: '{{t}}'}
  - end: {}
",
    );
    for words in ["1", "１", "1.", "①", "存款"] {
        assert_eq!(Play::start(&flow).words(words).acts, [end("one")], "{words}");
    }
    let mut play = Play::start(&flow);
    let Act::Choices { options, .. } = &play.acts[0] else { panic!("{:?}", play.acts) };
    assert_eq!(
        options.iter().map(|o| (o.key.as_str(), o.label.as_str())).collect::<Vec<_>>(),
        [("1", "存款"), ("2", "贷款")]
    );
    let step = play.words("3").acts.clone();
    assert!(matches!(&step[..], [Act::Choices { prompt, .. }] if prompt == "请回复选项前的编号。\n选"), "{step:?}");
    play.give(Input::Choice { key: "2", text: "贷款" });
    assert_eq!((play.var("t"), play.said()), (&json!(7), "7".into()));
}

#[test]
fn escape_words_come_before_every_answer() {
    let flow = flow(
        "
  - ask: {var: name, prompt: 名}
  - ask: {var: pin, prompt: 密, secret: true}
  - ask: {var: b, prompt: b}
  - end: {}
",
    );
    let mut play = Play::start(&flow);
    assert_eq!(play.words("０").acts, [Act::Say("已取消。".into()), Act::Cancelled(Why::Escaped)]);
    let mut play = Play::start(&flow);
    play.words("王").words("1234").words("人工");
    let expected = Act::Handoff { queue: None, reason: "escape".into(), summary: "name: 王".into() };
    assert_eq!(play.acts, [expected]);
}

#[test]
fn a_service_is_asked_and_its_answer_kept_or_its_failure_met() {
    let with = |on_error: &str| {
        flow(&format!(
            "
  - ask: {{var: n, prompt: n, validate: {{range: [0, 9]}}}}
  - call: {{service: crm, op: ticket.create, args: {{n: '{{{{n}}}}', s: 'n={{{{n}}}}', on: true}}, timeout: 3s, save: ticket{on_error}}}
  - say: '编号 {{{{ticket.no}}}}。'
  - end: {{}}
"
        ))
    };
    let definition = with("");
    let mut play = Play::start(&definition);
    play.words("4");
    let Value::Object(args) = json!({"n": 4, "s": "n=4", "on": true}) else { panic!() };
    let call =
        Act::Call { service: "crm".into(), op: "ticket.create".into(), args, timeout: Duration::from_secs(3), id: 2 };
    assert_eq!(play.acts, [call]);
    assert_eq!((play.waiting().waits, play.waiting().serial), (Waits::Call, 2));
    let before = play.waiting().clone();
    assert_eq!(play.words("还在吗").acts, NOTHING, "words while a service is asked change nothing");
    assert_eq!(*play.waiting(), before);
    play.called(json!({"no": "T1"}));
    assert_eq!(play.acts, [Act::Say("编号 T1。".into()), end("done")]);

    for (on_error, last) in [
        ("", Act::Cancelled(Why::Trouble)),
        (", on_error: say_later", end("later")),
        (", on_error: continue", end("done")),
        (", on_error: handoff", Act::Handoff { queue: None, reason: "trouble".into(), summary: "n: 4".into() }),
    ] {
        let definition = with(on_error);
        let mut play = Play::start(&definition);
        play.words("4").give(Input::Called(Err(CallError::Refused("no".into()))));
        assert_eq!((play.acts.last(), &play.run), (Some(&last), &None), "{on_error}");
        let mut play = Play::start(&definition);
        play.words("4").called(json!("x".repeat(20_000)));
        assert_eq!(play.acts.last(), Some(&last), "an answer that is too large");
    }
}

#[test]
fn a_silent_service_is_given_up_and_what_it_did_late_is_still_told() {
    let flow = flow(
        "
  - call: {service: s, op: o, timeout: 3s, save: t, on_error: say_later}
  - end: {text: '{{t.no}}'}
",
    );
    let mut play = Play::start(&flow);
    assert_eq!(play.later(Duration::from_secs(4)).give(Input::Expired).acts, NOTHING, "not due yet");
    play.later(Duration::from_secs(1)).give(Input::Expired);
    assert_eq!(play.acts.last(), Some(&end("later")));
    let mut play = Play::start(&flow);
    play.later(Duration::from_secs(3600)).called(json!({"no": "T2"}));
    assert_eq!(play.said(), "T2");
}

#[test]
fn a_code_is_sent_checked_and_sent_again() {
    let flow = flow(
        "
  - verify: {service: bank, to: '{{contact.name}}', prompt: 验证码, resend: [重发], retries: 2, error: 不对, save: v}
  - end: {text: '{{v.at}}'}
",
    );
    let mut play = Play::start(&flow);
    assert!(matches!(&play.acts[..], [Act::Call { op, args, .. }] if op == "sms.send" && args["to"] == "小王"));
    assert_eq!(play.called(json!("token")).said(), "验证码");
    assert_eq!(play.words("你好").said(), "不对\n验证码", "no code at all costs no check");
    play.words("１２３ ４５６");
    let Act::Call { op, args, .. } = &play.acts[0] else { panic!("{:?}", play.acts) };
    assert_eq!((op.as_str(), &args["code"], &args["sent"]), ("sms.check", &json!("123456"), &json!("token")));
    assert_eq!(play.called(json!({"ok": false})).said(), "不对\n验证码");
    play.words("重发");
    assert_eq!(play.acts.last(), Some(&Act::Cancelled(Why::Failed)), "patience is shared");

    let mut play = Play::start(&flow);
    play.called(json!("a")).words("重发");
    assert!(matches!(&play.acts[..], [Act::Call { op, .. }] if op == "sms.send"), "{:?}", play.acts);
    play.called(json!("b")).words("1234").called(json!({"ok": true, "at": "九点"}));
    assert_eq!(play.said(), "九点");
    let mut play = Play::start(&flow);
    play.called(json!("a")).words("1234").give(Input::Called(Err(CallError::Unreachable)));
    assert_eq!(play.acts.last(), Some(&Act::Cancelled(Why::Trouble)));
}

#[test]
fn a_picture_or_a_place_is_waited_for() {
    let flow = flow(
        "
  - media: {var: photo, prompt: 拍照, retries: 1}
  - media: {var: place, prompt: 位置, kinds: [location]}
  - ask: {var: z, prompt: '{{place.label}}'}
  - end: {}
",
    );
    let id = MediaId::generate(NOW);
    let mut play = Play::start(&flow);
    play.words("没有");
    play.give(Input::Media { kind: MediaKind::Image, id });
    assert_eq!(play.var("photo"), &json!({"kind": "image", "id": id.to_string()}));
    play.give(Input::Media { kind: MediaKind::Image, id });
    assert_eq!(play.said(), "输入有误，请重新输入。\n位置");
    assert_eq!(play.give(Input::Location { lat: Some(39.9), lon: None, label: "天安门" }).said(), "天安门");
}

#[test]
fn a_page_is_opened_and_words_meanwhile_leave_its_link_good() {
    let flow = flow(
        "  - link: {url: 'https://h5/?n={{contact.name}}', prompt: 请点击, save: r}\n  - end: {text: '{{r.no}}'}\n",
    );
    let mut play = Play::start(&flow);
    let link = Act::Link { text: "请点击".into(), url: "https://h5/?n=%E5%B0%8F%E7%8E%8B".into(), state: 1 };
    assert_eq!(play.acts, [link]);
    assert_eq!(play.words("在哪").said(), "请点击上面的链接继续办理。");
    assert_eq!(play.waiting().expects().serial, 1);
    assert_eq!(play.give(Input::Returned(json!({"no": 5}))).acts, [Act::Say("5".into()), end("done")]);
}

#[test]
fn a_rating_is_left_to_the_survey_and_may_be_missing() {
    let flow = flow("  - survey: {save: r}\n  - end: {text: '谢谢{{r.score}}'}\n");
    let mut play = Play::start(&flow);
    assert_eq!(play.acts, [Act::Survey]);
    assert_eq!(play.give(Input::Rated { score: 3, words: None }).said(), "谢谢3");
    let mut play = Play::start(&flow);
    assert_eq!(play.later(Duration::from_secs(120)).give(Input::Expired).said(), "谢谢");
}

#[test]
fn a_run_passes_to_a_person_or_to_the_robot() {
    let person = flow("  - handoff: {queue: vip, reason: loan, text: 请稍候}\n");
    let handoff =
        Act::Handoff { queue: Some(QueueId::parse("vip").unwrap()), reason: "loan".into(), summary: String::new() };
    assert_eq!(Play::start(&person).acts, [Act::Say("请稍候".into()), handoff]);
    assert_eq!(Play::start(&flow("  - robot: {}\n")).acts, [Act::Robot]);
}

#[test]
fn an_answer_given_twice_advances_once() {
    let flow = flow(
        "  - ask: {var: a, prompt: a}\n  - call: {service: s, op: o}\n  - ask: {var: b, prompt: b}\n  - end: {}\n",
    );
    let mut play = Play::start(&flow);
    let first = play.waiting().expects();
    play.words("甲");
    assert_ne!(play.waiting().expects().serial, first.serial, "the second delivery belongs to a serial that is gone");
    play.words("甲").called(json!(1));
    let asked = play.waiting().clone();
    for late in
        [Input::Called(Ok(json!(1))), Input::Returned(json!(1)), Input::Rated { score: 1, words: None }, Input::Expired]
    {
        play.give(late);
        assert_eq!((play.waiting(), &play.acts[..]), (&asked, &[][..]), "what is not waited for changes nothing");
    }
    play.words("乙");
    assert_eq!(play.acts, [end("done")]);
}

#[test]
fn a_run_that_is_due_ends_whatever_comes() {
    let flow = flow("  - ask: {var: a, prompt: a}\n  - ask: {var: b, prompt: b}\n  - end: {}\n");
    let mut play = Play::start(&flow);
    assert_eq!(play.later(Duration::from_secs(119)).give(Input::Expired).acts, NOTHING);
    play.later(Duration::from_secs(1));
    assert!(play.waiting().due() <= play.now);
    play.give(Input::Expired);
    assert_eq!(play.acts.last(), Some(&Act::Cancelled(Why::Expired)));
    let mut play = Play::start(&flow);
    play.later(Duration::from_secs(600)).words("晚了");
    assert_eq!(play.acts.last(), Some(&Act::Cancelled(Why::Expired)));
}

#[test]
fn a_run_of_another_flow_or_version_is_gone() {
    let definition = flow("  - ask: {var: a, prompt: a}\n  - end: {}\n");
    let run = Play::start(&definition).run.unwrap();
    for strange in [Run { version: 2, ..run.clone() }, Run { flow: "g".into(), ..run.clone() }, Run { node: 9, ..run }]
    {
        let step = advance(&definition, strange, Input::Words("x"), NOW);
        assert_eq!(step, Step { run: None, acts: vec![Act::Cancelled(Why::Gone)] });
    }
}
