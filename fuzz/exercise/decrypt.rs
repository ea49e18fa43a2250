//! One ciphertext, and what must hold afterwards. The ordinary tests replay the corpus with the same code; whoever
//! includes this file has the library in scope as `yizhan`.

use super::yizhan;

use yizhan::channel::wechat::crypto::Key;

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const APPID: &str = "wxd930ea5d5a258f4f";

/// Any ciphertext, as base 64 and as it is. Only what this key made opens.
pub(super) fn run(data: &[u8]) {
    let Ok(key) = Key::parse(KEY) else { return };
    let text = String::from_utf8_lossy(data);
    let _any = key.decrypt(&text, APPID);
    let sealed = key.encrypt([7; 16], data, APPID);
    let opened = key.decrypt(&sealed, APPID);
    assert_eq!(opened.is_ok(), std::str::from_utf8(data).is_ok(), "what was encrypted opens if it is text");
    assert!(key.decrypt(&sealed, "wx").is_err(), "the id is compared whole");
    if let Some(shorter) = sealed.get(..sealed.len().saturating_sub(44)) {
        assert!(key.decrypt(shorter, APPID).is_err(), "a cut ciphertext never opens");
    }
}
