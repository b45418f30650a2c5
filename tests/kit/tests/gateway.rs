//! The gateway passes calls on and plays AWS on a bad day; seen with boto3 and on the wire.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::thread;
use std::time::Duration;

use kit::gateway::{Call, Fault, Gateway, Where};
use kit::http::{self, Answer};
use kit::moto::Moto;
use serde_json::{Value, json};

/// Runs `tests/kit/moto/probe.py` against an endpoint and reads the JSON that it prints.
fn probe(endpoint: &str, form: &[&str]) -> Value {
    let arguments: Vec<_> = [endpoint].into_iter().chain(form.iter().copied()).collect();
    let output = kit::python("tests/kit/moto/probe.py", &arguments).unwrap();
    serde_json::from_str(&output).unwrap()
}

fn start() -> (Moto, Gateway) {
    let moto = Moto::start().unwrap();
    let gateway = Gateway::start(moto.port()).unwrap();
    (moto, gateway)
}

#[test]
fn it_refuses_and_counts_and_passes_the_rest() {
    let (moto, gateway) = start();
    let direct = probe(&moto.endpoint(), &[]);
    moto.reset().unwrap();
    let open = probe(&gateway.endpoint(), &[]);
    assert_eq!(open, direct, "the proxy changes nothing by itself");
    assert_eq!(gateway.count("sts", "AssumeRole"), 2);
    assert_eq!(gateway.count("s3", "PUT /bucket/key"), 1);
    assert_eq!(gateway.count("s3", "GET /"), 1);
    check_calls(&gateway);

    moto.reset().unwrap();
    gateway.reset_counts();
    gateway.deny_account("222222222222");
    gateway.deny_operation("s3", "GET /");
    gateway.deny_operation("iam", "GetAccountSummary");
    let denied = probe(&gateway.endpoint(), &[]);
    let codes = json!(["111111111111", "AccessDenied"]);
    assert_eq!(denied["accounts"], codes);
    assert_eq!(denied["buckets"], "AccessDenied");
    assert_eq!(denied["root_mfa"], json!(["AccessDenied"]));
    assert_eq!(denied["body"], "hello");
    assert_eq!(gateway.count("sts", "AssumeRole"), 2);

    moto.reset().unwrap();
    gateway.allow_account("222222222222");
    gateway.allow_operation("s3", "GET /");
    gateway.allow_operation("iam", "GetAccountSummary");
    assert_eq!(probe(&gateway.endpoint(), &[]), direct);

    // A fault of one account leaves the other alone.
    moto.reset().unwrap();
    let place = Where::operation("iam", "GetAccountSummary").account("222222222222");
    let fault = gateway.inject(Fault::Revoked, place);
    let seen = probe(&gateway.endpoint(), &[]);
    assert_eq!(seen["root_mfa"], json!([0, "InvalidClientTokenId"]));
    assert_eq!(gateway.struck(fault), 1);
}

/// Each call of the first form of the probe is known with its account and region.
fn check_calls(gateway: &Gateway) {
    let calls = gateway.calls();
    let of = |account: &str, operation: &str| {
        let fits = |call: &&Call| call.account == account && call.operation.operation == operation;
        let calls: Vec<_> = calls.iter().filter(|(call, _)| fits(call)).collect();
        assert!(calls.iter().all(|(call, _)| call.region == "us-east-1"), "{calls:?}");
        calls.iter().map(|(_, count)| **count).collect::<Vec<_>>()
    };
    for account in ["111111111111", "222222222222"] {
        assert_eq!(of(account, "AssumeRole"), [1]);
        assert_eq!(of(account, "GetCallerIdentity"), [1]);
    }
    // The probe makes two users, each in a call of its own, outside of both accounts.
    assert_eq!(of("", "CreateUser"), [1, 1]);
    assert_eq!(gateway.total(), calls.values().sum::<u64>());
}

