//! The HTTP face: routes of the platform's API, of the phone page and of the workbench for tests. Knows actix, no rule.

mod phone;
mod stream;
mod workbench;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::act::ActError;
use super::{Platform, api};

/// The largest JSON body of the page's API.
const MAX_JSON: usize = 1 << 20;

/// Registers everything that the platform serves, relative to where it is mounted: `/cgi-bin/…` (WeChat's API),
/// `/api/…` (the phone page and the workbench) and `/blob/…` (media). Static files of the page are not among them.
pub fn configure(cfg: &mut web::ServiceConfig, platform: Platform) {
    cfg.app_data(web::Data::new(platform))
        .app_data(web::PayloadConfig::new(MAX_JSON))
        .route("/cgi-bin/showqrcode", web::get().to(api::picture))
        .route("/cgi-bin/{tail:.*}", web::route().to(api::answer))
        .route("/blob/{id}", web::get().to(phone::blob))
        .service(
            web::scope("/api")
                .route("/accounts", web::get().to(phone::accounts))
                .route("/accounts/{appid}/verify", web::post().to(workbench::verify))
                .route("/accounts/{appid}/key", web::post().to(workbench::rotate))
                .route("/accounts/{appid}/mode", web::post().to(workbench::mode))
                .route("/accounts/{appid}/callback", web::post().to(workbench::callback))
                .route("/accounts/{appid}/revoke", web::post().to(workbench::revoke))
                .route("/phone", web::post().to(phone::create))
                .route("/phone/{openid}", web::get().to(phone::show))
                .route("/phone/{openid}/events", web::get().to(stream::events))
                .route("/phone/{openid}/media", web::post().to(phone::media))
                .route("/phone/{openid}/receive", web::post().to(phone::receive))
                .route("/phone/{openid}/{act}", web::post().to(phone::act))
                .route("/faults", web::get().to(workbench::faults))
                .route("/faults", web::post().to(workbench::add_faults))
                .route("/faults", web::delete().to(workbench::clear_faults))
                .route("/ledger", web::get().to(workbench::ledger))
                .route("/ledger", web::delete().to(workbench::clear_ledger)),
        );
}

/// A body that may be absent when all its fields may be.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ActError> {
    let text = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| ActError::BadRequest(error.to_string()))
}

impl actix_web::ResponseError for ActError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownAccount | Self::UnknownPhone | Self::UnknownButton => StatusCode::NOT_FOUND,
            Self::NotFollowing | Self::Following => StatusCode::CONFLICT,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let code = match self {
            Self::UnknownAccount => "unknown_account",
            Self::UnknownPhone => "unknown_phone",
            Self::UnknownButton => "unknown_button",
            Self::NotFollowing => "not_following",
            Self::Following => "following",
            Self::BadRequest(_) => "bad_request",
            Self::TooLarge => "too_large",
            Self::Busy => "busy",
        };
        let status = self.status_code();
        let problem = json!({ "status": status.as_u16(), "code": code, "detail": self.to_string() });
        HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "application/problem+json"))
            .body(problem.to_string())
    }
}
