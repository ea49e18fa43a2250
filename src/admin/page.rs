//! Lists in pages: an opaque place after which the next page begins. Knows no list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::problem::{Error, Finding};

/// Lines of a page that says nothing else.
const USUAL: u16 = 50;
/// The most lines of a page.
pub const MOST: u16 = 200;

/// Which page is asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PageAsked")]
pub struct Asked {
    /// The `next` of the page before; the first page without.
    pub after: Option<String>,
    /// At most so many lines, 1 to 200; 50 without.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u16>,
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The lines.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; none on the last page.
    pub next: Option<String>,
}

impl Asked {
    /// How many lines, and after which place.
    pub(super) fn read<P: DeserializeOwned>(&self) -> Result<(usize, Option<P>), Error> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            let detail = "应为 1–200 / must be from 1 to 200";
            return Err(Error::Wrong(vec![Finding::field("limit", detail)]));
        }
        let place = self.after.as_deref().map(open).transpose()?;
        Ok((usize::from(limit), place))
    }
}

impl<T> Page<T> {
    /// A page of at most `limit` lines out of one more, if there are more. `place` is where a line stands.
    pub(super) fn of<P: Serialize>(
        mut items: Vec<T>,
        limit: usize,
        place: impl FnOnce(&T) -> P,
    ) -> Result<Self, Error> {
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more).map(place);
        let next = last.map(|place| Ok::<_, Error>(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&place)?))).transpose()?;
        Ok(Self { items, next })
    }
}

fn open<P: DeserializeOwned>(text: &str) -> Result<P, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| {
        Error::Wrong(vec![Finding::field("after", "不是上一页给出的 next / is not the `next` of a page")])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(after: Option<String>, limit: u16) -> Asked {
        Asked { after, limit: Some(limit) }
    }

    proptest! {
        #[test]
        fn pages_joined_are_the_list(list in prop::collection::btree_set("[a-z一-龥]{1,6}", 0..40), limit in 1u16..9) {
            let list: Vec<String> = list.into_iter().collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (limit, place) = asked(after, limit).read::<String>().unwrap();
                let rest = list.iter().filter(|line| place.as_ref().is_none_or(|place| *line > place));
                let page = Page::of(rest.take(limit + 1).cloned().collect(), limit, String::clone).unwrap();
                prop_assert!(page.items.len() <= limit);
                seen.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, list);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_by_name() {
        for after in ["", "x", "!!", "bnVsbA", "MTIz"] {
            let error = asked(Some(after.to_owned()), 5).read::<String>().unwrap_err();
            assert!(matches!(error, Error::Wrong(found) if found[0].field.as_deref() == Some("after")), "{after}");
        }
        for limit in [0, 201] {
            assert!(asked(None, limit).read::<String>().is_err());
        }
    }
}
