//! Good and bad documents in both formats (the rows of `tests/fixture/bad_input/c.toml`), and reading back what was written.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn xml(text: &str) -> Result<Fields<'_>, ParseError> {
    parse(text, WechatFormat::Xml)
}

fn json_doc(text: &str) -> Result<Fields<'_>, ParseError> {
    parse(text, WechatFormat::Json)
}

#[test]
fn xml_fields_are_read_from_cdata_text_and_references() {
    let doc =
        xml("\n<xml> <A><![CDATA[a]]]]><![CDATA[>b]]></A>\n<B>1 &lt;&#20320;&#x1F600;&amp;</B><C/><D>  </D> </xml >\n");
    let doc = doc.unwrap();
    assert_eq!(doc.text("A"), Some("a]]>b"));
    assert_eq!(doc.text("B"), Some("1 <你😀&"));
    assert_eq!(doc.text("C"), Some(""));
    assert_eq!(doc.text("D"), Some("  "));
    assert_eq!(doc.text("E"), None);
}

#[test]
fn repeated_lists_become_arrays_in_both_formats() {
    let one = xml("<xml><E><List><T>1</T></List></E></xml>").unwrap();
    let two = xml("<xml><E><List><T>1</T></List><List><T>2</T></List></E></xml>").unwrap();
    assert_eq!(one.to_json(), json!({"E": {"List": {"T": "1"}}}));
    assert_eq!(two.to_json(), json!({"E": {"List": [{"T": "1"}, {"T": "2"}]}}));
    let same = json_doc(r#"{"E":{"List":[{"T":1},{"T":"2"}]}}"#).unwrap();
    assert_eq!(same, two);
    assert!(xml("<xml><List>1</List><List>2</List><List>3</List></xml>").is_ok());
}

#[test]
fn numbers_and_strings_of_json_are_the_same_text() {
    let doc =
        json_doc(r#"{"a":6349323426230210995,"b":"6349323426230210995","c":1e999,"d":null,"e":true,"f":"\u4f60"}"#);
    let doc = doc.unwrap();
    assert_eq!(doc.text("a"), Some("6349323426230210995"));
    assert_eq!(doc.text("a"), doc.text("b"));
    assert_eq!(doc.text("c"), Some("1e999"));
    assert_eq!(doc.text("d"), None);
    assert_eq!(doc.text("e"), Some("true"));
    assert_eq!(doc.text("f"), Some("你"));
}

#[test]
fn hostile_xml_is_refused_for_the_right_reason() {
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><xml><A>&b;</A></xml>";
    let attributes = format!("<xml {}></xml>", (0..20_000).map(|i| format!("a{i}=\"\" ")).collect::<String>());
    let many = format!("<xml>{}</xml>", (0..600).map(|i| format!("<a{i}/>")).collect::<String>());
    let deep = format!("<xml>{}{}</xml>", "<a>".repeat(5000), "</a>".repeat(5000));
    for (text, error) in [
        ("<!DOCTYPE xml SYSTEM \"file:///etc/passwd\"><xml><A>1</A></xml>", ParseError::Doctype),
        ("<!DOCTYPE x [<!ENTITY % p SYSTEM \"http://127.0.0.1:1\"> %p;]><xml/>", ParseError::Doctype),
        (laughs, ParseError::Doctype),
        ("<xml><A>&b;</A></xml>", ParseError::Entity),
        ("<xml><A>&#0;</A></xml>", ParseError::Entity),
        ("<xml><A>&#xD800;</A></xml>", ParseError::Entity),
        ("<xml><A>&#1;</A></xml>", ParseError::Entity),
        (&attributes, ParseError::Attributes),
        ("<xml><A b='1'/></xml>", ParseError::Attributes),
        ("<xml><FromUserName>a</FromUserName><FromUserName>b</FromUserName></xml>", ParseError::Duplicate),
        ("<xml></xml><xml></xml>", ParseError::SecondRoot),
        ("<xml></xml>tail", ParseError::SecondRoot),
        ("<xml><!-- c --></xml>", ParseError::Markup),
        ("<xml><?php ?></xml>", ParseError::Markup),
        ("<xml>text<A/></xml>", ParseError::Markup),
        ("<?xml version=\"1.0\" encoding=\"UTF-7\"?><xml/>", ParseError::Encoding),
        (&many, ParseError::TooMany),
        (&deep, ParseError::TooDeep),
        ("", ParseError::Malformed),
        ("   ", ParseError::Malformed),
        ("<xml>", ParseError::Malformed),
        ("<xml><A></xml>", ParseError::Malformed),
        ("<xml><A></B></xml>", ParseError::Malformed),
        ("<xml>text</xml>", ParseError::Malformed),
        ("</xml>", ParseError::Malformed),
        ("<root/>", ParseError::Malformed),
        ("tail<xml/>", ParseError::Malformed),
        ("<xml><A>&</A></xml>", ParseError::Malformed),
        ("<xml><A><![CDATA[a]]</A></xml>", ParseError::Malformed),
    ] {
        assert_eq!(xml(text), Err(error), "{}", text.chars().take(80).collect::<String>());
    }
    assert!(xml("<?xml version=\"1.0\" encoding=\"utf-8\"?><xml/>").is_ok());
}

#[test]
fn hostile_json_is_refused_for_the_right_reason() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let nested = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
    let many = format!("{{{}\"z\":1}}", (0..600).map(|i| format!("\"a{i}\":1,")).collect::<String>());
    for (text, error) in [
        (r#"{"a":1,"a":2}"#, ParseError::Duplicate),
        (r#"{"a":{"b":1,"b":2}}"#, ParseError::Duplicate),
        (r#"{"a":1}{"b":1}"#, ParseError::Malformed),
        (r#"{"a":"\ud800"}"#, ParseError::Malformed),
        (r#"{"a":NaN}"#, ParseError::Malformed),
        ("[1]", ParseError::Malformed),
        ("", ParseError::Malformed),
        (r#"{"a":1"#, ParseError::Malformed),
        (&deep, ParseError::TooDeep),
        (&nested, ParseError::TooDeep),
        (&many, ParseError::TooMany),
    ] {
        assert_eq!(json_doc(text), Err(error), "{}", text.chars().take(80).collect::<String>());
    }
}

#[test]
fn text_is_cleaned_before_it_is_read() {
    assert_eq!(clean("\u{feff}<xml/>".as_bytes()), Ok(Cow::Borrowed("<xml/>")));
    assert_eq!(clean("ab\0\u{1}\u{1d}\u{fffe}\t\r\n，ｃ".as_bytes()).unwrap(), "ab\t\r\n，ｃ");
    assert!(matches!(clean("plain 你好 ，".as_bytes()), Ok(Cow::Borrowed(_))));
    assert_eq!(clean(b"<\0x\0m\0l\0"), Err(ParseError::Encoding));
    assert_eq!(clean(&[0xff, 0xfe, b'<', 0]), Err(ParseError::Encoding));
    assert_eq!(clean(&vec![b' '; MAX_BYTES + 1]), Err(ParseError::TooLarge));
    assert_eq!(json_doc(r#"{"a":"x\u0000\u0001\ty"}"#).unwrap().text("a"), Some("x\ty"));
}

#[test]
fn written_documents_have_the_published_shape() {
    let doc = [
        ("ToUserName", Node::Text("o1")),
        ("CreateTime", Node::Number(1_751_000_001)),
        ("Image", Node::Group(vec![("MediaId", Node::Text("m"))])),
        ("Articles", Node::Items(vec![Node::Group(vec![("Title", Node::Text("a]]>b\u{1}"))])])),
    ];
    assert_eq!(
        write(&doc, WechatFormat::Xml),
        "<xml><ToUserName><![CDATA[o1]]></ToUserName><CreateTime>1751000001</CreateTime><Image><MediaId><![CDATA[m]]>\
         </MediaId></Image><Articles><item><Title><![CDATA[a]]]]><![CDATA[>b]]></Title></item></Articles></xml>"
    );
    assert_eq!(
        write(&doc[..3], WechatFormat::Json),
        r#"{"ToUserName":"o1","CreateTime":1751000001,"Image":{"MediaId":"m"}}"#
    );
    assert_eq!(write(&[("a", Node::Text("你<&\"\u{2028}"))], WechatFormat::Json), "{\"a\":\"你<&\\\"\u{2028}\"}");
}

proptest! {
    #[test]
    fn what_is_written_is_read(a in any::<String>(), b in "[ -~\\]>]{0,60}", n: i64) {
        let doc = [("A", Node::Text(&a)), ("B", Node::Text(&b)), ("N", Node::Number(n))];
        for format in [WechatFormat::Xml, WechatFormat::Json] {
            let text = write(&doc, format);
            let read = parse(&text, format).unwrap();
            let expected = strip(Cow::Borrowed(a.as_str()));
            prop_assert_eq!(read.text("A"), Some(expected.as_ref()));
            prop_assert_eq!(read.text("B"), Some(b.as_str()));
            prop_assert_eq!(read.text("N").unwrap(), n.to_string());
        }
    }

    #[test]
    fn no_input_makes_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), soup in "[<>/!?\\[\\]CDATA&#;x a\"{}:,0-9]{0,80}") {
        for input in [&bytes[..], soup.as_bytes(), format!("<xml>{soup}</xml>").as_bytes()] {
            if let Ok(text) = clean(input) {
                let _ = (xml(&text).is_ok(), json_doc(&text).is_ok());
            }
        }
    }
}
