//! Chooses the partition of a key exactly as Kafka's own Java clients do.

/// Hashes bytes with Kafka's variant of MurmurHash2 (seed 0x9747b28c, 32 bits).
///
/// Source: `org.apache.kafka.common.utils.Utils.murmur2`; a golden file made by that class is in
/// the tests.
pub fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // Java's hash mixes in the length as a 32-bit int; keys are far below 2 GiB.
    let mut h = SEED ^ (data.len() as u32);
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> R;
        k = k.wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let tail = chunks.remainder();
    for (i, byte) in tail.iter().enumerate() {
        h ^= u32::from(*byte) << (8 * i);
    }
    if !tail.is_empty() {
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    (h ^ (h >> 15)) as i32
}

/// Gives the partition of a partitioning key among `count` partitions.
///
/// Shape: `count` must be at least 1; the answer is in `0..count`. Source: Java's default
/// partitioner, `toPositive(murmur2(key)) % count`.
pub fn partition_of(key: &str, count: i32) -> i32 {
    (murmur2(key.as_bytes()) & 0x7fff_ffff) % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_kafkas_java_client() {
        let golden: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../tests/fixtures/murmur2.json"))
                .expect("the golden file is JSON");
        assert!(golden.len() >= 100, "the golden file covers many keys");
        for row in golden {
            let key = row["key"].as_str().expect("key");
            assert_eq!(i64::from(murmur2(key.as_bytes())), row["hash"].as_i64().expect("hash"));
            for (name, count) in [("partition_1", 1), ("partition_12", 12)] {
                let expected = row[name].as_i64().expect("partition");
                assert_eq!(i64::from(partition_of(key, count)), expected, "{key:?} of {count}");
            }
        }
    }
}
