//! What the pages of the manual tell people to type.

use std::fs;
use std::path::{Path, PathBuf};

/// Every page with commands: the manual's, and those that lie beside the code.
pub(crate) fn all() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = fs::read_dir(root.join("docs/src")).unwrap();
    let mut pages: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|end| end == "md"));
    let others = ["README.md", "CONTRIBUTING.md", "deploy/README.md", "compose/README.md"];
    pages.extend(others.map(|name| root.join(name)));
    pages.sort();
    pages
}

/// A page's path below the repository, such as `docs/src/mail.md`.
pub(crate) fn name(path: &Path) -> String {
    let below = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    below.to_str().unwrap().to_owned()
}

/// The lines of a page's shell blocks as they stand there; of a session with output (`console`)
/// those after a prompt. Lines that go on with `\` are one.
pub(crate) fn lines(page: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let (mut lines, mut block, mut begun) = (Vec::new(), None, String::new());
    for line in page.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = block.is_none().then(|| language.to_owned());
            continue;
        }
        let typed = match block.as_deref() {
            Some("sh") => line.trim(),
            Some("console") if begun.is_empty() => line.strip_prefix("$ ").unwrap_or_default(),
            Some("console") => line.trim(),
            _ => continue,
        };
        begun += typed;
        if let Some(part) = begun.strip_suffix('\\') {
            begun = part.to_owned();
        } else if !begun.is_empty() {
            lines.push(std::mem::take(&mut begun));
        }
    }
    lines
}

/// The first block of a page in a language that contains some text.
pub(crate) fn block(page: &str, language: &str, with: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let begin = format!("```{language}\n");
    let blocks = page.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    let found = blocks.into_iter().find(|block| block.contains(with));
    found.unwrap_or_else(|| panic!("no block of {language} has {with}")).to_owned()
}

/// Commands of ours within sentences, such as `scorecard tap TOPIC`.
pub(crate) fn spans(page: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let sentences: String = page.split("```").step_by(2).collect();
    let spans = sentences.split('`').skip(1).step_by(2);
    // Of words to choose from, the first one; a line's end is a space.
    let spans = spans.filter_map(|span| span.split('|').next());
    let spans = spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "));
    spans.filter(|span| span.starts_with("scorecard ")).collect()
}

/// Our program's part of a line, up to a pipe, a redirection or a comment.
pub(crate) fn ours(line: &str) -> Option<&str> {
    line.starts_with("scorecard ").then(|| {
        let ends = [" # ", " | ", " > ", " < ", " ("].map(|end| line.find(end));
        line[..ends.into_iter().flatten().min().unwrap_or(line.len())].trim()
    })
}

/// Words as a shell splits them, for the quotation marks that the manual uses.
pub(crate) fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
