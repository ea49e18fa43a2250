//! A tenant's question base and the words of its trade. One version number tells readers of all nodes that it changed.

use diesel::prelude::*;

use super::conn::{on, put};
use super::schema::{faq, knowledge};
use super::stored::{damaged, read};
use super::{Conn, Error, Tx};
use crate::model::id::{FaqId, TenantId};
use crate::model::time::Millis;

/// An entry, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name inside the tenant.
    pub faq: FaqId,
    /// `faq` or `chitchat`.
    pub kind: String,
    /// The standard wording of the question.
    pub question: String,
    /// Other wordings.
    pub similar: Vec<String>,
    /// The answer.
    pub answer: String,
    /// What it leads to in place of an answer: `flow:<id>`, `handoff`, `handoff:<queue>`.
    pub leads: Option<String>,
    /// For people who keep the base.
    pub category: String,
    /// Whether it is answered.
    pub enabled: bool,
    /// Not before.
    pub valid_from: Option<Millis>,
    /// Not after.
    pub valid_to: Option<Millis>,
    /// When it was last changed.
    pub updated_at: Millis,
}

/// The words of a tenant's trade.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Words that must not be cut: names of products.
    pub words: Vec<String>,
    /// Groups of words that mean the same.
    pub synonyms: Vec<Vec<String>>,
    /// The weights of the tenant's own calibration, as JSON; without it those that come with the program count.
    pub weights: Option<String>,
    /// Grows with every change of the words and of the question base.
    pub version: i64,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = faq, treat_none_as_null = true)]
struct Row {
    tenant: String,
    id: String,
    kind: String,
    question: String,
    similar: String,
    answer: String,
    leads: Option<String>,
    category: String,
    enabled: bool,
    valid_from: Option<i64>,
    valid_to: Option<i64>,
    updated_at: i64,
}

impl Row {
    fn of(tenant: &str, from: &Entry) -> Result<Self, Error> {
        Ok(Self {
            tenant: tenant.to_owned(),
            id: from.faq.to_string(),
            kind: from.kind.clone(),
            question: from.question.clone(),
            similar: json(&from.similar)?,
            answer: from.answer.clone(),
            leads: from.leads.clone(),
            category: from.category.clone(),
            enabled: from.enabled,
            valid_from: from.valid_from.map(|at| at.0),
            valid_to: from.valid_to.map(|at| at.0),
            updated_at: from.updated_at.0,
        })
    }

    fn parse(self) -> Result<Entry, Error> {
        Ok(Entry {
            faq: read("faq", &self.id)?,
            kind: self.kind,
            question: self.question,
            similar: list("similar", &self.similar)?,
            answer: self.answer,
            leads: self.leads,
            category: self.category,
            enabled: self.enabled,
            valid_from: self.valid_from.map(Millis),
            valid_to: self.valid_to.map(Millis),
            updated_at: Millis(self.updated_at),
        })
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| damaged("list", &source.to_string()))
}

fn list<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| damaged(what, &source.to_string()))
}

/// All entries of the tenant, by name.
///
/// # Errors
/// When the statement fails.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Entry>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => faq::table
        .filter(faq::tenant.eq(tenant))
        .order(faq::id.asc())
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// At most `limit` entries after `after`, by name.
///
/// # Errors
/// When the statement fails.
pub fn page(tx: &mut Tx<'_>, after: Option<&str>, limit: i64) -> Result<Vec<Entry>, Error> {
    let (conn, tenant) = tx.parts();
    let rows: Vec<Row> = on!(conn, c => faq::table
        .filter(faq::tenant.eq(tenant).and(faq::id.gt(after.unwrap_or_default())))
        .order(faq::id.asc())
        .limit(limit)
        .select(Row::as_select())
        .load(c))?;
    rows.into_iter().map(Row::parse).collect()
}

/// One entry.
///
/// # Errors
/// When the statement fails.
pub fn find(tx: &mut Tx<'_>, id: &FaqId) -> Result<Option<Entry>, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<Row> = on!(conn, c => faq::table
        .filter(faq::tenant.eq(tenant).and(faq::id.eq(id.as_str())))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Row::parse).transpose()
}

/// How many entries the tenant has.
///
/// # Errors
/// When the statement fails.
pub fn count(tx: &mut Tx<'_>) -> Result<i64, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => faq::table.filter(faq::tenant.eq(tenant)).count().get_result(c))?)
}

