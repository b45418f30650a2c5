//! Every form says the same: figures, words and hostile names, cell by cell as in the xlsx file.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod reading;
#[allow(dead_code)]
mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use calamine::Data;
use reading::Book;
use schemas::{AccountKey, ComplianceKey, ExceptionKey, Verdict};
use serde_json::Value;
use sink_workbook::{Form, Order, Owner, Subject, Tables, WorkbookError, render_order};

/// Names that a program could run, break on, or take for its own marks.
const HOSTILE: [&str; 9] = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "＝1+1",
    "<script>alert(1)</script>",
    "\"quoted\", 'twice' & </td></table>",
    "one\r\n=two, three",
];

/// The sample's tables, with hostile names wherever a name may stand.
fn hostile() -> Tables {
    let mut tables = sample::tables();
    for (n, text) in HOSTILE.iter().enumerate() {
        let id = format!("25000000000{n}");
        let account = sample::account(&id, text, Some(sample::MAYA), text);
        tables.accounts.insert(AccountKey::new(&id), account);
        let mut row = sample::row(Verdict::Fail, "AWS::S3::Bucket", text, text, sample::AT_MS);
        (row.evidence, row.source) = ((*text).to_owned(), (*text).to_owned());
        let key = ComplianceKey::new("s3-encryption", &id, "eu-west-1", *text, *text);
        tables.compliance.insert(&key, &row);
        let mut exception = tables.exceptions.values().next().unwrap().clone();
        exception.id = (*text).to_owned();
        (exception.reason, exception.owner) = ((*text).to_owned(), (*text).to_owned());
        exception.accounts = vec![id];
        tables.exceptions.insert(ExceptionKey::new(*text), exception);
    }
    sample::finish(&mut tables);
    tables
}

fn order(forms: &[Form]) -> Order {
    Order { subjects: None, forms: forms.to_vec() }
}

fn written(tables: &Tables, forms: &[Form]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let past = sample::past(tables);
    render_order(tables, &past, &order(forms), folder.path(), &|_, _| {}).unwrap();
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// The xlsx files of a folder, by their stems.
fn books(folder: &Path) -> Vec<(String, Book)> {
    let files = files(folder).into_iter().filter(|path| path.extension().unwrap() == "xlsx");
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (stem(&path), Book::open(fs::read(&path).unwrap()))).collect()
}

