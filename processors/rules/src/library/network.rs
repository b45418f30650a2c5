//! Address ranges: one inside another, and several that together are the whole internet.

use std::borrow::Borrow;
use std::net::IpAddr;

use serde_json::Value;

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl Range {
    /// Reads `198.51.100.0/24`, `2001:db8::/32`, or a single address. Bits after the prefix are
    /// ignored, as EC2 does. None when it is neither.
    pub(crate) fn parse(text: &str) -> Option<Range> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (is_v6, bits, width) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) => (false, u128::from(u32::from(v4)), 32),
            IpAddr::V6(v6) => (true, u128::from(v6), 128),
        };
        let length = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse::<u32>().ok().filter(|&length| length <= width)?
            }
            Some(_) => return None,
        };
        let host = match width - length {
            128 => u128::MAX,
            free => (1u128 << free) - 1,
        };
        Some(Range { is_v6, first: bits & !host, last: bits | host })
    }

    /// Tells whether all of `other` lies in this range; never across IPv4 and IPv6.
    pub(crate) fn contains(&self, other: &Range) -> bool {
        self.is_v6 == other.is_v6 && self.first <= other.first && other.last <= self.last
    }
}

/// Tells whether permissions of a security group let in the whole internet, taken together.
///
/// Shape: EC2's `IpPermissions` (or some of them). Ranges of all permissions are joined, so that
/// two halves count as the whole. The whole is every IPv4 address, or every global IPv6 address
/// (2000::/3, RFC 4291; so `::/0` and its two halves count too).
/// Errors, as text: a permission is unreadable or has a prefix list, whose ranges are elsewhere,
/// and what can be read does not decide. A security group's own `IpRanges` and `Ipv6Ranges` are
/// always there in EC2's answers, so that one without them was not read.
pub fn world_open<T: Borrow<Value>>(permissions: impl Iterator<Item = T>) -> Result<bool, String> {
    let mut ranges = Vec::new();
    let mut unread = None;
    for permission in permissions {
        for (list, member) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
            if let Err(reason) = collect(permission.borrow(), list, member, &mut ranges) {
                unread.get_or_insert(reason);
            }
        }
        if let Some(reason) = prefix_lists(permission.borrow()) {
            unread.get_or_insert(reason);
        }
    }
    let whole_v4 = covers(&ranges, false, 0, u128::from(u32::MAX));
    let global_v6 = covers(&ranges, true, 0x2000 << 112, (0x4000 << 112) - 1);
    match unread {
        _ if whole_v4 || global_v6 => Ok(true),
        Some(reason) => Err(reason),
        None => Ok(false),
    }
}

fn collect(
    permission: &Value,
    list: &str,
    member: &str,
    ranges: &mut Vec<Range>,
) -> Result<(), String> {
    let Some(items) = permission.get(list) else {
        return Err(format!("{list} is absent"));
    };
    let Some(items) = items.as_array() else {
        return Err(format!("{list} is not a list"));
    };
    let mut result = Ok(());
    for item in items {
        let text = item.get(member).and_then(Value::as_str);
        match text.and_then(Range::parse) {
            Some(range) => ranges.push(range),
            None => result = Err(format!("{member} {:?} is no range", text.unwrap_or_default())),
        }
    }
    result
}

fn prefix_lists(permission: &Value) -> Option<String> {
    let list = permission.get("PrefixListIds")?.as_array()?;
    let id = list.first()?.get("PrefixListId").and_then(Value::as_str).unwrap_or_default();
    Some(format!("the ranges of prefix list {id:?} are not in the document"))
}

