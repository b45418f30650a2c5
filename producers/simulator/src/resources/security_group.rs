//! EC2 security groups: who reaches machines, from where.

use schemas::Resource;
use serde_json::{Value, json};

use super::{Item, SCOPES, tag_list};
use crate::organisation::about;

const NAMES: [&str; 6] = ["default", "web", "bastion", "database", "cache", "batch"];
const EVERYONE: &str = "0.0.0.0/0";
const OFFICE: &str = "198.51.100.0/24";

impl Item {
    pub(super) fn security_group(self) -> Resource {
        let region = SCOPES[self.scope].1;
        let owner = self.account_id();
        let id = format!("sg-0{:016x}", self.bits(about::IDENTITY, 1));
        let name = match self.number {
            n if n < NAMES.len() => NAMES[n].to_owned(),
            n => format!("{}-{n}", NAMES[1 + n % (NAMES.len() - 1)]),
        };
        let arn = format!("arn:aws:ec2:{region}:{owner}:security-group/{id}");
        let vpc =
            format!("vpc-0{:016x}", self.snapshot.item(self.scope, 0).bits(about::IDENTITY, 2));
        let tags = self.tags();
        let anywhere = json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": EVERYONE}],
            "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []});
        let group = json!({
            "Description": format!("{name} group"),
            "GroupId": id,
            "GroupName": name,
            "IpPermissions": self.permissions(&id, &owner),
            "IpPermissionsEgress": [anywhere],
            "OwnerId": owner,
            "SecurityGroupArn": arn,
            "Tags": tag_list(&tags),
            "VpcId": vpc,
        });
        Resource { name, arn, tags, ..self.envelope(region, &id, &group) }
    }

    fn permissions(self, id: &str, owner: &str) -> Vec<Value> {
        let itself = json!({"IpProtocol": "-1", "IpRanges": [], "Ipv6Ranges": [],
            "PrefixListIds": [], "UserIdGroupPairs": [{"GroupId": id, "UserId": owner}]});
        let mut permissions = match self.number {
            0 => vec![itself],
            1 => vec![permission(443, 443, &[EVERYONE], &["::/0"])],
            _ => vec![permission(8080, 8090, &["10.0.0.0/8"], &[])],
        };
        if self.is_faulty(1) {
            permissions.push(match self.draw(5, about::DETAIL, 1) {
                0 => permission(22, 22, &[EVERYONE], &[]),
                1 => permission(3389, 3389, &["0.0.0.0/1", "128.0.0.0/1"], &[]),
                2 => permission(22, 22, &[OFFICE], &["::/0"]),
                3 => permission(0, 65_535, &[EVERYONE], &[]),
                _ => permission(3000, 4000, &[EVERYONE], &["::/0"]),
            });
        } else if matches!(self.trouble(), Some(0 | 1)) {
            // Whom a prefix list lets in is not in the document.
            let mut listed = permission(22, 22, &[], &[]);
            listed["PrefixListIds"] = json!([{"PrefixListId": "pl-0a1b2c3d4e5f60718"}]);
            permissions.push(listed);
        } else if self.happens(40, about::DETAIL, 2) {
            permissions.push(permission(22, 22, &[OFFICE], &[]));
        }
        permissions
    }
}

fn permission(from: u16, to: u16, v4: &[&str], v6: &[&str]) -> Value {
    let v4: Value = v4.iter().map(|cidr| json!({"CidrIp": cidr})).collect();
    let v6: Value = v6.iter().map(|cidr| json!({"CidrIpv6": cidr})).collect();
    json!({"FromPort": from, "IpProtocol": "tcp", "IpRanges": v4, "Ipv6Ranges": v6,
        "PrefixListIds": [], "ToPort": to, "UserIdGroupPairs": []})
}
