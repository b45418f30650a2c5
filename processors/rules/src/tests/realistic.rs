//! Rules as a security standard has them, each with a whole document, for the oracle to judge.

use serde_json::{Value, json};

/// A rule, and a document that has all that it reads.
pub(super) struct Realistic {
    pub(super) name: &'static str,
    pub(super) pass: &'static str,
    pub(super) r: Value,
    pub(super) s: Value,
}

/// Gives the rules: every operator, macro and function is used by one of them.
pub(super) fn realistic() -> Vec<Realistic> {
    let mut all = storage_and_network();
    all.extend(identity());
    all.extend(workloads());
    all
}

fn storage_and_network() -> Vec<Realistic> {
    vec![
        Realistic {
            name: "bucket policy",
            pass: "s.Policy == null || open_to_all(s.Policy) && r.x ||
                !statements(s.Policy).exists(st, st.Effect == \"Allow\" &&
                    is_public(st) && !has(st.Condition))",
            r: json!({"Name": "b"}),
            s: json!({"Policy": {"Statement": [
                {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "s3:*",
                    "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
                {"Effect": "Deny", "Principal": "*", "Action": ["s3:*"]}]}}),
        },
        Realistic {
            name: "managed policy",
            pass: "!statements(r.Document).exists(st, st.Effect == \"Allow\" &&
                as_list(st.Action).exists(action, action == \"*\") &&
                \"*\" in as_list(st.Resource))",
            r: json!({"Document": {"Statement": [
                {"Effect": "Allow", "Action": ["s3:*", "ec2:*"], "Resource": "*"},
                {"Effect": "Deny", "Action": "*", "Resource": ["*"]}]}}),
            s: json!({}),
        },
        Realistic {
            name: "bucket encryption",
            pass: "s.Encryption != null && s.Encryption.Rules.exists(rule,
                rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm in [\"AES256\", \"aws:kms\"])",
            r: json!({"Name": "b"}),
            s: json!({"Encryption": {"Rules": [{"ApplyServerSideEncryptionByDefault":
                {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": false}]}}),
        },
        Realistic {
            name: "bucket block",
            pass: "s.Block.BlockPublicAcls && s.Block.IgnorePublicAcls && s.Block.BlockPublicPolicy
                && s.Block.RestrictPublicBuckets",
            r: json!({}),
            s: json!({"Block": {"BlockPublicAcls": true, "IgnorePublicAcls": true,
                "BlockPublicPolicy": true, "RestrictPublicBuckets": true}}),
        },
        Realistic {
            name: "ssh",
            pass: "!world_open(r.IpPermissions.filter(p, p.IpProtocol == \"-1\" ||
                (p.IpProtocol in [\"tcp\", \"6\"] && p.FromPort <= 22 && p.ToPort >= 22)))",
            r: json!({"IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [],
                    "IpRanges": [{"CidrIp": "0.0.0.0/1"}]},
                {"IpProtocol": "-1", "Ipv6Ranges": [], "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}),
            s: json!({}),
        },
        Realistic {
            name: "flow logs",
            pass: "s.FlowLogs.exists(l, l.ResourceId == r.VpcId && l.FlowLogStatus == \"ACTIVE\")",
            r: json!({"VpcId": "vpc-2"}),
            s: json!({"FlowLogs": [{"ResourceId": "vpc-1", "FlowLogStatus": "ACTIVE"},
                {"ResourceId": "vpc-2", "FlowLogStatus": "ACTIVE"}]}),
        },
    ]
}

fn identity() -> Vec<Realistic> {
    vec![
        Realistic {
            name: "key age",
            pass: "s.AccessKeys.all(k,
                k.Status != \"Active\" || age_days(k.CreateDate, now) <= 90)",
            r: json!({}),
            s: json!({"AccessKeys": [
                {"AccessKeyId": "A", "Status": "Active", "CreateDate": "2026-10-01T00:00:00Z"},
                {"AccessKeyId": "B", "Status": "Inactive", "CreateDate": "2020-01-01T00:00:00Z"}]}),
        },
        Realistic {
            name: "key unused",
            pass: "s.AccessKeys.all(k, has(k.Used.LastUsedDate) ?
                age_days(k.Used.LastUsedDate, now) < 45 : age_days(k.CreateDate, now) < 45)",
            r: json!({}),
            s: json!({"AccessKeys": [
                {"CreateDate": "2026-01-01T00:00:00Z",
                    "Used": {"LastUsedDate": "2026-11-20T00:00:00Z"}},
                {"CreateDate": "2026-11-01T00:00:00Z", "Used": {"Region": "N/A"}}]}),
        },
        Realistic {
            name: "console user",
            pass: "s.LoginProfile == null || size(s.MFADevices) > 0",
            r: json!({"UserName": "ann"}),
            s: json!({"LoginProfile": {"UserName": "ann"}, "MFADevices": [{"SerialNumber": "x"}]}),
        },
        Realistic {
            name: "root",
            pass: "r.rows.exists_one(row, row.user == \"<root_account>\") &&
                r.rows.filter(row, row.user == \"<root_account>\").all(row,
                row.user.lowerAscii() == row.user && bool(row.mfa_active) && !(\"true\" in
                [row.access_key_1_active, row.access_key_2_active]))",
            r: json!({"rows": [{"user": "<root_account>", "mfa_active": "TRUE",
                "access_key_1_active": "false", "access_key_2_active": "false"},
                {"user": "ann", "mfa_active": "false"}]}),
            s: json!({}),
        },
        Realistic {
            name: "role trust",
            pass: "size(unknown_accounts(r.Trust)) == 0 && r.Path.startsWith(\"/\") &&
                trusted_accounts(r.Trust).all(a, known_account(a))",
            r: json!({"Path": "/", "Trust": {"Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
                    "Action": "sts:AssumeRole"},
                {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]},
                    "Action": ["sts:AssumeRole"]}]}}),
            s: json!({}),
        },
    ]
}

fn workloads() -> Vec<Realistic> {
    vec![
        Realistic {
            name: "trail",
            pass: "r.trails.exists(t, t.IsMultiRegionTrail && t.Status.IsLogging &&
                t.LogFileValidationEnabled) && size(r.trails) >= 1 && size(r.trails) % 2 == 0",
            r: json!({"trails": [
                {"IsMultiRegionTrail": false, "LogFileValidationEnabled": true,
                    "Status": {"IsLogging": true}},
                {"IsMultiRegionTrail": true, "LogFileValidationEnabled": true,
                    "Status": {"IsLogging": true}}]}),
            s: json!({}),
        },
        Realistic {
            name: "privileged",
            pass: "!r.containerDefinitions.exists(c, has(c.privileged) && c.privileged) &&
                r.containerDefinitions.map(c, c.name).all(n, n.matches(\"^[a-z-]+$\") &&
                !n.contains(\"--\") && !n.endsWith(\"-\"))",
            r: json!({"containerDefinitions": [{"name": "web", "privileged": false},
                {"name": "side-car"}]}),
            s: json!({}),
        },
        Realistic {
            name: "rotation",
            pass: "r.RotationEnabled && r.Rules.AutomaticallyAfterDays <= 90 &&
                r.Rules[\"AutomaticallyAfterDays\"] * 2 + 1 > 1 && r.Weight / 2.0 < 1.0 &&
                days_until(r.Next, now) > 3",
            r: json!({"RotationEnabled": true, "Rules": {"AutomaticallyAfterDays": 30},
                "Weight": 1.5, "Next": "2026-12-24T00:00:00Z"}),
            s: json!({}),
        },
        Realistic {
            name: "ranges and names",
            pass: "cidr_contains(\"10.0.0.0/8\", r.Cidr) && glob(r.Name, \"prod-*\") &&
                r.Zones == [\"a\", \"b\"] && \"c\" in r.Extra && r.Extra[\"c\"] != \"\" &&
                r.Zones[0] + r.Zones[1] == \"ab\" && lower(r.Name) == r.Name",
            r: json!({"Cidr": "10.1.0.0/16", "Name": "prod-net", "Zones": ["a", "b"],
                "Extra": {"c": "d"}}),
            s: json!({}),
        },
    ]
}
