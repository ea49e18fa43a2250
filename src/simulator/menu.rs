//! The custom menu of an account and what a tap on it pushes. Knows no phone and no HTTP.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tree::Node;

/// One button, top level or below.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What is written on it.
    pub name: String,
    /// `click`, `view`, `miniprogram` …; absent on a button that only opens a submenu.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `EventKey` of its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The page it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The mini program it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appid: Option<String>,
    /// The page of the mini program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagepath: Option<String>,
    /// The buttons below.
    #[serde(default, alias = "sub_button", skip_serializing_if = "Vec::is_empty")]
    pub sub: Vec<Button>,
}

/// Why `menu/create` refuses a menu.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadMenu(pub(crate) i64);

/// Checks a menu as `menu/create` does.
///
/// Codes: <https://developers.weixin.qq.com/doc/oplatform/Return_codes/>.
pub(crate) fn check(buttons: &[Button], weapps: &[String]) -> Result<(), BadMenu> {
    if buttons.is_empty() || buttons.len() > 3 {
        return Err(BadMenu(40017));
    }
    buttons.iter().try_for_each(|button| {
        if button.name.is_empty() || button.name.len() > 40 {
            return Err(BadMenu(40018));
        }
        if button.sub.is_empty() {
            return check_action(button, weapps);
        }
        if button.sub.len() > 5 {
            return Err(BadMenu(40023));
        }
        button.sub.iter().try_for_each(|below| {
            if below.name.is_empty() || below.name.len() > 60 {
                return Err(BadMenu(40025));
            }
            if below.sub.is_empty() { check_action(below, weapps) } else { Err(BadMenu(40022)) }
        })
    })
}

fn check_action(button: &Button, weapps: &[String]) -> Result<(), BadMenu> {
    let has_key = button.key.as_deref().is_some_and(|key| !key.is_empty() && key.len() <= 128);
    let has_url = button.url.as_deref().is_some_and(|url| url.len() <= 1024 && url.starts_with("http"));
    match button.kind.as_deref() {
        Some(
            "click" | "scancode_push" | "scancode_waitmsg" | "pic_sysphoto" | "pic_photo_or_album" | "pic_weixin"
            | "location_select",
        ) => has_key.then_some(()).ok_or(BadMenu(40019)),
        Some("view") => has_url.then_some(()).ok_or(BadMenu(40020)),
        Some("miniprogram") => {
            if !has_url {
                return Err(BadMenu(40020));
            }
            let linked = button.appid.as_ref().is_some_and(|appid| weapps.contains(appid));
            linked.then_some(()).ok_or(BadMenu(45064))
        }
        Some("media_id" | "view_limited" | "article_id" | "article_view_limited") => Ok(()),
        _ => Err(BadMenu(40016)),
    }
}

/// The button with an action whose key, address or page path is `key`.
pub(crate) fn find<'a>(buttons: &'a [Button], key: &str) -> Option<&'a Button> {
    let is = |value: &Option<String>| value.as_deref() == Some(key);
    buttons.iter().find_map(|button| {
        if button.sub.is_empty() {
            (is(&button.key) || is(&button.url) || is(&button.pagepath)).then_some(button)
        } else {
            find(&button.sub, key)
        }
    })
}

/// The menu as `menu/get` answers it.
pub(crate) fn as_platform_json(buttons: &[Button]) -> Value {
    let written = buttons.iter().map(|button| {
        let mut value = json!({ "name": button.name, "sub_button": as_platform_json(&button.sub) });
        let optional = [
            ("type", &button.kind),
            ("key", &button.key),
            ("url", &button.url),
            ("appid", &button.appid),
            ("pagepath", &button.pagepath),
        ];
        if let Some(object) = value.as_object_mut() {
            for (name, field) in optional {
                if let Some(text) = field {
                    object.insert(name.to_owned(), Value::from(text.as_str()));
                }
            }
        }
        value
    });
    Value::Array(written.collect())
}

/// The event that a tap pushes: its name and its own fields. Nothing for buttons that push nothing.
pub(crate) fn event(button: &Button, scanned: Option<&str>) -> Option<(String, Vec<(String, Node)>)> {
    let kind = button.kind.as_deref()?;
    let key = |value: &Option<String>| ("EventKey".to_owned(), Node::text(value.as_deref().unwrap_or_default()));
    let menu_id = || ("MenuId".to_owned(), Node::bare(424_242_424));
    let fields = match kind {
        "click" => return Some(("CLICK".to_owned(), vec![key(&button.key)])),
        "view" => return Some(("VIEW".to_owned(), vec![key(&button.url), menu_id()])),
        "miniprogram" => return Some(("view_miniprogram".to_owned(), vec![key(&button.pagepath), menu_id()])),
        "scancode_push" | "scancode_waitmsg" => {
            let info =
                Node::map([("ScanType", Node::text("qrcode")), ("ScanResult", Node::text(scanned.unwrap_or("1")))]);
            vec![key(&button.key), ("ScanCodeInfo".to_owned(), info)]
        }
        "pic_sysphoto" | "pic_photo_or_album" | "pic_weixin" => {
            let picture = Node::map([("PicMd5Sum", Node::text("1b5f7c23b5bf75682a53e7b6d163e185"))]);
            let list = Node::map([("item", Node::List(vec![picture]))]);
            let info = Node::map([("Count", Node::bare(1)), ("PicList", list)]);
            vec![key(&button.key), ("SendPicsInfo".to_owned(), info)]
        }
        "location_select" => {
            let info = Node::map([
                ("Location_X", Node::text("23")),
                ("Location_Y", Node::text("113")),
                ("Scale", Node::text("15")),
                ("Label", Node::text("广州市海珠区客村艺苑路 106号")),
                ("Poiname", Node::text("")),
            ]);
            vec![key(&button.key), ("SendLocationInfo".to_owned(), info)]
        }
        _ => return None,
    };
    Some((kind.to_owned(), fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(json: &str) -> Vec<Button> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn both_spellings_of_the_submenu_are_read_and_found() {
        let buttons = menu(
            r#"[{"name":"a","type":"click","key":"A"},{"name":"b","sub_button":[{"name":"c","type":"view","url":"http://x/"}]}]"#,
        );
        assert_eq!(check(&buttons, &[]), Ok(()));
        assert_eq!(find(&buttons, "http://x/").map(|b| b.name.as_str()), Some("c"));
        assert_eq!(find(&buttons, "b"), None);
    }

    #[test]
    fn broken_menus_get_their_code() {
        let cases = [
            ("[]", 40017),
            (r#"[{"name":"","type":"click","key":"A"}]"#, 40018),
            (r#"[{"name":"a","type":"click"}]"#, 40019),
            (r#"[{"name":"a","type":"view","url":"ftp://x"}]"#, 40020),
            (r#"[{"name":"a","type":"jump","key":"A"}]"#, 40016),
            (r#"[{"name":"a","type":"miniprogram","url":"http://x","appid":"wx1","pagepath":"p"}]"#, 45064),
            (r#"[{"name":"a","sub_button":[{"name":"","type":"click","key":"A"}]}]"#, 40025),
        ];
        for (json, code) in cases {
            assert_eq!(check(&menu(json), &[]), Err(BadMenu(code)), "{json}");
        }
    }
}
