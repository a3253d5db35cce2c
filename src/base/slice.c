#include "base/slice.h"

#include <errno.h>
#include <string.h>

struct slice slice_of(const char *text)
{
    if (text == NULL) return SLICE_NULL;
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

bool slice_is_null(struct slice slice)
{
    return slice.data == NULL;
}

bool slice_equal(struct slice a, struct slice b)
{
    if (a.size != b.size) return false;
    if ((a.data == NULL) != (b.data == NULL)) return false;
    return a.size == 0 || memcmp(a.data, b.data, a.size) == 0;
}

bool slice_starts_with(struct slice slice, struct slice prefix)
{
    if (prefix.size > slice.size) return false;
    return prefix.size == 0 || memcmp(slice.data, prefix.data, prefix.size) == 0;
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

int slice_parse_int64(struct slice text, int64_t min, int64_t max, int64_t *value)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative || (text.size > 0 && text.data[0] == '+') ? 1 : 0;
    if (at == text.size) return -EBADMSG;
    /* Counts downwards: the negative range has one more number than the positive. */
    int64_t result = 0;
    bool overflow = false;
    for (; at < text.size; at++) {
        if (text.data[at] < '0' || text.data[at] > '9') return -EBADMSG;
        overflow = __builtin_mul_overflow(result, 10, &result) || overflow;
        overflow = __builtin_sub_overflow(result, text.data[at] - '0', &result) || overflow;
    }
    if (!negative && !overflow) overflow = __builtin_sub_overflow(0, result, &result);
    if (overflow || result < min || result > max) return -ERANGE;
    *value = result;
    return 0;
}
