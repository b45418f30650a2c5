import java.nio.ByteBuffer;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** Keys and values of the peers: compact binary forms, big endian, written by hand. */
final class Rows {
    private Rows() {}

    /** What a finding is about: 10 bytes. */
    record Subject(int account, short check, int resource) {
        static final Serde<Subject> SERDE = serde(
            row -> ByteBuffer.allocate(10)
                .putInt(row.account).putShort(row.check).putInt(row.resource).array(),
            bytes -> new Subject(bytes.getInt(), bytes.getShort(), bytes.getInt()));

        Pair pair() {
            return new Pair(account, check);
        }
    }

    /** A requirement in an account: 6 bytes. */
    record Pair(int account, short check) {
        static final Serde<Pair> SERDE = serde(
            row -> ByteBuffer.allocate(6).putInt(row.account).putShort(row.check).array(),
            bytes -> new Pair(bytes.getInt(), bytes.getShort()));
    }

    /** A scanner's judgement: 9 bytes. */
    record Finding(boolean fails, long sinceMs) {
        static final Serde<Finding> SERDE = serde(
            row -> ByteBuffer.allocate(9).put(bit(row.fails)).putLong(row.sinceMs).array(),
            bytes -> new Finding(bytes.get() != 0, bytes.getLong()));
    }

    /** An accepted risk: 12 bytes. Its end comes as a tombstone. */
    record Waiver(int id, long expiresMs) {
        static final Serde<Waiver> SERDE = serde(
            row -> ByteBuffer.allocate(12).putInt(row.id).putLong(row.expiresMs).array(),
            bytes -> new Waiver(bytes.getInt(), bytes.getLong()));
    }

    /** Verdict and credit: 14 bytes. */
    record Compliance(boolean fails, boolean credited, int waiver, long sinceMs) {
        static final Serde<Compliance> SERDE = serde(
            row -> ByteBuffer.allocate(14).put(bit(row.fails)).put(bit(row.credited))
                .putInt(row.waiver).putLong(row.sinceMs).array(),
            bytes -> new Compliance(
                bytes.get() != 0, bytes.get() != 0, bytes.getInt(), bytes.getLong()));

        /** Joins a finding with the waiver of its subject, or none. */
        static Compliance of(Finding finding, Waiver waiver) {
            boolean credited = finding.fails && waiver != null;
            return new Compliance(
                finding.fails, credited, credited ? waiver.id : 0, finding.sinceMs);
        }
    }

    /** Counts of a requirement in an account: 12 bytes. */
    record Counts(int total, int noncompliant, int excepted) {
        static final Counts NONE = new Counts(0, 0, 0);

        static final Serde<Counts> SERDE = serde(
            row -> ByteBuffer.allocate(12)
                .putInt(row.total).putInt(row.noncompliant).putInt(row.excepted).array(),
            bytes -> new Counts(bytes.getInt(), bytes.getInt(), bytes.getInt()));

        /** Gives the counts with a row, or without it where sign is -1. */
        Counts plus(Compliance row, int sign) {
            return new Counts(
                total + sign,
                noncompliant + (row.fails ? sign : 0),
                excepted + (row.credited ? sign : 0));
        }
    }

    private static byte bit(boolean on) {
        return (byte) (on ? 1 : 0);
    }

    private static <T> Serde<T> serde(Function<T, byte[]> write, Function<ByteBuffer, T> read) {
        Serializer<T> serializer = (topic, row) -> row == null ? null : write.apply(row);
        Deserializer<T> deserializer =
            (topic, bytes) -> bytes == null ? null : read.apply(ByteBuffer.wrap(bytes));
        return Serdes.serdeFrom(serializer, deserializer);
    }
}
