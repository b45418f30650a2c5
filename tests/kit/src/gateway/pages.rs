//! Pages that a server does not have: names a next page in an answer, and takes the name out of the
//! request for it.

use serde_json::Value;

use super::message::{Request, encode, pairs};

/// What the proxy's tokens begin with.
const TOKEN: &str = "page-of-the-proxy-";

/// The number of the page that a request asks for: zero for one without a token of the proxy.
pub(super) fn asked(request: &Request) -> u64 {
    let body = String::from_utf8_lossy(&request.body);
    let found = [request.target.as_str(), &body].into_iter().find_map(|text| {
        let digits = text.split_once(TOKEN)?.1;
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    found.unwrap_or(0)
}

/// Takes the token out of a request, so that the server gives its first page.
pub(super) fn first(request: &mut Request) {
    if let Some((path, query)) = request.target.split_once('?') {
        request.target = format!("{path}?{}", without(query));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(mut members)) => {
            members.retain(|_, value| !value.as_str().is_some_and(|text| text.starts_with(TOKEN)));
            request.body = Value::Object(members).to_string().into_bytes();
        }
        _ => request.body = without(&String::from_utf8_lossy(&request.body)).into_bytes(),
    }
}

/// Writes a form or a query again without the token.
fn without(form: &str) -> String {
    let kept = pairs(form).into_iter().filter(|(_, value)| !value.starts_with(TOKEN));
    let kept = kept.map(|(name, value)| format!("{}={}", encode(&name), encode(&value)));
    kept.collect::<Vec<_>>().join("&")
}

/// Makes an answer's body name page `number` as the next, in the words of its service.
pub(super) fn name_next(service: &str, body: &[u8], number: u64) -> Vec<u8> {
    let token = format!("{TOKEN}{number}");
    let text = String::from_utf8_lossy(body);
    let text = match service {
        "ec2" => before_end(&text.replace("<nextToken/>", ""), "nextToken", &token),
        "iam" => truncated(&text, "Marker", &token),
        "route53" => truncated(&text, "NextMarker", &token),
        "s3" => before_end(&text, "ContinuationToken", &token),
        "ecs" | "ecr" => with_member(&text, "nextToken", &token),
        "route53domains" => with_member(&text, "NextPageMarker", &token),
        _ => with_member(&text, "NextToken", &token),
    };
    text.into_bytes()
}

/// Puts an element before the end of the root.
fn before_end(xml: &str, name: &str, token: &str) -> String {
    let end = xml.rfind("</").unwrap_or(xml.len());
    format!("{}<{name}>{token}</{name}>{}", &xml[..end], &xml[end..])
}

/// Says that a listing goes on.
fn truncated(xml: &str, name: &str, token: &str) -> String {
    let more = format!("<IsTruncated>true</IsTruncated><{name}>{token}</{name}>");
    xml.replacen("<IsTruncated>false</IsTruncated>", &more, 1)
}

fn with_member(json: &str, name: &str, token: &str) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(json) else {
        return json.to_owned();
    };
    members.insert(name.to_owned(), Value::from(token));
    Value::Object(members).to_string()
}
