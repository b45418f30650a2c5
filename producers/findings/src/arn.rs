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

/// Gives a resource's region: the one in its ARN, else the one that the scanner says; none for a
/// global one.
///
/// A scanner names a region for what is global, too: the one that it asked. Then one user would be
/// as many as there are regions. A bucket has a region, and an ARN without one.
pub(crate) fn region<'a>(resource: &'a str, said: Option<&'a str>) -> Option<&'a str> {
    match place(resource) {
        Some((_, "")) if resource.split(':').nth(2) != Some("s3") => None,
        Some((_, region)) if !region.is_empty() => Some(region),
        _ => said,
    }
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

    #[test]
    fn what_is_global_is_so_in_every_region() {
        for (resource, said, expected) in [
            ("arn:aws:iam::111122223333:user/ci", Some("us-east-1"), None),
            ("arn:aws:s3:::bucket", Some("eu-west-1"), Some("eu-west-1")),
            ("arn:aws:s3:::bucket", None, None),
            ("arn:aws:ec2:eu-west-1:111122223333:volume/v", Some("us-east-1"), Some("eu-west-1")),
            ("sg-1", Some("us-east-1"), Some("us-east-1")),
            ("", None, None),
        ] {
            assert_eq!(region(resource, said), expected, "{resource}");
        }
    }
}
