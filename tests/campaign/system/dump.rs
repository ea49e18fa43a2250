//! What the store holds, read from outside the gateway and written as rows of JSON. Knows both databases.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, QueryableByName, SqliteConnection, sql_query};

/// Where the store is.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// An address.
    Postgres(String),
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

/// A file of the dump: its name, its columns, the rest of the query.
const FILES: [(&str, &[&str], &str); 6] = [
    (
        "message",
        &["tenant", "conv", "seq", "id", "session", "role", "sender", "visibility", "content", "cid", "control_epoch"],
        "FROM message",
    ),
    ("conversation", &["tenant", "conv", "kind", "external_id", "last_seq"], "FROM conversation"),
    ("assignment", &["tenant", "session", "conv", "agent", "state", "accepted_at", "ended_at"], "FROM assignment"),
    ("delivery", &["tenant", "conv", "seq", "state", "code"], "FROM delivery"),
    ("agent", &["tenant", "agent", "capacity", "load"], "FROM agent"),
    ("outbox", &["tenant", "id"], "FROM outbox"),
];

impl Database {
    /// Rows of one JSON object each.
    async fn rows(&self, columns: &[&str], rest: &str) -> anyhow::Result<Vec<String>> {
        let pairs: Vec<_> = columns.iter().map(|column| format!("'{column}', {column}")).collect();
        let pairs = pairs.join(", ");
        let rows = match self {
            Self::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(path.to_str().context("an odd path")?)?;
                diesel::RunQueryDsl::execute(sql_query("PRAGMA busy_timeout = 5000"), &mut connection)?;
                let query = sql_query(format!("SELECT json_object({pairs}) AS row {rest}"));
                let rows = diesel::RunQueryDsl::load::<Row>(query, &mut connection)?;
                rows.into_iter().map(|row| row.row).collect()
            }
            Self::Postgres(url) => {
                let (client, wire) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
                let wire = tokio::spawn(wire);
                let query = format!("SELECT json_build_object({pairs})::text {rest}");
                let rows = client.query(&query, &[]).await?;
                drop(client);
                wire.await??;
                rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?
            }
        };
        Ok(rows)
    }

    /// A figure.
    pub async fn count(&self, rest: &str) -> anyhow::Result<i64> {
        let rows = self.rows(&["n"], &format!("FROM (SELECT count(*) AS n {rest}) AS counted")).await?;
        let row: serde_json::Value = serde_json::from_str(rows.first().context("no row")?)?;
        row.get("n").and_then(serde_json::Value::as_i64).context("no figure")
    }

    /// Writes everything that the checks look at.
    pub async fn dump(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, columns, rest) in FILES {
            let mut file = BufWriter::new(std::fs::File::create(folder.join(format!("{name}.jsonl")))?);
            for row in self.rows(columns, rest).await.with_context(|| format!("cannot read {name}"))? {
                writeln!(file, "{row}")?;
            }
            file.flush()?;
        }
        Ok(())
    }
}
