//! Operators, macros and strings over documents that are whole.

use serde_json::json;

use super::{Case, check};
use crate::Verdict::{Fail, Pass, Unknown};

#[test]
fn operators_follow_cel() {
    let case = Case::r(json!({
        "n": 7, "d": 1.5, "t": "tcp", "yes": true, "no": false, "nil": null,
        "list": [1, 2, 3], "map": {"a": 1, "b": {"c": "x"}}, "big": 18_446_744_073_709_551_615u64,
    }));
    let table = [
        ("r.n == 7", Pass),
        ("r.n == 7.0", Pass),
        ("r.n != 8", Pass),
        ("r.n < 7", Fail),
        ("r.n <= 7 && 7 >= r.n", Pass),
        ("r.d > 1", Pass),
        ("1 < r.d", Pass),
        ("r.t < \"udp\"", Pass),
        ("r.t == 7", Fail),
        ("r.yes", Pass),
        ("!r.yes", Fail),
        ("r.yes ? r.no : r.yes", Fail),
        ("r.nil == null", Pass),
        ("r.t in [\"tcp\", \"6\"]", Pass),
        ("r.t in [\"udp\"]", Fail),
        ("r.n in r.list", Fail),
        ("3.0 in r.list", Pass),
        ("\"a\" in r.map", Pass),
        ("\"z\" in r.map", Fail),
        ("r.list[2] == 3", Pass),
        ("r.map[\"b\"].c == \"x\"", Pass),
        ("r.list == [1, 2, 3]", Pass),
        ("r.list == [1, 2]", Fail),
        ("r.map == {\"a\": 1, \"b\": {\"c\": \"x\"}}", Pass),
        ("r.map == {\"a\": 1}", Fail),
        ("r.n + 3 == 10 && r.n - 8 == -1 && r.n * 2 == 14 && r.n / 2 == 3 && r.n % 4 == 3", Pass),
        ("r.d + 0.5 == 2.0", Pass),
        ("r.t + \"/22\" == \"tcp/22\"", Pass),
        ("r.list + [4] == [1, 2, 3, 4]", Pass),
        ("r.n / 0 == 1", Unknown),
        ("r.n + 9223372036854775807 == 1", Unknown),
        ("r.big > 5", Pass),
        ("-r.n == -7", Pass),
        ("doc.account == \"111122223333\" && doc.region == \"eu-west-1\"", Pass),
        ("doc.id == \"sg-1\" && doc.name == \"web\" && doc.arn.endsWith(\"/sg-1\")", Pass),
    ];
    for (pass, expected) in table {
        check(pass, &case, expected);
    }
}

#[test]
fn macros_loop_over_lists_and_keys() {
    let case = Case::r(json!({"list": [1, 2, 3], "map": {"a": 1, "b": 2}, "empty": []}));
    let table = [
        ("r.list.exists(i, i == 2)", Pass),
        ("r.list.exists(i, i == 4)", Fail),
        ("r.list.all(i, i > 0)", Pass),
        ("r.list.all(i, i > 1)", Fail),
        ("r.empty.all(i, i > 1)", Pass),
        ("r.empty.exists(i, i > 1)", Fail),
        ("r.list.exists_one(i, i == 2)", Pass),
        ("r.list.exists_one(i, i > 1)", Fail),
        ("r.list.filter(i, i > 1) == [2, 3]", Pass),
        ("r.list.map(i, i * 2) == [2, 4, 6]", Pass),
        ("r.list.map(i, i > 2, i * 2) == [6]", Pass),
        ("r.map.exists(k, k == \"b\")", Pass),
        ("r.map.all(k, r.map[k] > 0)", Pass),
        ("r.list.exists(i, r.list.exists(j, i + j == 6))", Pass),
        ("r.list.exists(i, r.list.exists(i, i == 3) && i == 1)", Pass),
        ("size(r.list) == 3 && r.map.size() == 2 && size(\"größe\") == 5", Pass),
    ];
    for (pass, expected) in table {
        check(pass, &case, expected);
    }
}

#[test]
fn strings_are_compared_by_methods() {
    let case = Case::r(json!({"s": "Prod-Web", "n": 3}));
    let table = [
        ("r.s.startsWith(\"Prod\")", Pass),
        ("r.s.startsWith(\"Web\")", Fail),
        ("r.s.endsWith(\"Web\")", Pass),
        ("r.s.endsWith(\"Prod\")", Fail),
        ("r.s.contains(\"od-W\")", Pass),
        ("r.s.contains(\"prod\")", Fail),
        ("r.s.lowerAscii() == \"prod-web\"", Pass),
        ("lower(r.s) == \"prod-web\"", Pass),
        ("r.s.matches(\"^[A-Z][a-z]+-\")", Pass),
        ("r.s.matches(\"^[a-z]\")", Fail),
        ("glob(r.s, \"Prod-*\")", Pass),
        ("r.n.startsWith(\"3\")", Unknown),
        ("string(r.n) == \"3\"", Pass),
        ("int(\"22\") == 22 && double(\"1.5\") == 1.5", Pass),
        ("int(r.s) == 1", Unknown),
        ("bool(\"true\") && !bool(\"false\")", Pass),
        ("bool(r.s)", Unknown),
        ("bool(r.n)", Unknown),
    ];
    for (pass, expected) in table {
        check(pass, &case, expected);
    }
}

#[test]
fn tags_are_a_map() {
    let mut case = Case::default();
    case.tags.insert("Owner".to_owned(), "web team".to_owned());
    case.tags.insert("cost-centre".to_owned(), "7".to_owned());
    check("doc.tags.Owner == \"web team\"", &case, Pass);
    check("has(doc.tags.Owner) && !has(doc.tags.Stage)", &case, Pass);
    check("\"cost-centre\" in doc.tags && doc.tags[\"cost-centre\"] == \"7\"", &case, Pass);
    check("doc.tags.all(key, key != \"\") && size(doc.tags) == 2", &case, Pass);
    check("doc.tags.Stage == \"prod\"", &case, Unknown);
    check("has(doc.tags.Owner)", &case.clone().failed("Tagging"), Unknown);
}
