//! `scorecard aws-role`: the role to deploy in every account, from what the collectors call.

mod terraform;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use producer_aws::{
    SpendSource,
    collectors::{account_actions, payer_actions},
};
use serde::{Deserialize, de::value::StrDeserializer};
use serde_json::{Map, Value, json};

use crate::{
    config::OptionalConfigFile,
    output::{self, say},
};

/// The longest managed policy that IAM takes, in characters that are not blanks.
const POLICY_MAX: usize = 6_144;

/// Managed policies that a role may have unless AWS raised the quota.
const POLICIES_MAX: usize = 10;

/// How long a session lasts, in seconds: it renews itself, so the shortest default is enough.
const SESSION_SECONDS: u32 = 3_600;

/// What the parameter that tells accounts apart says of itself.
const PAYER: &str = "Whether this is a payer: the account that manages an organisation";

const DESCRIPTION: &str = "Lets scorecard read what it judges; it changes nothing";

/// Prints the role to deploy: it may do what the collectors call, and nothing else
///
/// Deploy it in every account: to members as a StackSet, to each payer (management account) on
/// its own with `Payer` set, since StackSets of an organisation leave that account out. What is not
/// said here is taken from the configuration, where one is named.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to print
    #[arg(long, value_enum)]
    format: Format,
    /// ARN of who assumes the role: the role or user that scorecard runs as
    #[arg(long, value_name = "ARN")]
    trust: String,
    #[command(flatten)]
    config: OptionalConfigFile,
    /// The payer whose settings are taken where organisations differ
    #[arg(long, value_name = "ACCOUNT", requires = "config")]
    payer: Option<String>,
    /// The role's name, with a path if it has one
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// What whoever assumes the role must name
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Where spend comes from: estimated_charges, cost_explorer or none
    #[arg(long, value_name = "SOURCE", value_parser = spend_source)]
    spend: Option<SpendSource>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A template for a stack or a StackSet, as JSON
    Cloudformation,
    /// HCL
    Terraform,
    /// The trust policy and the policies alone
    Json,
}

/// The role to deploy.
struct Role {
    /// Begins and ends with a slash.
    path: String,
    name: String,
    trust: Value,
    /// Policies for every account, and those that payers need beside them.
    account: Vec<Value>,
    payer: Vec<Value>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let role = Role::of(args)?;
    match args.format {
        Format::Cloudformation => say!("{:#}", role.cloudformation()),
        Format::Terraform => output::write(terraform::text(&role)),
        Format::Json => say!("{:#}", role.json()),
    }
}

fn spend_source(text: &str) -> Result<SpendSource, serde::de::value::Error> {
    SpendSource::deserialize(StrDeserializer::new(text))
}

impl Role {
    fn of(args: &Args) -> Result<Self> {
        let (mut name, mut external_id, mut spend) = (None, None, None);
        let aws = args.config.read()?.and_then(|config| config.aws);
        ensure!(args.payer.is_none() || aws.is_some(), "--payer: the configuration has no `aws`");
        if let Some(aws) = aws {
            let payer = match &args.payer {
                None => aws.payers.first(),
                Some(id) => Some(
                    aws.payers
                        .iter()
                        .find(|payer| payer.account == *id)
                        .with_context(|| format!("--payer: the configuration has no payer {id}"))?,
                ),
            };
            name = payer.and_then(|payer| payer.role.clone()).or(Some(aws.role));
            let own = payer.and_then(|payer| payer.external_id.clone());
            external_id = own.or(aws.external_id);
            spend = Some(aws.spend);
        }
        let name = args.role.clone().or(name);
        let name = name.context("--role: give the role's name, or a configuration that has it")?;
        let external_id = args.external_id.clone().or(external_id);
        let spend = args.spend.or(spend).unwrap_or_default();
        Self::new(&name, &args.trust, external_id.as_deref(), spend)
    }

