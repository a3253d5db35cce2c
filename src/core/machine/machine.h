/*
 * machine: a state that lives in a log. A brain plans records and answers; the records go to the
 * log as one batch and are applied at once; the answers wait until the log is committed as far as
 * the state had come when they were given. So nothing is ever undone: who loses the leadership of
 * the log throws the machine away, who wins it replays the log into a new one. (KIP-848,
 * CoordinatorRuntime)
 *
 * What it never does: append, choose a log, read a clock, know what its brain is about.
 *
 * The hands' round:
 *
 *     machine_request, _step or _tick      the brain has planned
 *     machine_plan                         are there records? append them as one batch, then
 *     machine_appended or machine_refused  every round ends with one of the two
 *     machine_committed                    whenever the high watermark has moved
 *     machine_take_answered                until NULL: their answers may go
 *
 * Ownership: the state is the machine's, through its brain; an asker is the hands', lent from
 * machine_request until machine_take_answered gives it back. Every asker comes back exactly once.
 */
#ifndef GREGOR_CORE_MACHINE_MACHINE_H
#define GREGOR_CORE_MACHINE_MACHINE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/writer.h"
#include "wire/apis.h"
#include "wire/codec.h"
#include "wire/errors.h"

/* Who waits for an answer. The hands embed it in what they know of the request. */
struct machine_asker {
    enum api_key key;
    int16_t version;                     /* of the request and of its answer */
    const void *message;                 /* the decoded request; lives as long as the asker */
    struct slice client_id, client_host; /* likewise */
    struct writer *reply;                /* empty; gets the body of the answer */
    int result;                          /* out: 0; -EMSGSIZE: the answer has no room in `reply` */
    struct list_link link; /* the brain's while it lets the asker wait, then the machine's */
    int64_t offset;        /* the machine's: what must be committed before the answer may go */
};

struct machine_record {
    struct slice key;
    struct slice value; /* null: a tombstone */
};

/* What one step of the brain makes. Records and whatever else the step needs live in the arena,
 * which is emptied when the next step begins. */
struct machine_plan {
    struct arena arena;
    struct machine_record *records; /* of record_capacity, memory of its own */
    int32_t record_count, record_capacity;
    struct list answered; /* askers, in the order in which they were answered */
};

/* What the hands know at the time of a step; each brain has its own struct that begins with this.
 */
struct machine_input {
    int64_t now_ms;       /* wall clock: what is written into records */
    int64_t monotonic_ms; /* what deadlines are made of */
};

/* Where a record comes from. */
struct machine_origin {
    int64_t offset;
    int64_t producer_id; /* -1: not of a transaction */
    int16_t producer_epoch;
};

struct machine_brain {
    /* Answers the asker now (machine_answer) or keeps it in a list of its own for later. */
    void (*request)(void *state, const struct machine_input *input, struct machine_asker *asker,
                    struct machine_plan *plan);
    /* Fires one thing that is due; its deadline moves on. Called while deadline_ms is not in the
     * future. */
    void (*tick)(void *state, const struct machine_input *input, struct machine_plan *plan);
    /* The earliest monotonic time at which there is something to do; INT64_MAX: none. */
    int64_t (*deadline_ms)(const void *state);
    /* The state as one record of the log makes it: the same for a fresh one and a replayed one.
     * -EBADMSG: not a record of this state; -ENOTSUP: of a version that we do not know. */
    int (*apply)(void *state, const struct machine_record *record,
                 const struct machine_origin *origin);
    /* The log has been replayed to its end; timers begin. May plan records. */
    void (*loaded)(void *state, const struct machine_input *input, struct machine_plan *plan);
    /* The records of the last step could not be appended (KAFKA_ERROR_RECORD_LIST_TOO_LARGE, or
     * KAFKA_ERROR_KAFKA_STORAGE_ERROR for a full disk): the brain puts right what it did beside
     * them. It may answer askers and plans no records. */
    void (*refused)(void *state, const struct machine_input *input, enum kafka_error error,
                    struct machine_plan *plan);
    /* Moves every asker that waits in the state to `askers`. */
    void (*release)(void *state, struct list *askers);
    /* The answer of an API that tells nothing but this error, for whatever the asker asked. */
    void (*answer_error)(struct machine_asker *asker, enum kafka_error error);
    void (*destroy)(void *state);
};

struct machine {
    const struct machine_brain *brain;
    void *state;
    struct machine_plan plan;
    struct list held;     /* answered askers, ascending by offset */
    struct list answered; /* those that may go */
    int64_t end_offset;   /* of the log, as far as the state has it */
    int64_t high_watermark;
    bool planned; /* a round is open */
};

enum {
    /* Of one step: a group with all its members' assignments. */
    MACHINE_PLAN_BYTES_MAX = 256 << 20,
};

/* The state is the machine's from here on. */
void machine_init(struct machine *machine, const struct machine_brain *brain, void *state);
/* Nobody may wait in it any more (machine_abandon). */
void machine_deinit(struct machine *machine);

/* One record of the log, in its order, before machine_loaded. Errors as the brain's apply. */
MUST_USE int machine_replay(struct machine *machine, const struct machine_record *record,
                            const struct machine_origin *origin);
/* The log has been replayed up to `end_offset`. Opens a round. */
void machine_loaded(struct machine *machine, const struct machine_input *input, int64_t end_offset);

void machine_request(struct machine *machine, const struct machine_input *input,
                     struct machine_asker *asker);
/* A step that is no request: what the hands have seen happen. Opens a round. */
typedef void (*machine_event)(void *state, const struct machine_input *input, const void *event,
                              struct machine_plan *plan);
void machine_step(struct machine *machine, const struct machine_input *input, machine_event step,
                  const void *event);
/* Fires one thing that is due; false: nothing was, and no round was opened. */
bool machine_tick(struct machine *machine, const struct machine_input *input);
int64_t machine_deadline_ms(const struct machine *machine);

const struct machine_plan *machine_plan(const struct machine *machine);
/* The plan's records are in the log, which ends at `end_offset` now; or there were none. */
void machine_appended(struct machine *machine, int64_t end_offset);
/* They are not. Whoever was answered in this step is told `error` instead. */
void machine_refused(struct machine *machine, const struct machine_input *input,
                     enum kafka_error error);
void machine_committed(struct machine *machine, int64_t high_watermark);
struct machine_asker *machine_take_answered(struct machine *machine);

/* The leadership is lost, or the log: whoever waits is told `error`, at once. */
void machine_abandon(struct machine *machine, enum kafka_error error);

/* --- for brains ------------------------------------------------------------------------------- */

/* One more record: key and value are encoded. A null value message: a tombstone. */
void machine_plan_record(struct machine_plan *plan, const struct wire_message *key_message,
                         const void *key, const struct wire_message *value_message,
                         int16_t value_version, const void *value);
/* Encodes the answer; the asker must be in no list. What `response` points to is not needed
 * afterwards. */
void machine_answer(struct machine_plan *plan, struct machine_asker *asker,
                    const struct wire_message *message, const void *response);

#endif
