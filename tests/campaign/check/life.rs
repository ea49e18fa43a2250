//! The full life of one message, for whoever has to find out what became of it.

use super::super::history::Token;
use super::index::Index;

/// Everything that is known of a message: each line of its operation, of its mark and of its id, and its rows.
pub(super) fn life(index: &Index<'_>, token: Token) -> Vec<String> {
    let rows: Vec<_> = index.rows(token).collect();
    let op = index.op(token).map(|op| (op.line.p.as_str(), op.line.op));
    let mut told = Vec::new();
    for line in &index.records.lines {
        let of_op = op.is_some_and(|(p, n)| line.p == p && line.op == n && n > 0);
        let of_id = line.id.as_ref().is_some_and(|id| rows.iter().any(|row| row.id == *id));
        if of_op || of_id || index.tokens(line).contains(&token) {
            let seconds = std::time::Duration::from_nanos(line.t).as_secs_f64();
            told.push(format!("{seconds:>10.4} {}", serde_json::to_string(line).unwrap_or_default()));
        }
    }
    for row in rows {
        told.push(format!("    stored {}", serde_json::to_string(row).unwrap_or_default()));
        let deliveries = index.records.dump.deliveries.iter();
        let own = deliveries.filter(|delivery| delivery.conv == row.conv && delivery.seq == row.seq);
        told.extend(own.map(|delivery| format!("  delivery {}", serde_json::to_string(delivery).unwrap_or_default())));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn a_life_goes_from_the_first_word_to_the_last_receipt() {
        let mut sample = Sample::new();
        let (mint, content) = (sample.mint(), sample.message("agent says").content.clone());
        let records = sample.records();
        let index = Index::of(&records);
        let told = life(&index, mint.ours(&content)[0]);
        for part in ["\"invoke\"", "\"ok\"", "wx_out", "receipt", "stored", "delivery"] {
            assert!(told.iter().any(|line| line.contains(part)), "{part} in {told:#?}");
        }
    }
}
