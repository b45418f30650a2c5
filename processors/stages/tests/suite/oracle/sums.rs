//! The oracle's second half: credit, scores and sums, each from the whole.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    AccountKey, AccountState, AccountStatus, ComplianceKey, ComplianceState, Credit, Exception,
    ExceptionPhase, ExceptionState, Requirement, ResourceKey, RollupKey, ScoreStatus, Scoring,
    TypeCoverage, Verdict,
};

use super::{Oracle, votes::votes};

/// Of several exceptions the first by phase speaks.
const RANKS: [ExceptionPhase; 6] = [
    ExceptionPhase::Live,
    ExceptionPhase::Waiting,
    ExceptionPhase::Asked,
    ExceptionPhase::Expired,
    ExceptionPhase::Withdrawn,
    ExceptionPhase::Rejected,
];

/// A score with a number that is not rounded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scored {
    pub(crate) status: Option<ScoreStatus>,
    pub(crate) score: Option<f64>,
    pub(crate) weight: i64,
    pub(crate) total: i64,
    pub(crate) noncompliant: i64,
    pub(crate) excepted: i64,
    pub(crate) expired: i64,
    pub(crate) unknown: i64,
    pub(crate) scopes: i64,
    pub(crate) collected: i64,
    pub(crate) oldest_ms: Option<i64>,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Summed {
    pub(crate) weight: i64,
    pub(crate) weighted: f64,
    pub(crate) accounts: i64,
    pub(crate) scored: i64,
    pub(crate) total: i64,
    pub(crate) noncompliant: i64,
    pub(crate) excepted: i64,
    /// Of an executive: accounts that do not weigh as what they spend.
    pub(crate) estimated: i64,
    /// Of a foreign account: who trusts it.
    pub(crate) trusted_by: BTreeSet<String>,
}

impl Oracle {
    /// Every verdict with the credit that the register gives now.
    pub(crate) fn credited(&self) -> BTreeMap<ComplianceKey, ComplianceState> {
        let mut rows = self.verdicts.clone();
        for (key, row) in rows.iter_mut().filter(|(_, row)| row.verdict == Verdict::Fail) {
            let concerned = self.exceptions.values().filter(|one| self.concerns(one, key, row));
            let mut best: Vec<_> = concerned.collect();
            best.sort_by_key(|one| {
                let end = one.expires_ms.unwrap_or(i64::MAX);
                let rank = RANKS.iter().position(|rank| *rank == self.phase(one));
                (rank.expect("every phase has a rank"), -end, one.id.clone())
            });
            if let Some(one) = best.first() {
                let phase = self.phase(one);
                let live = phase == ExceptionPhase::Live;
                row.credit = if live { Credit::Live } else { Credit::Lapsed };
                row.exception_phase = Some(phase);
                row.exception = Some(one.id.clone());
                row.exception_reason = Some(one.reason.clone());
                row.exception_expires_ms = one.expires_ms;
            }
        }
        rows
    }

    /// Where an exception stands now: an old record has no word for what was decided.
    fn phase(&self, one: &Exception) -> ExceptionPhase {
        let now_ms = self.now_ms();
        let (begun, over) = (
            one.starts_ms.is_none_or(|start| start <= now_ms),
            one.expires_ms.is_some_and(|end| end <= now_ms),
        );
        match (one.state, one.approved) {
            (Some(ExceptionState::Rejected), _) => ExceptionPhase::Rejected,
            (Some(ExceptionState::Withdrawn), _) => ExceptionPhase::Withdrawn,
            (Some(ExceptionState::Asked), _) | (None, false) => ExceptionPhase::Asked,
            (Some(ExceptionState::Approved), _) | (None, true) if over => ExceptionPhase::Expired,
            _ if begun => ExceptionPhase::Live,
            _ => ExceptionPhase::Waiting,
        }
    }

    fn concerns(&self, one: &Exception, key: &ComplianceKey, row: &ComplianceState) -> bool {
        let last = self.stands.get(&key.account).map(|stand| &stand.last);
        let units = last.map_or(String::new(), |row| format!("{}/", row.units.join("/")));
        let labels = last.map_or(BTreeMap::new(), |row| row.tags.clone());
        let account = |text: &String| match text.split_once(':') {
            // No unit of the scenarios has a slash in its name.
            Some(("unit", path)) => units.starts_with(&format!("{path}/")),
            Some((_, tag)) => bears(&labels, tag),
            None => text == "*" || *text == key.account,
        };
        let ComplianceKey { account: of, region, resource, .. } = key;
        let of = ResourceKey::new(of, region, &*row.resource_type, resource);
        let tags = self.resources.get(&of).map_or(BTreeMap::new(), |row| row.resource.tags.clone());
        one.requirements.iter().any(|text| text == "*" || *text == key.requirement)
            && one.accounts.iter().any(account)
            && (one.regions.is_empty() || one.regions.iter().any(|text| globs(text, region)))
            && [resource, &row.name, &row.arn].iter().any(|text| globs(&one.resource, text))
            && one.tags.iter().all(|tag| bears(&tags, tag))
    }

