//! A sheet that is too large to be kept in memory is the same sheet.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code)]
mod reading;
#[allow(dead_code)]
mod sample;

use std::process::Command;

use calamine::Data;
use reading::Book;
use schemas::{ComplianceKey, Credit, Verdict};
use sink_workbook::{Content, Model, Owner, Past, Subject, Tables, lay_out, render};

/// The account that has so many failing rows that its tab is written by way of a file.
const ACCOUNT: (&str, &str) = ("210000000003", "checkout-prod");
const ROWS: usize = 2_500;

fn tables() -> Tables {
    let mut tables = sample::tables();
    for n in 0..ROWS {
        let name = format!("=bucket-{n} & <co>");
        let arn = format!("arn:aws:s3:::{name}");
        let kind = "AWS::S3::Bucket";
        let mut row = sample::row(Verdict::Fail, kind, &name, &arn, sample::AT_MS - n as i64);
        row.evidence = " no key\nof the company ".to_owned();
        row.credit = if n % 3 == 0 { Credit::Live } else { Credit::None };
        let key = ComplianceKey::new("s3-encryption", ACCOUNT.0, "eu-west-1", name, "");
        tables.compliance.insert(&key, &row);
    }
    sample::finish(&mut tables);
    tables
}

fn model() -> Model {
    let maya = Subject::Owner(Owner::called(sample::MAYA));
    lay_out(&tables(), &Past::default(), &maya)
}

/// Prints the parts of the workbook that hold texts by themselves, and what stands around the rows.
const PRINT_PARTS: &str = "
import re, sys, zipfile
parts = zipfile.ZipFile(sys.argv[1])
for name in parts.namelist():
    text = parts.read(name).decode()
    if 'inlineStr' in text:
        head, _, rest = text.partition('<sheetData>')
        _, _, tail = rest.partition('</sheetData>')
        print(name, *re.findall('<([A-Za-z]+)', head), *re.findall('<([A-Za-z]+)', tail))
";

#[test]
fn a_large_sheet_is_read_back_as_it_was_laid_out() {
    let model = model();
    let bytes = render(&model).unwrap();
    assert!(bytes == render(&model).unwrap(), "the same bytes");
    let large: Vec<&str> = model
        .sheets
        .iter()
        .filter(|sheet| sheet.rows.cells() >= 20_000)
        .map(|sheet| sheet.name.as_str())
        .collect();
    assert_eq!(large, [ACCOUNT.1]);
    let book = Book::open(bytes);
    for sheet in &model.sheets {
        let grid = book.sheet(&sheet.name);
        for (row, cells) in (0..).zip(sheet.rows.iter()) {
            let mut column = 0;
            for cell in &cells.cells {
                let same = match (&cell.content, grid.at(row, column)) {
                    (Content::Empty, Data::Empty) => true,
                    (Content::Number(number), Data::Float(told)) => *number == told,
                    (Content::Time(ms), Data::DateTime(date)) => {
                        let days = *ms as f64 / sample::DAY_MS as f64 + 25_569.0;
                        (date.as_f64() - days).abs() < 1e-8
                    }
                    (
                        Content::Text(text)
                        | Content::Link { text, .. }
                        | Content::Console { text, .. },
                        Data::String(told),
                    ) => *text == told,
                    _ => false,
                };
                let (name, told) = (&sheet.name, grid.at(row, column));
                assert!(same, "{name} {row} {column}: {cell:?}, {told:?}");
                column += u32::from(cell.columns);
            }
        }
    }
    assert_eq!(book.formulas, Vec::<String>::new());
    assert!(book.sheet(ACCOUNT.1).size().0 as usize > ROWS);
}

#[test]
fn a_large_sheet_has_all_that_others_have() {
    let model = model();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.xlsx");
    std::fs::write(&path, render(&model).unwrap()).unwrap();
    // Python reads it without any xlsx library.
    let python = Command::new("python3").args(["-c", PRINT_PARTS]).arg(&path).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let printed = String::from_utf8(python.stdout).unwrap();
    assert_eq!(printed.lines().count(), 1, "only the large one: {printed}");
    let at = model.sheets.iter().position(|sheet| sheet.name == ACCOUNT.1).unwrap() + 1;
    assert!(printed.starts_with(&format!("xl/worksheets/sheet{at}.xml ")), "{printed}");
    let wanted = ["pane", "col", "autoFilter", "mergeCell", "colorScale", "hyperlink", "pageSetup"];
    for tag in wanted {
        assert!(printed.split_whitespace().any(|one| one == tag), "{tag}: {printed}");
    }
}
