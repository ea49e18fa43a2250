//! `[wechat]`: how the WeChat platform is called and answered.

use std::time::Duration;

use url::Url;

use super::reader::Reader;

/// The address of the real platform.
pub const OFFICIAL_API: &str = "https://api.weixin.qq.com";

/// Settings towards the WeChat platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wechat {
    /// What every API path is appended to, without a slash at the end.
    pub api_base: String,
    /// A callback is answered within this time. WeChat waits 5 s and then delivers again.
    pub deadline: Duration,
    /// Time allowed to connect.
    pub connect: Duration,
    /// Time allowed for one API call.
    pub total: Duration,
    /// Time allowed to move one media file.
    pub media: Duration,
    /// Calls at the same time.
    pub concurrency: usize,
}

impl Wechat {
    pub(super) fn read(r: &Reader<'_>) -> Self {
        let api_base = r.parsed("api_base", "http(s)://host[:port][/path]", |text| {
            let url = Url::parse(text).ok()?;
            let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
            let http = matches!(url.scheme(), "http" | "https") && url.has_host();
            (plain && http).then(|| text.trim_end_matches('/').to_owned())
        });
        let this = Self {
            api_base: api_base.unwrap_or_else(|| OFFICIAL_API.to_owned()),
            deadline: r.millis("deadline_ms", 4_300, 100..=4_800),
            connect: r.millis("connect_ms", 3_000, 100..=60_000),
            total: r.millis("total_ms", 10_000, 100..=120_000),
            media: r.millis("media_ms", 60_000, 1_000..=600_000),
            concurrency: r.count("concurrency", 64, 1..=4_096),
        };
        if this.connect > this.total {
            r.problem("connect_ms", "must not be more than wechat.total_ms");
        }
        if this.api_base != OFFICIAL_API {
            r.warning("api_base", "is not the WeChat platform: messages go to whoever listens there");
        }
        this
    }
}
