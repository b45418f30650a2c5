//! What goes wrong on the wire is a clear error after a bounded number of tries, never a document.

mod support;

use std::error::Error;
use std::time::Duration;

use anyhow::{Result, ensure};
use aws_smithy_types::timeout::TimeoutConfig;
use producer_aws::api::CallError;
use serde_json::{Value, json};
use support::ATTEMPTS;
use support::server::{Answer, Server};

/// One call of each wire form, with the forms of its errors.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Ec2,
    Iam,
    S3,
    /// Secrets Manager.
    Json,
    /// OpenSearch.
    RestJson,
}

use Wire::{Ec2, Iam, Json, RestJson, S3};

const WIRES: [Wire; 5] = [Ec2, Iam, S3, Json, RestJson];

impl Wire {
    fn call(self) -> (&'static str, &'static str) {
        match self {
            Ec2 => ("ec2", "DescribeSecurityGroups"),
            Iam => ("iam", "GetAccountAuthorizationDetails"),
            S3 => ("s3", "ListBuckets"),
            Json => ("secretsmanager", "ListSecrets"),
            RestJson => ("opensearch", "ListDomainNames"),
        }
    }

    /// An error as AWS writes it in this wire form.
    fn error(self, status: u16, code: &str) -> Answer {
        let error = format!("<Error><Code>{code}</Code><Message>m &amp; &#252;</Message></Error>");
        match self {
            Ec2 => Answer::error(status, &format!("<Response><Errors>{error}</Errors></Response>")),
            Iam => Answer::error(status, &format!("<ErrorResponse>{error}</ErrorResponse>")),
            S3 => Answer::error(status, &error),
            Json => {
                let body = json!({"__type": format!("com.amazon#{code}"), "message": "m & ü"});
                Answer::error(status, &body.to_string())
            }
            RestJson => Answer::error(status, &json!({"message": "m & ü"}).to_string())
                .header(&format!("x-amzn-errortype: {code}:http://internal.amazon.com/")),
        }
    }

    /// The whole answer of an account that has nothing.
    fn empty(self) -> &'static str {
        match self {
            Ec2 => {
                "<DescribeSecurityGroupsResponse><securityGroupInfo/>\
                 </DescribeSecurityGroupsResponse>"
            }
            Iam => {
                "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult>\
                 <UserDetailList/><RoleDetailList/><IsTruncated>false</IsTruncated>\
                 </GetAccountAuthorizationDetailsResult>\
                 </GetAccountAuthorizationDetailsResponse>"
            }
            S3 => "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
            Json => r#"{"SecretList": []}"#,
            RestJson => r#"{"DomainNames": []}"#,
        }
    }
}

/// Calls a scripted server; gives the result and how often the server was asked.
async fn ask(wire: Wire, script: Vec<Answer>) -> Result<(Result<Value, CallError>, usize)> {
    let server = Server::start(script).await?;
    let (service, operation) = wire.call();
    let config = support::config();
    let client = support::client(&config, service, "us-east-1", &server.endpoint());
    let answer = client.call_all(operation, json!({})).await;
    Ok((answer, server.asked()))
}

/// Asserts that an answer gives an error with this code after this many tries.
async fn check(wire: Wire, answer: Answer, code: &str, tries: usize) -> Result<String> {
    let shown = format!("{answer:?}");
    let shown: String = shown.chars().take(300).collect();
    let (result, asked) = ask(wire, vec![answer]).await?;
    let Err(error) = result else {
        anyhow::bail!("{wire:?} took {shown} for {result:?}");
    };
    let summary = error.summary();
    ensure!(error.code() == code, "{wire:?} called {shown} {summary}, not {code}");
    ensure!(asked == tries, "{wire:?} asked {asked} times, not {tries}, for {shown}");
    Ok(summary)
}

