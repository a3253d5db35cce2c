import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.NullableSchema;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.utils.ImplicitLinkedHashCollection;

/*
 * Kafka's own classes write every message in every version, with its defaults and with random
 * contents; gregor decodes and writes each anew; the bytes must be the same, and Kafka must read
 * back an equal message. Arguments: the filter's program, the folder of Kafka's jars, the seed.
 */
public class Sweep {
    static final int ROUNDS = 24;
    static final String[] VERDICTS = {
        "fine", "gregor does not know the message", "gregor cannot decode it",
        "gregor leaves bytes unread", "gregor cannot write it", "gregor's size is another",
        "gregor does not find itself equal", "gregor accepts it cut short", "gregor cannot print it"
    };

    static DataInputStream from;
    static DataOutputStream to;
    static Random random;
    static int passed;
    static int failed;

    public static void main(String[] arguments) throws Exception {
        random = new Random(Long.parseLong(arguments[2]));
        Map<String, Class<?>> classes = findClasses(new File(arguments[1]));
        Process filter = new ProcessBuilder(arguments[0])
            .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        from = new DataInputStream(new java.io.BufferedInputStream(filter.getInputStream()));
        to = new DataOutputStream(new java.io.BufferedOutputStream(filter.getOutputStream()));
        Map<String, short[]> list = listOf(arguments[0]);
        for (Map.Entry<String, short[]> entry : list.entrySet())
            sweep(entry.getKey(), entry.getValue(), classes.get(entry.getKey()));
        for (String name : new TreeSet<>(classes.keySet()))
            if (!name.endsWith("Data") && !list.containsKey(name) && !list.containsKey(name + "Data"))
                fail(name + ": gregor has no such message");
        to.close();
        if (filter.waitFor() != 0) fail("the filter ended badly");
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void fail(String text) {
        failed++;
        System.out.println("not ok - " + text);
    }

    /* --- what there is ------------------------------------------------------------------------- */

    static Map<String, short[]> listOf(String program) throws Exception {
        Map<String, short[]> list = new TreeMap<>();
        Process process = new ProcessBuilder(program, "list").start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        for (String line : text.split("\n")) {
            String[] words = line.split(" ");
            list.put(words[0], new short[] {Short.parseShort(words[1]), Short.parseShort(words[2])});
        }
        return list;
    }

    /* The generated classes by the names that their definitions have. */
    static Map<String, Class<?>> findClasses(File folder) throws IOException {
        Map<String, Class<?>> classes = new HashMap<>();
        for (File file : folder.listFiles()) {
            if (!file.getName().startsWith("kafka") || !file.getName().endsWith(".jar")) continue;
            try (JarFile jar = new JarFile(file)) {
                jar.stream().map(entry -> entry.getName())
                    .filter(name -> name.endsWith(".class") && !name.contains("$"))
                    .forEach(name -> addClass(classes, name));
            }
        }
        return classes;
    }

    static void addClass(Map<String, Class<?>> classes, String file) {
        String name = file.substring(0, file.length() - ".class".length()).replace('/', '.');
        String simple = name.substring(name.lastIndexOf('.') + 1);
        if (!name.contains(".message.") && !name.contains(".generated.")
            && !name.contains(".metadata.")) return;
        try {
            Class<?> found = Class.forName(name, false, Sweep.class.getClassLoader());
            if (!Message.class.isAssignableFrom(found) || found.isInterface()) return;
            classes.putIfAbsent(simple, found);
            if (simple.endsWith("Data"))
                classes.putIfAbsent(simple.substring(0, simple.length() - 4), found);
        } catch (Throwable ignored) {
            /* a class that needs a library which nobody asked for */
        }
    }

    /* --- one message --------------------------------------------------------------------------- */

    static Message create(Class<?> type) throws Exception {
        Constructor<?> constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return (Message) constructor.newInstance();
    }

    static void sweep(String name, short[] versions, Class<?> type) throws Exception {
        if (type == null) {
            fail(name + ": Kafka has no such class");
            return;
        }
        Message probe = create(type);
        if (probe.lowestSupportedVersion() != versions[0]
            || probe.highestSupportedVersion() != versions[1]) {
            fail(name + ": Kafka has versions " + probe.lowestSupportedVersion() + " to "
                + probe.highestSupportedVersion() + ", gregor " + versions[0] + " to " + versions[1]);
            return;
        }
        int before = failed;
        for (short version = versions[0]; version <= versions[1]; version++)
            if (sweepVersion(name, type, version)) passed++;
        if (failed == before)
            System.out.println("ok - " + name + " " + versions[0] + ".." + versions[1]);
    }

    static boolean sweepVersion(String name, Class<?> type, short version) throws Exception {
        String problem = tryDefault(name, create(type), version);
        for (int round = 0; round < ROUNDS && problem == null; round++) {
            Message message = create(type);
            fill(message, schemaOf(type, version), version, 0);
            problem = tryMessage(name, message, version);
            if (problem != null) problem += " in " + message;
        }
        if (problem == null) return true;
        if (problem.length() > 2000) problem = problem.substring(0, 2000) + " ...";
        fail(name + " version " + version + ": " + problem);
        return false;
    }

    static byte[] write(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        int size = message.size(cache, version);
        ByteBuffer buffer = ByteBuffer.allocate(size);
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    static byte[] exchange(String name, short version, byte[] bytes, String[] problem)
        throws IOException {
        byte[] encoded = name.getBytes(StandardCharsets.UTF_8);
        to.writeShort(encoded.length);
        to.write(encoded);
        to.writeShort(version);
        to.writeInt(bytes.length);
        to.write(bytes);
        to.flush();
        int verdict = from.readUnsignedByte();
        byte[] answer = new byte[from.readInt()];
        from.readFully(answer);
        if (verdict != 0) problem[0] = VERDICTS[verdict];
        return answer;
    }

    static String compare(byte[] kafka, byte[] gregor) {
        if (Arrays.equals(kafka, gregor)) return null;
        int at = Arrays.mismatch(kafka, gregor);
        return "bytes differ at " + at + " (" + kafka.length + " and " + gregor.length + ")";
    }

    static String tryMessage(String name, Message message, short version) throws Exception {
        byte[] bytes = write(message, version);
        if (bytes.length == 0) return null;
        String[] problem = new String[1];
        byte[] answer = exchange(name, version, bytes, problem);
        if (problem[0] != null) return problem[0];
        String difference = compare(bytes, answer);
        if (difference != null) return difference;
        Message back = create(message.getClass());
        back.read(new ByteBufferAccessor(ByteBuffer.wrap(answer)), version);
        return back.equals(message) ? null : "Kafka reads another message from gregor's bytes";
    }

    /* Nothing at all asks gregor for its own defaults. */
    static String tryDefault(String name, Message message, short version) throws Exception {
        String[] problem = new String[1];
        byte[] answer = exchange(name, version, new byte[0], problem);
        if (problem[0] != null) return "default: " + problem[0];
        String difference = compare(write(message, version), answer);
        return difference == null ? tryMessage(name, message, version) : "default: " + difference;
    }

    /* --- random contents ----------------------------------------------------------------------- */

    static Schema schemaOf(Class<?> type, short version) throws Exception {
        Field field = type.getField("SCHEMA_" + version);
        return (Schema) field.get(null);
    }

    static String camel(String snake) {
        StringBuilder name = new StringBuilder();
        boolean upper = false;
        for (char c : snake.toCharArray()) {
            if (c == '_') upper = true;
            else name.append(upper ? Character.toUpperCase(c) : c);
            if (c != '_') upper = false;
        }
        return name.toString();
    }

    static Field javaField(Class<?> type, String snake) {
        String wanted = snake.replace("_", "").toLowerCase();
        for (Field field : type.getDeclaredFields()) {
            if (field.getName().toLowerCase().equals(wanted)) {
                field.setAccessible(true);
                return field;
            }
        }
        throw new IllegalStateException(type + " has no " + camel(snake));
    }

    static void fill(Object object, Schema schema, short version, int depth) throws Exception {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                TaggedFields tagged = (TaggedFields) bound.def.type;
                for (org.apache.kafka.common.protocol.types.Field field : tagged.fields().values())
                    if (random.nextBoolean())
                        fillField(object, field.name, field.type, version, depth);
            } else {
                fillField(object, bound.def.name, bound.def.type, version, depth);
            }
        }
    }