/// Tells whether ranges of one family together have every address from `first` to `last`.
fn covers(ranges: &[Range], is_v6: bool, first: u128, last: u128) -> bool {
    let mut sorted: Vec<&Range> = ranges.iter().filter(|range| range.is_v6 == is_v6).collect();
    sorted.sort_by_key(|range| range.first);
    let mut missing_from = first;
    for range in sorted {
        if range.first > missing_from {
            return false;
        }
        if range.last >= last {
            return true;
        }
        missing_from = missing_from.max(range.last + 1);
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn v6(text: &str) -> u128 {
        u128::from(text.parse::<std::net::Ipv6Addr>().expect("an address"))
    }

    #[test]
    fn ranges_are_read() {
        let range = |text| Range::parse(text).map(|range| (range.is_v6, range.first, range.last));
        assert_eq!(range("10.0.0.0/8"), Some((false, 0x0a00_0000, 0x0aff_ffff)));
        assert_eq!(range("10.1.2.3/8"), range("10.0.0.0/8"));
        assert_eq!(range("10.1.2.3"), Some((false, 0x0a01_0203, 0x0a01_0203)));
        assert_eq!(range("0.0.0.0/0"), Some((false, 0, 0xffff_ffff)));
        assert_eq!(range("::/0"), Some((true, 0, u128::MAX)));
        assert_eq!(range("2001:db8::/32"), Some((true, v6("2001:db8::"), v6("2001:db9::") - 1)));
        let bad = ["", "10.0.0.0/33", "10.0.0/8", "::/129", "x/8", "10.0.0.0/+8", "10.0.0.0/"];
        for text in bad {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn containment_stays_in_the_family() {
        let contains = |outer: &str, inner: &str| {
            Range::parse(outer).expect("outer").contains(&Range::parse(inner).expect("inner"))
        };
        assert!(contains("10.0.0.0/8", "10.255.0.0/16"));
        assert!(!contains("10.0.0.0/8", "11.0.0.0/16"));
        assert!(!contains("10.0.0.0/8", "0.0.0.0/0"));
        assert!(!contains("::/0", "10.0.0.0/8"));
    }

    /// `Some(true)` open, `Some(false)` not, none unknown.
    fn open(permissions: Value) -> Option<bool> {
        world_open(permissions.as_array().expect("a list").iter()).ok()
    }

    fn v4(ranges: &[&str]) -> Value {
        let ranges: Vec<Value> = ranges.iter().map(|range| json!({"CidrIp": range})).collect();
        json!({"IpRanges": ranges, "Ipv6Ranges": []})
    }

    fn v6_ranges(ranges: &[&str]) -> Value {
        let ranges: Vec<Value> = ranges.iter().map(|range| json!({"CidrIpv6": range})).collect();
        json!({"IpRanges": [], "Ipv6Ranges": ranges})
    }

    #[test]
    fn permissions_are_joined() {
        assert_eq!(open(json!([])), Some(false), "nothing is open");
        assert_eq!(open(json!([v4(&["0.0.0.0/0"])])), Some(true), "all of it");
        assert_eq!(open(json!([v4(&["198.51.100.0/24"])])), Some(false), "an office");
        let halves = json!([v4(&["128.0.0.0/1"]), v4(&["0.0.0.0/1"])]);
        assert_eq!(open(halves), Some(true), "two halves in two permissions");
        let gap = json!([v4(&["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/4"])]);
        assert_eq!(open(gap), Some(false), "a sixteenth is missing");
        assert_eq!(open(json!([v4(&["0.0.0.0/1"]), v6_ranges(&["8000::/1"])])), Some(false));
        assert_eq!(open(json!([v6_ranges(&["::/0"])])), Some(true));
        assert_eq!(open(json!([v6_ranges(&["::/1", "8000::/1"])])), Some(true));
        assert_eq!(open(json!([v6_ranges(&["2000::/3"])])), Some(true), "every global address");
        assert_eq!(open(json!([v6_ranges(&["2001:db8::/32"])])), Some(false));
    }

    #[test]
    fn what_is_unreadable_never_closes_the_door() {
        assert_eq!(open(json!([{}])), None, "no ranges were read");
        assert_eq!(open(json!([{"IpRanges": []}])), None, "IPv6 was not read");
        assert_eq!(open(json!([v4(&["10.0.0.0/99"])])), None, "a bad range");
        assert_eq!(open(json!([{"IpRanges": "x", "Ipv6Ranges": []}])), None, "no list");
        let open_and_bad = json!([{"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, {}]);
        assert_eq!(open(open_and_bad), Some(true), "the rest can't close it");
        let listed = json!([{"IpRanges": [], "Ipv6Ranges": [],
            "PrefixListIds": [{"PrefixListId": "pl-1"}]}]);
        assert_eq!(open(listed), None, "a prefix list may hold anything");
    }

    proptest! {
        /// A hole, where there is one, starts at 0 or right after some range: no other address
        /// needs to be asked.
        #[test]
        fn the_whole_has_no_hole(parts in prop::collection::vec((any::<u32>(), 0u32..4), 1..12)) {
            let texts: Vec<String> = parts
                .iter()
                .map(|(bits, length)| format!("{}/{length}", std::net::Ipv4Addr::from(*bits)))
                .collect();
            let ranges: Vec<&str> = texts.iter().map(String::as_str).collect();
            let is_in = |address: u64| {
                parts.iter().any(|(bits, length)| {
                    let size = 1u64 << (32 - length);
                    address / size == u64::from(*bits) / size
                })
            };
            let after = parts.iter().map(|(bits, length)| {
                let size = 1u64 << (32 - length);
                (u64::from(*bits) / size + 1) * size
            });
            let whole = after.chain([0]).all(|address| address >= 1 << 32 || is_in(address));
            prop_assert_eq!(open(json!([v4(&ranges)])), Some(whole), "{:?}", texts);
        }
    }
}
