//! The WeChat side: deliveries signed and encrypted before the clock runs, and an API that agrees to everything.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use yizhan::channel::wechat::crypto::{Key, sign};

pub(crate) const TOKEN: &str = "yizhandemotoken";
pub(crate) const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
pub(crate) const APPID: &str = "wx0123456789abcdef";
const GH_ID: &str = "gh_0123456789ab";
/// Size of a body.
const BODY: usize = 1_100;

/// The openid of a customer.
pub(crate) fn openid(contact: usize) -> String {
    format!("oBenchmark_{contact:017}")
}

/// Makes deliveries.
pub(crate) struct Deliveries {
    key: Key,
    contacts: usize,
}

impl Deliveries {
    /// Of so many customers in turn.
    pub(crate) fn new(contacts: usize) -> anyhow::Result<Self> {
        Ok(Self { key: Key::parse(KEY)?, contacts })
    }

    /// The whole HTTP request of delivery `n`: a text that begins with `#n `, in safe mode.
    pub(crate) fn request(&self, n: usize) -> Vec<u8> {
        let document = |fill: usize| {
            format!(
                "<xml><ToUserName><![CDATA[{GH_ID}]]></ToUserName><FromUserName><![CDATA[{}]]></FromUserName>\
                 <CreateTime>1795392073</CreateTime><MsgType><![CDATA[text]]></MsgType>\
                 <Content><![CDATA[#{n} {}]]></Content><MsgId>{}</MsgId></xml>",
                openid(n % self.contacts),
                "x".repeat(fill),
                24_000_000_000_000_000 + n
            )
        };
        let random = (u128::try_from(n).unwrap_or(0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let envelope = |fill: usize| {
            let encrypt = self.key.encrypt(random.to_be_bytes(), document(fill).as_bytes(), APPID);
            let body = format!(
                "<xml><ToUserName><![CDATA[{GH_ID}]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
            );
            (encrypt, body)
        };
        let (encrypt, body) = envelope(440);
        debug_assert!(body.len().abs_diff(BODY) < 64, "{}", body.len());
        let (timestamp, nonce) = ("1795392073", (100_000_000 + n).to_string());
        let signature = sign(&[TOKEN, timestamp, &nonce]);
        let msg_signature = sign(&[TOKEN, timestamp, &nonce, &encrypt]);
        format!(
            "POST /wechat/demo.oa?signature={signature}&timestamp={timestamp}&nonce={nonce}&openid={}&encrypt_type=aes\
             &msg_signature={msg_signature} HTTP/1.1\r\nHost: gateway\r\nUser-Agent: Mozilla/4.0\r\nAccept: */*\r\n\
             Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
            openid(n % self.contacts),
            body.len()
        )
        .into_bytes()
    }
}

/// Starts an API on a thread of its own that hands out tokens and accepts every message.
pub(crate) fn agreeable() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(agree(stream));
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            anyhow::Ok(())
        })
    });
    Ok(address)
}

/// Answers every request of a connection.
async fn agree(mut stream: TcpStream) -> anyhow::Result<()> {
    const ANSWER: &str = r#"{"errcode":0,"errmsg":"ok","access_token":"t","expires_in":7200}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let mut buffer = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        while let Some(end) = whole(&buffer) {
            buffer.drain(..end);
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}

/// Where the first request in the buffer ends, once it is complete.
fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?;
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + length.unwrap_or(0);
    (buffer.len() >= end).then_some(end)
}
