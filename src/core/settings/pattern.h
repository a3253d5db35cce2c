/*
 * pattern: is a text a regular expression of Java's? Subscriptions of client metrics hold some, and
 * Kafka refuses those that Pattern.compile throws at (KIP-714). This follows its grammar and what
 * it asks beyond that: names of groups, ranges of classes, an obvious maximum length behind (?<= .
 *
 * What it never does: match. Names of Unicode's scripts, blocks and characters, of which each
 * release of Java knows more, are taken as they come.
 */
#ifndef GREGOR_CORE_SETTINGS_PATTERN_H
#define GREGOR_CORE_SETTINGS_PATTERN_H

#include "base/arena.h"
#include "base/slice.h"

enum { PATTERN_DEPTH_MAX = 500 }; /* groups in groups; deeper ones are refused */

/* `text` is UTF-8; scratch memory comes from the arena. */
MUST_USE bool pattern_is_valid(struct slice text, struct arena *arena);

#endif
