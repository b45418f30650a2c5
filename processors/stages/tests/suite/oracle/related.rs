//! The model's relations: which others a rule is told of, searched for anew each time.

use compliance::StandardEntry;
use rules::Related;
use schemas::{RelatedText, Resource};

use super::Oracle;

impl Oracle {
    /// Gives what rules that ask about others are told, with the eyes of someone who knows how
    /// these tests write them: a bucket looks for users by one of two keys.
    pub(super) fn related(&self, entry: &StandardEntry, bucket: &Resource) -> Vec<Related> {
        let told = |relation: &RelatedText| {
            let json = |one: &Resource| -> serde_json::Value {
                serde_json::from_str(&one.configuration).expect("tests write JSON")
            };
            let lacking = |reason: &str| Related {
                items: serde_json::json!([]),
                lacking: Some(reason.to_owned()),
            };
            let Some(public) = json(bucket)["Public"].as_bool() else {
                return lacking("r.Public is absent");
            };
            let of_type = &relation.resource_type;
            let mut scopes =
                self.scopes.iter().filter(|(id, _)| id.0 == bucket.account && id.1 == *of_type);
            let any = scopes.clone().next().is_some();
            if !any || scopes.any(|(_, scope)| scope.completed_ms.is_none()) {
                return lacking(&format!("not every {of_type} of the account was collected"));
            }
            let users = self.resources.values().map(|row| &row.resource);
            let mut users: Vec<_> = users
                .filter(|one| one.account == bucket.account && one.resource_type == *of_type)
                .map(|one| (one, json(one)["Keys"].as_array().cloned()))
                .collect();
            users.sort_by_key(|(one, _)| (one.region.clone(), one.id.replace('/', "%2F")));
            let any_may_be_meant = !relation.key.as_ref().is_some_and(|key| key.contains("has("));
            if let Some((one, _)) =
                users.iter().find(|(_, keys)| keys.is_none() && any_may_be_meant)
            {
                let (id, region) = (&one.id, &one.region);
                return lacking(&format!("what {id} in {region} belongs to could not be told"));
            }
            users.sort_by_key(|(one, _)| (one.region.clone(), one.id.clone()));
            let wanted = if public { "K1" } else { "K2" };
            let keys = users.into_iter().filter_map(|(_, keys)| keys);
            let found = keys.filter(|keys| keys.iter().any(|key| key["Id"] == wanted));
            let active = found.map(|keys| keys.iter().any(|key| key["Active"] == true));
            let items = active.map(|active| serde_json::json!({"active": active})).collect();
            Related { items, lacking: None }
        };
        entry.relations().iter().map(told).collect()
    }
}