    fn new(
        name: &str,
        trusted: &str,
        external_id: Option<&str>,
        spend: SpendSource,
    ) -> Result<Self> {
        let (path, name) = match name.trim_start_matches('/').rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), name.trim_start_matches('/')),
        };
        check(&path, name, trusted)?;
        let account = policies("ScorecardAccount", &account_actions());
        let payer = policies("ScorecardPayer", &payer_actions(spend));
        ensure!(account.len() + payer.len() <= POLICIES_MAX, "the role needs too many policies");
        let trust = trust(trusted, external_id);
        Ok(Self { path, name: name.to_owned(), trust, account, payer })
    }

    fn json(&self) -> Value {
        json!({"trust": self.trust, "policy": {"account": self.account, "payer": self.payer}})
    }

    /// Gives the names of the policies with what they hold, and whether only payers need them.
    fn named(&self) -> impl Iterator<Item = (String, &Value, bool)> {
        let of = |what: &'static str, list: &'_ [Value]| -> Vec<String> {
            (1..=list.len()).map(|number| format!("{what}{number}")).collect()
        };
        let account = of("Account", &self.account).into_iter().zip(&self.account);
        let payer = of("Payer", &self.payer).into_iter().zip(&self.payer);
        let account = account.map(|(name, policy)| (name, policy, false));
        account.chain(payer.map(|(name, policy)| (name, policy, true)))
    }

    fn cloudformation(&self) -> Value {
        let mut resources = Map::new();
        let properties = json!({
            "RoleName": self.name, "Path": self.path, "Description": DESCRIPTION,
            "AssumeRolePolicyDocument": self.trust, "MaxSessionDuration": SESSION_SECONDS,
            "Tags": [{"Key": "application", "Value": "scorecard"}]});
        let role = json!({"Type": "AWS::IAM::Role", "Properties": properties});
        resources.insert("AuditRole".to_owned(), role);
        for (name, policy, payer) in self.named() {
            let properties = json!({"Description": DESCRIPTION, "PolicyDocument": policy,
                "Roles": [{"Ref": "AuditRole"}]});
            let mut made = json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": properties});
            if payer {
                made["Condition"] = json!("IsPayer");
            }
            resources.insert(format!("{name}Policy"), made);
        }
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": DESCRIPTION,
            "Parameters": {"Payer": {
                "Type": "String", "AllowedValues": ["true", "false"], "Default": "false",
                "Description": PAYER}},
            "Conditions": {"IsPayer": {"Fn::Equals": [{"Ref": "Payer"}, "true"]}},
            "Resources": resources,
            "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["AuditRole", "Arn"]}}},
        })
    }
}

/// Checks what IAM would refuse, so that it shows here and not in a thousand accounts.
fn check(path: &str, name: &str, trusted: &str) -> Result<()> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c);
    ensure!(
        (1..=64).contains(&name.len()) && name.bytes().all(allowed),
        "--role: {name:?} is not 1 to 64 letters, digits or any of _+=,.@-"
    );
    ensure!(
        path.len() <= 512 && path.bytes().all(|c| c.is_ascii_graphic()),
        "--role: {path:?} is no path of a role"
    );
    let parts: Vec<_> = trusted.splitn(6, ':').collect();
    let is_account = |id: &str| id.len() == 12 && id.bytes().all(|c| c.is_ascii_digit());
    match parts[..] {
        ["arn", _, "iam", "", account, who] if is_account(account) && !who.contains('*') => Ok(()),
        _ => bail!("--trust: {trusted:?} is not the ARN of a role, a user or an account's root"),
    }
}

