//! Each command gets along with the rights that `topics acls` prints for it.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use kit::moto::Moto;
use kit::secured::{ADMIN, ADMIN_PASSWORD, Secured};
use schemas::{Codec, UnitStatus, topic};
use stream::snapshot;

use crate::site::Site;

const FILL: &str = "tests/fixtures/organisation/fill.py";

/// The fixture's payer with two member accounts, both of which are billed.
const PAYER: &str = "111111111111";

const PASSWORD: &str = "operator-0-only-for-tests";

/// Gives a user the rights of a role at a site.
fn allow(node: &Secured, site: &Site, role: &str, user: &str) -> Result<()> {
    let printed = site.run(&["topics", "acls"])?;
    let start = format!("# {role}: ");
    let section = printed.split("\n\n").find(|part| part.starts_with(&start));
    let mut count = 0;
    for line in section.with_context(|| format!("no {role} in {printed}"))?.lines().skip(1) {
        let (_, rights) = line.split_once("--allow-principal ").context("a command")?;
        let rights: Vec<String> = rights.split(' ').skip(1).map(str::to_owned).collect();
        node.allow(user, &rights)?;
        count += 1;
    }
    ensure!(count >= 2, "{role} needs more than {count} commands");
    Ok(())
}

#[test]
fn operators_need_no_more_than_their_lists() -> Result<()> {
    let users = ["top", "replay", "reshard", "sink"];
    let node = Secured::start(&users.map(|user| (user, PASSWORD)))?;
    let admin = Site::secured(&node, "p", 2, ADMIN, ADMIN_PASSWORD)?;
    admin.open()?.apply()?;
    admin.fill(2, 1)?;
    admin.process()?;
    let [top, replay, reshard, sink] =
        users.map(|user| Site::secured(&node, "p", 2, user, PASSWORD).unwrap());

    let refused = top.end_of(&["top", "--once"])?;
    ensure!(!refused.status.success(), "nobody may look without rights: {}", refused.stdout);
    allow(&node, &admin, "top", "top")?;
    let shown = top.run(&["top", "--once"])?;
    ensure!(shown.contains("observation"), "{shown}");

    allow(&node, &admin, "replay", "replay")?;
    let compared = replay.run(&["replay"])?;
    ensure!(compared.contains("rollup.state"), "{compared}");
    let refused = top.end_of(&["replay"])?;
    ensure!(!refused.status.success(), "who may look may not read: {}", refused.stdout);

    let target = Site::secured(&node, "q", 3, "reshard", PASSWORD)?;
    allow(&node, &admin, "reshard", "reshard")?;
    let to = target.file();
    let arguments = ["reshard", "--partitions", "3", "--config-to", to.to_str().context("UTF-8")?];
    let refused = reshard.end_of(&arguments)?;
    ensure!(!refused.status.success(), "who may read may not write: {}", refused.stdout);
    allow(&node, &target, "reshard-target", "reshard")?;
    let carried = reshard.run(&arguments)?;
    ensure!(carried.contains("observation"), "{carried}");
    sink_gets_along(&node, &admin, &sink)
}

/// A scan of one payer's accounts plans, shares and ends its units, and sees what is there.
#[test]
fn collectors_need_no_more_than_their_list() -> Result<()> {
    let node = Secured::start(&[("collect", PASSWORD)])?;
    let admin = Site::secured(&node, "p", 2, ADMIN, ADMIN_PASSWORD)?;
    admin.open()?.apply()?;
    let collect = Site::secured(&node, "p", 2, "collect", PASSWORD)?;
    let moto = Moto::start()?;
    kit::python(FILL, &["fill", &moto.endpoint()])?;
    let aws = format!(
        "aws: {{payers: [{{account: \"{PAYER}\"}}], role: audit, regions: [us-east-1], \
         endpoint: \"{}\"}}\n",
        moto.endpoint()
    );
    std::fs::OpenOptions::new().append(true).open(collect.file())?.write_all(aws.as_bytes())?;
    let refused = collect.end_of(&["collect"])?;
    ensure!(!refused.status.success(), "nobody may scan without rights: {}", refused.stderr);
    allow(&node, &admin, "collect", "collect")?;
    collect.run(&["collect"])?;

    let log = admin.open()?;
    let listed = snapshot::table(&*log, &Codec::default(), "p", &topic::ACCOUNT_LISTING)?;
    let units = snapshot::history(&*log, &Codec::default(), "p", &topic::SCAN_UNIT)?;
    let ended = units.iter().filter(|(_, _, unit)| unit.status == UnitStatus::Completed);
    ensure!(listed.len() == 3 && ended.count() == 3, "{listed:?}, {units:?}");
    let spend = snapshot::table(&*log, &Codec::default(), "p", &topic::SPEND)?;
    ensure!(spend.len() == 2, "{spend:?}");
    ensure!(admin.kept(topic::OBSERVATION.spec)? > 100, "a scan sees more");
    Ok(())
}

/// The bucket holds as many documents as the stages wrote rows.
fn sink_gets_along(node: &Secured, admin: &Site, sink: &Site) -> Result<()> {
    let moto = Moto::start()?;
    let python = |verb: &str| {
        let arguments = [verb, &moto.endpoint(), "inventory"];
        kit::python("sinks/s3/tests/bucket.py", &arguments)
    };
    python("make")?;
    let s3 = format!("s3: {{bucket: inventory, endpoint: \"{}\"}}\n", moto.endpoint());
    std::fs::OpenOptions::new().append(true).open(sink.file())?.write_all(s3.as_bytes())?;
    let arguments = ["sink", "s3", "--once"];
    let refused = sink.end_of(&arguments)?;
    ensure!(!refused.status.success(), "nobody may follow without rights: {}", refused.stderr);
    allow(node, admin, "sink-s3", "sink")?;
    sink.run(&arguments)?;
    let keys: Vec<String> = serde_json::from_str(&python("keys")?)?;
    let documents = keys.iter().filter(|key| key.starts_with("Resources/")).count();
    let log = admin.open()?;
    let rows = snapshot::table(&*log, &Codec::default(), "p", &topic::RESOURCE_STATE)?;
    ensure!(documents == rows.len() && documents > 0, "{documents} of {}", rows.len());
    Ok(())
}