/// Splits comma-separated values as RFC 4180 says, letter by letter.
fn split(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(c) = letters.next() {
        match (quoted, c) {
            (true, '"') if letters.peek() == Some(&'"') => cell.extend(letters.next()),
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => assert_eq!(letters.next(), Some('\n'), "lines end with both"),
            (false, '\n') => panic!("a line feed stands without quotes"),
            _ => cell.push(c),
        }
        if (quoted, c) == (false, '\r') {
            row.push(std::mem::take(&mut cell));
            rows.push(std::mem::take(&mut row));
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last line ends too");
    rows
}

/// Tells whether a text says what a cell of the xlsx file holds.
fn says(told: &str, cell: &Data) -> bool {
    match cell {
        Data::Empty => told.is_empty(),
        Data::String(text) => told == text || told.strip_prefix('\'') == Some(text),
        Data::Float(number) => told.parse::<f64>().unwrap() == *number,
        Data::DateTime(date) => day_of(told) == date.as_f64(),
        other => panic!("{other:?}"),
    }
}

/// Excel's days of an RFC 3339 time of the sample's years, to the millisecond.
fn day_of(time: &str) -> f64 {
    let number = |from: usize, to: usize| time[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days before a year, then before a month. Source: the Gregorian calendar.
    let leap = |year: i64| i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let years: i64 = (1900..year).map(|year| 365 + leap(year)).sum();
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = years + lengths[..month as usize - 1].iter().sum::<i64>() + day + 1;
    let seconds = number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    let rest = time[19..].trim_end_matches('Z').trim_start_matches('.');
    let ms = if rest.is_empty() { 0 } else { rest[..3].parse().unwrap() };
    days as f64 + (seconds * 1_000 + ms) as f64 / 86_400_000.0
}

#[test]
fn comma_separated_values_say_the_same_and_run_nothing() {
    let folder = written(&hostile(), &[Form::Xlsx, Form::Csv]);
    let mut guarded = 0;
    for (stem, book) in books(folder.path()) {
        let of_book = folder.path().join(format!("{stem}.csv"));
        assert_eq!(files(&of_book).len(), book.names.len(), "a file for each sheet");
        for name in &book.names {
            let text = fs::read_to_string(of_book.join(format!("{name}.csv"))).unwrap();
            let rows = split(text.strip_prefix('\u{feff}').unwrap());
            let sheet = book.sheet(name);
            assert!(rows.len() as u32 >= sheet.size().0);
            for (row, cells) in (0..).zip(&rows) {
                assert!(cells.len() as u32 <= sheet.size().1.max(16_384));
                for (column, told) in (0..).zip(cells) {
                    let cell = sheet.at(row, column);
                    let same = says(told, &cell) || (told.contains("Z") && near(told, &cell));
                    assert!(same, "{stem} {name} {row} {column}: {told:?}, {cell:?}");
                    let runs = told.trim_start().starts_with(['=', '+', '-', '@', '＝']);
                    assert!(!runs || matches!(cell, Data::Float(_)), "{told:?}");
                    guarded += u32::from(told.starts_with('\'') && !matches!(cell, Data::Empty));
                }
            }
        }
    }
    assert!(guarded > 50, "{guarded}");
}

/// Tells whether a time is a cell's date, but for what days as fractions lose.
fn near(told: &str, cell: &Data) -> bool {
    matches!(cell, Data::DateTime(date) if (day_of(told) - date.as_f64()).abs() < 1e-8)
}

#[test]
fn json_says_the_same() {
    let folder = written(&hostile(), &[Form::Xlsx, Form::Json]);
    for (stem, book) in books(folder.path()) {
        let text = fs::read_to_string(folder.path().join(format!("{stem}.json"))).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["as_of"], "2026-03-02T09:00:00.000Z");
        let sheets = document["sheets"].as_array().unwrap();
        let names: Vec<&str> = sheets.iter().map(|sheet| sheet["name"].as_str().unwrap()).collect();
        assert_eq!(names, book.names);
        for sheet in sheets {
            let grid = book.sheet(sheet["name"].as_str().unwrap());
            let rows = sheet["rows"].as_array().unwrap();
            assert!(rows.len() as u32 >= grid.size().0);
            for (row, cells) in (0..).zip(rows) {
                for (column, cell) in (0..).zip(cells.as_array().unwrap()) {
                    let same = match (cell, grid.at(row, column)) {
                        (Value::Null, Data::Empty) => true,
                        // The parser, not the writer, is off by a last bit.
                        (Value::Number(told), Data::Float(number)) => {
                            number == 0.0 || (told.as_f64().unwrap() / number - 1.0).abs() < 1e-15
                        }
                        (Value::String(told), Data::String(text)) => *told == text,
                        (Value::Object(told), Data::String(text)) => told["text"] == text,
                        (Value::Object(told), date) => near(told["time"].as_str().unwrap(), &date),
                        _ => false,
                    };
                    assert!(same, "{stem} {row} {column}: {cell}, {:?}", grid.at(row, column));
                }
            }
        }
    }
}

/// The texts and tags of a page: what stands between angle brackets, and what does not.
fn tokens(page: &str) -> Vec<(bool, String)> {
    let mut tokens = Vec::new();
    let mut rest = page;
    while let Some((text, more)) = rest.split_once('<') {
        tokens.push((false, text.to_owned()));
        let (tag, more) = more.split_once('>').unwrap();
        tokens.push((true, tag.to_owned()));
        rest = more;
    }
    tokens
}

fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&amp;", "&")
}

#[test]
fn a_page_shows_every_text_and_holds_no_mark_of_others() {
    let folder = written(&hostile(), &[Form::Xlsx, Form::Html]);
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "nav", "a", "main",
        "section", "h2", "h3", "p", "div", "table", "caption", "tr", "th", "td", "footer",
    ];
    for (stem, book) in books(folder.path()) {
        let page = fs::read_to_string(folder.path().join(format!("{stem}.html"))).unwrap();
        let (style, body) = page.split_once("</style>").unwrap();
        assert!(style.contains("default-src 'none'") && !style.contains("url("));
        let tokens = tokens(body);
        let mut open = Vec::new();
        for (_, tag) in tokens.iter().filter(|(is_tag, _)| *is_tag) {
            let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
            assert!(known.contains(&name), "{stem}: <{tag}>");
            match tag.strip_prefix('/') {
                Some(name) => {
                    // `head` begins before what is looked at, and `html` ends everything.
                    assert!(["head", "html"].contains(&name) || open.pop() == Some(name), "{tag}");
                }
                None => open.push(name),
            }
            for attribute in ["href=\"", "style=\"", "class=\"", "scope=\"", "id=\""] {
                let value =
                    tag.split_once(attribute).map(|(_, rest)| rest.split_once('"').unwrap());
                let expected = match attribute {
                    "href=\"" => &["#s", "https://"][..],
                    "style=\"" => &["background:#"],
                    "scope=\"" => &["col"],
                    _ => &[""],
                };
                let fits = |value: &str| expected.iter().any(|one| value.starts_with(one));
                assert!(value.is_none_or(|(value, _)| fits(value)), "{tag}");
            }
        }
        assert_eq!(open, Vec::<&str>::new(), "every tag is closed");
        let texts: Vec<String> = tokens.iter().map(|(_, text)| plain(text)).collect();
        for name in &book.names {
            for text in book.sheet(name).texts() {
                assert!(texts.contains(&text), "{stem} {name}: {text:?}");
            }
            if name != "Scores" {
                continue;
            }
            // A score is read as a percentage, with a mark; both forms round the same number.
            let scores = book.sheet(name);
            let (row, _) = scores.find("Account score, weighted by risk");
            let score = scores.number(row, 5);
            let shown = format!("{:.1}%", score * 100.0);
            assert!(texts.iter().any(|text| text.contains(&shown)), "{stem} {shown}");
        }
    }
}

