//! Finds the parts of a document that were cut off, so that nobody takes them for absent.

use serde_json::Value;

use crate::Document;

/// The places where something was cut off.
#[derive(Debug, Default)]
pub(crate) struct Cuts<'a> {
    /// The deepest value that is still there, and which of its members is not whole.
    missing: Vec<(&'a Value, String)>,
    /// Every value with something missing inside.
    partial: Vec<&'a Value>,
    /// Nobody can tell what is missing.
    whole_document: bool,
}

impl<'a> Cuts<'a> {
    /// Finds what the document's `truncated` paths name: JSON Pointers below the envelope
    /// (`/configuration/IpPermissions`) or paths as rules write them (`r.IpPermissions`). A path
    /// that can't be understood makes the whole document partial.
    pub(crate) fn of(document: &Document<'a>) -> Cuts<'a> {
        let mut cuts = Cuts::default();
        for path in document.truncated {
            cuts.add(document, path);
        }
        cuts
    }

    /// Tells whether this member of this value was cut off.
    pub(crate) fn has(&self, value: &Value, key: &str) -> bool {
        self.whole_document
            || self.missing.iter().any(|(parent, cut)| std::ptr::eq(*parent, value) && cut == key)
    }

    /// Tells whether some of this list's items or this map's members were cut off.
    pub(crate) fn shorten(&self, value: &Value) -> bool {
        self.whole_document || self.missing.iter().any(|(parent, _)| std::ptr::eq(*parent, value))
    }

    /// Tells whether anything inside this value was cut off.
    pub(crate) fn touches(&self, value: &Value) -> bool {
        self.whole_document || self.partial.iter().any(|part| std::ptr::eq(*part, value))
    }

    fn add(&mut self, document: &Document<'a>, path: &str) {
        let segments: Vec<String> = match path.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => path.split('.').map(str::to_owned).collect(),
        };
        let mut value = match segments.first().map(String::as_str) {
            Some("r" | "configuration") => document.configuration,
            Some("s" | "supplementary" | "supplementaryConfiguration") => document.supplementary,
            _ => return self.whole_document = true,
        };
        if segments.len() == 1 {
            return self.whole_document = true;
        }
        for (at, segment) in segments.iter().enumerate().skip(1) {
            self.partial.push(value);
            match below(value, segment) {
                Some(next) if at + 1 < segments.len() => value = next,
                _ => return self.missing.push((value, segment.clone())),
            }
        }
    }
}

fn below<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    }
}
