//! diesel's queries as text and bytes, and the statements that a connection has prepared for them.

use std::any::TypeId;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use diesel::pg::{Pg, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{QueryBuilder, QueryFragment, QueryId};
use diesel::result::Error as Diesel;
use tokio_postgres::Statement;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

/// Statements that are kept. The shape of some may differ from call to call; ours are fixed, so this is never reached;
/// without a bound a mistake would grow without end on both sides.
const MOST: usize = 1_000;
/// Statements are prepared anew when so many were run, and after each doubling up to this many.
///
/// The server keeps a plan until it analyses the tables again, at most once a minute. One that was made while a table
/// was empty may take any index that begins with the tenant, and then read every row that the tenant has by now.
const ANEW: std::ops::RangeInclusive<u64> = 256..=262_144;

/// One value that a statement is given, encoded by diesel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bind(Option<Bytes>);

#[cfg(test)]
impl Bind {
    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self(Some(Bytes::copy_from_slice(text.as_bytes())))
    }
}

impl ToSql for Bind {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    // The types are those that the statement was prepared with.
    fn to_sql_checked(&self, as_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(as_type, out)
    }
}

/// The values of a query and their types.
pub(super) struct Given {
    pub(super) types: Vec<Type>,
    pub(super) binds: Vec<Bind>,
}

/// All columns have built-in types.
struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }

    fn as_any<'a>(&mut self) -> &mut (dyn std::any::Any + 'a)
    where
        Self: 'a,
    {
        self
    }
}

/// Encodes the values of a query.
///
/// # Errors
/// When a text holds U+0000, which PostgreSQL cannot keep. The server would refuse it too, but only after the
/// statement was sent, and that costs the transaction.
pub(super) fn given<T: QueryFragment<Pg>>(query: &T) -> Result<Given, Diesel> {
    let mut collected = RawBytesBindCollector::<Pg>::new();
    query.collect_binds(&mut collected, &mut NoLookup, &Pg)?;
    let mut types = Vec::with_capacity(collected.metadata.len());
    let mut binds = Vec::with_capacity(collected.binds.len());
    for (metadata, bytes) in collected.metadata.into_iter().zip(collected.binds) {
        let oid = metadata.oid().map_err(|error| Diesel::SerializationError(Box::new(error)))?;
        let known = Type::from_oid(oid).ok_or_else(|| unfit(&format!("a value has the unknown type {oid}")))?;
        if known == Type::TEXT && bytes.as_ref().is_some_and(|bytes| bytes.contains(&0)) {
            return Err(unfit("a text holds U+0000"));
        }
        types.push(known);
        binds.push(Bind(bytes.map(Bytes::from)));
    }
    Ok(Given { types, binds })
}

fn unfit(why: &str) -> Diesel {
    Diesel::SerializationError(why.into())
}

/// The text of a query.
pub(super) fn text<T: QueryFragment<Pg>>(query: &T) -> Result<String, Diesel> {
    let mut builder = PgQueryBuilder::default();
    query.to_sql(&mut builder, &Pg)?;
    Ok(builder.finish())
}

/// A statement that the server has prepared.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) statement: Statement,
    pub(super) text: Arc<str>,
    /// Whether it changes nothing.
    pub(super) reads: bool,
}

impl Prepared {
    pub(super) fn new(statement: Statement, text: &str) -> Self {
        Self { statement, text: text.into(), reads: text.trim_start().starts_with("SELECT") }
    }
}

/// The prepared statements of one connection.
///
/// diesel keeps no statement whose text may differ from call to call, such as every `update`. Here such statements are
/// found by their text: the same text is the same statement.
#[derive(Debug, Default)]
pub(super) struct Statements {
    known: HashMap<Key, Prepared>,
    /// How many were run.
    run: u64,
}

/// How a statement is found again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Type(TypeId),
    Text(String),
    /// The one that asks for many values what another asks for one.
    All(Box<Self>),
    /// The one that inserts so many rows where another inserts one.
    Rows(Box<Self>, usize),
}

impl Key {
    pub(super) fn of<T: QueryFragment<Pg> + QueryId>(query: &T) -> Result<Self, Diesel> {
        match T::query_id() {
            Some(id) if query.is_safe_to_cache_prepared(&Pg)? => Ok(Self::Type(id)),
            _ => Ok(Self::Text(text(query)?)),
        }
    }
}

/// Whether statements are prepared anew for this run.
fn is_anew(run: u64) -> bool {
    run.is_power_of_two() && ANEW.contains(&run)
}

impl Statements {
    /// The statement that is to be run.
    pub(super) fn get(&mut self, key: &Key) -> Option<&Prepared> {
        self.run = self.run.saturating_add(1);
        if is_anew(self.run) {
            self.known.clear();
        }
        self.known.get(key)
    }

    pub(super) fn keep(&mut self, key: Key, prepared: Prepared) {
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(key, prepared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_made_anew_while_tables_grow_and_kept_once_they_have_grown() {
        let anew = |runs: u64| (1..=runs).filter(|run| is_anew(*run)).count();
        assert_eq!(anew(255), 0);
        assert_eq!(anew(256), 1);
        assert_eq!(anew(1_024), 3);
        assert_eq!(anew(2_000_000), 11);
    }
}