/// What boto3 must see of a fault: from STS and IAM, EC2, S3, Route 53, Secrets Manager,
/// Organizations and OpenSearch, in this order.
///
/// Source: the common errors in each service's API reference; EC2 and S3 have lists of their own.
const CODES: [(Fault, [&str; 7]); 6] = [
    (
        Fault::Throttled,
        [
            "Throttling 400",
            "RequestLimitExceeded 503",
            "SlowDown 503",
            "Throttling 400",
            "ThrottlingException 400",
            "TooManyRequestsException 400",
            "ThrottlingException 429",
        ],
    ),
    (
        Fault::Denied,
        [
            "AccessDenied 403",
            "UnauthorizedOperation 403",
            "AccessDenied 403",
            "AccessDenied 403",
            "AccessDeniedException 400",
            "AccessDeniedException 400",
            "AccessDeniedException 403",
        ],
    ),
    (
        Fault::Expired,
        [
            "ExpiredToken 403",
            "RequestExpired 400",
            "ExpiredToken 400",
            "ExpiredToken 403",
            "ExpiredTokenException 400",
            "ExpiredTokenException 400",
            "ExpiredTokenException 403",
        ],
    ),
    (
        Fault::Revoked,
        [
            "InvalidClientTokenId 403",
            "AuthFailure 401",
            "InvalidAccessKeyId 403",
            "InvalidClientTokenId 403",
            "UnrecognizedClientException 400",
            "UnrecognizedClientException 400",
            "UnrecognizedClientException 403",
        ],
    ),
    (
        Fault::Broken,
        [
            "InternalFailure 500",
            "InternalError 500",
            "InternalError 500",
            "InternalFailure 500",
            "InternalFailure 500",
            "InternalFailure 500",
            "InternalFailure 500",
        ],
    ),
    (
        Fault::Skewed(3_600),
        [
            "SignatureDoesNotMatch 403",
            "AuthFailure 401",
            "RequestTimeTooSkewed 403",
            "SignatureDoesNotMatch 403",
            "InvalidSignatureException 400",
            "InvalidSignatureException 400",
            "InvalidSignatureException 403",
        ],
    ),
];

/// The services of the probe as the gateway names them, with the operations that are to fail.
const PROBED: [(&str, &str); 8] = [
    ("sts", "GetCallerIdentity"),
    ("iam", "GetAccountSummary"),
    ("ec2", "DescribeVpcs"),
    ("s3", "GET /"),
    ("route53", "GET /2013-04-01/hostedzone"),
    ("secretsmanager", "ListSecrets"),
    ("organizations", "ListRoots"),
    ("es", "GET /2021-01-01/domain"),
];

#[test]
fn refusals_have_the_codes_of_their_protocols() {
    let (_moto, gateway) = start();
    // Each fault has an account of its own, and the last account has none.
    let account = |number: usize| format!("{:012}", 111_111_111_111 + number);
    let mut faults = Vec::new();
    let mut expected = json!({});
    for (number, (fault, codes)) in CODES.into_iter().enumerate() {
        let account = account(number);
        for (position, (service, operation)) in PROBED.into_iter().enumerate() {
            let place = Where::operation(service, operation).account(&account);
            faults.push(gateway.inject(fault, place));
            let name = if service == "es" { "opensearch" } else { service };
            expected[&account][name] = json!(codes[position.saturating_sub(1)]);
        }
    }
    let well = account(CODES.len());
    for (service, _) in PROBED {
        let name = if service == "es" { "opensearch" } else { service };
        expected[&well][name] = json!("200");
    }
    let accounts: Vec<String> = (0..=CODES.len()).map(account).collect();
    let form: Vec<&str> =
        ["codes"].into_iter().chain(accounts.iter().map(String::as_str)).collect();
    assert_eq!(probe(&gateway.endpoint(), &form), expected);
    assert!(faults.iter().all(|fault| gateway.struck(*fault) == 1));
}

