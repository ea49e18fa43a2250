use crate::flow::definition::{Definition, Escape, Trigger};

/// The problems of a flow, one a line.
fn problems(source: &str) -> String {
    match Definition::parse(source) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

/// A flow of these steps.
fn steps(steps: &str) -> String {
    format!("flow: f\nsteps:\n{steps}")
}

const EXAMPLE: &str = r#"
flow: leave_message           # versioned; runs pin the version they started with
trigger: [ {menu: LEAVE_MSG}, {state: closed_hours}, {text: "^留言$"} ]
ttl: 30m            # whole run;   step_ttl: 5m
escape: {"0": cancel, "人工": handoff}
steps:
  - ask: {var: name,  prompt: "请输入您的姓名:", validate: {len: [2,20]}, retries: 3}
  - ask: {var: phone, prompt: "请输入手机号:", validate: {regex: "^1\\d{10}$"}, error: "手机号格式不正确"}
  - menu: {var: topic, prompt: "请选择业务类型:", options: {1: 存款, 2: 贷款, 3: 信用卡}}
  - branch: {if: "topic == '信用卡'", goto: card}
  - call: {service: crm, op: ticket.create, timeout: 3s, save: ticket, on_error: say_later}   # RabbitMQ RPC or HTTP
  - say: "留言已提交,编号 {{ticket.no}}。"
  - end: {}
  - label: card
    end: {}
"#;

#[test]
fn the_example_of_the_reference_is_read() {
    let flow = Definition::parse(EXAMPLE).unwrap();
    assert_eq!((flow.name.as_str(), flow.version, flow.len()), ("leave_message", 1, 8));
    assert_eq!((flow.ttl.as_secs(), flow.step_ttl.as_secs()), (1800, 300));
    assert_eq!((flow.escape("０"), flow.escape("人工！")), (Some(Escape::Cancel), Some(Escape::Handoff)));
    assert!(
        matches!(&flow.triggers[..], [Trigger::Menu(key), Trigger::State(_), Trigger::Text(_)] if key == "LEAVE_MSG")
    );
    assert_eq!(flow.digest.len(), 64);
}

#[test]
fn each_problem_says_where_it_is_and_what_to_do() {
    let cases = [
        ("flow: f\nstep: []\n", "2:1: 未知的键 step，可用：flow, version"),
        ("flow: f\n", "1:1: 缺少 steps，请补上。steps is missing; add it."),
        ("flow: f\nsteps: []\n", "2:8: steps 应为至少一步的列表"),
        ("flow: 1f\nsteps: [{end: {}}]\n", "1:7: 1f 不是变量名"),
        ("flow: f\nversion: 0\nsteps: [{end: {}}]\n", "2:10: 应为 1 到"),
        ("flow: f\nttl: 30\nsteps: [{end: {}}]\n", "2:6: 时长应写作"),
        ("flow: f\nttl: 8d\nsteps: [{end: {}}]\n", "2:6: 时长应写作"),
        ("flow: f\nttl: 1m\nstep_ttl: 2m\nsteps: [{end: {}}]\n", "3:11: 时长应写作"),
        ("flow: f\nlang: fr\nsteps: [{end: {}}]\n", "2:7: 语言应为 zh 或 en"),
        ("flow: f\nflow: g\nsteps: [{end: {}}]\n", "2:1: 键 flow 写了两次"),
        (
            "flow: f\ntrigger: [{state: open}]\nsteps: [{end: {}}]\n",
            "2:19: 未知的状态 open，可用：closed_hours, no_agent, entry",
        ),
        ("flow: f\ntrigger: [{text: '(x'}]\nsteps: [{end: {}}]\n", "2:18: 正则表达式有误（unclosed group）"),
        ("flow: f\nescape: {x: leave}\nsteps: [{end: {}}]\n", "2:13: 应为 cancel 或 handoff"),
        ("flow: f\ntexts: {bye: x}\nsteps: [{end: {}}]\n", "2:9: 未知的键 bye"),
        ("- a\n", "1:1: 此处应为映射（键: 值），而不是列表。must be a map (key: value), not a list."),
    ];
    for (source, expected) in cases {
        let found = problems(source);
        assert!(found.lines().any(|line| line.starts_with(expected)), "{expected} is missing in\n{found}");
    }
}

#[test]
fn each_problem_of_a_step_says_where_it_is_and_what_to_do() {
    let cases = [
        ("  - tell: x\n  - end: {}\n", "3:5: 未知的步骤 tell，可用：say, ask"),
        ("  - say: x\n    ask: {var: a, prompt: b}\n  - end: {}\n", "4:5: 一步只能有一种类型"),
        ("  - label: x\n  - end: {}\n", "3:5: 此步没有类型"),
        ("  - ask: {var: a}\n  - end: {}\n", "3:10: 缺少 prompt"),
        ("  - ask: {var: a, prompt: b, len: 3}\n  - end: {}\n", "3:30: 未知的键 len，可用：var, prompt"),
        ("  - ask: {var: a.b, prompt: b}\n  - end: {}\n", "3:16: a.b 不是变量名"),
        ("  - ask: {var: a, prompt: b, validate: {regex: '('}}\n  - end: {}\n", "3:48: 正则表达式有误"),
        ("  - ask: {var: a, prompt: b, validate: {len: [3, 2]}}\n  - end: {}\n", "3:46: 应为 [最少, 最多]"),
        ("  - ask: {var: a, prompt: b, validate: {range: [1]}}\n  - end: {}\n", "3:48: 应为 [最小, 最大]"),
        ("  - ask: {var: a, prompt: b, retries: 11}\n  - end: {}\n", "3:39: 应为 0 到 10 的整数"),
        ("  - menu: {prompt: x, options: {}}\n  - end: {}\n", "3:32: 菜单没有选项"),
        ("  - menu: {prompt: x}\n  - end: {}\n", "3:11: 缺少 options"),
        ("  - menu: {prompt: x, options: {1: a, １: b}}\n  - end: {}\n", "3:39: 选项 １ 与前面的选项无法区分"),
        ("  - menu: {prompt: x, options: {1: a, 2: 取消}}\n  - end: {}\n", "3:39: 退出词 取消 会先于此选项生效"),
        ("  - branch: {if: 'channel ==', goto: x}\n  - label: x\n    end: {}\n", "3:29: 条件有误，此处应为变量"),
        ("  - branch: {if: \"channel = 'web'\", goto: x}\n  - label: x\n    end: {}\n", "3:27: 条件有误"),
        ("  - branch: {goto: y}\n  - label: x\n    end: {}\n", "3:20: 没有标签为 y 的步骤，现有标签：x"),
        ("  - branch: {goto: x, else: x}\n  - label: x\n    end: {}\n", "3:29: 没有 if 就不会走到 else"),
        ("  - label: x\n    say: a\n  - label: x\n    end: {}\n", "5:12: 标签 x 已用于 3:12"),
        ("  - label: cancel\n    end: {}\n", "3:12: cancel 是保留词"),
        ("  - say: 您好 {{nmae}}\n  - end: {}\n", "3:13: 变量 nmae 在此之前没有赋值"),
        ("  - branch: {if: topic, goto: x}\n  - label: x\n    end: {}\n", "3:18: 变量 topic 在此之前没有赋值"),
        ("  - say: '{{a'\n  - end: {}\n", "3:11: `{{` 之后没有 `}}`"),
        ("  - say: '{{a + 1}}'\n  - end: {}\n", "3:11: `{{ }}` 中只能写变量"),
        ("  - say: ''\n  - end: {}\n", "3:10: 不能为空"),
        ("  - call: {op: a}\n  - end: {}\n", "3:11: 缺少 service"),
        ("  - call: {service: a, op: b, timeout: 5m}\n  - end: {}\n", "3:40: 时长应写作"),
        ("  - link: {url: 'javascript:x', prompt: a}\n  - end: {}\n", "3:17: 地址应以 https:// 开头"),
        ("  - media: {var: a, prompt: b, kinds: [photo]}\n  - end: {}\n", "3:39: 未知的媒体 photo"),
        ("  - handoff: {queue: 'a b'}\n", "3:22: 队列标识应为"),
        ("  - verify: {service: a, to: b, prompt: c, on_error: continue}\n  - end: {}\n", "3:54: 验证不可跳过"),
        ("  - say: a\n", "3:5: 此步之后流程没有结尾"),
        ("  - branch: {if: channel, goto: x}\n  - label: x\n    say: a\n", "4:5: 此步之后流程没有结尾"),
        ("  - end: {}\n  - say: a\n  - end: {}\n", "4:5: 没有任何路径到达此步"),
        ("  - label: x\n    say: a\n  - branch: {goto: x}\n", "3:5: 从此步起会无休止地循环"),
        ("  - label: x\n    call: {service: a, op: b, on_error: x}\n  - end: {}\n", "3:5: 从此步起会无休止地循环"),
    ];
    for (source, expected) in cases {
        let found = problems(&steps(source));
        assert!(found.lines().any(|line| line.starts_with(expected)), "{expected} is missing in\n{source}\n{found}");
    }
}

#[test]
fn everything_is_reported_at_once_in_order_and_nothing_that_follows_from_it() {
    let found = problems(
        "flow: f\nttl: soon\nsteps:\n  - aks: {var: name, prompt: x}\n  - say: '{{name}} {{nobody}}'\n  - branch: {goto: nowhere}\n  - end: {}\n",
    );
    let places: Vec<&str> = found.lines().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(places, ["2:6", "4:5", "5:20", "6:20"], "{found}");
}

#[test]
fn a_variable_may_come_from_any_path_from_the_caller_or_the_file() {
    let sound = steps(
        "
  - branch: {if: \"channel == 'web'\", goto: b}
  - set: {a: 1, b: '{{a}}'}
  - label: b
    say: '{{a}} {{contact.name}}'
  - end: {}
",
    );
    assert_eq!(problems(&sound), "");
    assert_eq!(problems("flow: f\ninputs: [order]\nsteps:\n  - say: '{{order.no}}'\n  - end: {}\n"), "");
    let later = steps("  - say: '{{a}}'\n  - set: {a: 1}\n  - end: {}\n");
    assert!(problems(&later).starts_with("3:11: 变量 a"), "{}", problems(&later));
}

#[test]
fn a_ring_with_a_question_is_fine() {
    let asked = steps(
        "  - label: x\n    say: a\n  - menu: {prompt: b, options: {1: {text: 再来, goto: x}, 2: 好}}\n  - end: {}\n",
    );
    assert_eq!(problems(&asked), "");
}

#[test]
fn limits_hold() {
    let many = steps(&format!("{}  - end: {{}}\n", "  - say: a\n".repeat(200)));
    assert!(problems(&many).contains("203:5: 流程超过 200 步"), "{}", problems(&many));
    let most = steps(&format!("{}  - end: {{}}\n", "  - say: a\n".repeat(199)));
    assert_eq!(problems(&most), "");
    let long = steps(&format!("  - say: {}\n  - end: {{}}\n", "长".repeat(2001)));
    assert!(problems(&long).contains("3:10: 超过 2000 字"), "{}", problems(&long));
    let options: String = (1..=21).map(|n| format!("{n}: 第{n}项, ")).collect();
    let menu = steps(&format!("  - menu: {{prompt: x, options: {{{options}}}}}\n  - end: {{}}\n"));
    assert!(problems(&menu).contains("菜单选项超过 20 个"), "{}", problems(&menu));
    assert!(problems(&"#\n".repeat(40_000)).contains("64 KiB"));
    assert!(problems("a: &a [x]\nb: *a\n").contains("流程文件不支持锚点"), "{}", problems("a: &a [x]\n"));
}

mod random {
    use proptest::prelude::*;

    use super::{Definition, EXAMPLE};

    proptest! {
        #[test]
        fn nothing_written_makes_it_panic(source in "[a-z&*!|>{}\\[\\]:,#'\"\\- \\n\\t0-9信]{0,200}") {
            let _read = Definition::parse(&source);
        }

        #[test]
        fn no_slip_in_a_sound_file_makes_it_panic(
            at in 0..EXAMPLE.len(), length in 0..20_usize, put in "[a-z{}\\[\\]:,'\" \\n]{0,5}",
        ) {
            let start = EXAMPLE.floor_char_boundary(at);
            let end = EXAMPLE.floor_char_boundary((at + length).min(EXAMPLE.len())).max(start);
            let broken = format!("{}{put}{}", EXAMPLE.get(..start).unwrap(), EXAMPLE.get(end..).unwrap());
            let _read = Definition::parse(&broken);
        }
    }
}
