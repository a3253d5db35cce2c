/* Parsing of offsets and times. */
#include "cli/offset_range.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

enum { DATE_MAX = 40 };

/* "2026-11-22", "2026-11-22T21:12", "2026-11-22T21:12:04Z": in UTC, as everything is. */
static int parse_date(struct slice text, int64_t *milliseconds)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
                                        "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"};
    char date[DATE_MAX];
    if (text.size >= sizeof(date)) return -EINVAL;
    memcpy(date, text.data, text.size);
    date[text.size] = 0;
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct tm parsed = {0};
        const char *end = strptime(date, forms[i], &parsed);
        if (end == NULL || *end != 0) continue;
        *milliseconds = (int64_t)timegm(&parsed) * 1000;
        return 0;
    }
    return -EINVAL;
}

static int parse_time(struct slice text, int64_t now_ms, int64_t *milliseconds)
{
    if (slice_equal(text, SLICE("now"))) {
        *milliseconds = now_ms;
        return 0;
    }
    if (text.size > 1 && text.data[0] == '-') {
        int64_t ago;
        struct slice duration = {text.data + 1, text.size - 1};
        if (cli_parse_duration(duration, &ago) < 0) return -EINVAL;
        *milliseconds = now_ms - ago;
        return 0;
    }
    if (slice_parse_int64(text, 0, INT64_MAX, milliseconds) == 0) return 0;
    return parse_date(text, milliseconds);
}

static int parse_bound(struct slice text, int64_t now_ms, struct offset_bound *bound)
{
    if (text.size == 0) return -EINVAL;
    struct slice rest = {text.data + 1, text.size - 1};
    *bound = (struct offset_bound){.kind = OFFSET_NUMBER};
    if (slice_equal(text, SLICE("start")) || slice_equal(text, SLICE("beginning"))) {
        bound->kind = OFFSET_START;
        return 0;
    }
    if (slice_equal(text, SLICE("end"))) {
        bound->kind = OFFSET_END;
        return 0;
    }
    if (text.data[0] == '@') {
        bound->kind = OFFSET_TIME;
        return parse_time(rest, now_ms, &bound->value);
    }
    if (text.data[0] == '+') bound->kind = OFFSET_AFTER_START;
    if (text.data[0] == '-') bound->kind = OFFSET_BEFORE_END;
    struct slice number = bound->kind == OFFSET_NUMBER ? text : rest;
    return slice_parse_int64(number, 0, INT64_MAX, &bound->value) < 0 ? -EINVAL : 0;
}

/* Times have colons of their own: the first colon with a bound on either side is the one. */
int offset_range_parse(struct slice text, int64_t now_ms, struct offset_range *range)
{
    *range = (struct offset_range){.to = {.kind = OFFSET_END}};
    if (parse_bound(text, now_ms, &range->from) == 0) return 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ':') continue;
        struct slice from = {text.data, i};
        struct slice to = {text.data + i + 1, text.size - i - 1};
        struct offset_range found = {.has_end = to.size > 0, .to = {.kind = OFFSET_END}};
        if (from.size > 0 && parse_bound(from, now_ms, &found.from) < 0) continue;
        if (to.size > 0 && parse_bound(to, now_ms, &found.to) < 0) continue;
        *range = found;
        return 0;
    }
    return -EINVAL;
}

int64_t offset_bound_resolve(const struct offset_bound *bound, int64_t start, int64_t end,
                             int64_t sought)
{
    ASSERT(start <= end);
    int64_t offset = end;
    switch (bound->kind) {
    case OFFSET_START:
        offset = start;
        break;
    case OFFSET_END:
        offset = end;
        break;
    case OFFSET_NUMBER:
        offset = bound->value;
        break;
    case OFFSET_AFTER_START:
        offset = bound->value < end - start ? start + bound->value : end;
        break;
    case OFFSET_BEFORE_END:
        offset = bound->value < end - start ? end - bound->value : start;
        break;
    case OFFSET_TIME:
        offset = sought < 0 ? end : sought;
        break;
    }
    if (offset < start) return start;
    return offset > end ? end : offset;
}
