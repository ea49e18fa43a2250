//! `/api/v1/faq`: entries of the question base, its words, tables in and out, trying it.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};

use super::caller::Keeper;
use super::{Answer, TABLE, request as part};
use crate::admin::faq::{Asking, Draft, How, Vocabulary, attempt};
use crate::admin::office::Office;
use crate::core::Core;
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    // What has a name of its own comes before what may be an entry's.
    cfg.service(
        web::resource("/api/v1/faq").route(web::get().to(list)).route(web::post().to(add)).default_service(other()),
    )
    .service(web::resource("/api/v1/faq-choices").route(web::get().to(choices)).default_service(other()))
    .service(web::resource("/api/v1/faq/import").route(web::post().to(import)).default_service(other()))
    .service(web::resource("/api/v1/faq/export").route(web::get().to(export)).default_service(other()))
    .service(web::resource("/api/v1/faq/try").route(web::post().to(attempted)).default_service(other()))
    .service(
        web::resource("/api/v1/faq/vocabulary")
            .route(web::get().to(vocabulary))
            .route(web::put().to(put_vocabulary))
            .default_service(other()),
    )
    .service(
        web::resource("/api/v1/faq/{id}")
            .route(web::get().to(one))
            .route(web::put().to(put))
            .route(web::delete().to(remove))
            .default_service(other()),
    );
}

async fn list(Keeper(author): Keeper, request: HttpRequest, office: web::Data<Office>) -> Answer {
    let page = office.entries(&author, part::query(&request)?).await?;
    Ok(HttpResponse::Ok().json(page))
}

async fn choices(Keeper(author): Keeper, office: web::Data<Office>) -> Answer {
    Ok(HttpResponse::Ok().json(office.choices(&author).await?))
}

async fn add(Keeper(author): Keeper, request: HttpRequest, payload: web::Payload, office: web::Data<Office>) -> Answer {
    let (draft, once) = part::ordered::<Draft>(&request, payload, &author).await?;
    let kept = office.add_entry(&author, draft, once).await?;
    Ok(part::created(&kept, "/api/v1/faq"))
}

async fn one(
    Keeper(author): Keeper,
    request: HttpRequest,
    path: web::Path<String>,
    office: web::Data<Office>,
) -> Answer {
    part::shown(&request, &office.entry(&author, part::id(&path)?).await?)
}

async fn put(
    Keeper(author): Keeper,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
    office: web::Data<Office>,
) -> Answer {
    let id = part::id(&path)?;
    let (draft, _) = part::json::<Draft>(&request, payload).await?;
    let kept = office.put_entry(&author, id, draft, part::read_before(request.headers())).await?;
    Ok(part::changed(&kept))
}

async fn remove(
    Keeper(author): Keeper,
    request: HttpRequest,
    path: web::Path<String>,
    office: web::Data<Office>,
) -> Answer {
    office.remove_entry(&author, part::id(&path)?, part::read_before(request.headers())).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn import(
    Keeper(author): Keeper,
    request: HttpRequest,
    payload: web::Payload,
    office: web::Data<Office>,
) -> Answer {
    let how: How = part::query(&request)?;
    let bytes = part::bytes(&request, payload, &["text/csv"], TABLE).await?;
    let once = part::once(&request, &author, &bytes)?;
    let report = office.import(&author, bytes.to_vec(), how, once).await?;
    Ok(HttpResponse::Ok().json(report))
}

async fn export(Keeper(author): Keeper, office: web::Data<Office>) -> Answer {
    let table = office.export(&author).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"faq.csv\""))
        .body(table))
}

async fn attempted(
    Keeper(author): Keeper,
    request: HttpRequest,
    payload: web::Payload,
    core: web::Data<Core>,
) -> Answer {
    let (asking, _) = part::json::<Asking>(&request, payload).await?;
    Ok(HttpResponse::Ok().json(attempt(&core, &author, &asking).await?))
}

async fn vocabulary(Keeper(author): Keeper, request: HttpRequest, office: web::Data<Office>) -> Answer {
    part::shown(&request, &office.vocabulary(&author).await?)
}

async fn put_vocabulary(
    Keeper(author): Keeper,
    request: HttpRequest,
    payload: web::Payload,
    office: web::Data<Office>,
) -> Answer {
    let (words, _) = part::json::<Vocabulary>(&request, payload).await?;
    let kept = office.put_vocabulary(&author, words, part::read_before(request.headers())).await?;
    Ok(part::changed(&kept))
}
