import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/**
 * The peer of the benchmark on Kafka Streams: findings and exceptions become compliance, and counts
 * by account and requirement.
 *
 * <p>Arguments: bootstrap, topics' prefix, folder of state, form, caches. The form is {@code dsl}
 * or {@code papi}; caches are {@code on} (everywhere), {@code off} (nowhere) or {@code sums} (on
 * the sums of the plain form, not on its source tables).
 */
public final class Peer {
    private static final long CACHE_BYTES = 64L * 1024 * 1024;

    private Peer() {}

    public static void main(String[] args) throws InterruptedException {
        String prefix = args[1];
        String form = args[3];
        String caches = args[4];
        Properties config = config(args[0], prefix, args[2], caches);
        KafkaStreams streams = new KafkaStreams(topology(form, prefix, caches, config), config);
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            ended.countDown();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler
                .StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        ended.await();
        Runtime.getRuntime().halt(1);
    }

    private static Topology topology(
            String form, String prefix, String caches, Properties config) {
        if (form.equals("papi")) {
            return Papi.build(prefix, caches.equals("on"));
        }
        StreamsBuilder builder = new StreamsBuilder();
        Dsl.build(builder, prefix, caches.equals("on"));
        return builder.build(config);
    }

    private static Properties config(
            String bootstrap, String prefix, String folder, String caches) {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix);
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG,
            caches.equals("off") ? 0L : CACHE_BYTES);
        // Source topics serve as changelogs of the source tables: less to write.
        config.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        config.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        config.put(StreamsConfig.ENABLE_METRICS_PUSH_CONFIG, false);
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        // A static member gets its partitions back at once when it starts again; any other waits
        // until the session of its former self has timed out.
        config.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, "peer");
        config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 15_000);
        config.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        config.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 128 * 1024);
        return config;
    }
}
