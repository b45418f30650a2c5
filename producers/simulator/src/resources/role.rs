//! IAM roles: whom they trust.

use schemas::Resource;
use serde_json::{Value, json};

use super::{GLOBAL, Item, tag_list};
use crate::organisation::{STRANGERS, THIRD_PARTIES, Trust, about};

const NAMES: [&str; 7] =
    ["deployer", "backup", "audit", "api-lambda", "etl", "web-server", "cost-reader"];
const SERVICES: [&str; 3] = ["lambda.amazonaws.com", "ec2.amazonaws.com", "glue.amazonaws.com"];

impl Item {
    pub(super) fn role(self) -> Resource {
        let name = match (self.number, NAMES.len()) {
            (0, _) => "OrganizationAccountAccessRole".to_owned(),
            (n, count) if n <= count => NAMES[n - 1].to_owned(),
            (n, count) => format!("{}-{n}", NAMES[n % count]),
        };
        let id = self.iam_id("AROA", 0);
        let arn = format!("arn:aws:iam::{}:role/{name}", self.account_id());
        let tags = self.tags();
        let role = json!({
            "Arn": arn,
            "AssumeRolePolicyDocument": {"Statement": [self.trust()], "Version": "2012-10-17"},
            "AttachedManagedPolicies": [],
            "CreateDate": self.date(-100 - self.draw(700, about::DETAIL, 1) as i64, 2),
            "InstanceProfileList": [],
            "Path": "/",
            "RoleId": id,
            "RoleLastUsed": {},
            "RoleName": name,
            "RolePolicyList": [],
            "Tags": tag_list(&tags),
        });
        let mut resource = Resource { name, arn, tags, ..self.envelope(GLOBAL, &id, &role) };
        if self.trouble() == Some(0) {
            // The policy was too large for the topic, and was cut off.
            let path = "/configuration/AssumeRolePolicyDocument/Statement";
            let mut cut = role;
            cut["AssumeRolePolicyDocument"]["Statement"] = json!([]);
            resource.configuration = cut.to_string();
            resource.truncated = vec![path.to_owned()];
        }
        resource
    }

    /// Gives the statement that says who may become the role.
    fn trust(self) -> Value {
        let root = |account: &str| json!({"AWS": format!("arn:aws:iam::{account}:root")});
        let organisation = self.snapshot.organisation;
        if self.is_faulty(1) {
            return match self.draw(6, about::DETAIL, 3) {
                0 | 1 => allow(root(refused())),
                2 => allow(json!("*")),
                n => allow(json!({"AWS": [STRANGERS[n as usize % STRANGERS.len()]]})),
            };
        }
        if self.number == 0 {
            return allow(root(&organisation.id(organisation.payer(self.snapshot.account))));
        }
        match self.draw(10, about::DETAIL, 4) {
            0..=4 => {
                let service = SERVICES[self.draw(3, about::DETAIL, 5) as usize];
                allow(json!({"Service": service}))
            }
            5 | 6 => {
                let other = self.draw(organisation.accounts as u64, about::DETAIL, 6) as usize;
                let user = format!("arn:aws:iam::{}:role/deployer", organisation.id(other));
                allow(json!({"AWS": [user]}))
            }
            7 => {
                let mut statement = allow(root(party(Trust::Approved)));
                statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": "9f27c1"}});
                statement
            }
            // Unknown at first, known once the register approves it.
            8 if self.happens(30, about::DETAIL, 7) => allow(root(party(Trust::ApprovedLater))),
            _ => {
                let provider = format!("arn:aws:iam::{}:saml-provider/sso", self.account_id());
                let audience = json!({"SAML:aud": "https://signin.aws.amazon.com/saml"});
                json!({"Action": "sts:AssumeRoleWithSAML", "Effect": "Allow",
                    "Condition": {"StringEquals": audience},
                    "Principal": {"Federated": provider}})
            }
        }
    }
}

fn allow(principal: Value) -> Value {
    json!({"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": principal})
}

fn refused() -> &'static str {
    party(Trust::Refused)
}

fn party(trust: Trust) -> &'static str {
    let party = THIRD_PARTIES.iter().find(|party| party.trust == trust);
    party.expect("there is a third party of each kind").account
}
