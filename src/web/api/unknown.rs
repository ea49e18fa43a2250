//! `/api/v1/unknown-questions`: what no answer was found for.

use actix_web::{HttpRequest, HttpResponse, web};

use super::caller::Keeper;
use super::{Answer, request as part};
use crate::admin::faq::Resolve;
use crate::admin::office::Office;
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(web::resource("/api/v1/unknown-questions").route(web::get().to(list)).default_service(other()))
        .service(
            web::resource("/api/v1/unknown-questions/resolve").route(web::post().to(resolve)).default_service(other()),
        );
}

async fn list(Keeper(author): Keeper, request: HttpRequest, office: web::Data<Office>) -> Answer {
    let page = office.unknown(&author, part::query(&request)?).await?;
    Ok(HttpResponse::Ok().json(page))
}

async fn resolve(
    Keeper(author): Keeper,
    request: HttpRequest,
    payload: web::Payload,
    office: web::Data<Office>,
) -> Answer {
    let (asked, once) = part::ordered::<Resolve>(&request, payload, &author).await?;
    Ok(HttpResponse::Ok().json(office.resolve(&author, asked, once).await?))
}
