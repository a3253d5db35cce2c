#include "log/text.h"

#include <errno.h>

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

int text_take_word(struct slice *text, struct slice *word)
{
    while (text->size > 0 && is_blank(text->data[0])) {
        text->data++;
        text->size--;
    }
    size_t size = 0;
    while (size < text->size && !is_blank(text->data[size]))
        size++;
    if (size == 0) return -EBADMSG;
    return slice_take(text, size, word);
}

int text_take_number(struct slice *text, int64_t *number)
{
    struct slice word;
    int r = text_take_word(text, &word);
    if (r < 0) return r;
    return slice_parse_int64(word, INT64_MIN, INT64_MAX, number) < 0 ? -EBADMSG : 0;
}

bool text_is_empty(struct slice text)
{
    struct slice word;
    return text_take_word(&text, &word) < 0;
}
