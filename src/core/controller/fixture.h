/* A cluster of two brokers that the tests of controller/ plan changes of: plans are applied to the
 * image as the metadata log would. */
#ifndef GREGOR_CORE_CONTROLLER_FIXTURE_H
#define GREGOR_CORE_CONTROLLER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/controller/controller.h"
#include "wire/codec.h"
#include "wire/messages.h"

struct fixture {
    struct image *image;
    struct settings *settings;
    struct arena arena;
    struct prng random;
    struct writer body, reply;
    int64_t next_offset;
};

struct controller_input input_of(struct fixture *f);
void apply(struct fixture *f, const struct controller_plan *plan);
void join(struct fixture *f, int32_t broker_id);
void fence(struct fixture *f, int32_t broker_id, bool fenced);
int setup(void **state);
int teardown(void **state);
void ask(struct fixture *f, enum api_key key, int16_t version,
         const struct wire_message *request_message, const void *request,
         const struct wire_message *response_message, void *response);
int16_t create(struct fixture *f, const char *name, int32_t partitions, int16_t factor,
               bool validate_only);
const struct image_partition *partition(struct fixture *f, const char *topic, int32_t index);
void expect_config(struct fixture *f, const char *topic, const char *name, const char *value);

#endif
