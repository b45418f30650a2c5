//! Names of teams, accounts and people.

/// The organisation's id.
pub(crate) const ORGANISATION: &str = "o-a1b2c3d4e5";

const TEAMS: [&str; 24] = [
    "payments",
    "checkout",
    "search",
    "identity",
    "data-lake",
    "mobile",
    "logistics",
    "ads",
    "support",
    "billing",
    "risk",
    "video",
    "catalog",
    "messaging",
    "partners",
    "research",
    "pricing",
    "fraud",
    "maps",
    "loyalty",
    "returns",
    "gateway",
    "reporting",
    "platform",
];
const STAGES: [&str; 4] = ["prod", "staging", "dev", "sandbox"];
const PLACES: [&str; 4] = ["emea", "americas", "apac", "acquired"];
const FIRST: [&str; 24] = [
    "ana", "ben", "chiara", "dmitri", "emma", "farid", "grace", "hugo", "ines", "jonas", "kavya",
    "liam", "mei", "nadia", "oskar", "paula", "rafael", "sofia", "tomas", "uma", "viktor", "wanda",
    "yusuf", "zoe",
];
const LAST: [&str; 32] = [
    "silva", "okafor", "rossi", "volkov", "larsen", "haddad", "chen", "martin", "costa", "weber",
    "nair", "byrne", "lin", "petrov", "nowak", "garcia", "mendes", "ricci", "novak", "rao",
    "horvat", "kowalska", "demir", "papas", "berg", "dubois", "fischer", "ito", "jansen", "keller",
    "lopez", "moreau",
];
const EXECUTIVES: [&str; 8] = [
    "nora.fischer",
    "omar.diaz",
    "priya.shah",
    "quentin.moreau",
    "rosa.klein",
    "samir.aziz",
    "tara.quinn",
    "ulrich.brandt",
];

/// Names a payer.
pub(crate) fn payer(number: usize) -> String {
    numbered(format!("payer-{}", PLACES[number % PLACES.len()]), number / PLACES.len())
}

/// Names an account of a team.
pub(crate) fn account(team: usize, number: usize) -> String {
    let name = format!("{}-{}", TEAMS[team % TEAMS.len()], STAGES[number % STAGES.len()]);
    numbered(name, team / TEAMS.len())
}

/// Names a person who answers for accounts: no two numbers share a name.
pub(crate) fn owner(number: usize) -> String {
    // Each time around the first names, the last names go one further than they went.
    let around = number / FIRST.len();
    let last = LAST[(number + around) % LAST.len()];
    let name = format!("{}.{last}", FIRST[number % FIRST.len()]);
    numbered(name, around / LAST.len())
}

/// Names an executive.
pub(crate) fn executive(number: usize) -> String {
    numbered(EXECUTIVES[number % EXECUTIVES.len()].to_owned(), number / EXECUTIVES.len())
}

fn numbered(name: String, round: usize) -> String {
    if round == 0 { name } else { format!("{name}-{}", round + 1) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_share_a_name() {
        let owners: BTreeSet<_> = (0..5_000).map(owner).collect();
        let payers: BTreeSet<_> = (0..500).map(payer).collect();
        let accounts: BTreeSet<_> = (0..5_000).map(|n| account(n / 4, n % 4)).collect();
        assert_eq!((owners.len(), payers.len(), accounts.len()), (5_000, 500, 5_000));
        assert_eq!(owner(0), "ana.silva");
        assert_eq!(account(4, 2), "data-lake-dev");
    }
}
