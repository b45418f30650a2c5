//! The committed golden file is what Kafka's Java client says today.

use serde_json::Value;

#[test]
fn the_golden_partitions_are_kafkas_own() {
    let path = kit::setup::repository().join("tests/fixtures/murmur2.json");
    let golden: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(golden.len(), 200);
    let keys: Vec<&str> = golden.iter().map(|entry| entry["key"].as_str().unwrap()).collect();
    for partitions in [1, 3, 12, 64] {
        let placed = kit::java::place(&keys, partitions).unwrap();
        for (entry, placed) in golden.iter().zip(placed) {
            assert_eq!(entry["hash"], placed.hash, "{entry}");
            assert_eq!(entry[format!("partition_{partitions}")], placed.partition, "{entry}");
        }
    }
}

#[test]
fn a_class_that_fails_says_why() {
    let error = kit::java::run("Murmur2", &["none"], "\n").unwrap_err().to_string();
    assert!(error.contains("NumberFormatException"), "{error}");
}