#[tokio::test]
async fn the_servers_good_answers_are_taken() -> Result<()> {
    for wire in WIRES {
        let (answer, asked) = ask(wire, vec![Answer::ok(wire.empty())]).await?;
        ensure!(asked == 1);
        let answer = answer?;
        let lists = answer.as_object().into_iter().flat_map(|members| members.values());
        let lists: Vec<_> = lists.filter(|member| !member.is_null()).collect();
        let empty = lists.iter().all(|list| **list == json!([]));
        ensure!(!lists.is_empty() && empty, "{wire:?} gave {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn throttling_is_retried_and_refusals_are_not() -> Result<()> {
    let throttled = [
        (Ec2, 503, "RequestLimitExceeded"),
        (Iam, 400, "Throttling"),
        (S3, 503, "SlowDown"),
        (Json, 400, "ThrottlingException"),
        (RestJson, 429, "ThrottlingException"),
    ];
    for (wire, status, code) in throttled {
        let summary = check(wire, wire.error(status, code), code, ATTEMPTS).await?;
        assert_eq!(summary, format!("{code}: m & ü"), "{wire:?}");
    }
    let refused = [
        (Ec2, 403, "UnauthorizedOperation"),
        (Ec2, 401, "AuthFailure"),
        (Iam, 403, "AccessDenied"),
        (S3, 403, "AccessDenied"),
        (Json, 400, "AccessDeniedException"),
        (RestJson, 403, "AccessDeniedException"),
        (Ec2, 400, "RequestExpired"),
        (Iam, 403, "ExpiredToken"),
        (S3, 400, "ExpiredToken"),
        (Json, 400, "ExpiredTokenException"),
        (RestJson, 403, "ExpiredTokenException"),
    ];
    for (wire, status, code) in refused {
        let summary = check(wire, wire.error(status, code), code, 1).await?;
        assert_eq!(summary, format!("{code}: m & ü"), "{wire:?}");
    }
    Ok(())
}

#[tokio::test]
async fn faults_of_the_server_are_retried() -> Result<()> {
    for wire in WIRES {
        check(wire, wire.error(500, "InternalError"), "InternalError", ATTEMPTS).await?;
        let html = "<html>\n <body>Bad  Gateway</body>\n</html>";
        let summary = check(wire, Answer::error(502, html), "502", ATTEMPTS).await?;
        assert_eq!(summary, "502: <html> <body>Bad Gateway</body> </html>", "{wire:?}");
        check(wire, Answer::error(503, ""), "503", ATTEMPTS).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_call_succeeds_when_a_later_try_does() -> Result<()> {
    for wire in WIRES {
        let script = vec![
            wire.error(500, "InternalError"),
            Answer::Torn { body: wire.empty().to_owned() },
            Answer::ok(wire.empty()),
        ];
        let (answer, asked) = ask(wire, script).await?;
        answer?;
        ensure!(asked == 3, "{wire:?} asked {asked} times");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_whole_document_is_an_error() -> Result<()> {
    let unreadable = "UnreadableAnswer";
    for wire in WIRES {
        let whole = wire.empty();
        check(wire, Answer::ok(""), unreadable, 1).await?;
        check(wire, Answer::ok("<html><body>ok</body></html>"), unreadable, 1).await?;
        check(wire, Answer::ok("<!DOCTYPE html><html><body>ok<br></html>"), unreadable, 1).await?;
        check(wire, Answer::ok("ok"), unreadable, 1).await?;
        check(wire, Answer::ok(&format!("{whole}{whole}")), unreadable, 1).await?;
        for cut in 1..whole.len() {
            check(wire, Answer::ok(&whole[..cut]), unreadable, 1).await?;
        }
        check(wire, Answer::Torn { body: whole.to_owned() }, "BrokenAnswer", ATTEMPTS).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_another_document_is_an_error() -> Result<()> {
    let unreadable = "UnreadableAnswer";
    // The answers of others, members of the wrong type, what XML does not allow.
    let cases = [
        (Ec2, Iam.empty()),
        (Iam, S3.empty()),
        (S3, Ec2.empty()),
        (
            Iam,
            "<GetAccountAuthorizationDetailsResponse><ResponseMetadata/>\
          </GetAccountAuthorizationDetailsResponse>",
        ),
        (S3, "<ListAllMyBucketsResult><Buckets></ListAllMyBucketsResult></Buckets>"),
        (
            S3,
            "<ListAllMyBucketsResult><Buckets><Bucket><CreationDate>soon</CreationDate>\
          </Bucket></Buckets></ListAllMyBucketsResult>",
        ),
        (
            S3,
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>&nbsp;</Name></Bucket></Buckets>\
          </ListAllMyBucketsResult>",
        ),
        (
            Ec2,
            "<DescribeSecurityGroupsResponse><securityGroupInfo><item><ipPermissions><item>\
          <fromPort>ssh</fromPort></item></ipPermissions></item></securityGroupInfo>\
          </DescribeSecurityGroupsResponse>",
        ),
        (Json, "[]"),
        (Json, r#"{"SecretList": {}}"#),
        (Json, r#"{"SecretList": [{"Name": 7}]}"#),
        (Json, r#"{"SecretList": [{"CreatedDate": "soon"}]}"#),
        (RestJson, "null"),
        (RestJson, r#"{"DomainNames": "none"}"#),
    ];
    for (wire, body) in cases {
        check(wire, Answer::ok(body), unreadable, 1).await?;
    }
    // S3 is known to send errors under a status of success.
    let summary = check(S3, S3.error(200, "InternalError"), "InternalError", 1).await?;
    assert_eq!(summary, "InternalError: m & ü");
    Ok(())
}

#[tokio::test]
async fn a_huge_answer_is_broken_off() -> Result<()> {
    // As large as is read, and larger.
    let (answer, _) = ask(S3, vec![Answer::Huge { bytes: 8 << 20 }]).await?;
    assert_eq!(answer?["Buckets"], json!([]));
    let summary = check(S3, Answer::Huge { bytes: 65 << 20 }, "BrokenAnswer", ATTEMPTS).await?;
    ensure!(summary.contains("length limit exceeded"), "{summary}");
    Ok(())
}

#[tokio::test]
async fn silence_and_absence_have_an_end() -> Result<()> {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(200));
    let config = support::config().to_builder().timeout_config(timeouts.build()).build();
    let server = Server::start(vec![Answer::Silence]).await?;
    let client = support::client(&config, "iam", "us-east-1", &server.endpoint());
    let error = client.call("GetAccountSummary", json!({})).await.expect_err("nothing comes");
    assert_eq!((error.code(), server.asked()), ("Timeout", ATTEMPTS));

    let endpoint = server.endpoint();
    drop(server);
    let client = support::client(&config, "iam", "us-east-1", &endpoint);
    let error = client.call("GetAccountSummary", json!({})).await.expect_err("nobody is there");
    assert_eq!(error.code(), "Unreachable");
    assert_eq!(error.to_string(), "calling iam:GetAccountSummary in us-east-1");
    ensure!(error.source().is_some(), "the cause is the source");
    Ok(())
}

#[tokio::test]
async fn pages_are_joined_and_must_end() -> Result<()> {
    let page = |users: &str, roles: &str, rest: &str| {
        Answer::ok(&format!(
            "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult>\
             <UserDetailList>{users}</UserDetailList><RoleDetailList>{roles}</RoleDetailList>{rest}\
             </GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>"
        ))
    };
    let user = |name: &str| format!("<member><UserName>{name}</UserName></member>");
    let more = |marker: &str| format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>");
    let role = "<member><RoleName>r</RoleName></member>";

    let script = vec![
        page(&user("a"), "", &more("1")),
        page(&user("b"), role, &more("2")),
        page("", role, "<IsTruncated>false</IsTruncated>"),
    ];
    let (answer, asked) = ask(Iam, script).await?;
    let names = json!({"UserDetailList": [{"UserName": "a"}, {"UserName": "b"}],
        "RoleDetailList": [{"RoleName": "r"}, {"RoleName": "r"}]});
    assert_eq!((answer?, asked), (names, 3));

    // A later page that fails fails the listing: a part of it would delete the rest.
    let script = vec![page(&user("a"), "", &more("1")), Iam.error(403, "AccessDenied")];
    let (answer, _) = ask(Iam, script).await?;
    assert_eq!(answer.expect_err("the second page is refused").code(), "AccessDenied");

    let (answer, asked) = ask(Iam, vec![page("", "", &more("1"))]).await?;
    let summary = answer.expect_err("the page names itself").summary();
    assert_eq!(summary, "UnreadableAnswer: a page names itself as the next");
    assert_eq!(asked, 2);
    Ok(())
}
