import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/** The plain form: two tables joined, and the join grouped, with a repartition in between. */
final class Dsl {
    private Dsl() {}

    /** Builds the topology; {@code sourceCaches} says whether the two source tables are cached. */
    static void build(StreamsBuilder builder, String prefix, boolean sourceCaches) {
        KTable<Rows.Subject, Rows.Finding> findings = builder.table(
            prefix + ".findings",
            Consumed.with(Rows.Subject.SERDE, Rows.Finding.SERDE),
            cached(Materialized.as("findings"), sourceCaches));
        KTable<Rows.Subject, Rows.Waiver> waivers = builder.table(
            prefix + ".exceptions",
            Consumed.with(Rows.Subject.SERDE, Rows.Waiver.SERDE),
            cached(Materialized.as("exceptions"), sourceCaches));

        KTable<Rows.Subject, Rows.Compliance> compliance =
            findings.leftJoin(waivers, Rows.Compliance::of);
        compliance.toStream().to(
            prefix + ".compliance", Produced.with(Rows.Subject.SERDE, Rows.Compliance.SERDE));

        Materialized<Rows.Pair, Rows.Counts, KeyValueStore<Bytes, byte[]>> counts =
            Materialized.as("counts");
        compliance
            .groupBy(
                (subject, row) -> KeyValue.pair(subject.pair(), row),
                Grouped.with("pairs", Rows.Pair.SERDE, Rows.Compliance.SERDE))
            .aggregate(
                () -> Rows.Counts.NONE,
                (pair, row, sums) -> sums.plus(row, 1),
                (pair, row, sums) -> sums.plus(row, -1),
                counts.withKeySerde(Rows.Pair.SERDE).withValueSerde(Rows.Counts.SERDE))
            .toStream()
            .to(prefix + ".counts", Produced.with(Rows.Pair.SERDE, Rows.Counts.SERDE));
    }

    private static <K, V> Materialized<K, V, KeyValueStore<Bytes, byte[]>> cached(
            Materialized<K, V, KeyValueStore<Bytes, byte[]>> store, boolean on) {
        return on ? store.withCachingEnabled() : store.withCachingDisabled();
    }
}
