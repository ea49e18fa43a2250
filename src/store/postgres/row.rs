//! Rows of the driver as diesel reads them.

use std::error::Error;
use std::num::NonZeroU32;
use std::ops::Range;

use diesel::backend::Backend;
use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use tokio_postgres::types::{FromSql, Type};

/// The rows of one answer, all of them here already.
pub struct Rows {
    rows: std::vec::IntoIter<tokio_postgres::Row>,
    /// Columns that are not the query's.
    behind: usize,
}

impl Rows {
    pub(super) fn of(rows: Vec<tokio_postgres::Row>) -> Self {
        Self { rows: rows.into_iter(), behind: 0 }
    }

    /// Of a question that was asked together with others: behind the columns stands which one it was.
    pub(super) fn foreseen(rows: Vec<tokio_postgres::Row>) -> Self {
        Self { rows: rows.into_iter(), behind: 1 }
    }
}

impl Iterator for Rows {
    type Item = diesel::QueryResult<PgRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        let width = row.len().saturating_sub(self.behind);
        Some(Ok(PgRow { row, width }))
    }
}

/// One row.
pub struct PgRow {
    row: tokio_postgres::Row,
    width: usize,
}

impl RowSealed for PgRow {}

impl<'a> Row<'a, Pg> for PgRow {
    type Field<'b>
        = PgField<'b>
    where
        Self: 'b,
        'a: 'b;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.width
    }

    fn get<'b, I>(&'b self, index: I) -> Option<Self::Field<'b>>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        let column = self.row.columns().get(index)?;
        Some(PgField { row: &self.row, index, name: column.name(), oid: NonZeroU32::new(column.type_().oid())? })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for PgRow {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.width).then_some(index)
    }
}

impl<'a> RowIndex<&'a str> for PgRow {
    fn idx(&self, name: &'a str) -> Option<usize> {
        self.row.columns().iter().take(self.width).position(|column| column.name() == name)
    }
}

/// One value of a row.
pub struct PgField<'a> {
    row: &'a tokio_postgres::Row,
    index: usize,
    name: &'a str,
    oid: NonZeroU32,
}

impl<'a> Field<'a, Pg> for PgField<'a> {
    fn field_name(&self) -> Option<&str> {
        Some(self.name)
    }

    fn value(&self) -> Option<<Pg as Backend>::RawValue<'_>> {
        let Raw(bytes) = self.row.try_get(self.index).ok()?;
        bytes.map(|bytes| PgValue::new(bytes, &self.oid))
    }
}

/// A value as it came over the wire: diesel decodes it.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
