//! Messages hold what they must, the same each time, and nothing that outside data could add.

use schemas::Severity;
use sink_workbook::{
    AccountLine, Change, ChangeKind, Digest, Expiring, NextAction, Owner, Subject,
};

use super::*;

/// 2026-11-30T07:00:00Z, a Monday.
const SLOT_MS: i64 = 1_796_022_000_000;

const DAY_MS: i64 = 86_400_000;

fn config(rest: &str) -> Config {
    let text = format!(
        r#"{{"server": "smtps://mail.example.com", "from": "Scores <scores@example.com>",
            "owners": {{"cron": "0 8 * * MON"}}{rest}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// Figures whose every text is the given one.
fn figures(owner: &str, text: &str) -> Digest {
    let text = || text.to_owned();
    Digest {
        subject: Subject::Owner(Owner::Named(owner.to_owned())),
        at_ms: SLOT_MS + 60_000,
        score: Some(0.874),
        grade: Some("B"),
        standing: "▲ fair",
        since_ms: Some(SLOT_MS - 7 * DAY_MS),
        before: Some(0.862),
        weeks: vec![(SLOT_MS - 7 * DAY_MS, Some(0.862))],
        accounts: 3,
        not_collected: vec![text()],
        open: 12,
        accepted: 4,
        unknown: 2,
        newly_failing: 3,
        fixed: 1,
        changes: vec![Change {
            kind: ChangeKind::NewlyFailing,
            severity: Severity::Critical,
            requirement: text(),
            account: text(),
            region: text(),
            resource: text(),
            part: String::new(),
            at_ms: SLOT_MS - DAY_MS,
            transition: text(),
            cause: text(),
        }],
        actions: vec![NextAction {
            requirement: text(),
            account: text(),
            severity: Severity::High,
            to_mend: 5,
            points: 2.345,
            remediation: text(),
        }],
        expiring: vec![Expiring {
            id: text(),
            reason: text(),
            expires_ms: SLOT_MS + 9 * DAY_MS,
            days_left: 8,
            credited: 4,
            requirements: text(),
        }],
        lowest: vec![AccountLine {
            name: text(),
            id: "123456789012".to_owned(),
            score: Some(0.5),
            standing: "■ poor",
            open: 7,
        }],
        executives: Vec::new(),
    }
}

fn write_to(config: &Config, digest: &Digest, recipient: &str, attempt: Attempt) -> Letter {
    let recipient = recipient.parse().unwrap();
    let report = Report {
        digest,
        workbook: &[7; 3_000],
        recipient: &recipient,
        slot_ms: SLOT_MS,
        attempt,
        message_id: "",
    };
    Letter::write(config, &report, usize::MAX).unwrap()
}

fn write(config: &Config, digest: &Digest) -> Letter {
    write_to(config, digest, "ann@example.com", Attempt { number: 1, may_repeat: false })
}

/// Headers by RFC 5322: lines up to the first empty one, those that begin with a space continued.
fn headers(letter: &Letter) -> Vec<(String, String)> {
    let text = String::from_utf8(letter.bytes.clone()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let pair = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    head.split("\r\n").map(pair).collect()
}

fn header(letter: &Letter, name: &str) -> Option<String> {
    let found: Vec<_> = headers(letter).into_iter().filter(|(one, _)| one == name).collect();
    assert!(found.len() < 2, "{name} stands twice");
    found.into_iter().next().map(|(_, value)| value)
}

#[test]
fn headers_say_what_it_is() {
    let letter = write(&config(""), &figures("ann@example.com", "x"));
    assert_eq!(header(&letter, "From").unwrap(), "Scores <scores@example.com>");
    assert_eq!(header(&letter, "To").unwrap(), "ann@example.com");
    assert_eq!(header(&letter, "Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(header(&letter, "Date").unwrap(), "Mon, 30 Nov 2026 07:01:00 +0000");
    assert_eq!(header(&letter, "X-Scorecard-Attempt"), None);
    assert_eq!(header(&letter, "List-Unsubscribe"), None);
    let id = header(&letter, "Message-ID").unwrap();
    assert!(id.starts_with("<scorecard.owner.20261130T0700Z."), "{id}");
    assert!(id.ends_with("@example.com>") && !id.contains("ann"), "{id}");
    let mail = write(&config(r#", "unsubscribe": "stop@example.com""#), &figures("a@b.c", "x"));
    let to = header(&mail, "List-Unsubscribe").unwrap();
    assert_eq!(to, "<mailto:stop@example.com?subject=unsubscribe>");
    let web = write(&config(r#", "unsubscribe": "https://x/stop""#), &figures("a@b.c", "x"));
    assert_eq!(header(&web, "List-Unsubscribe").unwrap(), "<https://x/stop>");
}

#[test]
fn the_same_report_is_the_same_message() {
    let (config, digest) = (config(""), figures("ann@example.com", "x"));
    let first = write(&config, &digest);
    assert_eq!(write(&config, &digest).bytes, first.bytes);
    let other = write_to(&config, &digest, "bob@example.com", Attempt::default());
    assert_ne!(other.message_id, first.message_id);
    let later = Digest { at_ms: digest.at_ms + DAY_MS, ..digest.clone() };
    assert_eq!(write(&config, &later).content, first.content, "time is no figure");
    let better = Digest { open: 11, ..digest };
    assert_ne!(write(&config, &better).message_id, first.message_id);
    let repeat =
        write_to(&config, &better, "ann@example.com", Attempt { number: 2, may_repeat: true });
    assert_eq!(header(&repeat, "X-Scorecard-Attempt").unwrap(), "2");
    assert!(repeat.text.contains("You may have received this message before"));
    assert!(repeat.html.contains("You may have received this message before"));
}

#[test]
fn text_and_html_have_the_same_numbers() {
    let letter = write(&config(""), &figures("ann@example.com", "x"));
    for words in [
        "87.4 %",
        "▲ fair (B)",
        "↑ up 1.2 points since 2026-11-23",
        "3 newly failing, 1 fixed",
        "+2.3",
        "2026-12-09",
        "■ poor",
        "50.0 %",
        "No data of 1 account ever came: x.",
        "The workbook is attached: owner-ann@example.com.xlsx",
    ] {
        assert!(letter.text.contains(words), "{words}: {}", letter.text);
        assert!(letter.html.contains(words), "{words}: {}", letter.html);
    }
    assert!(letter.html.contains("12 to fix, 3 newly failing, 1 fixed, 1 exception expires soon"));
}

#[test]
fn a_message_goes_elsewhere_in_staging_and_says_so() {
    let config = config(r#", "redirect_all_to": "test@example.net""#);
    let letter = write(&config, &figures("ann@example.com", "x"));
    assert_eq!(header(&letter, "To").unwrap(), "test@example.net");
    assert_eq!(letter.to.to_string(), "test@example.net");
    assert!(letter.text.contains("the message would go to ann@example.com"));
}

#[test]
fn a_large_workbook_is_a_link() {
    let config = config(r#", "attach_max_bytes": 2999, "link": "https://x/y/{file}?a=1""#);
    let letter = write(&config, &figures("ann@example.com", "x"));
    assert!(letter.text.contains("https://x/y/owner%2Dann%40example%2Ecom%2Exlsx?a=1"));
    assert!(!String::from_utf8_lossy(&letter.bytes).contains("spreadsheetml"));

    let of = |rest: &str| write(&self::config(rest), &figures("ann@example.com", "x")).text;
    let page = of(r#", "attach_max_bytes": 2999, "link": "https://scores.example.com/""#);
    assert!(page.contains("The page has the same tables: https://scores.example.com/"), "{page}");
    let none = of(r#", "attach_max_bytes": 2999"#);
    assert!(none.contains("too much to attach: ask for it."), "{none}");
}

#[test]
fn outside_data_is_neither_header_nor_markup() {
    let evil = "</td><script>alert(1)</script>\r\nBcc: all@example.com\r\n\r\n\u{202e}<!-- &amp;";
    let mut digest = figures("ann@example.com\r\nBcc: x@y.z", evil);
    let letter = write(&config(""), &digest);
    assert!(!letter.html.contains("<script") && !letter.html.contains("<!--"));
    assert!(letter.html.contains("&lt;script&gt;") && letter.html.contains("&amp;amp;"));
    assert!(!letter.html.contains('\u{202e}') && !letter.text.contains('\u{202e}'));
    assert!(!letter.text.contains("\nBcc"));
    for subject in [Subject::Payer(evil.to_owned()), digest.subject.clone()] {
        digest.subject = subject;
        let letter = write(&config(r#", "redirect_all_to": "t@example.com""#), &digest);
        let names: Vec<String> = headers(&letter).into_iter().map(|(name, _)| name).collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected);
    }
}

#[test]
fn html_stays_below_what_mailboxes_cut() {
    let mut digest = figures("ann@example.com", &"&".repeat(500));
    digest.changes = vec![digest.changes[0].clone(); 60];
    digest.actions = vec![digest.actions[0].clone(); 60];
    let letter = write(&config(""), &digest);
    assert!(letter.html.len() <= HTML_MAX, "{}", letter.html.len());
    assert!(letter.html.contains("more are in the workbook"));
    assert!(letter.text.lines().all(|line| line.chars().count() < 900));
}

#[test]
fn lines_are_short_enough_to_travel() {
    let letter = write(&config(""), &figures("ann@example.com", &"schön ".repeat(90)));
    let lines = letter.bytes.split(|byte| *byte == b'\n');
    // RFC 5322, 2.1.1; and nothing that needs 8BITMIME.
    assert!(lines.into_iter().all(|line| line.len() <= 999));
    assert!(letter.bytes.is_ascii());
}
