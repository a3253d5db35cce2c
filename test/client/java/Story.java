import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** kafka-clients: create, produce with every codec and acks, read back by offset and by time, alter, delete. */
public final class Story {
    private static final int COUNT = 120;
    private static final long TIMEOUT_S = 20;
    private static final String RUN = Long.toHexString(System.currentTimeMillis());
    private static int passed;
    private static int failed;
    private static String bootstrap;

    private static void check(String name, boolean holds, Object detail) {
        if (holds) passed++; else failed++;
        System.out.println((holds ? "ok - " : "not ok - ") + name + (holds ? "" : " " + detail));
    }

    private static Properties properties() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        return properties;
    }

    private static List<ProducerRecord<byte[], byte[]>> make(String topic, long seed, long first) {
        Random random = new Random(seed);
        int[] sizes = {0, 1, 10, 100, 3000};
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            byte[] key = i % 5 == 0 ? null : i % 11 == 0 ? new byte[0] : ("key-" + i).getBytes();
            byte[] value = i % 7 == 3 ? null : new byte[sizes[random.nextInt(sizes.length)]];
            if (value != null) random.nextBytes(value);
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, 0, first + i * 10L, key, value);
            for (int h = 0; h < i % 4; h++) record.headers().add(new RecordHeader("h" + h, h == 2 ? null : new byte[h]));
            records.add(record);
        }
        return records;
    }

    private static boolean same(ProducerRecord<byte[], byte[]> sent, ConsumerRecord<byte[], byte[]> got) {
        return Arrays.equals(sent.key(), got.key()) && Arrays.equals(sent.value(), got.value())
            && sent.timestamp() == got.timestamp()
            && Arrays.equals(sent.headers().toArray(), got.headers().toArray());
    }

    private static KafkaConsumer<byte[], byte[]> consumer() {
        Properties properties = properties();
        properties.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(TopicPartition partition, long offset, int count) {
        List<ConsumerRecord<byte[], byte[]>> got = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            consumer.assign(Set.of(partition));
            consumer.seek(partition, offset);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_S);
            while (got.size() < count && System.nanoTime() < deadline) {
                consumer.poll(Duration.ofMillis(500)).forEach(got::add);
            }
        }
        return got;
    }

    private static void compare(String name, List<ProducerRecord<byte[], byte[]>> sent,
                                List<ConsumerRecord<byte[], byte[]>> got, long first) {
        boolean equal = sent.size() == got.size();
        for (int i = 0; equal && i < sent.size(); i++) {
            equal = same(sent.get(i), got.get(i)) && got.get(i).offset() == first + i;
        }
        check(name, equal, "got " + got.size() + " records, expected " + sent.size());
    }

    private static void tell(Admin admin, String codec, String acks) throws Exception {
        String name = "java-" + codec + "-" + acks + "-" + RUN;
        admin.createTopics(List.of(new NewTopic(name, 2, (short) 1))).all().get(TIMEOUT_S, TimeUnit.SECONDS);
        List<ProducerRecord<byte[], byte[]>> records = make(name, name.hashCode(), System.currentTimeMillis() - 60_000);
        Properties properties = properties();
        properties.put("compression.type", codec);
        properties.put("acks", acks);
        properties.put("enable.idempotence", String.valueOf(acks.equals("all")));
        boolean produced = true;
        try (KafkaProducer<byte[], byte[]> producer =
                 new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> futures = new ArrayList<>();
            for (ProducerRecord<byte[], byte[]> record : records) futures.add(producer.send(record));
            producer.flush();
            for (int i = 0; i < futures.size(); i++) {
                long offset = futures.get(i).get(TIMEOUT_S, TimeUnit.SECONDS).offset();
                produced &= acks.equals("0") || offset == i;
            }
        }
        check(name + ": produced", produced, "");
        TopicPartition first = new TopicPartition(name, 0);
        TopicPartition second = new TopicPartition(name, 1);
        compare(name + ": read back byte for byte", records, read(first, 0, COUNT), 0);
        compare(name + ": read from offset 77", records.subList(77, COUNT), read(first, 77, COUNT - 77), 77);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            Map<TopicPartition, Long> ends = consumer.endOffsets(List.of(first, second));
            check(name + ": end offsets", ends.equals(Map.of(first, (long) COUNT, second, 0L)), ends);
            long time = records.get(50).timestamp();
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(Map.of(first, time, second, time));
            check(name + ": offset by time", found.get(first) != null && found.get(first).offset() == 50
                && found.get(first).timestamp() == time && found.get(second) == null, found);
        }
    }

    private static void administer(Admin admin) throws Exception {
        String name = "java-admin-" + RUN;
        admin.createTopics(List.of(new NewTopic(name, 3, (short) 1).configs(Map.of("retention.ms", "86400000"))))
            .all().get(TIMEOUT_S, TimeUnit.SECONDS);
        TopicDescription description = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
        check("describe: partitions", description.partitions().size() == 3, description);
        check("describe: a leader each", description.partitions().stream().allMatch(p -> p.leader() != null), description);
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all().get(TIMEOUT_S, TimeUnit.SECONDS);
        check("partitions grow", admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size() == 5, "");

        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(
            new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000000"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE)))).all().get();
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        check("a config is set", config.get("max.message.bytes").value().equals("2000000")
            && config.get("max.message.bytes").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config);
        check("a config is unset", config.get("retention.ms").value().equals("604800000")
            && config.get("retention.ms").source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG, config);
        check("the cluster has one node", admin.describeCluster().nodes().get().size() == 1, "");

        admin.deleteTopics(List.of(name)).all().get(TIMEOUT_S, TimeUnit.SECONDS);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_S);
        while (admin.listTopics().names().get().contains(name) && System.nanoTime() < deadline) Thread.onSpinWait();
        check("topic is deleted", !admin.listTopics().names().get().contains(name), "");
    }

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        try (Admin admin = Admin.create(properties())) {
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
                for (String acks : List.of("0", "1", "all")) tell(admin, codec, acks);
            }
            administer(admin);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
