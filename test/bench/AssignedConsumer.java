import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What kafka-consumer-perf-test measures, for one assigned partition and without a group: how fast
 * a Java consumer polls COUNT records from the first one. Prints records a second.
 *
 * <p>AssignedConsumer HOST:PORT TOPIC COUNT
 */
public final class AssignedConsumer {
    public static void main(String[] arguments) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("key.deserializer", ByteArrayDeserializer.class);
        settings.put("value.deserializer", ByteArrayDeserializer.class);
        // The sizes that kafka-consumer-perf-test sets.
        settings.put("receive.buffer.bytes", 2 * 1024 * 1024);
        settings.put("max.partition.fetch.bytes", 1024 * 1024);
        settings.put("check.crcs", "false");
        TopicPartition partition = new TopicPartition(arguments[1], 0);
        long wanted = Long.parseLong(arguments[2]);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long records = 0;
            long bytes = 0;
            long start = System.nanoTime();
            while (records < wanted) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    records++;
                    bytes += record.value().length;
                }
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf("%d records, %d bytes, %.0f records/s%n", records, bytes, records / seconds);
        }
    }
}
