//! IAM users: access keys that age, passwords, MFA devices.

use schemas::Resource;
use serde_json::{Value, json};

use super::{GLOBAL, Item, tag_list};
use crate::organisation::about;

const SERVICES: [&str; 5] = ["ci-deploy", "legacy-sync", "reporting", "mailer", "backup-agent"];
const PEOPLE: [&str; 5] = ["lena.hoff", "marco.bianchi", "noor.rahman", "pia.lund", "sam.reed"];

impl Item {
    fn has_password(self) -> bool {
        self.number % 2 == 1
    }

    fn has_device(self) -> bool {
        !self.is_faulty(1)
    }

    fn user_name(self) -> String {
        let names = if self.has_password() { PEOPLE } else { SERVICES };
        match (names[self.number / 2 % names.len()], self.number / 2 / names.len()) {
            (name, 0) => name.to_owned(),
            (name, round) => format!("{name}-{}", round + 1),
        }
    }

    fn user_arn(self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account_id(), self.user_name())
    }

    fn user_made(self) -> String {
        self.date(-200 - self.draw(900, about::DETAIL, 1) as i64, 2)
    }

    pub(super) fn user(self) -> Resource {
        let (name, arn, made) = (self.user_name(), self.user_arn(), self.user_made());
        let id = self.iam_id("AIDA", 0);
        let tags = self.tags();
        let user = json!({"Arn": arn, "AttachedManagedPolicies": [], "CreateDate": made,
            "GroupList": [], "Path": "/", "Tags": tag_list(&tags), "UserId": id, "UserName": name});
        let login = match self.has_password() {
            true => json!({"CreateDate": made, "PasswordResetRequired": false, "UserName": name}),
            false => Value::Null,
        };
        let devices = match self.has_device() {
            true => json!([{"EnableDate": made, "SerialNumber": arn.replace(":user/", ":mfa/"),
                "UserName": name}]),
            false => json!([]),
        };
        let mut further =
            json!({"AccessKeys": self.keys(), "LoginProfile": login, "MFADevices": devices});
        let mut resource = Resource { name, arn, tags, ..self.envelope(GLOBAL, &id, &user) };
        match self.trouble() {
            Some(0) => self.deny(&mut resource, &mut further, "AccessKeys"),
            Some(1 | 2) => self.deny(&mut resource, &mut further, "MFADevices"),
            _ => (),
        }
        resource.supplementary = further.to_string();
        resource
    }

    /// Gives the user's keys: services have one or two, some people have one.
    fn keys(self) -> Vec<Value> {
        let count = match self.draw(10, about::DETAIL, 3) {
            0 | 1 if !self.has_password() => 2,
            0..=2 => 1,
            _ => u64::from(!self.has_password()),
        };
        (0..count).map(|slot| self.key(slot)).collect()
    }

    /// Gives a key of up to 110 days before the start; some are renewed within the simulated days,
    /// the others age.
    fn key(self, slot: u64) -> Value {
        let days = self.snapshot.organisation.days as u64;
        let today = self.snapshot.half_day / 2;
        let renewed = self.draw(days, about::DETAIL, 10 + slot) + 1;
        let renews = self.happens(45, about::DETAIL, 20 + slot);
        let (made, serial) = match renews && renewed <= today {
            // The night before, so that no key is made after it was seen.
            true => (renewed as i64 - 1, 1),
            false => (-(self.draw(110, about::DETAIL, 30 + slot) as i64) - 1, 0),
        };
        let status = if self.happens(8, about::DETAIL, 40 + slot) { "Inactive" } else { "Active" };
        json!({"AccessKeyId": self.iam_id("AKIA", 10 + slot * 2 + serial),
            "CreateDate": self.date(made, 50 + slot), "Status": status,
            "UserName": self.user_name()})
    }

    /// Gives the user's line in the credential report.
    pub(super) fn report_row(self) -> Value {
        let password = self.has_password();
        let keys = self.keys();
        let mut row = super::credential_report::row(&self.user_name(), &self.user_arn());
        row["user_creation_time"] = json!(self.user_made());
        row["password_enabled"] = json!(password.to_string());
        if password {
            row["password_last_used"] = json!("no_information");
            row["password_last_changed"] = json!(self.user_made());
        }
        row["mfa_active"] = json!(self.has_device().to_string());
        for (key, slot) in keys.iter().zip(["1", "2"]) {
            let active = key["Status"] == "Active";
            row[format!("access_key_{slot}_active")] = json!(active.to_string());
            row[format!("access_key_{slot}_last_rotated")] = key["CreateDate"].clone();
        }
        row
    }
}
