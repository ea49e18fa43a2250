//! What agents and customers on XMPP read from the gateway itself. Texts only.

use std::time::Duration;

use crate::channel::xmpp::bounce::Bounce;

pub(super) const TOO_LARGE: &str = "消息过大 / the message is too large";
pub(super) const TOO_FAST: &str = "发送过快，请稍后再试 / too fast, try again later";
pub(super) const NO_SUCH_ADDRESS: &str = "没有这个地址 / no such address";
pub(super) const NOT_SERVING: &str = "您不在接待此会话 / you are not serving this conversation";
pub(super) const LATE: &str =
    "这条消息写于会话转出之前，未转给客户 / written before the session moved on: not passed to the customer";
pub(super) const LATE_COMMAND: &str = "这条命令到得太晚，未执行 / this command came too late and was not done";
pub(super) const SUBSCRIBE: &str =
    "请先同意本地址的联系人请求，否则看不到您的在线状态 / please approve the contact request of this address first";
pub(super) const OFFLINE: &str = "您尚未签入：请先上线 / you are not signed in: become available first";
pub(super) const NO_OFFER: &str = "没有待接的邀请 / nothing is offered to you";
pub(super) const NO_SUCH_OFFER: &str = "没有这个编号的邀请 / no offer has this number";
pub(super) const IN_A_CHAT: &str = "请在客户的会话里使用此命令 / use this command in a customer's chat";
pub(super) const WATCH: &str = "回复 /watch 序号 旁听 / reply /watch NUMBER to read along";
pub(super) const NOBODY_SERVED: &str = "现在没有人工接待的会话 / nobody is being served now";
pub(super) const NO_SUCH_SESSION: &str = "没有这个序号，请先用 /watch 查看 / no such number: type /watch first";
pub(super) const WATCHING_ENOUGH: &str = "旁听的会话已达上限 / you watch as many sessions as one can";
pub(super) const NO_ROOMS: &str =
    "此账号没有配置会议室服务（rooms） / no service for rooms is configured for this account";
pub(super) const INVITED: &str =
    "已邀请您进入会议室旁听 / you are invited to the session's room; leave it when you have seen enough";
pub(super) const NOT_ON_XMPP: &str = "这位同事没有 XMPP 地址 / this colleague has no XMPP address";
pub(super) const GUESTS_ENOUGH: &str = "受邀的同事已达上限 / as many colleagues are invited as one can";
pub(super) const PERHAPS_LOST: &str =
    "不确定这条是否已转给客户，请看历史 / perhaps not passed on to the customer: see /history";
pub(super) const ROOM_REFUSED: &str =
    "会议室服务拒绝了本域名开设会议室 / the rooms service does not let this domain make rooms (docs/XMPP.md)";
pub(super) const ONLY_WATCHING: &str = "您在旁听，客户听不到；/note 内容 可给同事留备注 / you are reading along: no customer hears you; /note is for colleagues";
pub(super) const WATCHED_OVER: &str = "[系统] 会话已结束 / the session has ended";
pub(super) const RATE: &str = "会话结束后会自动请客户评价 / the customer is asked to rate when the session has ended";
pub(super) const CALL_LINK: &str =
    "通话链接已发给客户；客户打开后呼叫的是您的坐席台 / the customer has the link; their call rings at your console";
pub(super) const NO_TARGET: &str = "没有这个队列或坐席 / no such queue or agent";
pub(super) const AGENTS_ONLY: &str = "此地址仅供客服人员使用 / this address is for agents only";
pub(super) const ADDRESS_TOO_LONG: &str = "您的地址过长 / your address is too long";
pub(super) const AWAY: &str = "暂时无法处理，请稍后再试 / cannot be done now, try again later";

/// A command that is none.
pub(super) fn unknown(word: &str) -> String {
    format!("没有命令 /{word}，未发给客户；/help 查看帮助 / no such command, nothing was sent; try /help")
}

/// What is offered.
pub(super) fn offer(number: u32, name: &str, summary: &str, left: Duration) -> String {
    let summary = if summary.is_empty() { String::new() } else { format!("：{summary}") };
    let seconds = left.as_secs();
    format!(
        "新会话 #{number} {name}{summary}\n回复 /take {number} 接入，/skip {number} 跳过（{seconds} 秒）\nreply /take {number} or /skip {number}"
    )
}

/// Why an offer no longer stands.
pub(super) fn revoked(number: u32, reason: &str) -> String {
    let why = match reason {
        "taken_elsewhere" => "已被接入 / taken",
        "expired" => "超时未接 / not answered in time",
        "cancelled" => "客户已离开 / the customer left",
        "not_ready" => "您已不在示闲 / you are not ready any more",
        other => other,
    };
    format!("邀请 #{number} 已失效：{why}")
}

/// A colleague was invited.
pub(super) fn invited(name: &str) -> String {
    format!(
        "已邀请 {name} 进入会话的会议室；客户听不到同事在那里说的话 / invited; no customer hears what colleagues say there"
    )
}

/// A session began.
pub(super) fn taken(name: &str) -> String {
    format!("[系统] 已接入 {name}。/end 结束，/transfer 转接，/note 备注，/help 帮助")
}

/// A session is over for this agent.
pub(super) fn over(reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("[系统] 会话已结束（{reason}） / the session has ended"),
        None => "[系统] 会话已转出 / the session has moved on".into(),
    }
}

/// How a queue stands, beside its name in contact lists.
pub(super) fn standing(waiting: i64, longest_ms: u64) -> String {
    let seconds = longest_ms / 1_000;
    format!("排队 {waiting}，最长 {:02}:{:02}", seconds / 60, seconds % 60)
}

/// An agent's status.
pub(super) fn status(status: &str, reason: Option<&str>) -> String {
    let word = match status {
        "ready" => "示闲 ready",
        "busy" => "示忙 busy",
        "break" => "小休 on a break",
        "offline" => "离线 offline",
        other => other,
    };
    match reason {
        Some(reason) => format!("当前状态：{word}（{reason}）"),
        None => format!("当前状态：{word}"),
    }
}

/// What became of a message on the customer's channel.
pub(super) fn undelivered(state: &str, code: Option<&str>) -> Option<String> {
    let word = match state {
        "failed" => "未送达 not delivered",
        "uncertain" => "不确定是否送达 perhaps not delivered",
        "held" => "待客户回复后发送 waits until the customer writes",
        _ => return None,
    };
    let why = code.map(|code| Bounce::parse(code).map_or(code, |bounce| bounce.text()));
    Some(format!("[系统] 上一条消息{word}{}", why.map(|why| format!("（{why}）")).unwrap_or_default()))
}
