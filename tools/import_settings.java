/*
 * Prints the facts about every setting of the Kafka whose jars are on the class path, in the notation
 * of schema/settings: `java -cp 'kafka/libs/*' tools/import_settings.java`. What gregor does with a key
 * and the text about it are not Kafka's and stay as they are in the schema; tools/settingsc.py
 * --compare says where the two differ.
 */
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.server.config.ConfigSynonym;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.server.metrics.ClientMetricsConfigs;
import org.apache.kafka.storage.internals.log.LogConfig;

class ImportSettings {
    static Object field(Object object, Class<?> type, String name) throws Exception {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    static String initial(ConfigDef.ConfigKey key) {
        if (!key.hasDefault()) return "required";
        if (key.defaultValue == null) return "null";
        String text = ConfigDef.convertToString(key.defaultValue, key.type);
        return text.isEmpty() ? "\"\"" : text;
    }

    /* The limits of a validator, in the schema's words. */
    static String limits(ConfigDef.Validator validator) throws Exception {
        String text = validator.toString();
        if (validator instanceof ConfigDef.Range) {
            String[] ends = text.substring(1, text.length() - 1).split(",?\\.\\.\\.,?", -1);
            return " [" + ends[0] + ".." + ends[1] + "]";
        }
        if (validator instanceof ConfigDef.ValidList) {
            Class<?> type = ConfigDef.ValidList.class;
            Object words = field(validator, type, "validString");
            List<?> allowed = (List<?>) field(words, ConfigDef.ValidString.class, "validStrings");
            String list = allowed.isEmpty() ? "" : " {" + join(allowed) + "}";
            list += " unique";
            if (!(boolean) field(validator, type, "isEmptyAllowed")) list += " non-empty";
            return list;
        }
        if (validator instanceof ConfigDef.ValidString)
            return " {" + join((List<?>) field(validator, ConfigDef.ValidString.class, "validStrings")) + "}";
        String name = validator.getClass().getSimpleName();
        return switch (name) {
            case "CaseInsensitiveValidString" ->
                " {" + text.replaceAll(".*\\[|\\]|,", "") + "} any-case";
            case "NonEmptyString" -> " non-empty";
            case "NonNullValidator" -> " non-null";
            case "LambdaValidator" -> " [1..9] or-minus-1";
            case "ThrottledReplicaListValidator" -> " throttled";
            case "ControllerQuorumVotersValidator" -> " voters";
            case "ControllerQuorumBootstrapServersValidator" -> " addresses";
            case "Validator" -> " reset-strategy";
            default -> throw new IllegalStateException(name + " " + text);
        };
    }

    static String join(List<?> words) {
        List<String> texts = new ArrayList<>();
        for (Object word : words) texts.add(word.toString());
        return String.join(" ", texts);
    }

    static String synonyms(String scope, String name) throws Exception {
        String brokers = null;
        if (scope.equals("group")) brokers = GroupConfig.brokerSynonym(name).orElse(null);
        if (brokers != null) return " from " + brokers;
        if (!scope.equals("topic")) return "";
        List<ConfigSynonym> list = ServerTopicConfigSynonyms.ALL_TOPIC_CONFIG_SYNONYMS.get(name);
        if (list == null) return "";
        List<String> texts = new ArrayList<>();
        for (ConfigSynonym synonym : list) {
            String factor = synonym.converter().apply("1");
            texts.add(synonym.name() + (factor.equals("1") ? "" : "*" + factor));
        }
        return " from " + String.join(",", texts);
    }

    static void print(String scope, Map<String, ConfigDef.ConfigKey> keys) throws Exception {
        Map<String, String> modes = DynamicBrokerConfig.dynamicConfigUpdateModes();
        System.out.println("scope " + scope);
        for (ConfigDef.ConfigKey key : new TreeMap<>(keys).values()) {
            StringBuilder line = new StringBuilder(key.name);
            line.append(' ').append(key.type.toString().toLowerCase(Locale.ROOT));
            line.append(" = ").append(initial(key));
            if (key.validator != null) line.append(limits(key.validator));
            line.append(' ').append(key.importance.toString().toLowerCase(Locale.ROOT));
            if (scope.equals("broker")) line.append(' ').append(modes.getOrDefault(key.name, "read-only"));
            if (key.internalConfig) line.append(" internal");
            line.append(synonyms(scope, key.name));
            System.out.println(line);
        }
    }

    public static void main(String[] arguments) throws Exception {
        print("broker", kafka.server.KafkaConfig.configDef().configKeys());
        print("topic", LogConfig.configKeys());
        print("group", GroupConfig.CONFIG_DEF.configKeys());
        print("client-metrics",
              ((ConfigDef) field(null, ClientMetricsConfigs.class, "CONFIG")).configKeys());
    }
}
