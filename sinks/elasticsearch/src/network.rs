//! What a configuration says of addresses and opened ports, for searches. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

/// Addresses and networks of one document that are found; a list of more is no place to search.
const ADDRESSES_MAX: usize = 1_000;

/// Openings of one group: AWS allows as many rules.
const OPENINGS_MAX: usize = 1_000;

/// Every port.
const PORTS: (i64, i64) = (0, 65_535);

/// Addresses and networks that stand anywhere in a document as values of their own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) ips: BTreeSet<String>,
    pub(crate) cidrs: BTreeSet<String>,
}

impl Addresses {
    /// Finds the addresses of a document, whatever its provider calls the members they stand in.
    pub(crate) fn of(document: &Value) -> Self {
        let mut found = Self::default();
        found.walk(document);
        found
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(members) => members.values().for_each(|member| self.walk(member)),
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::String(text) => self.take(text),
            _ => {}
        }
    }

    fn take(&mut self, text: &str) {
        // The longest address with a length of prefix has 43 characters.
        if text.len() > 50 || self.ips.len() + self.cidrs.len() >= ADDRESSES_MAX {
            return;
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            self.ips.insert(ip.to_string());
        } else if is_cidr(text) {
            self.cidrs.insert(text.to_owned());
        }
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let bits_max = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let digits = !bits.is_empty() && bits.bytes().all(|c| c.is_ascii_digit());
    digits && bits.parse::<u32>().is_ok_and(|bits| bits <= bits_max)
}

/// Gives what a group of firewall rules opens, one entry a rule: who may come to which ports.
///
/// Source: `ec2:DescribeSecurityGroups`, `IpPermissions` and `IpPermissionsEgress`.
pub(crate) fn openings(configuration: &Value) -> Vec<Value> {
    let lists = [("in", "IpPermissions"), ("out", "IpPermissionsEgress")];
    let rules = lists.into_iter().flat_map(|(direction, list)| {
        let rules = configuration[list].as_array().into_iter().flatten();
        rules.map(move |rule| opening(direction, rule))
    });
    rules.take(OPENINGS_MAX).collect()
}

fn opening(direction: &str, rule: &Value) -> Value {
    let mut sources = BTreeSet::new();
    for (list, member) in [
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("UserIdGroupPairs", "GroupId"),
        ("PrefixListIds", "PrefixListId"),
    ] {
        let named = rule[list].as_array().into_iter().flatten();
        sources.extend(named.filter_map(|source| source[member].as_str()));
    }
    let world = sources.contains("0.0.0.0/0") || sources.contains("::/0");
    let protocol = rule["IpProtocol"].as_str().unwrap_or_default();
    let mut opening = json!({"direction": direction, "protocol": named(protocol),
        "sources": sources, "world": world});
    if let Some((from, to)) = ports(protocol, rule) {
        opening["ports"] = json!({"gte": from, "lte": to});
    }
    opening
}

/// Gives the first and the last port; none where the protocol has none, as ICMP.
fn ports(protocol: &str, rule: &Value) -> Option<(i64, i64)> {
    match named(protocol) {
        "all" => Some(PORTS),
        "tcp" | "udp" => {
            let port = |name: &str, usual| match rule[name].as_i64() {
                Some(port @ 0..=65_535) => port,
                _ => usual,
            };
            let (from, to) = (port("FromPort", PORTS.0), port("ToPort", PORTS.1));
            (from <= to).then_some((from, to))
        }
        _ => None,
    }
}

/// Gives a protocol's name where AWS may write its number.
fn named(protocol: &str) -> &str {
    match protocol {
        "-1" => "all",
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "58" => "icmpv6",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let found = Addresses::of(&json!({
            "PrivateIpAddress": "10.0.0.7",
            "Ipv6Addresses": [{"Ipv6Address": "2001:DB8::1"}],
            "Association": {"PublicIp": "203.0.113.9"},
            "CidrBlock": "10.0.0.0/16", "Mask": "10.0.0.0/33", "Text": "see 10.0.0.8",
            "Version": "1.2.3", "Number": 10, "Bits": "10.0.0.0/+8"
        }));
        assert_eq!(found.ips, ["10.0.0.7", "2001:db8::1", "203.0.113.9"].map(str::to_owned).into());
        assert_eq!(found.cidrs, ["10.0.0.0/16".to_owned()].into());
    }

    #[test]
    fn what_a_group_opens_is_told_rule_by_rule() {
        let group = json!({
            "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                 "IpRanges": [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.0.0.0/8"}]},
                {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]},
                {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1,
                 "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
            ],
            "IpPermissionsEgress": [{"IpProtocol": "6"}]
        });
        assert_eq!(
            json!(openings(&group)),
            json!([
                {"direction": "in", "protocol": "tcp", "ports": {"gte": 22, "lte": 22},
                 "sources": ["0.0.0.0/0", "10.0.0.0/8"], "world": true},
                {"direction": "in", "protocol": "all", "ports": {"gte": 0, "lte": 65535},
                 "sources": ["sg-1"], "world": false},
                {"direction": "in", "protocol": "icmp", "sources": ["::/0"], "world": true},
                {"direction": "out", "protocol": "tcp", "ports": {"gte": 0, "lte": 65535},
                 "sources": [], "world": false}
            ])
        );
        assert!(openings(&json!({"IpPermissions": "x"})).is_empty());
    }
}
