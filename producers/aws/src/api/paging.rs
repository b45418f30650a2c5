//! Joins the pages of one listing into one answer, as botocore's `build_full_result` does.

use serde_json::{Map, Value};

use super::model::Paging;

/// What to do after a page.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Ask again with these parameters set.
    Page(Vec<(String, Value)>),
    /// Everything was seen.
    Done,
}

/// Decides whether another page follows.
///
/// A token may be named by alternatives (`NextMarker || Contents[-1].Key`); those that are plain
/// members are looked at, in order. An empty token is none.
pub(super) fn next(paging: &Paging, page: &Map<String, Value>) -> Next {
    if let Some(flag) = &paging.more
        && page.get(flag) != Some(&Value::Bool(true))
    {
        return Next::Done;
    }
    let tokens = paging.input.iter().zip(&paging.output).filter_map(|(parameter, names)| {
        let mut alternatives = names.split(" || ").map(str::trim);
        let token = alternatives.find_map(|name| page.get(name))?;
        (token != "").then(|| (parameter.clone(), token.clone()))
    });
    let tokens: Vec<_> = tokens.collect();
    if tokens.is_empty() { Next::Done } else { Next::Page(tokens) }
}

/// Adds a page's lists to those of the pages before.
pub(super) fn join(paging: &Paging, joined: &mut Map<String, Value>, mut page: Map<String, Value>) {
    for name in &paging.result {
        let Some(Value::Array(items)) = page.remove(name) else {
            continue;
        };
        match joined.get_mut(name) {
            Some(Value::Array(known)) => known.extend(items),
            _ => drop(joined.insert(name.clone(), Value::Array(items))),
        }
    }
}

/// Leaves what the AWS CLI prints of a joined listing: its lists and what belongs to all pages,
/// null where the first page did not have it.
pub(super) fn finish(paging: &Paging, joined: &mut Map<String, Value>) {
    joined.retain(|name, _| paging.result.iter().chain(&paging.keep).any(|kept| kept == name));
    for name in &paging.keep {
        joined.entry(name.clone()).or_insert(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paging(more: Option<&str>) -> Paging {
        Paging {
            input: vec!["Marker".into()],
            output: vec!["Marker".into()],
            result: vec!["Users".into(), "Roles".into()],
            keep: vec!["Owner".into(), "Prefix".into()],
            more: more.map(Into::into),
        }
    }

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn the_flag_wins_over_the_token() {
        let flagged = paging(Some("IsTruncated"));
        let cases = [
            (json!({"IsTruncated": true, "Marker": "m"}), true),
            (json!({"IsTruncated": false, "Marker": "m"}), false),
            (json!({"Marker": "m"}), false),
            (json!({"IsTruncated": true}), false),
            (json!({"IsTruncated": true, "Marker": ""}), false),
        ];
        for (page, more) in cases {
            let found = next(&flagged, &object(page.clone()));
            let expected = Next::Page(vec![("Marker".into(), json!("m"))]);
            assert_eq!(found, if more { expected } else { Next::Done }, "{page}");
        }
        let found = next(&paging(None), &object(json!({"Marker": "m"})));
        assert_eq!(found, Next::Page(vec![("Marker".into(), json!("m"))]), "a token is enough");
    }

    #[test]
    fn lists_that_start_on_later_pages_are_kept() {
        let paging = paging(Some("IsTruncated"));
        let mut joined =
            object(json!({"Users": [1], "Owner": "o", "Marker": "m", "IsTruncated": true}));
        join(&paging, &mut joined, object(json!({"Users": [2], "Roles": [3]})));
        join(&paging, &mut joined, object(json!({"Roles": [4], "Owner": "other"})));
        finish(&paging, &mut joined);
        assert_eq!(
            Value::Object(joined),
            json!({"Users": [1, 2], "Roles": [3, 4], "Owner": "o", "Prefix": null})
        );
    }
}
