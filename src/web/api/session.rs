//! `/api/v1/sessions`: what happened in a session.

use actix_web::{HttpResponse, web};

use super::caller::Admin;
use super::request as part;
use crate::admin::office::Office;
use crate::web::error::ApiError;
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/v1/sessions/{id}/robot").route(web::get().to(robot)).default_service(web::to(other_method)),
    );
}

async fn robot(
    Admin(author): Admin,
    path: web::Path<String>,
    office: web::Data<Office>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(office.trace(&author, part::id(&path)?).await?))
}