/// The categories of the tenant's entries, by name, and how many entries each has.
///
/// # Errors
/// When the statement fails.
pub fn categories(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>, Error> {
    let (conn, tenant) = tx.parts();
    Ok(on!(conn, c => faq::table
        .filter(faq::tenant.eq(tenant))
        .group_by(faq::category)
        .order(faq::category.asc())
        .select((faq::category, diesel::dsl::count_star()))
        .load(c))?)
}

/// Adds an entry, or replaces the one of that name. The caller raises the version afterwards.
///
/// # Errors
/// When the statement fails.
pub fn store(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let row = Row::of(tenant, entry)?;
    put!(conn, diesel::insert_into(faq::table).values(&row).on_conflict((faq::tenant, faq::id)).do_update().set(&row))?;
    Ok(())
}

/// Removes an entry; `false` when there is none of that name. The caller raises the version afterwards.
///
/// # Errors
/// When the statement fails.
pub fn remove(tx: &mut Tx<'_>, id: &FaqId) -> Result<bool, Error> {
    let (conn, tenant) = tx.parts();
    let gone = on!(conn, c => diesel::delete(faq::table.filter(faq::tenant.eq(tenant).and(faq::id.eq(id.as_str()))))
        .execute(c))?;
    Ok(gone == 1)
}

/// The words of the tenant's trade.
///
/// # Errors
/// When the statement fails.
pub fn vocabulary(tx: &mut Tx<'_>) -> Result<Vocabulary, Error> {
    let (conn, tenant) = tx.parts();
    let row: Option<(String, String, Option<String>, i64)> = on!(conn, c => knowledge::table
        .filter(knowledge::tenant.eq(tenant))
        .select((knowledge::words, knowledge::synonyms, knowledge::weights, knowledge::version))
        .first(c)
        .optional())?;
    let Some((words, synonyms, weights, version)) = row else { return Ok(Vocabulary::default()) };
    Ok(Vocabulary { words: list("words", &words)?, synonyms: list("synonyms", &synonyms)?, weights, version })
}

/// Keeps the words of the tenant's trade, and raises the version.
///
/// # Errors
/// When the statement fails.
pub fn set_vocabulary(tx: &mut Tx<'_>, words: &[String], synonyms: &[Vec<String>]) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    let (words, synonyms) = (json(&words)?, json(&synonyms)?);
    put!(
        conn,
        diesel::insert_into(knowledge::table)
            .values((
                knowledge::tenant.eq(tenant),
                knowledge::words.eq(&words),
                knowledge::synonyms.eq(&synonyms),
                knowledge::version.eq(1_i64),
            ))
            .on_conflict(knowledge::tenant)
            .do_update()
            .set((
                knowledge::words.eq(&words),
                knowledge::synonyms.eq(&synonyms),
                knowledge::version.eq(knowledge::version + 1),
            ))
    )?;
    Ok(())
}

/// Keeps the weights of the tenant's own calibration. There must be words or a version already; the caller raises it.
///
/// # Errors
/// When the statement fails.
pub fn set_weights(tx: &mut Tx<'_>, weights: &str) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::update(knowledge::table.filter(knowledge::tenant.eq(tenant))).set(knowledge::weights.eq(weights))
    )?;
    Ok(())
}

/// Raises the version: the question base has changed.
///
/// # Errors
/// When the statement fails.
pub fn changed(tx: &mut Tx<'_>) -> Result<(), Error> {
    let (conn, tenant) = tx.parts();
    put!(
        conn,
        diesel::insert_into(knowledge::table)
            .values((
                knowledge::tenant.eq(tenant),
                knowledge::words.eq("[]"),
                knowledge::synonyms.eq("[]"),
                knowledge::version.eq(1_i64),
            ))
            .on_conflict(knowledge::tenant)
            .do_update()
            .set(knowledge::version.eq(knowledge::version + 1))
    )?;
    Ok(())
}

/// The versions of all tenants that have a question base.
///
/// # Errors
/// When the statement fails.
pub fn versions(conn: &mut Conn) -> Result<Vec<(TenantId, i64)>, Error> {
    let rows: Vec<(String, i64)> =
        on!(conn, c => knowledge::table.select((knowledge::tenant, knowledge::version)).load(c))?;
    rows.into_iter().map(|(tenant, version)| Ok((read("tenant", &tenant)?, version))).collect()
}
