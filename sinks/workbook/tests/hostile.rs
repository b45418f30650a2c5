//! Text from accounts stays text, limits cut in sight, and the same tables give the same bytes.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod reading;
#[allow(dead_code)]
mod sample;

use std::collections::BTreeSet;

use reading::Book;
use sample::{AT_MS, DAY_MS, SINCE_MS};
use schemas::{
    AccountKey, Cause, ComplianceKey, ComplianceState, Credit, Exception, ExceptionKey,
    RequirementKey, ScoreKey, Standing, Verdict,
};
use sink_workbook::{
    Content, Limits, Model, Owner, Past, Subject, Tables, Turn, Verdicts, lay_out, lay_out_within,
    render,
};

const OWNER: &str = "=HYPERLINK(\"http://evil\")&\u{202e}@example.com";

/// Texts that other programs would run, break on or hide.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1:A9)",
        "\t=1+1",
        "{=1}",
        "http://example.com/x",
        "mailto:a@example.com",
        "internal:'About'!A1",
        "file:///etc/passwd",
        "<script>alert(1)</script>&amp;\"'",
        "_x000D_ _x0041_",
        "a\u{0}b\u{1b}[31mc\u{7f}\u{85}",
        "exe\u{202e}cod.pdf\u{2066}x\u{fffe}",
        "000123456789",
        "1E5",
        "TRUE",
        "漢字 🦀 e\u{301}",
        "   ",
        "one\r\ntwo\nthree",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x".repeat(40_000));
    texts.push("🦀".repeat(40_000));
    texts.push("\n".repeat(2_000));
    texts
}

/// One account for each hostile text, which is the text of everything in it.
fn tables() -> Tables {
    let mut tables = sample::tables();
    let template = tables.requirements.values().next().unwrap().clone();
    tables.accounts.clear();
    tables.compliance = Verdicts::default();
    tables.exceptions.clear();
    for (n, text) in hostile().into_iter().enumerate() {
        let id = format!("{n:012}");
        let mut account = sample::account(&id, &text, Some(OWNER), &text);
        account.coverage[0].failed = 1;
        account.coverage[0].error = Some(text.clone());
        tables.accounts.insert(AccountKey::new(&id), account);
        let mut requirement = template.clone();
        requirement.id = format!("{text}{n}");
        requirement.title.clone_from(&text);
        requirement.remediation.clone_from(&text);
        let key = RequirementKey::new(&requirement.id);
        let mut row = sample::row(Verdict::Fail, &text, &text, &text, AT_MS);
        row.evidence.clone_from(&text);
        row.source.clone_from(&text);
        row.credit = Credit::Live;
        row.exception = Some(text.clone());
        row.exception_reason = Some(text.clone());
        let place = ComplianceKey::new(&requirement.id, &id, &text, &text, &text);
        tables.requirements.insert(key, requirement);
        tables.compliance.insert(&place, &row);
        let exception = Exception {
            id: text.clone(),
            accounts: vec![id, text.clone()],
            requirements: vec![text.clone()],
            resource: text.clone(),
            approved: true,
            reason: text.clone(),
            owner: text.clone(),
            expires_ms: Some(AT_MS + DAY_MS + n as i64),
            ..Exception::default()
        };
        tables.exceptions.insert(ExceptionKey::new(text), exception);
    }
    sample::finish(&mut tables);
    tables
}