/// Gives the policy that lets one principal assume the role, if it names the external id.
fn trust(trusted: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": trusted},
        "Action": "sts:AssumeRole"});
    if let Some(id) = external_id {
        statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// Gives as few policies as IAM's limit asks for, with every action in one of them.
fn policies(sid: &str, actions: &BTreeSet<&str>) -> Vec<Value> {
    let policy = |actions: &[&str]| {
        let statement = json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"});
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let mut pieces: Vec<Vec<&str>> = Vec::new();
    for action in actions {
        match pieces.last_mut() {
            // Quotes and a comma come with it.
            Some(piece) if policy(piece).to_string().len() + action.len() + 3 <= POLICY_MAX => {
                piece.push(action);
            }
            _ => pieces.push(vec![action]),
        }
    }
    pieces.iter().map(|piece| policy(piece)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED: &str = "arn:aws:iam::999988887777:role/scorecard";

    fn role() -> Role {
        Role::new("/team/Audit", TRUSTED, Some("xy"), SpendSource::CostExplorer).unwrap()
    }

    /// Every text in a list called `Action`, wherever it stands.
    fn actions_in(value: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if name == "Action" && member.is_array() {
                        let texts = member.as_array().unwrap().iter();
                        found.extend(texts.map(|text| text.as_str().unwrap().to_owned()));
                    }
                    found.extend(actions_in(member));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| found.extend(actions_in(item))),
            _ => {}
        }
        found
    }

    fn needed() -> BTreeSet<String> {
        let payer = payer_actions(SpendSource::CostExplorer);
        account_actions().union(&payer).map(|action| (*action).to_owned()).collect()
    }

    #[test]
    fn every_form_allows_what_is_needed_and_no_more() {
        let role = role();
        for form in [role.json(), role.cloudformation(), terraform::tests::read(&role)] {
            assert_eq!(actions_in(&form), needed());
            assert!(!form.to_string().contains(":*"), "no wildcard");
            assert!(form.to_string().contains(r#""sts:ExternalId":"xy""#));
        }
    }

    #[test]
    fn only_payers_list_the_organisation() {
        let role = role();
        let of_account = actions_in(&json!(role.account));
        let for_payers =
            |action: &String| action.starts_with("organizations:") || action.starts_with("ce:");
        assert!(!of_account.iter().any(for_payers) && of_account.contains("s3:ListAllMyBuckets"));
        assert!(actions_in(&json!(role.payer)).iter().all(for_payers));
        let template = role.cloudformation();
        assert_eq!(template["Resources"]["Payer1Policy"]["Condition"], "IsPayer");
        assert_eq!(template["Resources"]["Account1Policy"]["Condition"], Value::Null);
        assert_eq!(template["Parameters"]["Payer"]["Default"], "false");
    }

    #[test]
    fn a_role_has_name_path_and_session() {
        let properties = &role().cloudformation()["Resources"]["AuditRole"]["Properties"];
        let found = ["RoleName", "Path", "MaxSessionDuration"].map(|name| properties[name].clone());
        assert_eq!(found, [json!("Audit"), json!("/team/"), json!(3600)]);
        let plain = Role::new("Audit", TRUSTED, None, SpendSource::None).unwrap();
        assert_eq!((&*plain.path, &plain.trust["Statement"][0]["Condition"]), ("/", &Value::Null));
    }

    #[test]
    fn long_lists_are_split_within_iams_limit() {
        let many: Vec<String> = (0..700).map(|i| format!("service{i}:DescribeThings")).collect();
        let actions: BTreeSet<&str> = many.iter().map(String::as_str).collect();
        let policies = policies("Sid", &actions);
        let lengths: Vec<_> = policies.iter().map(|policy| policy.to_string().len()).collect();
        assert!(lengths.iter().all(|length| *length <= POLICY_MAX), "{lengths:?}");
        let bytes: usize = many.iter().map(|action| action.len() + 3).sum();
        assert_eq!(policies.len(), bytes.div_ceil(POLICY_MAX - 120), "{lengths:?}");
        let found = actions_in(&json!(policies));
        assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), actions);
    }

    #[test]
    fn what_iam_would_refuse_is_refused() {
        let none = SpendSource::None;
        for trusted in ["*", "arn:aws:iam::1:root", "arn:aws:iam::999988887777:role/*", ""] {
            assert!(Role::new("Audit", trusted, None, none).is_err(), "{trusted}");
        }
        for name in ["", "a b", "team/", "${x}"] {
            assert!(Role::new(name, TRUSTED, None, none).is_err(), "{name}");
        }
        assert!(spend_source("cost_explorer").is_ok() && spend_source("guess").is_err());
    }
}
