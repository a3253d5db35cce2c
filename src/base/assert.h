/*
 * ASSERT: for what only a bug of ours can break. Always on, in production too: a broker that knows
 * it is wrong stops before it acknowledges or overwrites anything. Never for input, for what a disk
 * returned or for a peer's words: those are errors and are returned.
 *
 * One condition per ASSERT, so that the line that dies names the one thing that was wrong.
 * SLOW_ASSERT walks whole structures; it is compiled into test builds only (-DGREGOR_SLOW_ASSERT).
 */
#ifndef GREGOR_BASE_ASSERT_H
#define GREGOR_BASE_ASSERT_H

#include <assert.h> /* static_assert */

/* Prints the broken condition and where it stands, then aborts. */
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#define ASSERT(condition)                                                                     \
    do {                                                                                      \
        if (__builtin_expect(!(condition), 0)) assert_failed(#condition, __FILE__, __LINE__); \
    } while (0)

#ifdef GREGOR_SLOW_ASSERT
#define SLOW_ASSERT(condition) ASSERT(condition)
#else
#define SLOW_ASSERT(condition) ((void)sizeof(condition))
#endif

#define MUST_USE __attribute__((warn_unused_result))
#define CLEANUP(function) __attribute__((cleanup(function)))
#define PRINTF_LIKE(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))

/* The struct that holds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer) - __builtin_offsetof(type, member)))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
