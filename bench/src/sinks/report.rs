//! The report: how fast both were, and what our sinks' time went into.

use serde_json::{Value, json};

use super::Args;
use super::contest::{Contest, Pair};
use crate::report::{Spread, head, line, round};

/// Everything that the report tells.
pub(crate) struct Figures<'a> {
    pub(crate) args: &'a Args,
    pub(crate) contests: Vec<Contest>,
}

impl Contest {
    fn of(&self, figure: impl Fn(&Pair) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(figure).collect())
    }

    /// How much of the bare client's rate ours is, by what each pair says.
    fn ratio(&self) -> Spread {
        self.of(|pair| ours(pair) / self.bare(pair))
    }

    /// The bare client's rows or documents a second.
    fn bare(&self, pair: &Pair) -> f64 {
        self.written as f64 / pair.bare
    }

    /// Parts of our time, of which the first is in the second where it can be.
    fn parts(&self) -> [(&'static str, Spread); 2] {
        let share = |part: fn(&Pair) -> f64| self.of(|pair| part(pair) / pair.ours.seconds);
        let encoding = |pair: &Pair| pair.ours.encoding;
        let delivering = |pair: &Pair| pair.ours.delivering;
        [("encoding", share(encoding)), ("delivering", share(delivering))]
    }

    fn json(&self) -> Value {
        let parts: serde_json::Map<_, _> =
            self.parts().into_iter().map(|(part, share)| (part.to_owned(), json!(share))).collect();
        json!({"server": self.name, "unit": self.unit, "written": self.written,
            "requests": self.requests, "bytes": self.bytes, "concurrency": self.concurrency,
            "commits": self.pairs[0].ours.commits, "ratio": self.ratio(),
            "ours_per_s": self.of(ours), "bare_per_s": self.of(|pair| self.bare(pair)),
            "shares": parts,
            "seconds": self.pairs.iter().map(|pair| [pair.ours.seconds, pair.bare])
                .collect::<Vec<_>>()})
    }
}

impl Figures<'_> {
    /// Gives the figures that are compared between commits.
    pub(crate) fn summary(&self) -> Value {
        let mut summary = self.settings();
        for one in &self.contests {
            let Contest { name, unit, .. } = one;
            summary[format!("{name}_vs_bare")] = json!(round(Some(one.ratio().median)));
            summary[format!("{name}_{unit}_per_s")] = json!(one.of(ours).median.round());
            let bare = one.of(|pair| one.bare(pair)).median.round();
            summary[format!("{name}_{unit}_per_s_bare")] = json!(bare);
        }
        summary
    }

    /// Gives everything as JSON.
    pub(crate) fn json(&self) -> Value {
        let contests: Vec<Value> = self.contests.iter().map(Contest::json).collect();
        json!({"settings": self.settings(), "summary": self.summary(), "contests": contests})
    }

    /// Writes the report as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut to = String::from("# How fast sinks are\n\n");
        line(&mut to, &format!("Made by `bench/run sinks`; settings: `{}`.\n", self.settings()));
        line(
            &mut to,
            "Medians of the pairs (10th to 90th percentile). `bench/README.md` says how.\n",
        );
        head(
            &mut to,
            "server | a lap is | in requests | MiB | ours, a second | bare, a second | \
             ours / bare",
        );
        for one in &self.contests {
            let mib = one.bytes as f64 / f64::from(1 << 20);
            let (ours, bare) = (one.of(ours), one.of(|pair| one.bare(pair)));
            let row = format!(
                "| {} | {} {} | {}, {} at a time | {mib:.0} | {} | {} | {} |",
                one.name,
                one.written,
                one.unit,
                one.requests,
                one.concurrency,
                told(ours, 0),
                told(bare, 0),
                told(one.ratio(), 2),
            );
            line(&mut to, &row);
        }
        line(&mut to, "\n## Where our time goes\n");
        line(
            &mut to,
            "Shares of the time of a lap; a batch is encoded while another is delivered.\n",
        );
        head(&mut to, "server | encoding | delivering | commits");
        for one in &self.contests {
            let [encoding, delivering] = one.parts().map(|(_, share)| told(share, 2));
            let commits = one.pairs[0].ours.commits;
            line(&mut to, &format!("| {} | {encoding} | {delivering} | {commits} |", one.name));
        }
        to
    }

    fn settings(&self) -> Value {
        let log = format!("{:?}", self.args.log).to_lowercase();
        json!({"bench": "sinks", "log": log, "rows": self.args.rows, "rounds": self.args.rounds})
    }
}

/// Our rows or documents a second.
fn ours(pair: &Pair) -> f64 {
    pair.ours.counts.written as f64 / pair.ours.seconds
}

fn told(spread: Spread, digits: usize) -> String {
    let Spread { median, low, high } = spread;
    format!("{median:.digits$} ({low:.digits$} to {high:.digits$})")
}