    /// Scores by account and requirement, `*` for the account.
    pub(crate) fn scores(&self) -> BTreeMap<(String, String), Scored> {
        let rows = self.credited();
        let mut scores = BTreeMap::new();
        for account in self.met.iter().filter(|id| self.counts(id)) {
            let mut whole = Scored { weight: 0, ..self.covered(account, |_| true) };
            let (mut weighted, mut answered) = (0.0, false);
            for entry in self.standard.all() {
                let one = self.score(account, &entry.requirement, &rows);
                if let Some(score) = one.score {
                    whole.weight += one.weight;
                    weighted += one.weight as f64 * score;
                }
                answered |= one.status != Some(ScoreStatus::NotCollected);
                whole.total += one.total;
                whole.noncompliant += one.noncompliant;
                whole.excepted += one.excepted;
                whole.expired += one.expired;
                whole.unknown += one.unknown;
                scores.insert((account.clone(), entry.requirement.id.clone()), one);
            }
            whole.score = (whole.weight > 0).then(|| weighted / whole.weight as f64);
            whole.status = Some(match (whole.score, answered) {
                (Some(_), _) => ScoreStatus::Scored,
                (None, true) => ScoreStatus::NotApplicable,
                (None, false) => ScoreStatus::NotCollected,
            });
            scores.insert((account.clone(), "*".to_owned()), whole);
        }
        scores
    }

    /// Accounts that are suspended or left their organisation have no score.
    fn counts(&self, account: &str) -> bool {
        let stand = self.stands.get(account).map(|stand| stand.status);
        stand != Some(AccountStatus::Suspended) && stand != Some(AccountStatus::Left)
    }

    fn score(
        &self,
        account: &str,
        requirement: &Requirement,
        rows: &BTreeMap<ComplianceKey, ComplianceState>,
    ) -> Scored {
        let mine: Vec<_> = rows
            .iter()
            .filter(|(key, _)| key.account == account && key.requirement == requirement.id)
            .collect();
        let needs = |of_type: &str| {
            let fed = requirement.checks.iter().any(|c| format!("report/{}", c.source) == of_type);
            fed || requirement.rule.is_some() && of_type == requirement.resource_type
        };
        let asked = |of_type: &str| {
            let mut all = requirement.rule.iter().flat_map(|rule| &rule.related);
            all.any(|relation| relation.resource_type == of_type)
        };
        let mut score = self.covered(account, needs);
        if score.collected > 0 {
            score = self.covered(account, |of_type| needs(of_type) || asked(of_type));
        }
        votes(&mine, requirement.scoring, &mut score);
        let penalty = requirement.scoring == Scoring::Penalty;
        score.weight = if penalty { 0 } else { requirement.weight };
        let good = score.total - score.noncompliant + score.excepted;
        score.score = (score.total > 0).then(|| good as f64 / score.total as f64);
        score.status = Some(match (score.score, score.collected) {
            (Some(_), _) => ScoreStatus::Scored,
            (None, 1..) => ScoreStatus::NotApplicable,
            (None, _) => ScoreStatus::NotCollected,
        });
        score
    }

    fn covered(&self, account: &str, needs: impl Fn(&str) -> bool) -> Scored {
        let mut sum = Scored::default();
        let mine = self.scopes.iter().filter(|(id, _)| id.0 == account && needs(&id.1));
        for (_, scope) in mine {
            sum.scopes += 1;
            sum.collected += i64::from(scope.completed_ms.is_some());
            sum.oldest_ms = sum.oldest_ms.into_iter().chain(scope.completed_ms).min();
        }
        sum
    }

    pub(crate) fn accounts(&self) -> BTreeMap<AccountKey, AccountState> {
        let row = |id: &String| {
            let (listing, register) = (self.listings.get(id), self.registers.get(id));
            let called = register.and_then(|row| row.name.as_ref());
            let stand = self.stands.get(id);
            let last = stand.map(|stand| &stand.last);
            let listed = last.map(|row| &row.name);
            let state = AccountState {
                provider: "aws".into(),
                account: id.clone(),
                payer: listing.map_or(String::new(), |row| row.payer.clone()),
                name: called.or(listed).unwrap_or(id).clone(),
                status: stand.map_or(AccountStatus::Unknown, |stand| stand.status),
                owner: register.and_then(|row| row.owner.clone()),
                executive: register.and_then(|row| row.executive.clone()),
                listed: listing.is_some(),
                spend_cents: self.spends.get(id).map(|row| row.cents),
                coverage: self.coverage(id),
                status_since_ms: stand.map(|stand| stand.since_ms),
                units: last.map_or(vec![], |row| row.units.clone()),
                tags: last.map_or(BTreeMap::new(), |row| row.tags.clone()),
            };
            (AccountKey::new(id), state)
        };
        self.met.iter().map(row).collect()
    }

