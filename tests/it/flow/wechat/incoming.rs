//! What customers send, type by type, in every mode and format. Numbers are those of the acceptance scenarios.

use serde_json::{Value, json};
use yizhan::simulator::{Act, Actor, Raw};

use crate::outside::callback::Account;
use crate::outside::database::Database;
use crate::outside::http::exchange;
use crate::support::{Agent, PATIENCE, TestApp};

const PNG: &[u8] = include_bytes!("../../../fixture/pixel.png");
const MP4: &[u8] = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom";
const AMR: &[u8] = b"#!AMR\n\x3c\x91\x17\x16\xbe\x66\x79\xe1\xe0\x01\xe7\x8a\xf0\x00\x00\x00";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// Every mode with every format: name, appid, and the rest of the declaration.
fn kinds() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for mode in ["plain", "compatible", "safe"] {
        for format in ["xml", "json"] {
            all.push((mode.to_owned(), format.to_owned()));
        }
    }
    all
}

fn appid(n: usize) -> String {
    format!("wx{:016x}", n + 1)
}

fn with_every_kind_of_account(declaration: &str) -> String {
    let accounts = kinds().into_iter().enumerate().map(|(n, (mode, format))| {
        format!(
            "[[account]]\nid = \"{mode}-{format}\"\nkind = \"wechat\"\nname = \"{mode} {format}\"\nappid = \"{}\"\n\
             gh_id = \"gh_{:012x}\"\nsecret = \"0123456789abcdef0123456789abcdef\"\ntoken = \"yizhandemotoken\"\n\
             aes_key = \"{KEY}\"\nmode = \"{mode}\"\nformat = \"{format}\"\ntoken_kind = \"stable\"\n",
            appid(n),
            n + 1,
        )
    });
    declaration.replace("capacity = 5", "capacity = 20") + &accounts.collect::<String>()
}

fn raw(fields: &Value) -> Raw {
    serde_json::from_value(json!({ "fields": fields })).unwrap()
}

/// Sends one of each.
fn send_everything(phone: &Actor) {
    phone.sends("image", PNG.to_vec()).unwrap();
    phone.sends("voice", AMR.to_vec()).unwrap();
    phone.sends("video", MP4.to_vec()).unwrap();
    phone.sends("shortvideo", MP4.to_vec()).unwrap();
    phone.does(Act::Location { lat: 31.2304, lon: 121.4737, label: "人民广场 <出口&1>".into() }).unwrap();
    let link = ("年报 & 摘要".into(), "第一页".into(), "https://example.com/a?b=1&c=2".into());
    phone.does(Act::Link { title: link.0, desc: link.1, url: link.2 }).unwrap();
    let file = json!({ "MsgType": "file", "Title": "对账单.pdf", "Description": "2.5 KB", "FileKey": "k", "FileMd5": "m", "FileTotalLen": 2560 });
    phone.pushes(raw(&file)).unwrap();
    let voice = json!({ "MsgType": "voice", "MediaId": "gone", "Format": "amr", "Recognition": "我要查账单" });
    phone.pushes(raw(&voice)).unwrap();
    phone.pushes(raw(&json!({ "MsgType": "sticker_v9", "Whatever": "1" }))).unwrap();
}

/// 52: every type in, in three modes and two formats.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_message_arrives_in_every_mode_and_format() {
    let app = TestApp::with().declared(|toml| with_every_kind_of_account(&toml)).start().await;
    let mut li = Agent::ready(&app, "li").await;
    for (n, (mode, format)) in kinds().into_iter().enumerate() {
        let openid = format!("o52-{mode}-{format}");
        app.platform.add_phone(&appid(n), None, Some(&openid)).unwrap();
        let phone = app.platform.actor(&appid(n), &openid).unwrap();
        phone.follows().unwrap();
        phone.says("你好 /::) 😀 ]]> <&>").unwrap();
        let conv = li.takes_offer().await["conv"].clone();
        send_everything(&phone);
        let last = li.socket.push("msg", |f| f["d"]["conv"] == conv && f["d"]["type"] == "unsupported").await;
        assert_eq!(last["d"]["body"]["raw_type"], "sticker_v9");
        check(&li.history(&conv).await, &format!("{mode} {format}"));
        heard(&mut li, &conv).await;
    }
}

