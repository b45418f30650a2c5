//! What is absent, failed, cut off or of the wrong type is unknown, and says why.

use serde_json::json;

use super::{Case, check, judged};
use crate::Verdict::{Fail, Pass, Unknown};

#[test]
fn of_a_list_without_its_end_nothing_is_said() {
    // As a collector cuts a document that is too long for a record.
    let case = || Case::s(json!({"L": [1, 2, 3], "M": [1]})).cut("/supplementary/L/3");
    for pass in
        ["s.L.exists(i, i == 9)", "s.L.all(i, i < 9)", "size(s.L) == 3", "4 in s.L", "s.L[0] == 1"]
    {
        check(pass, &case(), Unknown);
    }
    check("s.L[0] == 1 || s.M[0] == 1", &case(), Pass);
    check("s.M.exists(i, i == 9)", &case(), Fail);
}

#[test]
fn unknown_joins_by_kleene() {
    let case = Case::r(json!({"t": true, "f": false, "list": [{"a": 1}, {}, {"a": 3}]}));
    let table = [
        ("r.x", Unknown),
        ("r.x && r.f", Fail),
        ("r.f && r.x", Fail),
        ("r.x && r.t", Unknown),
        ("r.t && r.x", Unknown),
        ("r.x || r.t", Pass),
        ("r.t || r.x", Pass),
        ("r.x || r.f", Unknown),
        ("r.x || r.y", Unknown),
        ("!r.x", Unknown),
        ("r.x ? r.t : r.t", Unknown),
        ("r.x == r.x", Unknown),
        ("r.x != 1", Unknown),
        ("[r.x] == [1]", Unknown),
        ("1 in [r.x, 1]", Unknown),
        ("r.list.exists(i, i.a == 3)", Pass),
        ("r.list.exists(i, i.a == 4)", Unknown),
        ("r.list.all(i, i.a < 4)", Unknown),
        ("r.list.all(i, i.a < 3)", Fail),
        ("r.list.exists_one(i, i.a == 3)", Unknown),
        ("size(r.list.filter(i, i.a == 3)) == 1", Unknown),
        ("size(r.list.map(i, i.a)) == 3", Unknown),
        ("r.x.exists(i, i == 1)", Unknown),
        ("r.list[7].a == 1", Unknown),
        ("r.list[-1].a == 1", Unknown),
        ("has(r.x)", Fail),
        ("has(r.t)", Pass),
        ("has(r.x.y)", Unknown),
        ("!has(r.x) || r.x", Pass),
    ];
    for (pass, expected) in table {
        check(pass, &case, expected);
    }
}

#[test]
fn failed_calls_hide_their_member() {
    let case = Case::s(json!({"Acl": {"Grants": []}, "Policy": null})).failed("Encryption");
    let table = [
        ("s.Encryption.Rules.all(i, i.a == 1)", Unknown),
        ("has(s.Encryption)", Unknown),
        ("!has(s.Encryption)", Unknown),
        ("has(s.Encryption.Rules)", Unknown),
        ("s.Encryption == null", Unknown),
        ("\"Encryption\" in s", Unknown),
        ("s[\"Encryption\"] == null", Unknown),
        ("size(s) == 2", Unknown),
        ("s.all(key, key != \"Encryption\")", Unknown),
        ("s == {}", Unknown),
        ("s.Policy == null", Pass),
        ("has(s.Acl.Grants)", Pass),
        ("\"Acl\" in s", Pass),
    ];
    for (pass, expected) in table {
        check(pass, &case, expected);
    }
    // Even when a partial answer stands there.
    let partial = Case::s(json!({"Encryption": {"Rules": []}})).failed("Encryption");
    check("s.Encryption.Rules.all(i, i.a == 1)", &partial, Unknown);
    check("has(r.Encryption)", &Case::r(json!({})).failed("Encryption"), Fail);
    check("has(s.Encryption)", &Case::default().failed("Encryption"), Unknown);
}

