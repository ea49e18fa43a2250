//! What an agent types to get something done: `/take 12`. Pure; knows no agent's state.

use crate::model::call::Media;
use crate::model::label::label;

/// The longest reason, characters.
const REASON: usize = 64;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `/ready`
    Ready,
    /// `/busy [reason]`
    Busy(Option<String>),
    /// `/break [minutes] [reason]`
    Break(Option<String>),
    /// `/queue`: who waits, and what is offered.
    Queue,
    /// `/take [number]`: an offer.
    Take(Option<u32>),
    /// `/skip [number]`: leave an offer to others.
    Skip(Option<u32>),
    /// `/pull [queue]`: the first who waits.
    Pull(Option<String>),
    /// `/watch [number]`: who is served, or the room of one of them. For those with oversight.
    Watch(Option<u32>),
    /// `/end [reason]`
    End(Option<String>),
    /// `/transfer queue|@agent [note]`
    Transfer {
        /// To whom.
        to: Target,
        /// For whoever takes it.
        note: Option<String>,
    },
    /// `/invite @agent`: a colleague, into the room of the session, by id, login or name.
    Invite(String),
    /// `/note text`
    Note(String),
    /// `/rate`
    Rate,
    /// `/history [count]`
    History(Option<u32>),
    /// `/call`, `/video`: a link to a call for the customer.
    Call(Media),
    /// `/done`: the wrap-up is over.
    Done,
    /// `/help`
    Help,
}

/// Where a session is transferred to, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A queue's id or name.
    Queue(String),
    /// An agent's id, login or name.
    Agent(String),
}

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A command.
    Command(Command),
    /// A text for the customer; a doubled slash in front has become one.
    Text(String),
    /// It begins like a command and is none: better told than sent to a customer.
    Unknown(String),
}

/// What `/help` says.
pub const HELP: &str = "命令 commands：\n\
/ready 示闲 · /busy [原因] 示忙 · /break [分钟] [原因] 小休\n\
/queue 排队与邀请 · /take [编号] 接入 · /skip [编号] 不接 · /pull [队列] 领取 · /watch [序号] 旁听（班长）\n\
在会话中 in a chat：/end [原因] 结束 · /transfer 队列|@工号 [备注] 转接 · /invite @工号 邀请同事 · /note 内部备注 · /history [条数] 历史 · /video 视频链接 · /call 语音链接 · /rate 评价 · /done 整理完毕\n\
以 // 开头的内容按 / 原样发给客户。 A text that begins with // is sent to the customer with one slash.";

/// Reads what was typed.
#[must_use]
pub fn read(text: &str) -> Typed {
    let Some(rest) = text.strip_prefix('/') else { return Typed::Text(text.to_owned()) };
    if rest.starts_with('/') {
        return Typed::Text(rest.to_owned());
    }
    let (word, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match command(&word.to_lowercase(), arguments.trim()) {
        Some(command) => Typed::Command(command),
        None => Typed::Unknown(label(word, 32)),
    }
}

fn command(word: &str, arguments: &str) -> Option<Command> {
    let reason = || Some(label(arguments, REASON)).filter(|reason| !reason.is_empty());
    let number = || match arguments.trim_start_matches('#') {
        "" => Some(None),
        digits => digits.parse().ok().map(Some),
    };
    Some(match word {
        "ready" | "示闲" => Command::Ready,
        "busy" | "示忙" => Command::Busy(reason()),
        "break" | "小休" => Command::Break(reason()),
        "queue" | "排队" => Command::Queue,
        "take" | "接入" => Command::Take(number()?),
        "skip" | "不接" => Command::Skip(number()?),
        "pull" | "领取" => Command::Pull(reason()),
        "watch" | "旁听" => Command::Watch(number()?),
        "end" | "结束" => Command::End(reason()),
        "transfer" | "转接" => {
            let (to, note) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
            let to = match to.strip_prefix('@') {
                Some(agent) if !agent.is_empty() => Target::Agent(agent.to_owned()),
                None if !to.is_empty() => Target::Queue(to.to_owned()),
                _ => return None,
            };
            Command::Transfer { to, note: Some(note.trim().to_owned()).filter(|note| !note.is_empty()) }
        }
        "invite" | "邀请" => {
            let colleague = arguments.strip_prefix('@').unwrap_or(arguments).trim();
            Command::Invite(Some(colleague).filter(|colleague| !colleague.is_empty())?.to_owned())
        }
        "note" | "备注" if !arguments.is_empty() => Command::Note(arguments.to_owned()),
        "rate" | "评价" => Command::Rate,
        "history" | "历史" => Command::History(number()?),
        "call" | "语音" => Command::Call(Media::AUDIO),
        "video" | "视频" => Command::Call(Media::VIDEO),
        "done" | "完毕" => Command::Done,
        "help" | "帮助" | "?" => Command::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_their_arguments() {
        let command = |text| match read(text) {
            Typed::Command(command) => command,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(command("/ready"), Command::Ready);
        assert_eq!(command("/BREAK 15 午餐"), Command::Break(Some("15 午餐".into())));
        assert_eq!(command("/take 12"), Command::Take(Some(12)));
        assert_eq!(command("/take #12 "), Command::Take(Some(12)));
        assert_eq!(command("/skip"), Command::Skip(None));
        let transfer = |to, note: Option<&str>| Command::Transfer { to, note: note.map(Into::into) };
        assert_eq!(command("/transfer @wang 请接手 谢谢"), transfer(Target::Agent("wang".into()), Some("请接手 谢谢")));
        assert_eq!(command("/transfer vip"), transfer(Target::Queue("vip".into()), None));
        assert_eq!(command("/invite @wang"), Command::Invite("wang".into()));
        assert_eq!(command("/邀请 小王"), Command::Invite("小王".into()));
        assert_eq!(command("/note 第一行\n第二行"), Command::Note("第一行\n第二行".into()));
        assert_eq!(command("/history 20"), Command::History(Some(20)));
        assert_eq!([command("/video"), command("/call")], [Media::VIDEO, Media::AUDIO].map(Command::Call));
    }

    #[test]
    fn what_only_looks_like_a_command_does_not_reach_the_customer() {
        assert_eq!(read("/note"), Typed::Unknown("note".into()));
        assert_eq!(read("/not 客户很生气"), Typed::Unknown("not".into()));
        assert_eq!(read("/take a"), Typed::Unknown("take".into()));
        assert_eq!(read("/transfer @"), Typed::Unknown("transfer".into()));
        assert_eq!(read("/invite @"), Typed::Unknown("invite".into()));
        assert_eq!(read("//etc/passwd"), Typed::Text("/etc/passwd".into()));
        assert_eq!(read("1/2"), Typed::Text("1/2".into()));
    }
}