#[test]
fn pages_fail_or_never_end() {
    let (_moto, gateway) = start();
    let all = |value: Value| {
        let services = ["iam", "ec2", "s3", "route53", "secretsmanager", "ecs", "cloudtrail"];
        let pairs = services.map(|service| (service.to_owned(), value.clone()));
        Value::Object(pairs.into_iter().collect())
    };
    assert_eq!(probe(&gateway.endpoint(), &["pages"]), all(json!(1)));

    let fault = gateway.inject(Fault::BadPage, Where::anywhere());
    let mut expected = all(json!("ValidationException"));
    for (service, code) in [
        ("iam", "ValidationError"),
        ("route53", "ValidationError"),
        ("ec2", "InvalidNextToken"),
        ("s3", "InvalidArgument"),
    ] {
        expected[service] = json!(code);
    }
    assert_eq!(probe(&gateway.endpoint(), &["pages"]), expected);
    assert_eq!(gateway.struck(fault), 7, "the first pages were given");

    gateway.lift(fault);
    gateway.inject(Fault::Endless, Where::anywhere());
    assert_eq!(probe(&gateway.endpoint(), &["pages"]), all(json!(5)));
}

/// The port of an endpoint.
fn port(gateway: &Gateway) -> u16 {
    gateway.endpoint().rsplit(':').next().unwrap().parse().unwrap()
}

fn ask(port: u16, headers: &str) -> anyhow::Result<Answer> {
    http::request(port, "GET", "/moto-api/data.json", headers, b"")
}

/// What the head says of the body's length, and its own.
fn lengths(answer: &Answer) -> (usize, usize) {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    let mut said = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    (said.next().unwrap().1.parse().unwrap(), answer.body.len())
}

#[test]
fn answers_are_held_halved_and_torn() {
    let (_moto, gateway) = start();
    let port = port(&gateway);
    let whole = ask(port, "").unwrap();
    let (length, sent) = lengths(&whole);
    assert!(whole.status == 200 && length == sent && length > 1, "{whole:?}");

    for (fault, said) in [(Fault::Garbled, length / 2), (Fault::Torn, length)] {
        gateway.inject(fault, Where::anywhere().times(1));
        let answer = ask(port, "").unwrap();
        assert_eq!((answer.status, lengths(&answer)), (200, (said, length / 2)), "{fault:?}");
        assert_eq!(answer.body, whole.body[..length / 2]);
        assert_eq!(ask(port, "").unwrap().body, whole.body, "once is enough");
        gateway.lift_all();
    }

    let fault = gateway.inject(Fault::Silent, Where::anywhere());
    let waiting = thread::spawn(move || ask(port, "").unwrap());
    while gateway.struck(fault) == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished());
    gateway.lift(fault);
    assert_eq!(waiting.join().unwrap().body, whole.body);
}

#[test]
fn a_clock_that_is_a_little_off_is_only_seen() {
    let (_moto, gateway) = start();
    let date = |answer: &Answer| {
        let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
        let mut dates = lines.filter(|(name, _)| name.eq_ignore_ascii_case("date"));
        dates.next().unwrap().1.to_owned()
    };
    let signed = |at: jiff::Timestamp| format!("X-Amz-Date: {}\r\n", at.strftime("%Y%m%dT%H%M%SZ"));
    let now = jiff::Timestamp::now();
    let fault = gateway.inject(Fault::Skewed(-240), Where::anywhere());
    let answer = ask(port(&gateway), &signed(now)).unwrap();
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let told = parser.parse_timestamp(date(&answer)).unwrap();
    assert_eq!(answer.status, 200);
    assert!((236..=241).contains(&(now.as_second() - told.as_second())), "{told}");
    assert_eq!(gateway.struck(fault), 0);

    // Beyond five minutes AWS refuses, and tells its time all the same.
    let answer = ask(port(&gateway), &signed(now + jiff::SignedDuration::from_secs(90))).unwrap();
    assert_eq!((answer.status, gateway.struck(fault)), (403, 1));
    let told = parser.parse_timestamp(date(&answer)).unwrap();
    assert!((235..=241).contains(&(now.as_second() - told.as_second())), "{told}");
}
