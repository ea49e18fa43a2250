//! The gateway's file as any other program would open it: proof of what is stored and what is not.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde_json::Value;

/// Tables that a message or a reject could leave rows in.
pub const TABLES: [&str; 6] = ["inbox", "identity", "conversation", "session", "message", "quarantine"];

/// One stored message.
#[derive(Debug, Clone, QueryableByName)]
pub struct Message {
    #[diesel(sql_type = Text)]
    pub conv: String,
    #[diesel(sql_type = BigInt)]
    pub seq: i64,
    #[diesel(sql_type = Text)]
    pub role: String,
    #[diesel(sql_type = Text)]
    pub content: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub ext_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub raw_type: Option<String>,
}

impl Message {
    /// Type and body.
    pub fn content(&self) -> Value {
        serde_json::from_str(&self.content).expect("contents are JSON")
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// A reader of the database file.
pub struct Database(SqliteConnection);

impl Database {
    /// Opens the file in the data folder of an app.
    pub fn open(dir: &Path) -> Self {
        let path = dir.join("yizhan.db");
        assert!(path.exists(), "{} is there", path.display());
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).expect("the database opens");
        diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut connection).unwrap();
        Self(connection)
    }

    /// How many rows each table has.
    pub fn rows(&mut self) -> BTreeMap<&'static str, i64> {
        TABLES.iter().map(|table| (*table, self.count(table))).collect()
    }

    fn count(&mut self, table: &str) -> i64 {
        let count: Count =
            diesel::sql_query(format!("SELECT count(*) AS n FROM {table}")).get_result(&mut self.0).unwrap();
        count.n
    }

    /// What customers said and did, in the order of storing.
    pub fn messages_of(&mut self, external_id: &str) -> Vec<Message> {
        let query = "SELECT m.conv, m.seq, m.role, m.content, m.ext_id, m.raw_type FROM message m \
                     JOIN identity i ON i.tenant = m.tenant AND i.conv = m.conv \
                     WHERE i.external_id = ? AND m.role = 'contact' ORDER BY m.seq";
        diesel::sql_query(query).bind::<Text, _>(external_id).load(&mut self.0).unwrap()
    }

    /// Everything of everybody.
    pub fn messages(&mut self) -> Vec<Message> {
        let query = "SELECT conv, seq, role, content, ext_id, raw_type FROM message ORDER BY conv, seq";
        diesel::sql_query(query).load(&mut self.0).unwrap()
    }

    /// Why the last quarantined input was set aside.
    pub fn last_quarantine(&mut self) -> Option<String> {
        let query = "SELECT reason AS word FROM quarantine ORDER BY id DESC LIMIT 1";
        let word: Option<Word> = diesel::sql_query(query).get_result(&mut self.0).optional().unwrap();
        word.map(|word| word.word)
    }

    /// What SQLite thinks of its own file.
    pub fn integrity(&mut self) -> String {
        let word: Word = diesel::sql_query("SELECT integrity_check AS word FROM pragma_integrity_check")
            .get_result(&mut self.0)
            .unwrap();
        word.word
    }
}
