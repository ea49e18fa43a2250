//! Turns traditional characters into simplified ones, one by one: questions, synonyms and the dictionary are simplified.
//! Knows no words, so that a character that stands for two, like 乾, stays.

/// A traditional character and its simplified one, a pair a line, ascending. Of `TSCharacters.txt` of OpenCC
/// (<https://github.com/BYVoid/OpenCC>, Apache-2.0, Copyright BYVoid and contributors) those whose simplified character
/// is in the dictionary.
const PAIRS: &str = include_str!("traditional.txt");
/// Bytes of a character of the table.
const CHARACTER: usize = 3;
/// Bytes of a line of the table.
const LINE: usize = 2 * CHARACTER + 1;

/// The simplified character, or the character itself.
pub(super) fn simplify(c: char) -> char {
    if !matches!(c, '\u{4e00}'..='\u{9fff}') {
        return c;
    }
    let mut buffer = [0; 4];
    let wanted: &str = c.encode_utf8(&mut buffer);
    let (mut low, mut high) = (0, PAIRS.len() / LINE);
    while low < high {
        let middle = low.midpoint(high);
        let at = middle * LINE;
        let Some((traditional, simplified)) =
            PAIRS.get(at..at + 2 * CHARACTER).and_then(|pair| pair.split_at_checked(CHARACTER))
        else {
            return c;
        };
        match traditional.cmp(wanted) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return simplified.chars().next().unwrap_or(c),
        }
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_characters_become_simplified_ones() {
        let turned: String = "銀行卡遺失點樣掛號，轉賬到帳戶；乾著ABC卡".chars().map(simplify).collect();
        assert_eq!(turned, "银行卡遗失点样挂号，转账到帐户；乾著ABC卡");
    }

    #[test]
    fn every_line_is_found() {
        assert_eq!(PAIRS.len() % LINE, 0);
        let mut last = None;
        for line in PAIRS.lines() {
            let (from, to) = line.split_at(CHARACTER);
            let from = from.chars().next().unwrap();
            assert_eq!(simplify(from).to_string(), to, "{line}");
            assert!(last < Some(from), "{line} is not in order");
            assert_eq!(simplify(simplify(from)), simplify(from), "{line}");
            last = Some(from);
        }
    }
}