    static void fillField(Object object, String name, Type type, short version, int depth)
        throws Exception {
        Field field = javaField(object.getClass(), name);
        if (type.isNullable() && random.nextInt(4) == 0) {
            field.set(object, null);
            return;
        }
        field.set(object, value(field, field.getType(), field.getGenericType(), type, version, depth));
    }

    static Object value(Field field, Class<?> java, java.lang.reflect.Type generic, Type type,
                        short version, int depth) throws Exception {
        if (java == boolean.class || java == Boolean.class) return random.nextBoolean();
        if (java == byte.class || java == Byte.class) return (byte) random.nextInt();
        if (java == short.class || java == Short.class) return (short) random.nextInt();
        if (java == int.class || java == Integer.class)
            return type == Type.UINT16 ? random.nextInt(65536) : number();
        if (java == long.class || java == Long.class)
            return type == Type.UNSIGNED_INT32 ? random.nextLong() & 0xffffffffL
                : random.nextInt(4) == 0 ? (long) random.nextInt(100) : random.nextLong();
        if (java == double.class || java == Double.class) return random.nextDouble() * 1e6;
        if (java == String.class) return text();
        if (java == Uuid.class) return new Uuid(random.nextLong(), random.nextLong());
        if (java == byte[].class) return bytes();
        if (java == ByteBuffer.class) return ByteBuffer.wrap(bytes());
        if (org.apache.kafka.common.record.internal.BaseRecords.class.isAssignableFrom(java))
            return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
        if (Collection.class.isAssignableFrom(java))
            return collection(java, generic, type, version, depth);
        Object struct = java.getDeclaredConstructor().newInstance();
        fill(struct, schemaOf(java, version), version, depth + 1);
        return struct;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Object collection(Class<?> java, java.lang.reflect.Type generic, Type type, short version,
                             int depth) throws Exception {
        boolean keyed = ImplicitLinkedHashCollection.class.isAssignableFrom(java);
        Collection<Object> result =
            keyed ? (Collection) java.getDeclaredConstructor().newInstance() : new ArrayList<>();
        java.lang.reflect.Type element = keyed
            ? ((ParameterizedType) java.getGenericSuperclass()).getActualTypeArguments()[0]
            : ((ParameterizedType) generic).getActualTypeArguments()[0];
        Class<?> raw = element instanceof ParameterizedType
            ? (Class<?>) ((ParameterizedType) element).getRawType() : (Class<?>) element;
        Type inner = type.arrayElementType().orElseThrow();
        int count = depth > 2 ? random.nextInt(2) : random.nextInt(4);
        for (int i = 0; i < count; i++)
            result.add(value(null, raw, element, inner, version, depth + 1));
        return result;
    }

    static int number() {
        return random.nextInt(4) == 0 ? random.nextInt(200) - 100 : random.nextInt();
    }

    static String text() {
        int size = random.nextInt(12) == 0 ? 130 + random.nextInt(200) : random.nextInt(12);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < size; i++)
            text.append(random.nextInt(8) == 0 ? "\u00fc\u20ac".charAt(random.nextInt(2))
                : (char) ('a' + random.nextInt(26)));
        return text.toString();
    }

    static byte[] bytes() {
        byte[] bytes = new byte[random.nextInt(40)];
        random.nextBytes(bytes);
        return bytes;
    }
}
