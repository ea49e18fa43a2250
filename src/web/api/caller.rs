//! Who asks: the browser of somebody who may, or a program with a key. A handler that takes an [`Admin`] or a [`Keeper`]
//! cannot be reached without being one.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, web};

use crate::admin::office::{Author, Office};
use crate::core::Core;
use crate::core::order::kind::Actor;
use crate::tenant::{Role, api_key};
use crate::web::error::ApiError;
use crate::web::limit::Rejections;
use crate::web::scope;

/// After too many wrong keys an address is not listened to for the rest of a minute.
const MINUTE: Duration = Duration::from_secs(60);

/// Somebody who may change the tenant's settings.
#[derive(Debug)]
pub(super) struct Admin(pub(super) Author);

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request, Role::Admin).await.map(Admin) })
    }
}

/// Somebody who may keep the tenant's question base: an administrator, or a supervisor in person. A key has to be an
/// administrator's, as everywhere.
#[derive(Debug)]
pub(super) struct Keeper(pub(super) Author);

impl FromRequest for Keeper {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request, Role::Supervisor).await.map(Keeper) })
    }
}

/// Who asks, if a program has the key of an administrator, or a person at least the role.
async fn caller(request: &HttpRequest, person: Role) -> Result<Author, ApiError> {
    // A key is never ambient: a request that has one is judged by it alone, and needs no proof that a page is ours.
    let ((author, role), least) = match request.headers().get(AUTHORIZATION) {
        Some(header) => (by_key(request, header)?, Role::Admin),
        None => (by_sign_in(request).await?, person),
    };
    if role.is_some_and(|role| role >= least) {
        return Ok(author);
    }
    if let Some(office) = request.app_data::<web::Data<Office>>()
        && let Err(error) = office.refused(&author, "api").await
    {
        tracing::error!(error = ?error, "a refusal could not be put on record");
    }
    Err(ApiError::forbidden(match least {
        Role::Admin => "仅限管理员 / for administrators only",
        Role::Supervisor | Role::Agent => "仅限班长与管理员 / for supervisors and administrators only",
    }))
}

async fn by_sign_in(request: &HttpRequest) -> Result<(Author, Option<Role>), ApiError> {
    let sign_in = scope::agent(request).await?;
    let author = Author { tenant: sign_in.tenant().clone(), actor: Actor::Agent(sign_in.profile.id.clone()) };
    Ok((author, Role::parse(&sign_in.profile.role)))
}

fn by_key(request: &HttpRequest, header: &HeaderValue) -> Result<(Author, Option<Role>), ApiError> {
    let core = request.app_data::<web::Data<Core>>().ok_or_else(wrong)?;
    let rejections = request.app_data::<web::Data<Rejections>>().ok_or_else(wrong)?;
    let now = core.clock().now();
    let address: IpAddr = rejections.admit(request, now).ok_or_else(|| ApiError::rate_limited(MINUTE))?;
    let shown = header.to_str().ok().and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let known = shown.and_then(|shown| {
        let tenant = core.tenants().tenant(&api_key::tenant_of(shown)?)?;
        let key = tenant.api_keys.iter().find(|key| key.is(shown))?;
        Some((Author { tenant: tenant.id.clone(), actor: Actor::Key(key.id.to_string()) }, Some(key.role)))
    });
    known.ok_or_else(|| {
        rejections.note(address, now);
        wrong()
    })
}

fn wrong() -> ApiError {
    let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", "密钥无效 / this key is not valid")
        .with((WWW_AUTHENTICATE, challenge))
}
