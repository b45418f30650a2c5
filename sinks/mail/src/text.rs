//! A page as text, for readers without HTML: the same words and numbers. Pure.

use crate::page::{Page, Section};

/// Gives the text.
pub(crate) fn text(page: &Page) -> String {
    let mut lines = vec![page.title.clone(), "=".repeat(page.title.chars().count()), String::new()];
    lines.push(format!("Score: {}  {}", page.score, page.standing));
    if !page.change.is_empty() {
        lines.push(page.change.clone());
    }
    let figures = page.figures.iter().map(|(label, value)| format!("{label}: {value}"));
    lines.push(figures.collect::<Vec<_>>().join("   "));
    for remark in &page.remarks {
        lines.extend([String::new(), format!("* {remark}")]);
    }
    page.sections.iter().for_each(|one| section(one, &mut lines));
    lines.push(String::new());
    lines.extend(page.footer.iter().cloned());
    lines.join("\n") + "\n"
}

fn section(section: &Section, lines: &mut Vec<String>) {
    lines.extend([String::new(), section.title.clone()]);
    lines.push("-".repeat(section.title.chars().count()));
    lines.push(section.note.clone());
    if section.rows.is_empty() {
        lines.push("None.".to_owned());
    }
    for row in &section.rows {
        let cells = section.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let cells: Vec<String> =
            cells.map(|((label, _), cell)| format!("{label}: {cell}")).collect();
        lines.push(format!("- {}", cells.join("; ")));
    }
}
