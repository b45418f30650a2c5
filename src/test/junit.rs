//! Results in the XML form of JUnit, which build servers show.
//!
//! Source: the de facto schema of Apache Ant's `junitreport`, as Jenkins and GitLab read it.

use std::{collections::BTreeMap, fmt::Write};

use producer_standard::{CaseResult, Report};

/// Gives the file: a suite a requirement, and one for the faults of files.
pub(super) fn xml(report: &Report) -> String {
    let mut suites: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for case in &report.cases {
        suites.entry(&case.requirement).or_default().push(case);
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (name, cases) in suites {
        let failures = cases.iter().filter(|case| !case.is_ok).count();
        open(&mut xml, name, cases.len(), failures, 0);
        for case in cases {
            one(&mut xml, name, &case.name, failure(case).as_deref());
        }
        xml.push_str("  </testsuite>\n");
    }
    if !report.problems.is_empty() {
        open(&mut xml, "files", report.problems.len(), 0, report.problems.len());
        for problem in &report.problems {
            let message = text(&problem.to_string());
            let inner = format!("<error message=\"{message}\"/>");
            one(&mut xml, "files", &problem.file.display().to_string(), Some(&inner));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn failure(case: &CaseResult) -> Option<String> {
    let message = text(&case.place.to_string());
    (!case.is_ok).then(|| format!("<failure message=\"{message}\"/>"))
}

fn open(xml: &mut String, name: &str, tests: usize, failures: usize, errors: usize) {
    let name = text(name);
    let made = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\">"
    );
    made.expect("a text takes all that is written to it");
}

fn one(xml: &mut String, suite: &str, name: &str, inner: Option<&str>) {
    let (suite, name, inner) = (text(suite), text(name), inner.unwrap_or_default());
    let made =
        writeln!(xml, "    <testcase classname=\"{suite}\" name=\"{name}\">{inner}</testcase>");
    made.expect("a text takes all that is written to it");
}

/// Escapes text for an attribute. Source: XML 1.0, sections 2.2 (characters that no document may
/// hold) and 2.4.
fn text(of: &str) -> String {
    let mut out = String::with_capacity(of.len());
    for c in of.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_ascii_control() && c != '\u{7f}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_standard::Problem;

    #[test]
    fn results_are_well_formed_whatever_they_are_called() {
        let place = |message: &str| Problem {
            file: "a&b.yaml".into(),
            line: 3,
            column: 1,
            message: message.into(),
        };
        let case = |name: &str, is_ok| CaseResult {
            requirement: "R1".into(),
            name: name.into(),
            place: place("expected \"pass\" <x>\n\u{1}"),
            is_ok,
        };
        let report = Report {
            cases: vec![case("good", true), case("bad \"one\"", false)],
            problems: vec![place("no YAML")],
            ..Report::default()
        };
        let expected = [
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            "<testsuites>",
            r#"  <testsuite name="R1" tests="2" failures="1" errors="0">"#,
            r#"    <testcase classname="R1" name="good"></testcase>"#,
            concat!(
                r#"    <testcase classname="R1" name="bad &quot;one&quot;">"#,
                r#"<failure message="a&amp;b.yaml:3:1: expected &quot;pass&quot; &lt;x&gt;&#10;"#,
                "\u{fffd}\"/></testcase>"
            ),
            "  </testsuite>",
            r#"  <testsuite name="files" tests="1" failures="0" errors="1">"#,
            concat!(
                r#"    <testcase classname="files" name="a&amp;b.yaml">"#,
                r#"<error message="a&amp;b.yaml:3:1: no YAML"/></testcase>"#
            ),
            "  </testsuite>",
            "</testsuites>\n",
        ];
        assert_eq!(xml(&report), expected.join("\n"));
    }
}