/// The log of one customer who has sent one of each.
fn check(history: &[Value], how: &str) {
    let said: Vec<&Value> = history.iter().filter(|m| m["from"]["role"] == "contact" && m["type"] != "event").collect();
    let types: Vec<&str> = said.iter().map(|m| m["type"].as_str().unwrap()).collect();
    let expected = ["text", "image", "voice", "video", "video", "location", "link", "file", "voice", "unsupported"];
    assert_eq!(types, expected, "{how}");
    assert_eq!(said[0]["body"]["text"], "你好 /::) 😀 ]]> <&>", "{how}");
    assert_eq!(said[1]["channel"]["raw_type"], "image");
    assert_eq!(said[4]["channel"]["raw_type"], "shortvideo");
    let place = &said[5]["body"];
    assert_eq!((place["lat"].as_f64(), place["lon"].as_f64()), (Some(31.2304), Some(121.4737)), "{how}");
    assert_eq!(place["label"], "人民广场 <出口&1>");
    assert_eq!(said[6]["body"]["url"], "https://example.com/a?b=1&c=2", "{how}");
    assert_eq!(said[7]["body"], json!({ "name": "对账单.pdf" }), "{how}: there is no way to get the bytes");
    assert_eq!(said[8]["body"]["asr_text"], "我要查账单", "{how}");
    assert!(said[2]["body"].get("asr_text").is_none(), "{how}");
    assert!(said.iter().all(|m| m["channel"]["ext_id"].as_str().is_some_and(|id| id.len() >= 17)), "{how}");
}

/// Waits until every blob is here, or known to be lost.
async fn heard(li: &mut Agent, conv: &Value) {
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        let media = li.socket.push("media", |f| f["d"]["conv"] == *conv).await;
        outcomes.push((media["d"]["state"].as_str().unwrap().to_owned(), media["d"]["mime"].clone()));
    }
    outcomes.sort_by_key(|(state, mime)| (state.clone(), mime.to_string()));
    let ready = |mime: &str| ("ready".to_owned(), json!(mime));
    assert_eq!(outcomes[0].0, "failed", "the platform does not know this blob");
    assert_eq!(outcomes[1..], [ready("audio/amr"), ready("image/png"), ready("video/mp4"), ready("video/mp4")]);
}

/// 48: who follows through a code with a scene is greeted in the passive slot, and the scene is kept.
#[tokio::test(flavor = "multi_thread")]
async fn who_follows_through_a_code_is_greeted_at_once_and_the_scene_is_kept() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let phone = app.phone("o48-scene");
    let push = phone.does(Act::Follow { scene: Some("大堂-3".into()) }).unwrap();
    let answer = phone.settled(&push, PATIENCE).await.unwrap().answer.unwrap();
    assert_eq!((answer.kind, answer.shown), ("reply", true), "{:?}", answer.problem);
    assert!(answer.reply.unwrap()["Content"].as_str().unwrap().contains("驿站示例银行"));
    assert!(app.platform.ledger(None).sends.is_empty(), "the free slot was used, not the quota");
    phone.says("人工").unwrap();
    let conv = li.takes_offer().await["conv"].clone();
    let history = li.history(&conv).await;
    let followed = history.iter().find(|m| m["body"]["name"] == "wechat.followed").expect("the event is in the log");
    assert_eq!(followed["body"]["data"]["data"]["scene"], "大堂-3");
    assert_eq!(followed["visibility"], "agents");
}

/// An album: nine pictures at once from somebody nobody knows yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_album_of_nine_pictures_is_one_conversation_and_one_session() {
    let app = TestApp::start().await;
    let li = Agent::ready(&app, "li").await;
    let account = Account::demo();
    let requests = (0..9).map(|n| {
        let picture = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[o-album]]></FromUserName>\
             <CreateTime>1795392073</CreateTime><MsgType><![CDATA[image]]></MsgType>\
             <PicUrl><![CDATA[http://mmbiz.qpic.cn/{n}]]></PicUrl><MediaId><![CDATA[m{n}]]></MediaId>\
             <MsgId>{}</MsgId></xml>",
            account.gh_id,
            6_349_323_426_230_210_000_u64 + n,
        );
        let request = account.safe(picture.as_bytes(), "1795392073", &format!("n{n}")).request(&account);
        let address = app.address();
        tokio::spawn(async move { exchange(&address, &request).await.status })
    });
    for answered in requests.collect::<Vec<_>>() {
        assert_eq!(answered.await.unwrap(), 200);
    }
    let mut database = Database::open(app.dir());
    let pictures = database.messages_of("o-album");
    assert_eq!(pictures.len(), 9);
    assert!(pictures.iter().all(|picture| picture.conv == pictures[0].conv), "one conversation");
    let rows = database.rows();
    assert_eq!((rows["identity"], rows["conversation"], rows["session"], rows["inbox"]), (1, 1, 1, 9));
    let seqs: Vec<i64> = database.messages().iter().map(|m| m.seq).collect();
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>(), "no hole");
    li.socket.close().await;
}
