/* One value against its definition: ConfigDef.parseType and the validators, with their words. */
#include "core/settings/check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    REAL_TEXT_MAX = 400, /* characters of a double that anybody writes */
    SHOWN_MAX = 1024,    /* bytes of a wrong value that its error shows */
};

static struct slice drop(struct slice slice, size_t size)
{
    ASSERT(size <= slice.size);
    return (struct slice){slice.data + size, slice.size - size};
}

/* String.trim: everything up to the blank goes. */
struct slice setting_trim(struct slice text)
{
    while (text.size > 0 && text.data[0] <= ' ')
        text = drop(text, 1);
    while (text.size > 0 && text.data[text.size - 1] <= ' ')
        text.size--;
    return text;
}

bool setting_list_next(struct slice *rest, struct slice *item)
{
    if (slice_is_null(*rest)) return false;
    const uint8_t *comma = rest->size > 0 ? memchr(rest->data, ',', rest->size) : NULL;
    size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data);
    *item = setting_trim((struct slice){rest->data, size});
    *rest = comma == NULL ? SLICE_NULL : drop(*rest, size + 1);
    return true;
}

bool setting_list_has(struct slice list, struct slice wanted)
{
    struct slice item;
    while (setting_list_next(&list, &item))
        if (slice_equal(item, wanted)) return true;
    return false;
}

/* "Invalid value … for configuration …: why" (ConfigException). */
static int invalid(const struct setting *setting, struct slice value, struct arena *arena,
                   struct slice *error, const char *why)
{
    struct slice shown = slice_is_null(value) ? SLICE("null") : value;
    if (shown.size > SHOWN_MAX) shown.size = SHOWN_MAX;
    *error = arena_printf(arena, "Invalid value %.*s for configuration %.*s: %s", SLICE_ARG(shown),
                          SLICE_ARG(setting->name), why);
    return -EINVAL;
}

/* --- words ------------------------------------------------------------------------------------ */

static bool is_word(const struct setting *setting, struct slice value)
{
    bool any_case = setting->checks & SETTING_CHECK_ANY_CASE;
    for (const char *const *word = setting->words; *word != NULL; word++) {
        struct slice allowed = slice_of(*word);
        if (slice_equal(allowed, value)) return true;
        if (any_case && allowed.size == value.size &&
            strncasecmp(*word, (const char *)value.data, value.size) == 0)
            return true;
    }
    return false;
}

/* "compact, delete" */
static struct slice join_words(const struct setting *setting, struct arena *arena)
{
    struct slice joined = SLICE("");
    for (const char *const *word = setting->words; *word != NULL; word++)
        joined =
            arena_printf(arena, "%.*s%s%s", SLICE_ARG(joined), joined.size > 0 ? ", " : "", *word);
    return joined;
}

