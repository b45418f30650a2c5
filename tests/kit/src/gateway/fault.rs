//! What goes wrong on a bad day, and in which calls.

use super::Call;

/// What befalls a call. Answers have the form and the code that AWS gives in their protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There were too many calls.
    Throttled,
    /// The policies do not allow the call.
    Denied,
    /// The session has expired.
    Expired,
    /// The session was revoked: AWS does not know its key.
    Revoked,
    /// AWS fails: status 500.
    Broken,
    /// No answer; once the fault is lifted the call goes on.
    Silent,
    /// A whole HTTP answer of success that holds the first half of the true document.
    Garbled,
    /// Half of the true answer under the length of the whole, then the connection ends.
    Torn,
    /// The answer names a next page, and whoever asks for that is told that it does not exist.
    BadPage,
    /// Each page names a next one, without end.
    Endless,
    /// AWS's clock is ahead by these seconds: it refuses what was signed too early for it, or too
    /// late if they are negative, and tells its time in each answer.
    Skewed(i64),
}

/// A fault that was injected, to lift it or to ask what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injected(pub(super) u64);

/// The calls that a fault befalls; what is not named may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where {
    account: Option<String>,
    region: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    skip: u64,
    times: u64,
}

impl Where {
    /// Every call.
    pub fn anywhere() -> Self {
        Self {
            account: None,
            region: None,
            service: None,
            operation: None,
            skip: 0,
            times: u64::MAX,
        }
    }

    /// Calls of one service; names as [`super::Operation`] gives them.
    pub fn service(service: &str) -> Self {
        Self { service: Some(service.to_owned()), ..Self::anywhere() }
    }

    /// Calls of one operation; names as [`super::Operation`] gives them.
    pub fn operation(service: &str, operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::service(service) }
    }

    /// Only in this account; `AssumeRole` is called in the account of its role.
    #[must_use]
    pub fn account(self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self }
    }

    /// Only what is signed for this region.
    #[must_use]
    pub fn region(self, region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..self }
    }

    /// Only after the first `skip` calls of the place.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Only so many calls; the next ones fare well.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    fn holds(&self, call: &Call) -> bool {
        let fits = |name: &Option<String>, value: &str| name.as_ref().is_none_or(|n| n == value);
        fits(&self.account, &call.account)
            && fits(&self.region, &call.region)
            && fits(&self.service, &call.operation.service)
            && fits(&self.operation, &call.operation.operation)
    }
}

/// A fault in force.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: Injected,
    pub(super) fault: Fault,
    pub(super) place: Where,
    /// Calls of the place so far.
    seen: u64,
    /// Calls that the fault has befallen.
    pub(super) struck: u64,
}

impl Rule {
    pub(super) fn new(id: Injected, fault: Fault, place: Where) -> Self {
        Self { id, fault, place, seen: 0, struck: 0 }
    }

    /// Tells whether the fault befalls a call.
    pub(super) fn meets(&mut self, call: &Call) -> bool {
        if !self.place.holds(call) {
            return false;
        }
        self.seen += 1;
        self.seen > self.place.skip && self.struck < self.place.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Operation;

    #[test]
    fn a_fault_befalls_its_place_after_some_calls_and_so_often() {
        let call = |account: &str, region: &str, operation: &str| Call {
            account: account.to_owned(),
            region: region.to_owned(),
            operation: Operation::new("ecs", operation),
            detail: String::new(),
        };
        let here = call("1", "eu-west-1", "ListClusters");
        let place = Where::operation("ecs", "ListClusters").account("1").region("eu-west-1");
        let mut rule = Rule::new(Injected(1), Fault::Broken, place.skip(2).times(3));
        let mut meets = |call: &Call| {
            let meets = rule.meets(call);
            rule.struck += u64::from(meets);
            meets
        };
        for other in [
            call("2", "eu-west-1", "ListClusters"),
            call("1", "eu-west-2", "ListClusters"),
            call("1", "eu-west-1", "ListTasks"),
        ] {
            assert!(!meets(&other), "{other:?}");
        }
        let met: Vec<bool> = (0..7).map(|_| meets(&here)).collect();
        assert_eq!(met, [false, false, true, true, true, false, false]);
    }
}
