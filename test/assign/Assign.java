/*
 * Kafka's own assignors beside gregor's: random groups go through RangeAssignor and UniformAssignor
 * of Kafka's jar and, as text, through the program `assign`; both say who gets what.
 *
 *   java -cp LIBS Assign.java PROGRAM SEED COUNT
 *
 * A group, as the program reads it:
 *   ASSIGNOR HOMOGENEOUS TOPICS MEMBERS
 *   ID-MSB ID-LSB PARTITIONS                                 for each topic
 *   ID INSTANCE|- N TOPIC… M TOPIC:PARTITION…                for each member
 * and its answer: for each member a line of TOPIC:PARTITION, ascending.
 */
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.RangeAssignor;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

public class Assign {
    final Random random;
    final BufferedWriter out;
    final BufferedReader in;
    int passed, failed;

    Assign(Process program, long seed) {
        random = new Random(seed);
        out = new BufferedWriter(new OutputStreamWriter(program.getOutputStream()));
        in = new BufferedReader(new InputStreamReader(program.getInputStream()));
    }

    /* One group and what it lives through: each step's result is the next one's last target. */
    class Group {
        List<Uuid> topics = new ArrayList<>();
        Map<Uuid, Integer> partitions = new HashMap<>();
        Map<String, Set<Uuid>> subscriptions = new LinkedHashMap<>();
        Map<String, String> instances = new HashMap<>();
        Map<String, Map<Uuid, Set<Integer>>> targets = new HashMap<>();
        boolean homogeneous = random.nextBoolean();
        boolean range = random.nextInt(3) == 0;
        int named;

        void change() {
            int more = topics.isEmpty() ? 1 + random.nextInt(6) : random.nextInt(2);
            for (int i = 0; i < more; i++) {
                Uuid id = new Uuid(random.nextLong(), random.nextLong());
                topics.add(id);
                partitions.put(id, 1 + random.nextInt(random.nextInt(10) == 0 ? 200 : 12));
            }
            for (Uuid id : topics)
                if (random.nextInt(8) == 0) partitions.merge(id, random.nextInt(5), Integer::sum);
            List<String> members = new ArrayList<>(subscriptions.keySet());
            for (String member : members)
                if (random.nextInt(6) == 0) {
                    subscriptions.remove(member);
                    targets.remove(member);
                }
            int joining = subscriptions.isEmpty() ? 1 + random.nextInt(20) : random.nextInt(4);
            for (int i = 0; i < joining; i++) {
                String member = "m" + random.nextInt(1000) + "-" + named++;
                subscriptions.put(member, Set.of());
                if (random.nextInt(4) == 0) instances.put(member, "i" + random.nextInt(1000) + "-" + named);
            }
            Set<Uuid> common = some();
            for (String member : subscriptions.keySet())
                if (homogeneous) subscriptions.put(member, common);
                else if (subscriptions.get(member).isEmpty() || random.nextInt(5) == 0)
                    subscriptions.put(member, some());
        }

        Set<Uuid> some() {
            Set<Uuid> chosen = new HashSet<>();
            for (Uuid id : topics)
                if (random.nextInt(3) != 0) chosen.add(id);
            return chosen;
        }

        void step() throws Exception {
            change();
            Map<String, MemberSubscriptionAndAssignmentImpl> members = new LinkedHashMap<>();
            Set<Uuid> used = new LinkedHashSet<>();
            Map<Uuid, Map<Integer, String>> owners = new HashMap<>();
            for (Set<Uuid> subscription : subscriptions.values())
                used.addAll(homogeneous ? new HashSet<>(subscription) : subscription);
            List<Uuid> order = new ArrayList<>(used);
            subscriptions.forEach((member, subscription) -> {
                Map<Uuid, Set<Integer>> owned = new LinkedHashMap<>();
                Map<Uuid, Set<Integer>> target = targets.getOrDefault(member, Map.of());
                for (Uuid id : order)
                    if (target.containsKey(id)) owned.put(id, target.get(id));
                owned.forEach((id, set) -> set.forEach(
                    p -> owners.computeIfAbsent(id, k -> new HashMap<>()).put(p, member)));
                members.put(member, new MemberSubscriptionAndAssignmentImpl(Optional.empty(),
                    Optional.ofNullable(instances.get(member)), subscription,
                    new Assignment(Collections.unmodifiableMap(owned))));
            });
            check(order, members, owners);
        }

