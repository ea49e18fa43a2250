use proptest::prelude::*;
use serde_json::{Value, json};

use super::bundled;
use crate::flow::catalogue::{Catalogue, Source};
use crate::flow::definition::Definition;
use crate::flow::step::{Act, CallError, Input, Step, advance, start};
use crate::flow::tests::Play;
use crate::flow::value::Vars;
use crate::flow::walk::Why;
use crate::model::id::MediaId;
use crate::model::time::Millis;

const NAMES: [&str; 5] = ["bind_account", "business_menu", "leave_message", "survey", "unbind_account"];

fn read(lang: &str, name: &str) -> Definition {
    let file = bundled(lang).into_iter().find(|file| file.name == name).unwrap();
    Definition::parse(&file.text).unwrap_or_else(|problems| panic!("{}\n{problems}", file.file))
}

/// What the services answer.
fn answer(op: &str) -> Value {
    match op {
        "ticket.create" => json!({"no": "T20261125-1"}),
        "account.find" => json!({"found": true, "ref": "r1"}),
        _ => json!({"ok": true}),
    }
}

/// Plays the words in order, answering calls in between; the last text and the last act.
fn play(lang: &str, name: &str, words: &[&str]) -> (String, Act) {
    let definition = read(lang, name);
    let mut play = Play::start(&definition);
    for words in words {
        play.words(words);
        while let Some(Act::Call { op, .. }) = play.acts.last() {
            let value = answer(op);
            play.called(value);
        }
    }
    assert_eq!(play.run, None, "{lang} {name} has not ended: {:?}", play.acts);
    (play.said(), play.acts.last().unwrap().clone())
}

fn end(reason: &str) -> Act {
    Act::End { reason: reason.to_owned() }
}

#[test]
fn all_are_sound_in_both_languages_and_make_one_catalogue() {
    for lang in ["zh", "en"] {
        let files = bundled(lang);
        assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), NAMES);
        let sources = files.iter().map(|file| Source { file: &file.file, text: &file.text });
        let catalogue = Catalogue::build(sources).unwrap_or_else(|faults| panic!("{faults:?}"));
        for name in NAMES {
            assert_eq!(catalogue.newest(name).unwrap().name, name);
        }
    }
    assert!(bundled("fr").is_empty());
}

#[test]
fn a_message_is_left_after_two_wrong_numbers() {
    let (said, last) = play("zh", "leave_message", &["王芳", "139", "电话", "13800138000", "３", "请回电"]);
    assert_eq!((said.as_str(), last), ("留言已提交，编号 T20261125-1。", end("left_message")));
    let (said, last) = play("en", "leave_message", &["Fang", "13800138000", "loans", "Call me"]);
    assert!(said.ends_with("T20261125-1."), "{said}");
    assert_eq!(last, end("left_message"));
    assert_eq!(play("zh", "leave_message", &["王芳", "0"]).1, Act::Cancelled(Why::Escaped));
}

#[test]
fn a_rating_goes_through_with_and_without_words() {
    assert_eq!(play("zh", "survey", &["1", "跳过"]), ("感谢您的评价！".to_owned(), end("rated")));
    assert_eq!(play("en", "survey", &["poor", "The queue was long"]).1, end("rated"));
    let definition = read("zh", "survey");
    let mut play = Play::start(&definition);
    assert!(play.words("3").said().contains("很抱歉"), "{}", play.said());
    play.words("太慢");
    let Act::Call { args, .. } = &play.acts[0] else { panic!("{:?}", play.acts) };
    assert_eq!(Value::from(args.clone()), json!({"score": 1, "words": "太慢"}));
}

#[test]
fn the_menu_leads_everywhere() {
    for (words, expected) in [
        (&["8"][..], Act::Robot),
        (&["3", "1"], Act::Robot),
        (&["1", "2"], end("done")),
        (&["3", "0", "3", "3", "1", "1", "不用了"], end("done")),
    ] {
        assert_eq!(play("zh", "business_menu", words).1, expected, "{words:?}");
    }
    for words in [&["9"][..], &["2", "1"], &["3", "2"], &["转人工"]] {
        assert!(matches!(play("zh", "business_menu", words).1, Act::Handoff { .. }), "{words:?}");
    }
    assert!(matches!(play("en", "business_menu", &["loans", "1"]).1, Act::Handoff { .. }));
}

#[test]
fn an_account_is_bound_and_unbound() {
    assert_eq!(play("zh", "bind_account", &["123x", "13800138000", "123456"]), ("绑定成功。".to_owned(), end("bound")));
    assert_eq!(play("en", "bind_account", &["1234", "13800138000", "again", "123456"]).1, end("bound"));
    assert_eq!(play("zh", "unbind_account", &["1"]).1, end("unbound"));
    assert_eq!(play("en", "unbind_account", &["2"]).1, end("kept"));

    let definition = read("zh", "bind_account");
    let mut play = Play::start(&definition);
    play.words("1234").words("13800138000").called(json!({"found": false}));
    assert!(play.said().contains("未找到"), "{}", play.said());
    play.words("2");
    assert!(
        matches!(&play.acts[..], [Act::Say(_), Act::Handoff { summary, .. }] if summary.is_empty()),
        "secrets stay"
    );
}