#[test]
fn what_was_cut_off_is_not_absent() {
    let r = json!({"a": {"b": [1, 2, {"c": 3}]}, "d": 4});
    let table = [
        ("/configuration/a/b", "has(r.a.b)", Unknown),
        ("r.a.b", "r.a.b.exists(i, i == 1)", Unknown),
        ("r.a.b", "size(r.a.b) == 3", Unknown),
        ("r.a.b", "r.d == 4", Pass),
        ("r.a.b", "r.a == {}", Unknown),
        ("r.a.b", "has(r.a)", Pass),
        ("r.a.z", "has(r.a.z)", Unknown),
        ("r.a.z.y", "has(r.a.z)", Unknown),
        ("/configuration/a/b/3", "r.a.b.exists(i, i == 9)", Unknown),
        ("/configuration/a/b/3", "9 in r.a.b", Unknown),
        ("/configuration/a/b/2/c", "r.a.b.exists(i, i == {\"c\": 3})", Unknown),
        ("/configuration/a/b/2/c", "r.a.b[0] == 1", Pass),
        ("/configuration", "r.d == 4", Unknown),
        ("what is this", "r.d == 4", Unknown),
        ("/supplementaryConfiguration/Acl", "has(s.Acl)", Unknown),
        ("/configuration/x~1y", "has(r[\"x/y\"].z)", Unknown),
    ];
    for (path, pass, expected) in table {
        let case = Case { r: r.clone(), s: json!({}), ..Case::default() }.cut(path);
        let judgement = judged(pass, &case);
        assert_eq!(judgement.verdict, expected, "{pass} with {path} cut off: {judgement:?}");
    }
}

#[test]
fn reasons_name_the_path() {
    let case = Case {
        r: json!({"IpPermissions": [{"ToPort": 22}], "text": "true", "nil": null}),
        s: json!({}),
        ..Case::default()
    };
    let case = case.failed("Policy").cut("r.cut");
    let table = [
        ("r.IpPermissions.exists(p, p.FromPort <= 22)", "r.IpPermissions[].FromPort is absent"),
        ("r.a.b.c == 1", "r.a is absent"),
        ("has(s.Policy)", "s.Policy could not be read: AccessDenied: no"),
        ("has(r.cut)", "r.cut was cut off: the document was too large"),
        ("r.nil.a == 1", "r.nil.a is null"),
        ("r.text", "r.text is a string, not a bool"),
        ("!r.text", "r.text is a string, not a bool"),
        ("r.text.a == 1", "r.text.a is a member of a string, not a member of a map"),
        ("r.text < 3", "r.text < 3 is an int, not a string"),
        ("age_days(r.text, now) < 3", "age_days(r.text, now): \"true\" is no instant"),
        ("is_public(r.IpPermissions[0])", "is_public(r.IpPermissions[0]): Effect is absent"),
        ("r.IpPermissions[3].a == 1", "r.IpPermissions[3] is absent"),
    ];
    for (pass, expected) in table {
        let judgement = judged(pass, &case);
        assert_eq!(judgement.evidence, expected, "{pass}");
        assert_eq!(judgement.verdict, Unknown, "{pass}");
    }
}

#[test]
fn faults_of_the_rule_are_told_from_missing_data() {
    let case = Case::r(json!({"text": "true", "n": 1, "date": "N/A"}));
    let table = [
        ("r.text", true),
        ("r.text && r.absent", true),
        ("r.absent && r.text", true),
        ("r.n.startsWith(\"x\")", true),
        ("r.n.exists(i, i == 1)", true),
        ("r.absent", false),
        ("age_days(r.date, now) < 90", false),
        ("cidr_contains(\"10.0.0.0/8\", r.date)", false),
    ];
    for (pass, is_fault) in table {
        let judgement = judged(pass, &case);
        assert_eq!((judgement.verdict, judgement.rule_fault), (Unknown, is_fault), "{pass}");
    }
}

#[test]
fn endless_rules_stop() {
    let list: Vec<u32> = (0..2_000).collect();
    let case = Case::r(json!({ "list": list }));
    let endless = [
        "r.list.all(i, r.list.all(j, i + j >= 0))",
        "r.list.all(i, 5000 in r.list || i >= 0)",
        "r.list.all(i, r.list == r.list)",
        "r.list.all(i, r.list.map(j, j) != [] && r.list.map(j, j) != [])",
    ];
    for pass in endless {
        let judgement = judged(pass, &case);
        assert_eq!(judgement.verdict, Unknown, "{pass}");
        assert!(judgement.rule_fault, "{pass}");
        assert_eq!(judgement.evidence, "the rule: the evaluation takes too many steps");
    }
}
