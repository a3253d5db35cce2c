/*
 * place: a log's directory, made anew of each input of a fuzz target, and what targets do with the
 * log in it. Whatever fails here is a bug of the target or of the log.
 */
#ifndef GREGOR_TEST_FUZZ_PLACE_H
#define GREGOR_TEST_FUZZ_PLACE_H

#include "log/log.h"

extern struct os *place_os;

/* `target` goes into the directory's name: targets run side by side. */
void place_make(const char *target);
void place_remove(void);

/* The input's next part: they end where "\xffCUT" stands. */
struct slice place_take_part(struct slice *rest);
void place_write(const char *name, struct slice bytes);

/* NULL: damage was found. */
struct log *place_open_log(struct log_files *files, int64_t segment_bytes, bool clean,
                           int64_t recovery_point);
/* One record goes behind its end. */
void place_append(struct log *log);

#endif