        void check(List<Uuid> order, Map<String, MemberSubscriptionAndAssignmentImpl> members,
                   Map<Uuid, Map<Integer, String>> owners) throws Exception {
            ConsumerGroupPartitionAssignor assignor = range ? new RangeAssignor() : new UniformAssignor();
            SubscribedTopicDescriber describer = new SubscribedTopicDescriber() {
                public int numPartitions(Uuid id) { return partitions.getOrDefault(id, -1); }
                public Set<String> racksForPartition(Uuid id, int partition) { return Set.of(); }
            };
            var result = assignor.assign(new GroupSpecImpl(members,
                homogeneous ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS, owners),
                describer).members();
            ask(order, members);
            String wrong = null;
            targets.clear();
            for (String member : members.keySet()) {
                Map<Uuid, Set<Integer>> theirs = new TreeMap<>((a, b) -> order.indexOf(a) - order.indexOf(b));
                if (result.containsKey(member)) result.get(member).partitions().forEach((id, set) -> {
                    if (!set.isEmpty()) theirs.put(id, new TreeSet<>(set));
                });
                targets.put(member, theirs);
                String expected = text(order, theirs), got = in.readLine();
                if (got == null) throw new IllegalStateException("the program ended");
                if (wrong == null && !got.equals(expected))
                    wrong = member + "\n#   Kafka:  " + expected + "\n#   gregor: " + got;
            }
            if (wrong == null) passed++;
            else {
                failed++;
                System.out.println("not ok " + assignor.name() + (homogeneous ? " same " : " different ") + wrong);
            }
        }

        void ask(List<Uuid> order, Map<String, MemberSubscriptionAndAssignmentImpl> members) throws Exception {
            out.write((range ? "range " : "uniform ") + (homogeneous ? 1 : 0) + " " + order.size() + " " + members.size() + "\n");
            for (Uuid id : order)
                out.write(id.getMostSignificantBits() + " " + id.getLeastSignificantBits() + " " + partitions.get(id) + "\n");
            for (var entry : members.entrySet()) {
                StringBuilder line = new StringBuilder(entry.getKey());
                line.append(' ').append(instances.getOrDefault(entry.getKey(), "-"));
                List<Integer> topics = new ArrayList<>();
                entry.getValue().subscribedTopicIds().forEach(id -> topics.add(order.indexOf(id)));
                Collections.sort(topics);
                line.append(' ').append(topics.size());
                topics.forEach(topic -> line.append(' ').append(topic));
                int count = entry.getValue().partitions().values().stream().mapToInt(Set::size).sum();
                String owned = text(order, entry.getValue().partitions());
                out.write(line + " " + count + (count == 0 ? "" : " " + owned) + "\n");
            }
            out.flush();
        }
    }

    static String text(List<Uuid> order, Map<Uuid, Set<Integer>> partitions) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < order.size(); i++)
            for (int partition : new TreeSet<>(partitions.getOrDefault(order.get(i), Set.of())))
                text.append(text.length() == 0 ? "" : " ").append(i).append(':').append(partition);
        return text.toString();
    }

    public static void main(String[] arguments) throws Exception {
        Process program = new ProcessBuilder(arguments[0]).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Assign assign = new Assign(program, Long.parseLong(arguments[1]));
        for (int i = 0; i < Integer.parseInt(arguments[2]); i++) {
            Group group = assign.new Group();
            for (int step = 0; step < 12; step++) group.step();
        }
        assign.out.close();
        if (program.waitFor() != 0) assign.failed++;
        System.out.println(assign.passed + " passed, " + assign.failed + " failed");
        System.exit(assign.failed == 0 ? 0 : 1);
    }
}
