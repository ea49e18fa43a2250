//! Which pages may talk to us: origins, compared exactly.

use actix_web::http::header::{HeaderMap, ORIGIN};

use super::Settings;
use super::error::ApiError;
use crate::core::Core;
use crate::model::account::ChannelSettings;

/// The one Origin header of a request; `None` if there is none.
///
/// # Errors
/// 400 for two of them or one that is no text.
pub fn of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut all = headers.get_all(ORIGIN);
    let first = all.next();
    if all.next().is_some() {
        return Err(ApiError::bad_request("Origin 重复 / two Origin headers"));
    }
    let text = first.map(|value| value.to_str().map_err(|_bytes| ApiError::bad_request("Origin")));
    text.transpose()
}

/// Whether this is our own origin. Scheme and host have no case; nothing else is forgiven.
#[must_use]
pub fn is_own(settings: &Settings, origin: &str) -> bool {
    settings.own_origins.iter().any(|own| own.eq_ignore_ascii_case(origin))
}

/// Whether some site of some tenant lists this origin.
#[must_use]
pub fn is_site(core: &Core, origin: &str) -> bool {
    core.tenants().all().iter().flat_map(|tenant| &tenant.accounts).any(|account| match &account.channel {
        ChannelSettings::Web(site) => site.origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin)),
        ChannelSettings::Wechat(_) | ChannelSettings::Xmpp(_) => false,
    })
}

/// Refuses writes that another site's page makes with our cookie.
///
/// # Errors
/// 403, or 400 for two Origin headers.
pub fn check_same(settings: &Settings, headers: &HeaderMap) -> Result<(), ApiError> {
    let foreign = || ApiError::forbidden("跨站请求 / cross-site request");
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if !matches!(site, None | Some("same-origin" | "none")) {
        return Err(foreign());
    }
    match of(headers)? {
        Some(origin) if !is_own(settings, origin) => Err(foreign()),
        _ => Ok(()),
    }
}
