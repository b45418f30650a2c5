//! What EC2's collectors share: a resource's name, tags and ARN.

use serde_json::Value;

use super::text;
use crate::account::Account;
use crate::document::Document;
use crate::scope::CollectError;

/// How EC2 speaks of one type of resource.
pub(super) struct Kind {
    pub(super) resource_type: &'static str,
    /// The member that holds the id.
    pub(super) id: &'static str,
    /// The member that holds the tags.
    pub(super) tags: &'static str,
    /// Its word in ARNs, for example `vpc`.
    pub(super) word: &'static str,
}

impl Kind {
    /// Starts the document of an item in a region; `owner` is the account in its ARN.
    ///
    /// Shape: configuration is the item; the name is that of tag `Name`, else the id.
    pub(super) fn document(
        &self,
        account: &Account,
        region: &str,
        owner: &str,
        item: &Value,
    ) -> Result<Document, CollectError> {
        let id = text(item, self.id)?;
        let (partition, word, tags) = (account.partition(), self.word, item.get(self.tags));
        let document = Document::new(account, region, self.resource_type, id, item)
            .name(tags.and_then(name))
            .arn(format!("arn:{partition}:ec2:{region}:{owner}:{word}/{id}"))
            .tags(tags);
        Ok(document)
    }
}

/// Gives the name that the console shows: the text of tag `Name`, where it has any.
fn name(tags: &Value) -> Option<&str> {
    let found = tags.as_array()?.iter().find(|tag| tag["Key"] == "Name")?;
    found["Value"].as_str().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_tag_with_text_is_a_name() {
        let cases = [
            (
                json!([{"Key": "name", "Value": "x"}, {"Key": "Name", "Value": "web ü"}]),
                Some("web ü"),
            ),
            (json!([{"Key": "Name", "Value": ""}]), None),
            (json!([{"Key": "Name"}]), None),
            (json!([]), None),
            (Value::Null, None),
        ];
        for (tags, expected) in cases {
            assert_eq!(name(&tags), expected, "{tags}");
        }
    }
}
