//! Forms that leave the conversation: to a page with a signed way back, and to a program of the enterprise over HTTP.

use std::path::Path;

use serde_json::{Value, json};

use super::program::{Program, SECRET};
use crate::support::app::Builder;
use crate::support::{TestApp, Visitor};

const FORM: &str = "\
flow: visit
trigger: [{text: '^预约$'}]
steps:
  - link: {url: 'https://h5.bank.example/pick?for={{tenant}}', prompt: 请选择时间, save: picked}
  - call: {service: branch, op: visit.book, args: {slot: '{{picked.slot}}'}, save: booked}
  - say: 已预约{{picked.slot}}，编号{{booked.no}}。
  - end: {}
";

/// A bank whose form lies beside its declaration and asks a program at this port.
fn bank(program: &Program, tenants: &Path) -> Builder {
    let forms = tenants.join("demo/flows");
    std::fs::create_dir_all(&forms).unwrap();
    std::fs::write(forms.join("visit.yaml"), FORM).unwrap();
    let service = format!(
        "[[service]]\nid = \"branch\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{}/api\"\nsecret = \"{SECRET}\"\n",
        program.port
    );
    let settings = format!("[tenants]\ndir = {tenants:?}\n{}", program.permit());
    TestApp::with().declared(move |text| format!("{text}\n{service}")).settings(&settings)
}

/// The customer comes back from the page once; what was chosen there goes to the bank's own program, signed, and its answer to
/// the customer.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_gives_back_what_was_chosen_and_a_program_is_told() {
    let mut program = Program::starts("200 OK", r#"{"no": "A17"}"#).await;
    let tenants = tempfile::tempdir().unwrap();
    let app = bank(&program, tenants.path()).start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("预约").await;
    let sends_away =
        |frame: &Value| frame["d"]["body"]["text"].as_str().is_some_and(|text| text.starts_with("请选择时间"));
    let link = visitor.socket.push("msg", sends_away).await["d"]["body"]["text"].clone();
    let address = url::Url::parse(link.as_str().unwrap().lines().last().unwrap()).unwrap();
    let query = |name: &str| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!((address.host_str(), query("for").is_empty()), (Some("h5.bank.example"), false));
    assert!(query("return").ends_with("/flow/back"));
    let (back, state) = (format!("{}/flow/back", app.base()), query("state"));
    let comes_back = async |state: &str, slot: &str| {
        let asked = app.http().get(&back).query(&[("state", state), ("slot", slot)]).send().await.unwrap();
        asked.status().as_u16()
    };
    let forged = format!("{state}x");
    assert_eq!(comes_back(&forged, "周一九点").await, 404);
    assert_eq!(comes_back(&state, "周一十点").await, 200);
    visitor.expects_text("已预约周一十点，编号A17。").await;
    let (line, asked) = program.is_called().await;
    assert_eq!((line.as_str(), asked), ("POST /api/visit.book HTTP/1.1", json!({ "slot": "周一十点" })));
    assert!([200, 404].contains(&comes_back(&state, "周二").await), "coming back twice changes nothing");
    let log = visitor.socket.request("history", json!({ "conv": visitor.conv, "limit": 50 })).await.unwrap();
    let told = |text: &str| log["msgs"].as_array().unwrap().iter().any(|m| m["body"]["text"].as_str() == Some(text));
    assert!(!told("已预约周二，编号A17。"), "{log}");
}
