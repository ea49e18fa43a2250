//! The one place where the command-line face reaches the composition root.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::app::{self, App, Options};
use crate::config::Config;
use crate::runtime::Stop;
use crate::tenant::Declaration;

use super::say;

pub(super) async fn serve(
    config: Config,
    env: BTreeMap<String, String>,
    stop: Stop,
    abort: Stop,
) -> anyhow::Result<()> {
    app::serve(config, env, stop, abort).await
}

/// Everything on one port, WeChat included, for someone who has never seen it.
pub(super) async fn demo(config: Config, options: Options, stop: Stop, abort: Stop) -> anyhow::Result<()> {
    let app = App::build(config, options).await?;
    say(&welcome(app.address()));
    app.run(stop, abort).await
}

pub(super) async fn simulate(
    bind: SocketAddr,
    gateway: String,
    tenant: Declaration,
    stop: Stop,
    abort: Stop,
) -> anyhow::Result<()> {
    app::simulate(bind, gateway, tenant, stop, abort).await
}

/// The links of the demo and what to try.
fn welcome(address: SocketAddr) -> String {
    let base = format!("http://{address}");
    format!(
        "\n  驿站 Yizhan 已启动 is running\n\n  \
         微信手机 phone     {base}/simulator/phone/\n  \
         坐席控制台 console {base}/console/?demo=1      租户 tenant demo · 账号 login li · 密码 password yizhan\n  \
         访客网页 website   {base}/site/\n\n  \
         试一试 try:\n  \
         1. 在控制台登录，状态选“就绪”。 Sign in to the console and choose ready.\n  \
         2. 在手机页关注公众号，问“银行卡丢了怎么挂失”，再发“人工”。 Follow the account on the phone, ask the robot\n     \
         something, then write “人工” for a person.\n  \
         3. 回到控制台，接入、回复、发图片。 Accept, answer, send a picture.\n  \
         4. 手机上发“绑定”“留言”“菜单”试流程（证件后四位 1234，验证码 123456）。 Forms.\n\n  \
         按 Ctrl-C 结束。 Stop with Ctrl-C.\n"
    )
}