#[test]
fn only_what_is_ordered_is_written_and_nothing_else_removed() {
    let (tables, folder) = (sample::tables(), tempfile::tempdir().unwrap());
    let past = sample::past(&tables);
    let owner = Subject::Owner(Owner::called("unassigned"));
    let some = |subjects: &[Subject], forms: &[Form]| {
        let order = Order { subjects: Some(subjects.to_vec()), forms: forms.to_vec() };
        render_order(&tables, &past, &order, folder.path(), &|_, _| {})
    };
    fs::write(folder.path().join("owner-gone@example.com.xlsx"), "old").unwrap();
    let written = some(&[owner, Subject::Enterprise], &[Form::Xlsx, Form::Html]).unwrap();
    let names = |files: &[PathBuf]| -> Vec<String> {
        let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_owned();
        files.iter().map(|path| name(path).to_str().unwrap().to_owned()).collect()
    };
    let ordered =
        ["owner-unassigned.xlsx", "owner-unassigned.html", "enterprise.xlsx", "enterprise.html"];
    assert_eq!(names(&written.files), ordered, "as they were ordered");
    assert_eq!((written.written, written.removed), (4, 0));
    let nobody = Subject::Owner(Owner::called("nobody@example.com"));
    let error = some(&[Subject::Enterprise, nobody], &[Form::Csv]).unwrap_err();
    assert!(matches!(error, WorkbookError::NoAccounts { .. }));
    assert_eq!(error.to_string(), "no account belongs to nobody@example.com");
    assert_eq!(files(folder.path()).len(), 5, "nothing was begun");
    // All of one form: what is nobody's goes, in that form alone.
    let all = |tables: &Tables, form| {
        render_order(tables, &past, &order(&[form]), folder.path(), &|_, _| {}).unwrap()
    };
    assert_eq!(all(&tables, Form::Html).removed, 0);
    assert_eq!(all(&tables, Form::Xlsx).removed, 1);
    let sheets = all(&tables, Form::Csv);
    assert_eq!(sheets.unchanged, 0);
    assert_eq!(all(&tables, Form::Csv).unchanged, sheets.written, "the same bytes");
    // Maya loses an account, Jonas his only one: a sheet goes, and a folder but for others' files.
    let mut fewer = tables.clone();
    for (id, owner) in [("210000000006", Some("new@example.com")), ("220000000001", None)] {
        let account = fewer.accounts.get_mut(&AccountKey::new(id)).unwrap();
        account.owner = owner.map(str::to_owned);
    }
    let jonas = folder.path().join("owner-jonas.weber@example.com.csv");
    let maya = folder.path().join("owner-maya.lindqvist@example.com.csv/sandbox-maya.csv");
    assert!(maya.exists());
    fs::write(jonas.join("notes.txt"), "mine").unwrap();
    assert_eq!(all(&fewer, Form::Csv).removed, 2);
    assert!(!maya.exists());
    assert_eq!(files(&jonas), [jonas.join("notes.txt")]);
}

#[test]
fn the_same_tables_give_the_same_bytes_in_every_form() {
    let forms = [Form::Csv, Form::Json, Form::Html];
    let (one, other) = (written(&hostile(), &forms), written(&hostile(), &forms));
    let (ones, others) = (files(one.path()), files(other.path()));
    assert_eq!(ones.len(), others.len());
    assert!(ones.len() > 40, "{}", ones.len());
    for (one, other) in ones.iter().zip(&others) {
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{}", one.display());
    }
}

#[test]
fn forms_are_called_by_their_names() {
    for form in [Form::Xlsx, Form::Csv, Form::Json, Form::Html] {
        assert_eq!(form.to_string().parse::<Form>().unwrap(), form);
    }
    let error = "pdf".parse::<Form>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no form \"pdf\": the forms are xlsx, csv, json and html"
    );
}