#[derive(Debug, Clone)]
enum Given {
    Words(String),
    Choice(String),
    Media,
    Location,
    Called(Value),
    Failed,
    Returned,
    Rated,
    Expired,
    Wait(u64),
}

fn given() -> impl Strategy<Value = Given> {
    let words = prop_oneof![
        "[0-9]",
        Just("13800138000".to_owned()),
        Just("123456".to_owned()),
        Just("1234".to_owned()),
        Just("转人工".to_owned()),
        Just("重发".to_owned()),
        Just("跳过".to_owned()),
        "\\PC{0,6}",
    ];
    let value = prop_oneof![
        Just(json!(true)),
        Just(json!({"found": true, "ok": true, "no": 1})),
        Just(json!({"ok": false})),
        Just(json!(null)),
    ];
    prop_oneof![
        6 => words.prop_map(Given::Words),
        1 => "[0-9]".prop_map(Given::Choice),
        1 => Just(Given::Media),
        1 => Just(Given::Location),
        4 => value.prop_map(Given::Called),
        1 => Just(Given::Failed),
        1 => Just(Given::Returned),
        1 => Just(Given::Rated),
        1 => Just(Given::Expired),
        1 => (0..400_u64).prop_map(Given::Wait),
    ]
}

const EVERY_KIND: &str = "
flow: every_kind
steps:
  - label: top
    link: {url: 'https://h5/{{channel}}', prompt: 请点击, save: page}
  - media: {var: photo, prompt: 照片, kinds: [image, location], on_fail: top}
  - verify: {service: s, to: '{{page.phone}}', prompt: 码, resend: [重发], on_fail: top}
  - survey: {save: rated}
  - ask: {var: n, prompt: 数, validate: {range: [0, 9]}, on_fail: continue}
  - branch: {if: 'n in [1, 2] || !n', goto: top, else: out}
  - label: out
    menu: {prompt: 再来, options: {1: {text: 好, goto: top}, 2: 不}}
  - end: {}
";

/// Gives a run everything that comes; whatever it is, the run waits or is over, and its serial only grows.
fn runs_soundly(definition: &Definition, inputs: &[Given]) -> Result<(), TestCaseError> {
    let mut now = Millis(1_795_392_000_000);
    let Step { mut run, mut acts } = start(definition, Vars::new(), now);
    for input in inputs {
        let ends = acts
            .iter()
            .filter(|act| matches!(act, Act::End { .. } | Act::Cancelled(_) | Act::Handoff { .. } | Act::Robot));
        prop_assert_eq!(ends.count(), usize::from(run.is_none()), "it waits or is over, not both: {:?}", acts);
        prop_assert!(acts.len() <= definition.len() + 2, "{acts:?}");
        let Some(before) = run.take() else { return Ok(()) };
        prop_assert!(
            serde_json::from_value::<super::super::Run>(serde_json::to_value(&before).unwrap()).unwrap() == before
        );
        let id = MediaId::generate(now);
        let input = match input {
            Given::Words(words) => Input::Words(words),
            Given::Choice(key) => Input::Choice { key, text: key },
            Given::Media => Input::Media { kind: crate::flow::MediaKind::Image, id },
            Given::Location => Input::Location { lat: Some(1.0), lon: Some(2.0), label: "那里" },
            Given::Called(value) => Input::Called(Ok(value.clone())),
            Given::Failed => Input::Called(Err(CallError::Timeout)),
            Given::Returned => Input::Returned(json!({"phone": "13800138000"})),
            Given::Rated => Input::Rated { score: 2, words: Some("好") },
            Given::Expired => Input::Expired,
            Given::Wait(seconds) => {
                now = now.plus(std::time::Duration::from_secs(*seconds));
                Input::Expired
            }
        };
        let step = advance(definition, before.clone(), input, now);
        (run, acts) = (step.run, step.acts);
        if let Some(after) = &run {
            prop_assert!(after.serial > before.serial || *after == before, "it changed without a new serial");
            prop_assert!(after.due() > now || now >= after.deadline || *after == before);
            prop_assert_eq!(after.deadline, before.deadline);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_comes_a_run_waits_or_ends(inputs in prop::collection::vec(given(), 0..40), which in 0..6_usize) {
        let definition = match NAMES.get(which) {
            Some(name) => read("zh", name),
            None => Definition::parse(EVERY_KIND).unwrap(),
        };
        runs_soundly(&definition, &inputs)?;
    }
}
