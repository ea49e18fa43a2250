//! `/api/v1/xmpp`: how XMPP accounts stand.

use actix_web::{HttpResponse, web};

use super::caller::Admin;
use crate::admin::office::Office;
use crate::web::error::ApiError;
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/v1/xmpp").route(web::get().to(list)).default_service(web::to(other_method)));
}

async fn list(Admin(author): Admin, office: web::Data<Office>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(office.xmpp(&author).await?))
}
