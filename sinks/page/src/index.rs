//! What resources are found by: their names, ARNs, tags and addresses, without their documents.

use std::net::IpAddr;

use memchr::memmem::Finder;
use schemas::Resource;
use serde_json::Value;

/// How many ranks there are of an answer.
pub(crate) const RANKS: usize = 3;

/// Addresses that are kept of a resource.
const ADDRESSES_MAX: usize = 32;

/// Characters of the text that a resource is found by.
const TEXT_BYTES_MAX: usize = 2_000;

/// A resource in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indexed {
    /// Its name.
    pub(crate) name: String,
    /// What it is found by, in small letters, a line each: id, name, ARN, `key=value` of tags,
    /// addresses.
    text: Box<str>,
    /// Partition and offset of its document.
    pub(crate) place: (i32, i64),
}

impl Indexed {
    /// Indexes a document.
    pub(crate) fn of(resource: &Resource, place: (i32, i64)) -> Self {
        let tags = resource.tags.iter().map(|(key, value)| format!("{key}={value}"));
        let own = [resource.id.clone(), resource.name.clone(), resource.arn.clone()];
        let mut found = Vec::new();
        for text in [&resource.configuration, &resource.supplementary] {
            if let Ok(document) = serde_json::from_str(text) {
                addresses(&document, &mut found);
            }
        }
        let lines: Vec<String> = own.into_iter().chain(found).chain(tags).collect();
        let mut text = lines.join("\n").to_lowercase();
        let end = (0..=TEXT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        Self { name: resource.name.clone(), text: text.into(), place }
    }

    /// Tells how well it answers a question in small letters: 0 as a whole line, 1 at the beginning
    /// of one, 2 within one; none not at all.
    pub(crate) fn rank(&self, wanted: &Finder<'_>) -> Option<usize> {
        let (text, length) = (self.text.as_bytes(), wanted.needle().len());
        let mut best = None;
        for at in wanted.find_iter(text) {
            let begins = at == 0 || text[at - 1] == b'\n';
            let ends = text.get(at + length).is_none_or(|byte| *byte == b'\n');
            let rank = match (begins, ends) {
                (true, true) => return Some(0),
                (true, false) => 1,
                _ => 2,
            };
            best = Some(best.map_or(rank, |best: usize| best.min(rank)));
        }
        best
    }

    /// Gives the line that answers, as it is kept; the first of the best.
    pub(crate) fn answer(&self, wanted: &str) -> &str {
        let whole = self.text.lines().find(|line| *line == wanted);
        let mut within = self.text.lines().filter(|line| line.contains(wanted));
        whole.or_else(|| within.next()).unwrap_or_default()
    }
}

/// Finds what is an IP address as a whole in a document's strings.
fn addresses(value: &Value, found: &mut Vec<String>) {
    match value {
        // The longest address has 45 characters: longer texts are not worth parsing.
        Value::String(text)
            if found.len() < ADDRESSES_MAX
                && text.len() <= 45
                && text.parse::<IpAddr>().is_ok()
                && !found.contains(text) =>
        {
            found.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| addresses(item, found)),
        Value::Object(members) => members.values().for_each(|item| addresses(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexed() -> Indexed {
        let configuration = r#"{"nics":[{"privateIp":"10.1.2.3"},{"v6":"2001:DB8::1","n":3}]}"#;
        let resource = Resource {
            provider: "aws".into(),
            account: "1".into(),
            region: "r".into(),
            resource_type: "AWS::EC2::Instance".into(),
            id: "i-0abc".into(),
            name: "<b>Web</b>".into(),
            arn: "arn:aws:ec2:r:1:instance/i-0abc".into(),
            tags: [("Team".to_owned(), "Payments".to_owned())].into(),
            configuration: configuration.into(),
            supplementary: "not JSON".into(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: 0,
        };
        Indexed::of(&resource, (3, 7))
    }

    #[test]
    fn a_resource_is_found_by_each_of_its_names() {
        let check = |wanted: &str, rank: Option<usize>| {
            assert_eq!(indexed().rank(&Finder::new(wanted)), rank, "{wanted}");
        };
        check("i-0abc", Some(0));
        check("10.1.2.3", Some(0));
        check("10.1.2", Some(1));
        check("2001:db8::1", Some(0));
        check("team=payments", Some(0));
        check("payments", Some(2));
        check("<b>web</b>", Some(0));
        check("arn:aws:ec2:r:1:", Some(1));
        check("10.9.9.9", None);
        // Its first place is within a line, a later one begins one.
        check("1", Some(1));
        check("web", Some(2));
        assert_eq!(indexed().answer("payments"), "team=payments");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let resource = |name: String| Resource {
            provider: String::new(),
            account: String::new(),
            region: String::new(),
            resource_type: String::new(),
            id: String::new(),
            name,
            arn: String::new(),
            tags: Default::default(),
            configuration: "{}".into(),
            supplementary: "{}".into(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: 0,
        };
        let long = Indexed::of(&resource("é".repeat(TEXT_BYTES_MAX)), (0, 0));
        assert!(long.text.len() <= TEXT_BYTES_MAX && long.rank(&Finder::new("éé")).is_some());
    }
}
