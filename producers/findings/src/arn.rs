//! What an ARN tells of its resource.

/// Gives the account and the region of an ARN, each empty where it has none; none for other texts.
///
/// Source: AWS, "Amazon Resource Names": `arn:partition:service:region:account:resource`.
pub(crate) fn place(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.splitn(6, ':');
    (parts.next() == Some("arn")).then_some(())?;
    let (_partition, _service) = (parts.next()?, parts.next()?);
    let (region, account) = (parts.next()?, parts.next()?);
    parts.next().is_some_and(|resource| !resource.is_empty()).then_some((account, region))
}

/// Tells whether a text is an account's id: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_account_and_region() {
        for (text, expected) in [
            (
                "arn:aws:ec2:us-east-1:111122223333:security-group/sg-1",
                Some(("111122223333", "us-east-1")),
            ),
            ("arn:aws:s3:::bucket", Some(("", ""))),
            ("arn:aws:iam::111122223333:user/ci:access_key_1", Some(("111122223333", ""))),
            ("sg-1", None),
            ("arn:aws:ec2", None),
            ("arn:aws:ec2:r:1:", None),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }
}
