#include "cli/environment.h"

#include <string.h>

static const char PREFIX[] = "KAFKA_";
enum { PREFIX_SIZE = sizeof(PREFIX) - 1 };

/* Variables of the image's start script, without the prefix. */
static const char *const not_settings[] = {
    "VERSION",
    "HEAP_OPTS",
    "LOG4J_OPTS",
    "OPTS",
    "JMX_OPTS",
    "JVM_PERFORMANCE_OPTS",
    "GC_LOG_OPTS",
    "LOG4J_LOGGERS",
    "TOOLS_LOG4J_LOGLEVEL",
    "JMX_HOSTNAME",
    "LOG4J_ROOT_LOGLEVEL",
};

static uint8_t lower(char letter)
{
    return (uint8_t)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

static bool is_setting(struct slice name)
{
    for (size_t i = 0; i < ARRAY_COUNT(not_settings); i++)
        if (slice_equal(name, slice_of(not_settings[i]))) return false;
    return true;
}

/* In the order of the wrapper: every _ is a '.', then three of those are a '-', then two a '_'. */
static struct slice key_of(struct slice name, struct arena *arena)
{
    uint8_t *key = arena_alloc(arena, name.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < name.size;) {
        const char *at = (const char *)name.data + i;
        if (name.size - i >= PREFIX_SIZE && memcmp(at, PREFIX, PREFIX_SIZE) == 0) {
            i += PREFIX_SIZE; /* the wrapper takes the prefix out wherever it stands */
            continue;
        }
        size_t run = 0; /* dots count as the underscores that become dots */
        while (i + run < name.size && (at[run] == '_' || at[run] == '.'))
            run++;
        i += run > 0 ? run : 1;
        if (run == 0) key[size++] = lower(*at);
        for (; run >= 3; run -= 3)
            key[size++] = '-';
        if (run == 2) key[size++] = '_';
        if (run == 1) key[size++] = '.';
    }
    return (struct slice){key, size};
}

bool environment_setting(const char *entry, struct arena *arena, struct slice *key,
                         struct slice *value)
{
    const char *equals = strchr(entry, '=');
    if (equals == NULL || strncmp(entry, PREFIX, PREFIX_SIZE) != 0) return false;
    struct slice name = {(const uint8_t *)entry + PREFIX_SIZE,
                         (size_t)(equals - entry) - PREFIX_SIZE};
    bool level = slice_equal(name, SLICE("LOG4J_ROOT_LOGLEVEL"));
    if (name.size == 0 || (!level && !is_setting(name))) return false;
    *value = slice_of(equals + 1);
    *key = level ? SLICE("gregor.log.level") : key_of(name, arena);
    if (!level) return true;
    uint8_t *word = arena_alloc(arena, value->size + 1);
    for (size_t i = 0; i < value->size; i++)
        word[i] = lower((char)value->data[i]);
    value->data = word;
    return true;
}

/* "PLAINTEXT://host:9092,X://…" (sed 's|://[^:]*:|://0.0.0.0:|g') */
struct slice environment_listeners(struct slice advertised, struct arena *arena)
{
    struct slice text = SLICE("");
    size_t begin = 0;
    for (size_t i = 0; i + 3 <= advertised.size; i++) {
        if (memcmp(advertised.data + i, "://", 3) != 0) continue;
        const uint8_t *host = advertised.data + i + 3;
        const uint8_t *colon = memchr(host, ':', advertised.size - i - 3);
        if (colon == NULL) break;
        text = arena_printf(arena, "%.*s%.*s://0.0.0.0", SLICE_ARG(text), (int)(i - begin),
                            (const char *)advertised.data + begin);
        begin = (size_t)(colon - advertised.data);
        i = begin;
    }
    return arena_printf(arena, "%.*s%.*s", SLICE_ARG(text), (int)(advertised.size - begin),
                        (const char *)advertised.data + begin);
}
