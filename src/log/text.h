/* Numbers and words of the small text files: separated by blanks or line ends. */
#ifndef GREGOR_LOG_TEXT_H
#define GREGOR_LOG_TEXT_H

#include "base/slice.h"

/* Takes one off the front. -EBADMSG: none there. */
MUST_USE int text_take_word(struct slice *text, struct slice *word);
MUST_USE int text_take_number(struct slice *text, int64_t *number);
bool text_is_empty(struct slice text); /* nothing but blanks */

#endif
