//! Names the AWS operation of a request.

use std::fmt;

use super::message::Request;

/// A service and one of its operations.
///
/// The service is the one that the request is signed for (`sts`, `s3`, `iam`, `ec2`,
/// `organizations`), or `unsigned`. The operation is the API's own name for the query and JSON
/// protocols (`AssumeRole`, `ListAccounts`). For S3 it is the method and the shape of the path with
/// the names of the query's flags, as in `GET /`, `GET /bucket?policyStatus` or `PUT /bucket/key`;
/// for other REST services method and path as sent, as in `GET /2013-04-01/hostedzone`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The service's signing name.
    pub service: String,
    /// The operation's name.
    pub operation: String,
}

impl Operation {
    /// Makes a name.
    pub fn new(service: &str, operation: &str) -> Self {
        Self { service: service.to_owned(), operation: operation.to_owned() }
    }

    /// Reads the name off a request.
    pub(super) fn of(request: &Request) -> Self {
        let service = service(request);
        let operation = json_target(request)
            .or_else(|| request.form_value("Action"))
            .or_else(|| request.query().into_iter().find(|pair| pair.0 == "Action").map(|p| p.1))
            .unwrap_or_else(|| match service.as_str() {
                "s3" | "unsigned" => bucket_shape(request),
                _ => format!("{} {}", request.method, request.path()),
            });
        Self { service, operation }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.operation)
    }
}

/// The service that the request is signed for.
fn service(request: &Request) -> String {
    let [_, _, _, service] = request.credential();
    if service.is_empty() { "unsigned".to_owned() } else { service }
}

/// The name behind the last dot of `X-Amz-Target`.
fn json_target(request: &Request) -> Option<String> {
    let target = request.header("x-amz-target")?;
    target.rsplit('.').next().map(str::to_owned)
}

/// Method, path shape and flags (query names without a value, besides the signature's).
fn bucket_shape(request: &Request) -> String {
    let path = request.path().trim_matches('/');
    let path = match path.split_once('/') {
        _ if path.is_empty() => "/",
        None => "/bucket",
        Some(_) => "/bucket/key",
    };
    let query = request.query();
    let mut flags: Vec<&str> = query
        .iter()
        .filter(|(name, value)| value.is_empty() && name != "prefix" && name != "delimiter")
        .map(|(name, _)| name.as_str())
        .collect();
    flags.sort_unstable();
    let mark = if flags.is_empty() { "" } else { "?" };
    format!("{} {path}{mark}{}", request.method, flags.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let own = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        Request {
            method: method.into(),
            target: target.into(),
            headers: headers.iter().map(own).collect(),
            body: body.into(),
        }
    }

    fn check(request: &Request, name: &str) {
        assert_eq!(Operation::of(request).to_string(), name);
    }

    #[test]
    fn each_protocol_names_its_operation() {
        let sts = (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sts/aws4_request, SignedHeaders=host",
        );
        let s3 =
            ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request");
        check(&request("POST", "/", &[sts], "Action=AssumeRole&RoleArn=x"), "sts AssumeRole");
        let target = ("X-Amz-Target", "AWSOrganizationsV20161128.ListAccounts");
        check(&request("POST", "/", &[target], "{}"), "unsigned ListAccounts");
        check(&request("GET", "/", &[s3], ""), "s3 GET /");
        check(&request("GET", "/?x-id=ListBuckets", &[s3], ""), "s3 GET /");
        check(&request("GET", "/b?policyStatus", &[s3], ""), "s3 GET /bucket?policyStatus");
        check(&request("GET", "/b?acl=&list-type=2", &[s3], ""), "s3 GET /bucket?acl");
        check(&request("PUT", "/b/some/key", &[s3], "data"), "s3 PUT /bucket/key");
        let zones = ("Authorization", "x Credential=A/20260101/us-east-1/route53/aws4_request");
        let path = "/2013-04-01/hostedzone";
        check(
            &request("GET", &format!("{path}?a=b"), &[zones], ""),
            &format!("route53 GET {path}"),
        );
    }
}
