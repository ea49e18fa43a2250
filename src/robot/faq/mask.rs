//! Hides what identifies somebody: bank cards, identity cards, mobile phones. Callers mask before a text leaves the house.

/// Digits of a bank card; shorter and longer ones are no cards.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Digits of a Chinese identity card, the last of which may be an X.
const IDENTITY: usize = 18;
/// Digits of a Chinese mobile phone.
const PHONE: usize = 11;
/// Weights of the digits of an identity card (GB 11643).
const WEIGHTS: [u32; IDENTITY - 1] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The check digit for each remainder.
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// The text with what identifies somebody replaced by `[身份证号]`, `[银行卡号]`, `[手机号]`.
///
/// Numbers are found with spaces or hyphens between their digits, and in full width. What has the length but not the
/// check digit stays: order numbers and amounts are no secrets, and an answer may depend on them.
#[must_use]
pub fn mask(text: &str) -> String {
    let chars: Vec<(char, Option<char>)> = text.chars().map(|c| (c, digit(c))).collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = chars.as_slice();
    while let Some(((c, digit), tail)) = rest.split_first() {
        if digit.is_none() {
            out.push(*c);
            rest = tail;
            continue;
        }
        let length = number(rest);
        let (run, after) = rest.split_at(length);
        match name(&digits(run)) {
            Some(name) => out.push_str(name),
            None => blocks(run, &mut out),
        }
        rest = after;
    }
    out
}

/// What stands between the separators; of letters only the X that ends an identity card.
fn digits(run: &[(char, Option<char>)]) -> String {
    run.iter().filter_map(|(c, digit)| digit.or(is_x(*c).then_some('X'))).collect()
}

fn is_x(c: char) -> bool {
    matches!(c, 'x' | 'X' | 'Ｘ' | 'ｘ')
}

/// A digit in any width.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => u32::from(c).checked_sub(u32::from('０')).and_then(|n| char::from_digit(n, 10)),
        _ => None,
    }
}

/// How many characters the number at the start has: digits, and single spaces or hyphens between them.
fn number(chars: &[(char, Option<char>)]) -> usize {
    let mut end = 0;
    let mut count = 0;
    for (at, (c, digit)) in chars.iter().enumerate() {
        match c {
            _ if digit.is_some() => (end, count) = (at + 1, count + 1),
            ' ' | '-' | '\u{a0}' if end == at => {}
            _ => break,
        }
    }
    let x = count == IDENTITY - 1 && chars.get(end).is_some_and(|(c, _)| is_x(*c));
    if x { end + 1 } else { end }
}

/// Numbers that stand beside each other, each looked at for itself.
fn blocks(run: &[(char, Option<char>)], out: &mut String) {
    for block in run.split_inclusive(|(_, digit)| digit.is_none()) {
        match name(&digits(block)) {
            Some(name) => {
                out.push_str(name);
                out.extend(block.last().filter(|(_, digit)| digit.is_none()).map(|(c, _)| *c));
            }
            None => out.extend(block.iter().map(|(c, _)| *c)),
        }
    }
}

/// What a number is.
fn name(digits: &str) -> Option<&'static str> {
    let count = digits.len();
    let without_country = digits.strip_prefix("86").filter(|rest| rest.len() == PHONE).unwrap_or(digits);
    if count == IDENTITY && is_identity(digits) {
        return Some("[身份证号]");
    }
    if is_phone(without_country) {
        return Some("[手机号]");
    }
    (CARD.contains(&count) && luhn(digits)).then_some("[银行卡号]")
}

fn is_phone(digits: &str) -> bool {
    digits.len() == PHONE && digits.starts_with('1') && digits.chars().nth(1).is_some_and(|c| c >= '3')
}

/// Whether birthday and check digit are right.
fn is_identity(digits: &str) -> bool {
    let month = digits.get(10..12).and_then(|month| month.parse::<u8>().ok());
    let day = digits.get(12..14).and_then(|day| day.parse::<u8>().ok());
    let plausible = month.is_some_and(|month| (1..=12).contains(&month)) && day.is_some_and(|d| (1..=31).contains(&d));
    let sum: u32 = digits.chars().zip(WEIGHTS).filter_map(|(c, weight)| Some(c.to_digit(10)? * weight)).sum();
    let check = usize::try_from(sum % 11).ok().and_then(|at| CHECKS.get(at)).copied();
    plausible && check == digits.chars().last()
}

/// The check of ISO/IEC 7812.
fn luhn(digits: &str) -> bool {
    let doubled = |n: u32| if n > 4 { n * 2 - 9 } else { n * 2 };
    let each = digits.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
    each.map(|(at, n)| if at % 2 == 1 { doubled(n) } else { n }).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_identify_somebody_are_hidden() {
        for (given, wanted) in [
            ("我的卡6222021234567890128挂失", "我的卡[银行卡号]挂失"),
            ("我的卡6222021234567890127挂失", "我的卡6222021234567890127挂失"),
            ("卡号4111111111111111", "卡号[银行卡号]"),
            ("卡号 4111 1111 1111 1111，谢谢", "卡号 [银行卡号]，谢谢"),
            ("4111-1111-1111-1111", "[银行卡号]"),
            ("４１１１１１１１１１１１１１１１", "[银行卡号]"),
            ("身份证11010519491231002X", "身份证[身份证号]"),
            ("身份证 11010519491231002x。", "身份证 [身份证号]。"),
            ("440524188001010014", "[身份证号]"),
            ("440524188001010015", "440524188001010015"),
            ("电话13800138000", "电话[手机号]"),
            ("+86 138 0013 8000", "+[手机号]"),
            ("138-0013-8000 或 13900139000", "[手机号] 或 [手机号]"),
            ("13800138000 13900139000", "[手机号] [手机号]"),
            ("转账100000元，电话95588", "转账100000元，电话95588"),
            ("12345678901", "12345678901"),
            ("没有号码", "没有号码"),
            ("", ""),
        ] {
            assert_eq!(mask(given), wanted, "{given}");
        }
    }

    proptest! {
        #[test]
        fn a_text_without_digits_stays(text in "[^0-9０-９]{0,40}") {
            prop_assert_eq!(mask(&text), text);
        }

        #[test]
        fn every_card_is_found(body in "[1-9][0-9]{11,17}", before in "[一-龥]{0,5}") {
            let card = (0..10).map(|n| format!("{body}{n}")).find(|card| luhn(card)).unwrap();
            let hidden = mask(&format!("{before}{card}"));
            prop_assert!(hidden.starts_with(&format!("{before}[")), "{}", hidden);
        }
    }
}
