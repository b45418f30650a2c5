import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

/**
 * Prints where Kafka's own Java producer sends a key.
 *
 * <p>Arguments: numbers of partitions. Standard input: one key a line, base64 of its bytes (so that
 * empty keys and keys with line breaks travel too). Standard output: for each key one line, the
 * murmur2 hash and then the partition for each number of partitions, separated by blanks.
 */
public final class Murmur2 {
  public static void main(String[] args) throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      byte[] key = Base64.getDecoder().decode(line);
      StringBuilder row = new StringBuilder().append(Utils.murmur2(key));
      for (String partitions : args) {
        int n = Integer.parseInt(partitions);
        row.append(' ').append(BuiltInPartitioner.partitionForKey(key, n));
      }
      out.println(row);
    }
    out.flush();
  }
}
