//! The platform's error codes, their texts and the request id at their end. Knows no end point.
//!
//! Texts: <https://developers.weixin.qq.com/doc/oplatform/Return_codes/>.

/// Why the platform refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    /// A text other than the code's usual one.
    pub(crate) text: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: i64) -> Self {
        Self { code, text: None }
    }

    pub(crate) fn with_text(code: i64, text: String) -> Self {
        Self { code, text: Some(text) }
    }

    /// `errmsg` with the request id.
    pub(crate) fn errmsg(&self, rid: &str) -> String {
        format!("{} rid: {rid}", self.text.as_deref().unwrap_or_else(|| text(self.code)))
    }
}

/// A request id as it ends every error text: three groups of eight hexadecimal digits.
pub(crate) fn rid() -> String {
    format!("{:08x}-{:08x}-{:08x}", rand::random::<u32>(), rand::random::<u32>(), rand::random::<u32>())
}

/// The usual text of a code.
pub(crate) fn text(code: i64) -> &'static str {
    TEXTS
        .binary_search_by_key(&code, |(known, _)| *known)
        .ok()
        .and_then(|at| TEXTS.get(at))
        .map_or("unknown error", |(_, text)| text)
}

/// Sorted by code.
const TEXTS: &[(i64, &str)] = &[
    (-1, "system error"),
    (0, "ok"),
    (
        40001,
        "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
    ),
    (40002, "invalid grant_type"),
    (40003, "invalid openid"),
    (40004, "invalid media type"),
    (40005, "invalid file type"),
    (40006, "invalid meida size"),
    (40007, "invalid media_id"),
    (40008, "invalid message type"),
    (40009, "invalid image size"),
    (40013, "invalid appid"),
    (40014, "invalid access_token"),
    (40016, "invalid button size"),
    (40017, "invalid button size"),
    (40018, "invalid button name size"),
    (40019, "invalid button key size"),
    (40020, "invalid button url size"),
    (40022, "invalid sub button size"),
    (40023, "invalid sub button size"),
    (40025, "invalid sub button name size"),
    (40032, "invalid openid list size"),
    (40033, "invalid charset. please check your request, if include \\uxxxx will create fail!"),
    (40035, "invalid args size"),
    (40052, "invalid action name"),
    (40053, "invalid action info"),
    (40125, "invalid appsecret"),
    (40164, "invalid ip, not in whitelist"),
    (40243, "AppSecret is frozen"),
    (41001, "access_token missing"),
    (41002, "appid missing"),
    (41004, "appsecret missing"),
    (41005, "media data missing"),
    (41006, "media_id missing"),
    (42001, "access_token expired"),
    (43001, "require GET method"),
    (43002, "require POST method"),
    (43004, "require subscribe"),
    (43019, "user in blacklist"),
    (44001, "empty media data"),
    (44002, "empty post data"),
    (44004, "empty content"),
    (45001, "media size out of limit"),
    (45002, "content size out of limit"),
    (45008, "article size out of limit"),
    (45009, "reach max api daily quota limit"),
    (45011, "api minute-quota reach limit  mustslower  retry next minute"),
    (45015, "response out of time limit or subscription is canceled"),
    (45029, "qrcode count out of limit"),
    (45047, "out of response count limit"),
    (45050, "custom msg use invalid type"),
    (45064, "no permission to use weapp in menu"),
    (45072, "invalid command"),
    (45080, "no message between user and you in the past 30 seconds"),
    (45081, "already typing"),
    (45086, "no permission to use weapp in custom message"),
    (45087, "customer service message from this account have been blocked!"),
    (46003, "menu no exist"),
    (46004, "user not exist"),
    (47001, "data format error"),
    (47002, "data format error, do NOT use json unicode encode (\\uxxxx\\uxxxx), please use utf8 encoded text instead"),
    (48001, "api unauthorized"),
    (48002, "user block receive message"),
    (48006, "forbid to clear quota because of reaching the limit"),
    (50002, "user limited"),
    (65401, "invalid custom service account"),
    (76001, "rid not found"),
    (76002, "rid is error"),
    (76003, "could not query this rid with no permission"),
    (76004, "rid is expired"),
    (76021, "cgi_path not found, please check"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_so_that_every_code_is_found() {
        assert!(TEXTS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(text(45015), "response out of time limit or subscription is canceled");
        assert_eq!(text(99999), "unknown error");
    }

    #[test]
    fn every_refusal_ends_with_a_request_id() {
        let message = Refusal::new(40003).errmsg(&rid());
        let (text, id) = message.split_once(" rid: ").unwrap();
        assert_eq!(text, "invalid openid");
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8]);
    }
}
