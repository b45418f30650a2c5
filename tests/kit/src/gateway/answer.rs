//! AWS's refusals: the code, the status and the form that each protocol has.

use serde_json::json;

use super::message::Request;
use super::{Fault, Operation};

/// How a service writes errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Query,
    Ec2,
    S3,
    Json,
    RestJson,
}

/// Services of the REST protocol whose errors are XML, in the query protocol's form.
const REST_XML: [&str; 2] = ["route53", "cloudfront"];

/// What AWS says when it refuses.
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

/// The whole answer to a call that the fault befalls, dated `date`; none for faults that are no
/// refusal.
pub(super) fn refusal(
    fault: Fault,
    operation: &Operation,
    request: &Request,
    date: &str,
) -> Option<Vec<u8>> {
    let service = &operation.service;
    let protocol = protocol(service, request);
    let (status, code, message) = match fault {
        Fault::Throttled => throttled(protocol, service),
        Fault::Denied => denied(protocol),
        Fault::Expired => expired(protocol),
        Fault::Revoked => revoked(protocol),
        Fault::Broken => broken(protocol),
        Fault::BadPage => bad_page(protocol),
        Fault::Skewed(_) => skewed(protocol),
        Fault::Silent | Fault::Garbled | Fault::Torn | Fault::Endless => return None,
    };
    let message = match fault {
        Fault::Denied => format!("User is not authorized to perform: {operation}"),
        _ => message.to_owned(),
    };
    Some(write(protocol, request, date, &Refusal { status, code, message }))
}

fn protocol(service: &str, request: &Request) -> Protocol {
    match service {
        "ec2" => Protocol::Ec2,
        "s3" => Protocol::S3,
        _ if request.header("x-amz-target").is_some() => Protocol::Json,
        _ if REST_XML.contains(&service) || request.form_value("Action").is_some() => {
            Protocol::Query
        }
        _ => Protocol::RestJson,
    }
}

type Words = (u16, &'static str, &'static str);

fn throttled(protocol: Protocol, service: &str) -> Words {
    match protocol {
        _ if service == "organizations" => {
            (400, "TooManyRequestsException", "You have sent too many requests in too short a time")
        }
        Protocol::Query => (400, "Throttling", "Rate exceeded"),
        Protocol::Ec2 => (503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol::S3 => (503, "SlowDown", "Please reduce your request rate."),
        Protocol::Json => (400, "ThrottlingException", "Rate exceeded"),
        Protocol::RestJson => (429, "ThrottlingException", "Rate exceeded"),
    }
}

fn denied(protocol: Protocol) -> Words {
    let (status, code) = match protocol {
        Protocol::Query | Protocol::S3 => (403, "AccessDenied"),
        Protocol::Ec2 => (403, "UnauthorizedOperation"),
        Protocol::Json => (400, "AccessDeniedException"),
        Protocol::RestJson => (403, "AccessDeniedException"),
    };
    (status, code, "")
}

fn expired(protocol: Protocol) -> Words {
    let message = "The security token included in the request is expired";
    match protocol {
        Protocol::Query => (403, "ExpiredToken", message),
        Protocol::Ec2 => (400, "RequestExpired", "Request has expired."),
        Protocol::S3 => (400, "ExpiredToken", "The provided token has expired."),
        Protocol::Json => (400, "ExpiredTokenException", message),
        Protocol::RestJson => (403, "ExpiredTokenException", message),
    }
}

fn revoked(protocol: Protocol) -> Words {
    let message = "The security token included in the request is invalid.";
    match protocol {
        Protocol::Query => (403, "InvalidClientTokenId", message),
        Protocol::Ec2 => {
            (401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        }
        Protocol::S3 => {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            (403, "InvalidAccessKeyId", message)
        }
        Protocol::Json => (400, "UnrecognizedClientException", message),
        Protocol::RestJson => (403, "UnrecognizedClientException", message),
    }
}

fn broken(protocol: Protocol) -> Words {
    let message = "The request processing has failed because of an unknown error";
    match protocol {
        Protocol::Query => (500, "InternalFailure", message),
        Protocol::Ec2 => (500, "InternalError", "An internal error has occurred"),
        Protocol::S3 => (500, "InternalError", "We encountered an internal error."),
        Protocol::Json | Protocol::RestJson => (500, "InternalFailure", message),
    }
}

fn bad_page(protocol: Protocol) -> Words {
    match protocol {
        Protocol::Query => (400, "ValidationError", "Invalid Marker"),
        Protocol::Ec2 => (400, "InvalidNextToken", "The specified NextToken is not valid."),
        Protocol::S3 => (400, "InvalidArgument", "The continuation token provided is incorrect"),
        Protocol::Json | Protocol::RestJson => (400, "ValidationException", "Invalid NextToken"),
    }
}

fn skewed(protocol: Protocol) -> Words {
    let message = "Signature expired: the request's time is too far from the server's";
    match protocol {
        Protocol::Query => (403, "SignatureDoesNotMatch", message),
        Protocol::Ec2 => {
            (401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        }
        Protocol::S3 => {
            let message = "The difference between the request time and the server's time is too \
                 large.";
            (403, "RequestTimeTooSkewed", message)
        }
        Protocol::Json => (400, "InvalidSignatureException", message),
        Protocol::RestJson => (403, "InvalidSignatureException", message),
    }
}

fn write(protocol: Protocol, request: &Request, date: &str, refusal: &Refusal) -> Vec<u8> {
    let Refusal { status, code, message } = refusal;
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    let (headers, body) = match protocol {
        Protocol::Query => (
            "Content-Type: text/xml".to_owned(),
            format!(
                "<ErrorResponse><Error><Type>Sender</Type>{error}</Error>\
                 <RequestId>refused</RequestId></ErrorResponse>"
            ),
        ),
        Protocol::Ec2 => (
            "Content-Type: text/xml;charset=UTF-8".to_owned(),
            format!(
                "{xml}<Response><Errors><Error>{error}</Error></Errors>\
                 <RequestID>refused</RequestID></Response>"
            ),
        ),
        Protocol::S3 => (
            "Content-Type: application/xml".to_owned(),
            format!("{xml}<Error>{error}<RequestId>refused</RequestId></Error>"),
        ),
        Protocol::Json => (
            format!("Content-Type: {}", request.header("content-type").unwrap_or_default()),
            json!({"__type": code, "message": message}).to_string(),
        ),
        Protocol::RestJson => (
            format!(
                "Content-Type: application/json\r\n\
                 x-amzn-ErrorType: {code}:http://internal.amazon.com/coral/com.amazon.coral/"
            ),
            json!({"message": message}).to_string(),
        ),
    };
    let length = body.len();
    // A HEAD request gets the head of the answer that GET would get.
    let body = if request.method == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 {status} X\r\nDate: {date}\r\n{headers}\r\nx-amzn-RequestId: refused\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
