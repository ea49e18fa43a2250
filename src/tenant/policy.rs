//! `[policy]`: the timers and limits of a tenant's desk. Data only; who starts a timer is not known here.

use std::time::Duration;

use crate::config::reader::Reader;

/// Timers that differ between customers who hold a socket and those on WeChat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerChannel {
    /// For web visitors.
    pub web: Duration,
    /// For WeChat customers.
    pub wechat: Duration,
}

/// Timers and limits. The defaults are in `tenants/demo.toml`, each with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long an agent without a socket keeps the sessions.
    pub agent_grace: Duration,
    /// Longest wrap-up after a session.
    pub wrapup: Duration,
    /// No offer to an agent for this long after a rejected one.
    pub reject_cooldown: Duration,
    /// No offer to an agent for this long after one that was not answered.
    pub no_answer_delay: Duration,
    /// After so many unanswered offers in a row the agent is set to busy.
    pub max_no_answer: u32,
    /// How long a web visitor without a socket keeps the place in the queue.
    pub queue_grace: Duration,
    /// A customer who writes again within this time continues the session that has ended.
    pub reopen: PerChannel,
    /// A silent customer is asked after this time.
    pub contact_idle_warn: PerChannel,
    /// The session of a silent customer ends after this time.
    pub contact_idle_close: PerChannel,
    /// The longest session.
    pub session_max: Duration,
    /// How long an author may recall or edit a message.
    pub recall: Duration,
}

impl Policy {
    pub(super) fn read(r: &Reader<'_>) -> Self {
        let day = 86_400;
        let this = Self {
            agent_grace: r.seconds("agent_grace_s", 45, 1..=3_600),
            wrapup: r.seconds("wrapup_s", 30, 0..=3_600),
            reject_cooldown: r.seconds("reject_cooldown_s", 15, 0..=3_600),
            no_answer_delay: r.seconds("no_answer_delay_s", 30, 0..=3_600),
            max_no_answer: u32::try_from(r.int("max_no_answer", 3, 1..=100)).unwrap_or(3),
            queue_grace: r.seconds("queue_grace_s", 60, 0..=3_600),
            reopen: PerChannel {
                web: r.seconds("reopen_web_s", 1_800, 0..=7 * day),
                wechat: r.seconds("reopen_wechat_s", day, 0..=7 * day),
            },
            contact_idle_warn: PerChannel {
                web: r.seconds("contact_idle_warn_web_s", 180, 10..=7 * day),
                wechat: r.seconds("contact_idle_warn_wechat_s", 1_800, 10..=7 * day),
            },
            contact_idle_close: PerChannel {
                web: r.seconds("contact_idle_close_web_s", 300, 10..=7 * day),
                wechat: r.seconds("contact_idle_close_wechat_s", day, 10..=7 * day),
            },
            session_max: r.seconds("session_max_s", day, 60..=30 * day),
            recall: r.seconds("recall_s", 120, 0..=day),
        };
        this.check(r);
        this
    }

    fn check(&self, r: &Reader<'_>) {
        let (warn, close) = (self.contact_idle_warn, self.contact_idle_close);
        if warn.web >= close.web {
            r.problem("contact_idle_warn_web_s", "must be less than contact_idle_close_web_s");
        }
        if warn.wechat >= close.wechat {
            r.problem("contact_idle_warn_wechat_s", "must be less than contact_idle_close_wechat_s");
        }
    }
}
