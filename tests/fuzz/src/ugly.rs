//! Inputs that every parser meets: what breaks parsers, made here so that it takes no room.

use crate::corpus::Seed;

/// How deep the deep ones are.
const DEEP: usize = 100_000;

/// How long the long ones are.
const LONG: usize = 200_000;

/// Gives all of them.
pub(crate) fn all() -> Vec<Seed> {
    let made = texts().into_iter().map(|(name, text)| (name, text.into_bytes()));
    let all = made.chain(bytes());
    all.map(|(name, bytes)| Seed { name: format!("ugly: {name}"), bytes, is_ugly: true }).collect()
}

fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("nothing", String::new()),
        ("a mark and nothing", "\u{feff}".to_owned()),
        ("two marks", "\u{feff}\u{feff}[]".to_owned()),
        ("deep lists", "[".repeat(DEEP)),
        ("deep lists that end", format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP))),
        ("deep objects", "{\"a\":".repeat(DEEP)),
        ("deep findings", "{\"Findings\":[".repeat(DEEP)),
        ("deep elements", "<a>".repeat(DEEP)),
        ("deep elements that end", format!("{}{}", "<a>".repeat(DEEP), "</a>".repeat(DEEP))),
        ("deep parentheses", "(".repeat(DEEP)),
        ("deep list of YAML", "- ".repeat(DEEP)),
        ("deep map of YAML", (0..300).map(|at| format!("{}a:\n", " ".repeat(at))).collect()),
        ("a long text", format!("\"{}\"", "x".repeat(LONG))),
        ("a long line", "a,".repeat(LONG / 2)),
        ("many lines", "a\n".repeat(LONG / 2)),
        ("many empty objects", format!("[{}{{}}]", "{},".repeat(LONG / 3))),
        ("many numbers", format!("[{}0]", "0,".repeat(LONG / 2))),
        (
            "huge numbers",
            format!("[1e999,-1e999,{},0.{}1,1e-999]", "9".repeat(400), "0".repeat(400)),
        ),
        (
            "numbers at the edge",
            "[9223372036854775807,-9223372036854775808,18446744073709551615,\
            9223372036854775808,-9223372036854775809,0.1,-0,1e308,5e-324]"
                .to_owned(),
        ),
        ("lone surrogates", r#"["\ud800","\udc00","\ud800\ud800","\udfff x"]"#.to_owned()),
        ("nul", "[\"\\u0000\",\"\0\"]".to_owned()),
        ("nul alone", "\0\0\0\0".to_owned()),
        ("the same key twice", r#"{"a":1,"a":2,"id":"x","id":"y"}"#.to_owned()),
        ("an entity bomb", entity_bomb()),
        (
            "an outside entity",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>\
            <a>&x;</a>"
                .to_owned(),
        ),
        ("an alias bomb", alias_bomb()),
        ("an alias of itself", "&a [*a, *a]".to_owned()),
        ("a long text of aliases", long_aliases()),
        ("open quotes", "\"".repeat(LONG / 2 + 1)),
        ("ends of lines", "\r\n\r\r\n\u{2028}\u{85}\n".repeat(100)),
        ("signs from right to left", "\u{202e}\u{2066}a\u{2069}\u{200b}".repeat(50)),
    ]
}

fn bytes() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("no UTF-8", vec![b'[', b'"', 0xff, 0xfe, b'"', b']']),
        ("surrogates as UTF-8", vec![b'"', 0xed, 0xa0, 0x80, b'"']),
        ("UTF-16", "\u{feff}[1]".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("all bytes", (0..=255).collect()),
        ("ones", vec![0xff; 4_096]),
        ("continued numbers", vec![0x80; 4_096]),
    ]
}

/// A billion laughs: ten names that each stand for ten of the one before.
fn entity_bomb() -> String {
    let names = 'a'..='j';
    let entity = |(one, next): (char, char)| {
        format!("<!ENTITY {next} \"{}\">", format!("&{one};").repeat(10))
    };
    let entities: String = names.clone().zip(names.skip(1)).map(entity).collect();
    format!("<!DOCTYPE x [<!ENTITY a \"laugh\">{entities}]><x>&j;</x>")
}

/// The same in YAML.
fn alias_bomb() -> String {
    let names = 'a'..='j';
    let anchor = |(one, next): (char, char)| {
        format!("{next}: &{next} [{}]\n", vec![format!("*{one}"); 10].join(", "))
    };
    let anchors: String = names.clone().zip(names.skip(1)).map(anchor).collect();
    format!("a: &a laugh\n{anchors}accounts: *j\n")
}

/// One long text, and as many aliases of it as go without notice beside other anchors.
fn long_aliases() -> String {
    let anchors: String = (0..2_000).map(|at| format!("- &b{at} x\n")).collect();
    format!("- &a {}\n{anchors}{}", "x".repeat(LONG / 4), "- *a\n".repeat(15_000))
}