    fn coverage(&self, account: &str) -> Vec<TypeCoverage> {
        let mut by_type: BTreeMap<&str, TypeCoverage> = BTreeMap::new();
        for ((_, of_type, region), scope) in self.scopes.iter().filter(|(id, _)| id.0 == account) {
            let row = by_type.entry(of_type).or_insert_with(|| TypeCoverage {
                resource_type: of_type.clone(),
                scopes: 0,
                collected: 0,
                failed: 0,
                oldest_ms: None,
                error: None,
                resources: 0,
            });
            row.resources += scope.resources;
            row.scopes += 1;
            row.collected += i64::from(scope.completed_ms.is_some());
            row.oldest_ms = row.oldest_ms.into_iter().chain(scope.completed_ms).min();
            if let Some(error) = &scope.error {
                row.failed += 1;
                row.error.get_or_insert_with(|| format!("{region}: {error}"));
            }
        }
        by_type.into_values().collect()
    }

    pub(crate) fn sums(&self) -> BTreeMap<RollupKey, Summed> {
        let scores = self.scores();
        let mut sums: BTreeMap<RollupKey, Summed> = BTreeMap::new();
        for (key, account) in self.accounts() {
            let mut of = vec![RollupKey::new("enterprise", "all")];
            of.extend(account.owner.map(|owner| RollupKey::new("owner", owner)));
            let payer = Some(account.payer).filter(|payer| !payer.is_empty());
            of.extend(payer.map(|payer| RollupKey::new("payer", payer)));
            let mine: Vec<_> = scores
                .iter()
                .filter(|((of, requirement), _)| *of == key.account && requirement != "*")
                .map(|(_, score)| score)
                .collect();
            if mine.is_empty() {
                continue;
            }
            for of in of {
                let sum = sums.entry(of).or_default();
                sum.accounts += 1;
                mine.iter().for_each(|score| sum.add(score));
            }
        }
        self.foreign(&mut sums);
        self.executives(&scores, &mut sums);
        sums
    }

    /// The sums of executives: their accounts' scores, weighted by spend.
    fn executives(
        &self,
        scores: &BTreeMap<(String, String), Scored>,
        sums: &mut BTreeMap<RollupKey, Summed>,
    ) {
        let mut below: BTreeMap<String, Vec<(Option<i64>, &Scored)>> = BTreeMap::new();
        for (key, account) in self.accounts() {
            let whole = scores.get(&(key.account, "*".to_owned()));
            if let Some((executive, whole)) = account.executive.zip(whole) {
                below.entry(executive).or_default().push((account.spend_cents, whole));
            }
        }
        for (executive, accounts) in below {
            let mut known: Vec<i64> = accounts.iter().filter_map(|(cents, _)| *cents).collect();
            known.sort_unstable();
            let middle = |at: usize| known.get(at).copied().unwrap_or(0);
            let median =
                i64::midpoint(middle((known.len().max(1) - 1) / 2), middle(known.len() / 2));
            let scored: Vec<_> = accounts.iter().filter(|(_, one)| one.score.is_some()).collect();
            let spent: i64 = scored.iter().map(|(cents, _)| cents.unwrap_or(median)).sum();
            let sum = sums.entry(RollupKey::new("executive", executive)).or_default();
            sum.accounts = i64::try_from(accounts.len()).expect("few");
            for (_, one) in &accounts {
                sum.total += one.total;
                sum.noncompliant += one.noncompliant;
                sum.excepted += one.excepted;
            }
            for (cents, one) in scored {
                let weight = if spent == 0 { 1 } else { cents.unwrap_or(median) };
                sum.scored += 1;
                sum.weight += weight;
                sum.weighted += weight as f64 * one.score.expect("it is scored");
                sum.estimated += i64::from(spent == 0 || cents.is_none());
            }
        }
    }
}

impl Summed {
    fn add(&mut self, one: &Scored) {
        if let Some(score) = one.score {
            self.scored += 1;
            self.weight += one.weight;
            self.weighted += one.weight as f64 * score;
        }
        self.total += one.total;
        self.noncompliant += one.noncompliant;
        self.excepted += one.excepted;
    }
}

/// No key of the scenarios' tags has a `=` in it.
fn bears(tags: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => tags.get(key).is_some_and(|there| there == value),
        None => tags.contains_key(wanted),
    }
}

fn globs(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    !text.is_empty() && fits(&pattern, &text)
}

/// A glob by its definition: slow, and plainly right.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            fits(rest, text) || matches!(text, [_, tail @ ..] if fits(pattern, tail))
        }
        (['?', rest @ ..], [_, tail @ ..]) => fits(rest, tail),
        ([p, rest @ ..], [t, tail @ ..]) => p == t && fits(rest, tail),
        _ => false,
    }
}
