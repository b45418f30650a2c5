//! The model's trust: who is named by a resource, by what they are known, whom they add up to.

use std::collections::BTreeMap;

use schemas::{
    KnownBy, PrincipalKind, Resource, ResourceKey, RollupKey, TrustCondition, TrustKey, TrustState,
};

use super::{Oracle, sums::Summed};
use crate::random::DATADOG;

impl Oracle {
    /// Reads a policy with the eyes of someone who knows only how these tests write them; where
    /// there is none to read, what was known stays.
    pub(super) fn name(&mut self, key: &ResourceKey, resource: &Resource) {
        let json: serde_json::Value =
            serde_json::from_str(&resource.configuration).expect("tests write JSON");
        let statement = &json["AssumeRolePolicyDocument"]["Statement"][0];
        if resource.resource_type == "AWS::IAM::Role" && statement.is_object() {
            let listed = |of: &str| statement["Principal"][of].as_array().cloned();
            let all = listed("AWS").into_iter().chain(listed("Service")).flatten();
            let text = |one: serde_json::Value| one.as_str().expect("a name is text").to_owned();
            let condition = &statement["Condition"]["StringEquals"];
            let demanded = condition.as_object().and_then(|all| all.keys().next());
            let caller = &condition["aws:PrincipalOrgID"];
            let named = all.map(|one| {
                let narrowed = one == "*" && caller.is_string();
                (text(if narrowed { caller.clone() } else { one }), demanded.cloned())
            });
            self.named.insert(key.clone(), named.collect());
        }
        for principal in self.named.get(key).into_iter().flat_map(BTreeMap::keys) {
            let sight = (key.account.clone(), principal.clone());
            let first = self.sights.entry(sight).or_insert(resource.captured_ms);
            *first = resource.captured_ms.min(*first);
        }
    }

    /// Who is trusted, by the names that each resource was last known to hold.
    pub(crate) fn trust(&self) -> BTreeMap<TrustKey, TrustState> {
        let mut rows: BTreeMap<TrustKey, TrustState> = BTreeMap::new();
        let named = self.named.iter().flat_map(|(key, all)| all.iter().map(move |one| (key, one)));
        for (key, (principal, demanded)) in named {
            let of = TrustKey::new(&*key.account, principal);
            let row = rows.entry(of).or_insert_with(|| self.trusted(&key.account, principal));
            row.resources += 1;
            if let Some(key) = demanded {
                match row.conditions.iter_mut().find(|one| one.key == *key) {
                    Some(condition) => condition.resources += 1,
                    None => {
                        row.conditions.push(TrustCondition { key: key.clone(), resources: 1 });
                    }
                }
                row.conditions.sort_by(|a, b| a.key.cmp(&b.key));
            }
            let escaped = |part: &String| part.replace('%', "%25").replace('/', "%2F");
            let parts = [&key.account, &key.region, &key.resource_type, &key.id];
            let at = parts.map(escaped).join("/");
            let place = row.through.partition_point(|one| *one < at);
            row.through.insert(place, at);
            row.names.insert(place, self.resources[key].resource.name.clone());
        }
        rows
    }

    fn trusted(&self, account: &str, principal: &str) -> TrustState {
        let of = principal.split(':').nth(4).map(str::to_owned);
        let register = of.as_ref().and_then(|of| self.registers.get(of));
        let ours = of.as_ref().is_some_and(|of| {
            of == account
                || self.listings.contains_key(of)
                || register.is_some_and(|row| !row.third_party)
        });
        let mut organisations = self.listings.values().map(|row| &row.organisation);
        let (kind, known_by) = match &of {
            None if principal.starts_with("o-") => {
                let ours = organisations.any(|id| id == principal);
                let known_by = if ours { KnownBy::Organisation } else { KnownBy::Nobody };
                (PrincipalKind::Organisation, known_by)
            }
            None if principal == "*" => (PrincipalKind::Public, KnownBy::Nobody),
            None => (PrincipalKind::Service, KnownBy::Service),
            Some(_) if ours => (PrincipalKind::Account, KnownBy::Organisation),
            Some(_) if register.is_some_and(|row| row.approved) => {
                (PrincipalKind::Account, KnownBy::Register)
            }
            Some(id) if id == DATADOG => (PrincipalKind::Account, KnownBy::Vendor),
            Some(_) => (PrincipalKind::Account, KnownBy::Nobody),
        };
        TrustState {
            kind,
            known: known_by != KnownBy::Nobody,
            known_by,
            vendor: (known_by == KnownBy::Vendor).then(|| "Datadog".to_owned()),
            principal_account: of,
            first_seen_ms: self.sights[&(account.to_owned(), principal.to_owned())],
            ..TrustState::default()
        }
    }

    /// The sums of foreign accounts: whoever trusts somebody in an account that is not ours.
    pub(super) fn foreign(&self, sums: &mut BTreeMap<RollupKey, Summed>) {
        for (key, row) in self.trust() {
            let Some(of) = row.principal_account else { continue };
            if row.known_by == KnownBy::Organisation {
                continue;
            }
            let sum = sums.entry(RollupKey::new("foreign", of)).or_default();
            sum.trusted_by.insert(key.account);
            sum.accounts = i64::try_from(sum.trusted_by.len()).expect("few");
            sum.total += row.resources;
            sum.noncompliant += if row.known { 0 } else { row.resources };
        }
    }
}