#[test]
fn text_from_accounts_stays_text() {
    let tables = tables();
    let bytes = render(&lay_out(
        &tables,
        &Past::default(),
        &Subject::Owner(Owner::Named(OWNER.to_owned())),
    ))
    .unwrap();
    let book = Book::open(bytes);
    assert_eq!(book.formulas, Vec::<String>::new(), "nothing becomes a formula");
    let known: BTreeSet<String> =
        book.names.iter().flat_map(|name| book.sheet(name).texts()).collect();
    // What a cell must show; the others are checked by their rules below.
    for text in hostile().iter().filter(|text| text.len() < 1_000 && !text.trim().is_empty()) {
        let shown = match text.as_str() {
            "\t=1+1" => " =1+1",
            "a\u{0}b\u{1b}[31mc\u{7f}\u{85}" => "a␀b␛[31mc␡\u{fffd}",
            "exe\u{202e}cod.pdf\u{2066}x\u{fffe}" => "exe\u{fffd}cod.pdf\u{fffd}x\u{fffd}",
            "one\r\ntwo\nthree" => "one\ntwo\nthree",
            other => other,
        };
        assert!(known.contains(shown), "{text:?} is shown as it is");
    }
    for text in &known {
        assert!(text.encode_utf16().count() <= 32_767);
        assert!(text.matches('\n').count() <= 253);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
    let cut = known.iter().filter(|text| text.ends_with("of 40,000 characters are shown]"));
    assert!(cut.count() >= 2, "what was cut says so");
    for name in &book.names {
        assert!(name.encode_utf16().count() <= 31);
        assert!(!name.contains(['[', ']', ':', '*', '?', '/', '\\']), "{name:?}");
    }
    assert_eq!(book.names.len(), 4 + hostile().len());
}

/// Resource types whose links take all kinds of parts.
const LINKED: [&str; 6] = [
    "AWS::S3::Bucket",
    "AWS::IAM::User",
    "AWS::IAM::Policy",
    "AWS::ECR::Repository",
    "AWS::ECS::Service",
    "AWS::SecretsManager::Secret",
];

/// The hostile tables, but each row is of a known type, in a region that is one or is hostile.
fn linked(text: &str) -> Tables {
    let mut tables = tables();
    let (key, row) = tables.compliance.iter().next().unwrap();
    tables.compliance = Verdicts::default();
    tables.exceptions.clear();
    tables.accounts.retain(|account, _| account.account == key.account);
    for (n, resource_type) in LINKED.iter().enumerate() {
        for region in ["eu-west-1", "cn-north-1", "global", text] {
            for arn in [String::new(), format!("arn:aws:x::1:{text}"), format!("arn:{text}")] {
                let part = format!("{n}{region}{arn}");
                let place =
                    ComplianceKey::new(&*key.requirement, &*key.account, region, text, part);
                let row = ComplianceState {
                    resource_type: (*resource_type).to_owned(),
                    name: text.to_owned(),
                    arn,
                    ..row.clone()
                };
                tables.compliance.insert(&place, &row);
            }
        }
    }
    tables
}

/// What turned: every row, from passing, by a cause with a hostile name.
fn turned(tables: &Tables, text: &str) -> Past {
    let mut past = sample::past(tables);
    for cut in past.weeks.iter_mut().chain(&mut past.since) {
        let scores = tables
            .accounts
            .keys()
            .map(|key| (key.clone(), tables.scores[&ScoreKey::new(&*key.account, "*")].clone()));
        cut.accounts = scores.collect();
    }
    let standing = |verdict| Some(Standing { verdict, credit: Credit::None });
    let cause = Cause { topic: text.to_owned(), partition: 0, offset: 0 };
    let (before, after) = (standing(Verdict::Pass), standing(Verdict::Fail));
    let turn = |(key, row): (ComplianceKey, ComplianceState)| {
        let ComplianceState { resource_type, name, arn, .. } = row;
        let (at_ms, cause) = (SINCE_MS + 1, cause.clone());
        (key, Turn { before, after, at_ms, cause, resource_type, name, arn })
    };
    past.turns = tables.compliance.iter().map(turn).collect();
    past
}

/// Prints what a workbook's relationships lead to outside, and then its sheets' parts that could
/// be formulas or lead elsewhere.
const PRINT_PARTS: &str = "
import re, sys, zipfile
parts = zipfile.ZipFile(sys.argv[1])
for name in parts.namelist():
    text = parts.read(name).decode()
    if name.endswith('.rels'):
        for one in re.findall('<Relationship [^>]*TargetMode=\"External\"[^>]*>', text):
            print('out', re.search('Target=\"([^\"]*)\"', one)[1])
    elif '/sheet' in name:
        for one in re.findall('<hyperlink [^>]*>', text):
            print('link', one)
        for one in re.findall('<f[ >][^<]*', text):
            print('formula', one)
";

/// What a workbook leads to: addresses outside, and links with their places.
fn leads_to(bytes: &[u8]) -> (BTreeSet<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.xlsx");
    std::fs::write(&path, bytes).unwrap();
    // Python reads them without any xlsx library.
    let python = std::process::Command::new("python3")
        .args(["-c", PRINT_PARTS])
        .arg(&path)
        .output()
        .unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let printed = String::from_utf8(python.stdout).unwrap();
    assert!(!printed.lines().any(|line| line.starts_with("formula ")), "{printed}");
    let of = |kind: &'static str| printed.lines().filter_map(move |line| line.strip_prefix(kind));
    (of("out ").map(str::to_owned).collect(), of("link ").map(str::to_owned).collect())
}

#[test]
fn a_workbook_leads_nowhere_but_to_the_console() {
    let owner = Subject::Owner(Owner::Named(OWNER.to_owned()));
    let plain = render(&lay_out(&tables(), &Past::default(), &owner)).unwrap();
    let (out, links) = leads_to(&plain);
    assert!(out.is_empty() && !links.is_empty(), "hostile types have no console: {out:?}");
    // Of those that are too long for a link one is enough.
    for text in hostile().into_iter().filter(|text| text.len() < 1_000 || text.starts_with('x')) {
        let tables = linked(&text);
        let past = turned(&tables, &text);
        let (out, links) = leads_to(&render(&lay_out(&tables, &past, &owner)).unwrap());
        for link in &out {
            let host = link.strip_prefix("https://").and_then(|rest| rest.split('/').next());
            let known = [
                "eu-west-1.console.aws.amazon.com",
                "us-east-1.console.aws.amazon.com",
                "cn-north-1.console.amazonaws.cn",
                // A partition that an ARN names decides, whatever the region is.
                "cn-north-1.console.aws.amazon.com",
            ];
            assert!(host.is_some_and(|host| known.contains(&host)), "{text:?}: {link}");
            let safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/?=&;%".contains(c);
            assert!(link.chars().all(safe), "{text:?}: {link}");
        }
        for link in links {
            // What stands behind `#` is kept beside the address.
            let place = link.split("location=\"").nth(1).and_then(|rest| rest.split('"').next());
            let within = !link.contains("r:id=");
            let safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/?=&;%".contains(c);
            assert!(within || place.is_none_or(|place| place.chars().all(safe)), "{link}");
        }
    }
    let (out, _) = leads_to(&render(&lay_out(&linked("plain"), &Past::default(), &owner)).unwrap());
    assert!(out.len() >= 10, "{out:?}");
}

#[test]
fn links_end_where_excel_would_drop_them_all() {
    let owner = Subject::Owner(Owner::Named(sample::MAYA.to_owned()));
    let tables = sample::tables();
    let limits = Limits { console_links_max: 21, ..Limits::default() };
    let all = lay_out(&tables, &Past::default(), &owner);
    let few = lay_out_within(&tables, &Past::default(), &owner, &limits);
    let links = |model: &Model, name: &str| {
        let sheet = model.sheets.iter().find(|sheet| sheet.name == name).unwrap();
        let cells = sheet.rows.iter().flat_map(|row| row.cells);
        cells.filter(|cell| matches!(cell.content, Content::Console { .. })).count()
    };
    // 19 rows fail there, and 5 could not be judged.
    assert_eq!((links(&all, "fraud-analytics"), links(&few, "fraud-analytics")), (24, 21));
    assert_eq!(links(&all, "ledger-archive"), links(&few, "ledger-archive"));
    let book = Book::open(render(&few).unwrap());
    book.sheet("fraud-analytics").find("⚠ Cut: only the first 21 resources lead to the console.");
    let told = |text: &String| text.contains("lead to the console.");
    assert!(!Book::open(render(&all).unwrap()).sheet("fraud-analytics").texts().iter().any(told));
    let excels = 65_530;
    assert!(Limits::default().console_links_max + Limits::default().links_max < excels);
}

#[test]
fn the_same_tables_give_the_same_bytes() {
    for tables in [sample::tables(), tables()] {
        let past = sample::past(&tables);
        for subject in sink_workbook::subjects(&tables) {
            let first = render(&lay_out(&tables, &past, &subject)).unwrap();
            // A file that took its own time would differ a second later.
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            let again = render(&lay_out(&tables.clone(), &past.clone(), &subject)).unwrap();
            assert!(first == again, "{subject}");
        }
    }
}

#[test]
fn three_hundred_accounts_have_three_hundred_tabs() {
    let mut tables = sample::tables();
    tables.accounts.clear();
    for n in 0..300 {
        let id = format!("{n:012}");
        // All are called the same but for case, and too long for a sheet.
        let name = ["Production of the Payments Division", "PRODUCTION of the payments division"];
        let account = sample::account(&id, name[n % 2], Some("o"), "");
        tables.accounts.insert(AccountKey::new(id), account);
    }
    sample::finish(&mut tables);
    let book = Book::open(
        render(&lay_out(&tables, &Past::default(), &Subject::Owner(Owner::Named("o".to_owned()))))
            .unwrap(),
    );
    let names: BTreeSet<String> = book.names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(names.len(), 304);
    assert!(book.names.iter().any(|name| name.ends_with(" 000000000299")));
    let scores = book.sheet("Scores");
    assert_eq!(scores.size().1, 306);
}

#[test]
fn what_is_cut_is_told() {
    let tables = sample::tables();
    let limits = Limits { rows_max: 3, accounts_max: 6, expiring_max: 1, ..Limits::default() };
    let owner = Subject::Owner(Owner::Named(sample::MAYA.to_owned()));
    let book =
        Book::open(render(&lay_out_within(&tables, &Past::default(), &owner, &limits)).unwrap());
    assert_eq!(book.names.len(), 4 + 6, "two accounts have no tab");
    let says = |sheet: &str, text: &str| {
        let texts = book.sheet(sheet).texts();
        assert!(texts.iter().any(|told| told == text), "{sheet}: {text:?} not in {texts:#?}");
    };
    says(
        "Summary",
        "⚠ Only the first 6 of 8 accounts have a tab and a column in the scores; all are listed \
         below.",
    );
    says("Summary", "1 more: see the tab Exceptions.");
    says("Summary", "Cut: 5 more accounts.");
    says("Scores", "⚠ Cut: the first 6 of 8 accounts by name have a column.");
    says("Scores", "⚠ Cut: 6 more requirements.");
    says("Exceptions", "⚠ Cut: the first 3 of 5 exceptions are shown.");
    let failing = tables
        .compliance
        .iter()
        .filter(|(key, row)| key.account == sample::PARTIAL && row.verdict == Verdict::Fail);
    let (failing, unknown) = (failing.count(), 5);
    let text = format!("⚠ Cut: the first 3 of {failing} rows are shown, the gravest first.");
    says("fraud-analytics", &text);
    says("About", &format!("{} rows are not shown", failing - 3 + unknown - 3));
    says("About", "2 accounts have none");
}

#[test]
fn nothing_at_all_is_a_workbook_too() {
    let tables = Tables::default();
    assert_eq!(sink_workbook::subjects(&tables), []);
    let model = lay_out(
        &tables,
        &Past::default(),
        &Subject::Owner(Owner::Named("new@example.com".to_owned())),
    );
    let book = Book::open(render(&model).unwrap());
    assert_eq!(book.names, ["Summary", "Scores", "Exceptions", "About"]);
    book.sheet("Summary").find("not collected");
}
