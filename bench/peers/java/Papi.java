import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The tuned form: inputs partitioned by account, stores of its own, no repartition. */
final class Papi {
    private static final String[] STORES = {"findings", "exceptions", "compliance", "counts"};

    private Papi() {}

    static Topology build(String prefix, boolean caches) {
        Topology topology = new Topology();
        var subject = Rows.Subject.SERDE;
        topology
            .addSource("findings-source", subject.deserializer(),
                Rows.Finding.SERDE.deserializer(), prefix + ".findings")
            .addSource("exceptions-source", subject.deserializer(),
                Rows.Waiver.SERDE.deserializer(), prefix + ".exceptions")
            .addProcessor("judge", Judge::new, "findings-source")
            .addProcessor("except", Except::new, "exceptions-source")
            .addStateStore(store("findings", subject, Rows.Finding.SERDE, caches),
                "judge", "except")
            .addStateStore(store("exceptions", subject, Rows.Waiver.SERDE, caches),
                "judge", "except")
            .addStateStore(store("compliance", subject, Rows.Compliance.SERDE, caches),
                "judge", "except")
            .addStateStore(store("counts", Rows.Pair.SERDE, Rows.Counts.SERDE, caches),
                "judge", "except")
            .addSink("compliance-sink", prefix + ".compliance", subject.serializer(),
                Rows.Compliance.SERDE.serializer(),
                (name, key, row, partitions) -> partition(key.account(), partitions),
                "judge", "except")
            .addSink("counts-sink", prefix + ".counts", Rows.Pair.SERDE.serializer(),
                Rows.Counts.SERDE.serializer(),
                (name, pair, counts, partitions) -> partition(pair.account(), partitions),
                "judge", "except");
        return topology;
    }

    /** Outputs lie where the inputs of their account do. */
    private static Optional<Set<Integer>> partition(int account, int partitions) {
        return Optional.of(Set.of(Math.floorMod(account, partitions)));
    }

    private static <K, V> StoreBuilder<KeyValueStore<K, V>> store(
            String name, Serde<K> key, Serde<V> value, boolean caches) {
        var store = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), key, value);
        return caches ? store.withCachingEnabled() : store.withCachingDisabled();
    }

    /** What both processors do: settle a subject's row, and the counts that it is in. */
    private abstract static class Step<V> implements Processor<Rows.Subject, V, Object, Object> {
        KeyValueStore<Rows.Subject, Rows.Finding> findings;
        KeyValueStore<Rows.Subject, Rows.Waiver> waivers;
        private KeyValueStore<Rows.Subject, Rows.Compliance> compliance;
        private KeyValueStore<Rows.Pair, Rows.Counts> counts;
        private ProcessorContext<Object, Object> context;

        @Override
        public void init(ProcessorContext<Object, Object> context) {
            this.context = context;
            findings = context.getStateStore(STORES[0]);
            waivers = context.getStateStore(STORES[1]);
            compliance = context.getStateStore(STORES[2]);
            counts = context.getStateStore(STORES[3]);
        }

        void settle(Rows.Subject subject, Rows.Finding finding, Rows.Waiver waiver, long atMs) {
            Rows.Compliance before = compliance.get(subject);
            Rows.Compliance after = Rows.Compliance.of(finding, waiver);
            if (after.equals(before)) {
                return;
            }
            compliance.put(subject, after);
            context.forward(new Record<>(subject, after, atMs), "compliance-sink");
            Rows.Pair pair = subject.pair();
            Rows.Counts sums = counts.get(pair);
            Rows.Counts now = (sums == null ? Rows.Counts.NONE : sums).plus(after, 1);
            now = before == null ? now : now.plus(before, -1);
            if (now.equals(sums)) {
                return;
            }
            counts.put(pair, now);
            context.forward(new Record<>(pair, now, atMs), "counts-sink");
        }
    }

    /** Takes a finding. */
    private static final class Judge extends Step<Rows.Finding> {
        @Override
        public void process(Record<Rows.Subject, Rows.Finding> record) {
            findings.put(record.key(), record.value());
            Rows.Waiver waiver = record.value().fails() ? waivers.get(record.key()) : null;
            settle(record.key(), record.value(), waiver, record.timestamp());
        }
    }

    /** Takes a waiver, or its end. */
    private static final class Except extends Step<Rows.Waiver> {
        @Override
        public void process(Record<Rows.Subject, Rows.Waiver> record) {
            waivers.put(record.key(), record.value());
            Rows.Finding finding = findings.get(record.key());
            if (finding != null) {
                settle(record.key(), finding, record.value(), record.timestamp());
            }
        }
    }
}
