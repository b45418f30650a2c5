//! Three Kafka nodes that are one cluster: each both broker and controller.

use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::kafka::Kafka;
use crate::ports;

/// Nodes of a cluster: any one of them may be away.
pub const NODES: usize = 3;

/// What a controller logs when it leads the others.
const LEADS: &str = "Becoming the active controller at epoch ";

/// Three nodes; internal topics have three replicas, two of which must be in sync.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes; Kafka knows that at place 0 by the id 1, and so on.
    pub nodes: Vec<Kafka>,
}

impl Cluster {
    /// Formats three data folders and starts the nodes, with more lines of `server.properties`;
    /// returns when all serve clients.
    ///
    /// # Errors
    /// When a node does not come up; the message shows its log.
    pub fn start(more: &str) -> Result<Self> {
        let brokers: Vec<u16> = (0..NODES).map(|_| ports::free()).collect();
        let controllers: Vec<u16> = (0..NODES).map(|_| ports::free()).collect();
        let voters = (1..).zip(&controllers).map(|(id, port)| format!("{id}@127.0.0.1:{port}"));
        let voters = voters.collect::<Vec<_>>().join(",");
        let mut nodes = Vec::new();
        for (at, (port, controller)) in brokers.iter().zip(&controllers).enumerate() {
            let own = properties(at + 1, *port, *controller, &voters);
            nodes.push(Kafka::formatted(*port, &format!("{own}\n{more}"))?);
        }
        let mut cluster = Self { nodes };
        cluster.launch()?;
        Ok(cluster)
    }

    /// The addresses for clients, with commas in between.
    pub fn bootstrap(&self) -> String {
        self.nodes.iter().map(Kafka::bootstrap).collect::<Vec<_>>().join(",")
    }

    /// Tells at which place the node stands that leads the controllers, as far as their logs say.
    ///
    /// # Errors
    /// When a log can't be read, or none ever led.
    pub fn controller(&self) -> Result<usize> {
        let mut led = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let log = node.log()?;
            let epochs = log.split(LEADS).skip(1).filter_map(|rest| {
                let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
                digits.parse::<u64>().ok()
            });
            led.extend(epochs.max().map(|epoch| (epoch, at)));
        }
        led.into_iter()
            .max()
            .map(|(_, at)| at)
            .context("no node says that it leads the controllers")
    }

    fn launch(&mut self) -> Result<()> {
        // A node serves nobody before most of them are there.
        thread::scope(|scope| {
            let starts = self.nodes.iter_mut().map(|node| scope.spawn(|| node.launch()));
            let starts: Vec<_> = starts.collect();
            let ended = starts.into_iter().map(|start| start.join());
            ended
                .into_iter()
                .try_for_each(|start| start.map_err(|_| anyhow!("a start panicked"))?)
        })
    }
}

fn properties(id: usize, port: u16, controller: u16, voters: &str) -> String {
    format!(
        "node.id={id}\ncontroller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         offsets.topic.replication.factor=3\ntransaction.state.log.replication.factor=3\n\
         transaction.state.log.min.isr=2\ndefault.replication.factor=3\nmin.insync.replicas=2\n\
         replica.lag.time.max.ms=5000"
    )
}
