//! AWS's access-denied answer in the form of each protocol.

use super::Operation;
use super::message::Request;

/// The whole answer: status 403, or 400 for the JSON protocols.
pub(super) fn access_denied(operation: &Operation, request: &Request) -> Vec<u8> {
    let message = format!("User is not authorized to perform: {operation}");
    let json = request.header("x-amz-target").is_some();
    let (status, kind, body) = if json {
        ("400 Bad Request", "application/x-amz-json-1.1", json_body(&message))
    } else {
        ("403 Forbidden", "text/xml", xml_body(&operation.service, &message))
    };
    let length = body.len();
    // A HEAD request gets the head of the answer that GET would get.
    let body = if request.method == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nx-amzn-RequestId: denied\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn json_body(message: &str) -> String {
    serde_json::json!({ "__type": "AccessDeniedException", "message": message }).to_string()
}

/// S3 and EC2 have forms of their own; the rest of the XML services share the query protocol's.
fn xml_body(service: &str, message: &str) -> String {
    match service {
        "s3" => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code>\
             <Message>{message}</Message><RequestId>denied</RequestId></Error>"
        ),
        "ec2" => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error>\
             <Code>UnauthorizedOperation</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>denied</RequestID></Response>"
        ),
        _ => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
             <Message>{message}</Message></Error><RequestId>denied</RequestId></ErrorResponse>"
        ),
    }
}