static int check_word(const struct setting *setting, struct slice value, struct arena *arena,
                      struct slice *error)
{
    if (setting->words == NULL) return 0;
    if (!slice_is_null(value) && is_word(setting, value)) return 0;
    bool any_case = setting->checks & SETTING_CHECK_ANY_CASE;
    struct slice why = arena_printf(arena, "String must be one of%s: %.*s%c",
                                    any_case ? " (case insensitive)" : "",
                                    SLICE_ARG(join_words(setting, arena)), 0);
    return invalid(setting, value, arena, error, (const char *)why.data);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static const char *type_name(enum setting_type type)
{
    if (type == SETTING_TYPE_SHORT) return "Not a number of type SHORT";
    if (type == SETTING_TYPE_INT) return "Not a number of type INT";
    if (type == SETTING_TYPE_LONG) return "Not a number of type LONG";
    return "Not a number of type DOUBLE";
}

/* As Integer.parseInt and its like: a sign, digits, nothing else. */
static int parse_whole(const struct setting *setting, struct slice text, int64_t *number)
{
    int64_t most = INT64_MAX;
    if (setting->type == SETTING_TYPE_INT) most = INT32_MAX;
    if (setting->type == SETTING_TYPE_SHORT) most = INT16_MAX;
    if (text.size > 1 && text.data[0] == '+' && text.data[1] != '-') text = drop(text, 1);
    return slice_parse_int64(text, -most - 1, most, number);
}

static int check_limits(const struct setting *setting, double number, struct slice shown,
                        struct arena *arena, struct slice *error)
{
    if (setting->checks & SETTING_CHECK_OR_MINUS_1) {
        double low = setting_parse_real(setting->minimum);
        double high = setting_parse_real(setting->maximum);
        if ((number >= low && number <= high) || number == -1.0) return 0;
        struct slice why =
            arena_printf(arena, "Value must be between %.*s and %.*s or equal to -1%c",
                         SLICE_ARG(setting->minimum), SLICE_ARG(setting->maximum), 0);
        return invalid(setting, shown, arena, error, (const char *)why.data);
    }
    if (!slice_is_null(setting->minimum) && number < setting_parse_real(setting->minimum)) {
        struct slice why =
            arena_printf(arena, "Value must be at least %.*s%c", SLICE_ARG(setting->minimum), 0);
        return invalid(setting, shown, arena, error, (const char *)why.data);
    }
    if (!slice_is_null(setting->maximum) && number > setting_parse_real(setting->maximum)) {
        struct slice why = arena_printf(arena, "Value must be no more than %.*s%c",
                                        SLICE_ARG(setting->maximum), 0);
        return invalid(setting, shown, arena, error, (const char *)why.data);
    }
    return 0;
}

double setting_parse_real(struct slice text)
{
    char copy[REAL_TEXT_MAX + 1];
    if (text.size == 0 || text.size > REAL_TEXT_MAX) return NAN;
    for (size_t i = 0; i < text.size; i++)
        if (strchr("0123456789+-.eE", text.data[i]) == NULL || text.data[i] == 0) return NAN;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    char *end;
    double number = strtod(copy, &end);
    return *end == 0 ? number : NAN;
}

/* The shortest digits that mean the number, laid out as Double.toString does: plain between 1e-3
 * and 1e7, else one digit before the point and an exponent. */
static struct slice print_real(double number, struct arena *arena)
{
    char digits[40];
    for (int precision = 0; precision <= 16; precision++) {
        snprintf(digits, sizeof(digits), "%.*e", precision, number);
        if (setting_parse_real(slice_of(digits)) == number) break;
    }
    char *exponent = strchr(digits, 'e');
    ASSERT(exponent != NULL);
    int64_t power; /* of the first digit */
    int r = slice_parse_int64(slice_of(exponent + 2), 0, 400, &power);
    ASSERT(r == 0);
    if (exponent[1] == '-') power = -power;
    *exponent = 0;
    const char *point = strchr(digits, '.');
    if (number == 0 || (power >= -3 && power < 7)) {
        int64_t decimals = (point == NULL ? 0 : (int64_t)strlen(point + 1)) - power;
        return arena_printf(arena, "%.*f", decimals < 1 ? 1 : (int)decimals, number);
    }
    return arena_printf(arena, "%s%sE%d", digits, point == NULL ? ".0" : "", (int)power);
}

static int check_number(const struct setting *setting, struct slice text, struct arena *arena,
                        struct slice *canonical, struct slice *error)
{
    if (setting->type == SETTING_TYPE_DOUBLE) {
        double number = setting_parse_real(text);
        if (!isfinite(number))
            return invalid(setting, text, arena, error, type_name(setting->type));
        *canonical = print_real(number, arena);
        return check_limits(setting, number, *canonical, arena, error);
    }
    int64_t number;
    if (parse_whole(setting, text, &number) < 0)
        return invalid(setting, text, arena, error, type_name(setting->type));
    *canonical = arena_printf(arena, "%lld", (long long)number);
    return check_limits(setting, (double)number, *canonical, arena, error);
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    return text.size > 0;
}

/* Splits at the last `mark`; false if there is none. */
static bool split_last(struct slice text, char mark, struct slice *before, struct slice *after)
{
    const uint8_t *at = text.size > 0 ? memrchr(text.data, mark, text.size) : NULL;
    if (at == NULL) return false;
    *before = (struct slice){text.data, (size_t)(at - text.data)};
    *after = drop(text, before->size + 1);
    return true;
}

static int check_throttled(const struct setting *setting, struct slice list, struct arena *arena,
                           struct slice *error)
{
    struct slice rest = list;
    struct slice item;
    struct slice partition;
    struct slice broker;
    if (list.size == 0 || slice_equal(list, SLICE("*"))) return 0;
    bool good = true;
    while (setting_list_next(&rest, &item))
        good = good && split_last(item, ':', &partition, &broker) && is_digits(partition) &&
               is_digits(broker);
    if (good) return 0;
    struct slice shown = arena_printf(arena, "[%.*s]", SLICE_ARG(list));
    struct slice why =
        arena_printf(arena,
                     "%.*s must be the literal '*' or a list of replicas in the following format: "
                     "[partitionId]:[brokerId],[partitionId]:[brokerId],...%c",
                     SLICE_ARG(setting->name), 0);
    return invalid(setting, shown, arena, error, (const char *)why.data);
}

static int check_addresses(const struct setting *setting, struct slice list, struct arena *arena,
                           struct slice *error)
{
    struct slice item;
    bool voters = setting->checks & SETTING_CHECK_VOTERS;
    while (list.size > 0 && setting_list_next(&list, &item)) {
        struct slice id = SLICE("0");
        struct slice address = item;
        struct slice host;
        struct slice port;
        int64_t number;
        bool good = !voters || split_last(item, '@', &id, &address);
        good = good && is_digits(id) && split_last(address, ':', &host, &port) && host.size > 0 &&
               slice_parse_int64(port, 0, UINT16_MAX, &number) == 0;
        if (good) continue;
        *error =
            voters ? arena_printf(arena,
                                  "Invalid configuration value for controller.quorum.voters. Each "
                                  "entry should be in the form `{id}@{host}:{port}`.")
                   : arena_printf(arena,
                                  "Failed to parse host name from %.*s for the configuration %.*s. "
                                  "Each entry should be in the form \"{host}:{port}\"",
                                  SLICE_ARG(item), SLICE_ARG(setting->name));
        return -EINVAL;
    }
    return 0;
}

/* Items trimmed, none empty, each once: a second one is dropped. (ConfigDef.ValidList) */
static int check_items(const struct setting *setting, struct slice list, struct arena *arena,
                       struct slice *canonical, struct slice *error)
{
    uint8_t *kept = arena_alloc(arena, list.size + 1);
    size_t size = 0;
    struct slice item;
    while (setting_list_next(&list, &item)) {
        int r = check_word(setting, item, arena, error);
        if (setting->checks & SETTING_CHECK_UNIQUE) {
            if (item.size == 0) {
                *error = arena_printf(arena, "Configuration '%.*s' values must not be empty.",
                                      SLICE_ARG(setting->name));
                return -EINVAL;
            }
            if (size > 0 && setting_list_has((struct slice){kept, size}, item)) continue;
        }
        if (r < 0) return r;
        if (size > 0) kept[size++] = ',';
        if (item.size > 0) memcpy(kept + size, item.data, item.size);
        size += item.size;
    }
    *canonical = (struct slice){kept, size};
    return 0;
}

static int check_list(const struct setting *setting, struct slice text, struct arena *arena,
                      struct slice *canonical, struct slice *error)
{
    if (text.size == 0 && setting->checks & SETTING_CHECK_NON_EMPTY) {
        struct slice valid = SLICE("any non-empty value");
        if (setting->words != NULL)
            valid = arena_printf(arena, "[%.*s]", SLICE_ARG(join_words(setting, arena)));
        *error = arena_printf(arena,
                              "Configuration '%.*s' must not be empty. Valid values include: %.*s",
                              SLICE_ARG(setting->name), SLICE_ARG(valid));
        return -EINVAL;
    }
    struct slice list = text;
    if (text.size > 0) {
        int r = check_items(setting, text, arena, &list, error);
        if (r < 0) return r;
    }
    if (setting->checks & SETTING_CHECK_THROTTLED) {
        int r = check_throttled(setting, list, arena, error);
        if (r < 0) return r;
    }
    if (setting->checks & (SETTING_CHECK_VOTERS | SETTING_CHECK_ADDRESSES)) {
        int r = check_addresses(setting, list, arena, error);
        if (r < 0) return r;
    }
    *canonical = list;
    return 0;
}

/* --- text ------------------------------------------------------------------------------------- */

static int check_reset_strategy(const struct setting *setting, struct slice text,
                                struct arena *arena, struct slice *error)
{
    if (slice_equal(text, SLICE("latest")) || slice_equal(text, SLICE("earliest"))) return 0;
    struct slice prefix = SLICE("by_duration:P");
    if (slice_starts_with(text, prefix) && text.size > prefix.size) {
        bool good = true;
        for (size_t i = prefix.size; i < text.size; i++)
            good = good && text.data[i] != 0 && strchr("0123456789.DTHMS", text.data[i]) != NULL;
        if (good) return 0;
    }
    struct slice why = arena_printf(arena,
                                    "Invalid value `%.*s` for configuration %.*s. The value must "
                                    "be either 'earliest', 'latest' or "
                                    "of the format 'by_duration:<PnDTnHnMn.nS>'.%c",
                                    SLICE_ARG(text), SLICE_ARG(setting->name), 0);
    return invalid(setting, text, arena, error, (const char *)why.data);
}

static int check_text(const struct setting *setting, struct slice text, struct arena *arena,
                      struct slice *error)
{
    if (text.size == 0 && setting->checks & SETTING_CHECK_NON_EMPTY)
        return invalid(setting, text, arena, error, "String must be non-empty");
    if (setting->checks & SETTING_CHECK_RESET_STRATEGY)
        return check_reset_strategy(setting, text, arena, error);
    return check_word(setting, text, arena, error);
}

static int check_flag(const struct setting *setting, struct slice text, struct arena *arena,
                      struct slice *canonical, struct slice *error)
{
    if (text.size == 4 && strncasecmp((const char *)text.data, "true", 4) == 0)
        *canonical = SLICE("true");
    else if (text.size == 5 && strncasecmp((const char *)text.data, "false", 5) == 0)
        *canonical = SLICE("false");
    else
        return invalid(setting, text, arena, error, "Expected value to be either true or false");
    return 0;
}

/* --- all -------------------------------------------------------------------------------------- */

static int check_null(const struct setting *setting, struct arena *arena, struct slice *error)
{
    bool fine = slice_is_null(setting->initial) && !setting->required;
    if (fine) return 0;
    if (setting->type == SETTING_TYPE_LIST) {
        *error = arena_printf(arena, "Configuration '%.*s' values must not be null.",
                              SLICE_ARG(setting->name));
        return -EINVAL;
    }
    if (setting->words != NULL) return check_word(setting, SLICE_NULL, arena, error);
    return invalid(setting, SLICE_NULL, arena, error, "Value must be non-null");
}

int setting_canonical(const struct setting *setting, struct slice value, struct arena *arena,
                      struct slice *canonical, struct slice *error)
{
    if (slice_is_null(value)) {
        int r = check_null(setting, arena, error);
        if (r == 0) *canonical = SLICE_NULL;
        return r;
    }
    if (value.size > SETTING_VALUE_MAX)
        return invalid(setting, value, arena, error, "Value is too long");
    struct slice text = setting_trim(value);
    switch (setting->type) {
    case SETTING_TYPE_BOOLEAN:
        return check_flag(setting, text, arena, canonical, error);
    case SETTING_TYPE_SHORT:
    case SETTING_TYPE_INT:
    case SETTING_TYPE_LONG:
    case SETTING_TYPE_DOUBLE:
        return check_number(setting, text, arena, canonical, error);
    case SETTING_TYPE_LIST:
        return check_list(setting, text, arena, canonical, error);
    case SETTING_TYPE_STRING:
    case SETTING_TYPE_CLASS:
    case SETTING_TYPE_PASSWORD:
        *canonical = text;
        return check_text(setting, text, arena, error);
    }
    ASSERT(false);
    return -EINVAL;
}

int setting_check_value(const struct setting *setting, struct slice value, struct arena *arena,
                        struct slice *error)
{
    struct slice canonical;
    return setting_canonical(setting, value, arena, &canonical, error);
}
