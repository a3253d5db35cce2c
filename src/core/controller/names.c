/* Topic names. (org.apache.kafka.common.internals.Topic) */
#include "core/controller/controller.h"

enum { TOPIC_NAME_MAX = 249 }; /* leaves room for "-partition" and a suffix in a file name */

static bool is_legal(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

struct slice controller_check_topic_name(struct slice name, struct arena *arena)
{
    if (name.size == 0) return SLICE("Topic name is invalid: the empty string is not allowed");
    if (slice_equal(name, SLICE("."))) return SLICE("Topic name is invalid: '.' is not allowed");
    if (slice_equal(name, SLICE(".."))) return SLICE("Topic name is invalid: '..' is not allowed");
    if (name.size > TOPIC_NAME_MAX)
        return arena_printf(arena,
                            "Topic name is invalid: the length of '%.*s' is longer than the max "
                            "allowed length %d",
                            SLICE_ARG(name), TOPIC_NAME_MAX);
    for (size_t i = 0; i < name.size; i++) {
        if (is_legal(name.data[i])) continue;
        return arena_printf(arena,
                            "Topic name is invalid: '%.*s' contains one or more characters other "
                            "than ASCII alphanumerics, '.', '_' and '-'",
                            SLICE_ARG(name));
    }
    return SLICE_NULL;
}
