/* A folder is formatted, a quorum of one lives in it, dies, and lives again. */
#include "broker/metadata.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "broker/format.h"
#include "broker/quorum_state.h"
#include "broker/snapshot.h"

struct fixture {
    struct os *os;
    struct settings *settings;
    struct log_files *files;
    struct folder *folder;
    struct folder_identity identity;
    struct metadata *metadata;
    struct image *image; /* built from what was committed */
    struct arena arena;
    struct prng random;
    int64_t committed; /* offset of the last committed record */
    int committed_waiters;
    int failures;
    char path[64];
};

static void on_committed(void *context, struct slice record, int64_t offset)
{
    struct fixture *f = context;
    assert_true(offset >= f->committed);
    f->committed = offset;
    assert_int_equal(image_apply(f->image, record, offset, NULL, NULL), 0);
}

static void on_failed(void *context, int error)
{
    (void)error;
    ((struct fixture *)context)->failures++;
}

static void discard(void *context, struct slice line)
{
    (void)context;
    (void)line;
}

static int64_t no_clock(void *context)
{
    (void)context;
    return 0;
}

static const struct trace trace = {.level = TRACE_FATAL, .sink = discard, .wall_ms = no_clock};

static struct settings *make_settings(const char *path, const char *quorum_voters)
{
    struct settings *settings = settings_create();
    settings_override(settings, SLICE("log.dirs"), slice_of(path));
    settings_override(settings, SLICE("metadata.log.max.record.bytes.between.snapshots"),
                      SLICE("4096"));
    settings_override(settings, SLICE("controller.quorum.voters"), slice_of(quorum_voters));
    settings_standalone(settings);
    assert_true(settings_check(settings));
    return settings;
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc_zero(sizeof(*f));
    struct os_options options = {.workers_max = 1};
    char base[] = "/tmp/gregor-md-XXXXXX";
    if (os_create(&options, &f->os) < 0 || mkdtemp(base) == NULL) return -1;
    memcpy(f->path, base, sizeof(base));
    f->settings = make_settings(f->path, "");
    f->files = log_files_create(f->os, 16);
    arena_init(&f->arena, CONTROLLER_ARENA_BYTES);
    prng_init(&f->random, 1);
    *state = f;
    return 0;
}

static int remove_entry(void *context, const char *name, bool is_dir)
{
    struct fixture *f = context;
    char path[OS_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", f->path, name);
    return is_dir ? log_remove_directory(f->os, path) : os_remove(f->os, path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    folder_close(f->folder);
    image_destroy(f->image);
    log_files_destroy(f->files);
    settings_destroy(f->settings);
    arena_deinit(&f->arena);
    int r = os_dir_list(f->os, f->path, remove_entry, f);
    if (r == 0) r = os_remove(f->os, f->path);
    os_destroy(f->os);
    memory_free(f);
    return r;
}

static int format(struct fixture *f, const char *cluster_id, bool ignore, struct writer *text)
{
    struct format_options options = {.settings = f->settings,
                                     .cluster_id = slice_of(cluster_id),
                                     .standalone = true,
                                     .ignore_formatted = ignore};
    return format_folders(f->os, &options, text);
}

static int open_metadata(struct fixture *f)
{
    if (f->folder == NULL) assert_int_equal(folder_open(f->os, f->path, &f->folder), 0);
    assert_int_equal(folder_identity_read(f->os, f->path, &f->identity), 0);
    image_destroy(f->image);
    f->image = image_create(0);
    f->committed = -1;
    struct metadata_options options = {
        .os = f->os,
        .files = f->files,
        .folder = f->folder,
        .settings = f->settings,
        .trace = &trace,
        .identity = &f->identity,
        .on_committed = on_committed,
        .on_failed = on_failed,
        .context = f,
    };
    return metadata_open(&options, &f->metadata);
}

static void begin(struct fixture *f)
{
    struct writer text;
    writer_init(&text, 1 << 16);
    assert_int_equal(format(f, "JDGFqlZGTuGGFZSBAxwYhA", false, &text), 0);
    assert_non_null(memmem(text.data, text.size, "dynamic metadata voter directory", 32));
    writer_deinit(&text);
    assert_int_equal(open_metadata(f), 0);
}

static void committed(struct metadata_waiter *waiter, int error)
{
    assert_int_equal(error, 0);
    waiter->offset = -7;
}

static struct controller_input input_of(struct fixture *f)
{
    return (struct controller_input){
        .image = metadata_image(f->metadata),
        .settings = f->settings,
        .now_ms = 1,
        .random = &f->random,
        .arena = &f->arena,
        .next_offset = metadata_end_offset(f->metadata),
        .node_id = f->identity.node_id,
    };
}

static void append(struct fixture *f, const struct controller_plan *plan)
{
    struct metadata_waiter waiter = {.committed = committed};
    assert_int_equal(metadata_append(f->metadata, plan, &waiter), 0);
    metadata_flush(f->metadata);
    while (waiter.offset != -7)
        os_turn(f->os, INT64_MAX);
    arena_reset(&f->arena);
}

static void take_blocks(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        struct controller_plan plan;
        struct controller_input input = input_of(f);
        int64_t first;
        int32_t size;
        controller_plan_producer_ids(&input, f->identity.node_id, &plan, &first, &size);
        append(f, &plan);
    }
}

static void register_broker(struct fixture *f)
{
    struct controller_registration registration = {.broker_id = f->identity.node_id,
                                                   .directories = &f->identity.directory_id,
                                                   .directory_count = 1};
    struct controller_plan plan;
    struct controller_input input = input_of(f);
    controller_plan_registration(&input, &registration, &plan);
    append(f, &plan);
}

static void a_folder_is_formatted_once(void **state)
{
    struct fixture *f = *state;
    struct writer text;
    writer_init(&text, 1 << 16);
    assert_int_equal(format(f, "JDGFqlZGTuGGFZSBAxwYhA", false, &text), 0);
    struct folder_identity before, after;
    assert_int_equal(folder_identity_read(f->os, f->path, &before), 0);
    assert_string_equal(before.cluster_id, "JDGFqlZGTuGGFZSBAxwYhA");
    writer_reset(&text);
    assert_true(format(f, "JDGFqlZGTuGGFZSBAxwYhA", false, &text) < 0);
    assert_non_null(memmem(text.data, text.size, "is already formatted.", 21));
    writer_reset(&text);
    assert_int_equal(format(f, "AAAAAAAAAAAAAAAAAAAAAQ", true, &text), 0);
    assert_int_equal(folder_identity_read(f->os, f->path, &after), 0);
    assert_memory_equal(&before, &after, sizeof(before));
    writer_deinit(&text);
}

/* Does a refusal say `why`, and leave the folder as it was? */
static void assert_refused(struct fixture *f, const struct format_options *options, const char *why)
{
    struct writer text;
    struct folder_identity none;
    writer_init(&text, 1 << 16);
    assert_int_equal(format_folders(f->os, options, &text), -EINVAL);
    assert_non_null(memmem(text.data, text.size, why, strlen(why)));
    assert_int_equal(folder_identity_read(f->os, f->path, &none), -ENOENT);
    writer_deinit(&text);
}

static void a_quorum_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    struct controller_feature kraft = {SLICE("kraft.version"), 0};
    struct format_options options = {.settings = f->settings};
    assert_refused(f, &options, "you must specify one of the following: --standalone");
    options.standalone = true;
    options.cluster_id = SLICE("");
    assert_refused(f, &options, "The cluster id must not be empty.");
    options.cluster_id = SLICE_NULL;
    options.features = &kraft;
    options.feature_count = 1;
    assert_refused(f, &options, "Cannot set kraft.version to 0 if");
    kraft.level = 2;
    assert_refused(f, &options, "No feature:kraft.version with feature level 2");
    options = (struct format_options){.settings = f->settings};
    options.initial_controllers = SLICE("nonsense");
    assert_refused(f, &options, "Failed to parse dynamic voter nonsense");
    options.initial_controllers = SLICE("77@localhost:9093:7qjGL35iRBKzd1JXndCMyg");
    assert_refused(f, &options, "among --initial-controllers.");
}

static void static_voters_need_no_voters_in_the_log(void **state)
{
    struct fixture *f = *state;
    struct controller_feature kraft = {SLICE("kraft.version"), 1};
    settings_destroy(f->settings);
    f->settings = make_settings(f->path, "1@localhost:9093");
    struct format_options options = {.settings = f->settings, .standalone = true};
    assert_refused(f, &options, "You cannot specify controller.quorum.voters and format");
    options.standalone = false;
    options.features = &kraft;
    options.feature_count = 1;
    assert_refused(f, &options, "Cannot set kraft.version to 1 unless");
    kraft.level = 0;
    struct writer text;
    writer_init(&text, 1 << 16);
    assert_int_equal(format_folders(f->os, &options, &text), 0);
    assert_non_null(memmem(text.data, text.size, "\nFormatting metadata directory ", 31));
    writer_deinit(&text);
    char voters[OS_PATH_MAX];
    snprintf(voters, sizeof(voters), "%s/__cluster_metadata-0", f->path);
    assert_int_equal(access(voters, F_OK), -1);
}

static void the_first_records_are_the_bootstrap_s(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(image_metadata_version(f->image), 30);
    assert_int_equal(image_feature(f->image, SLICE("transaction.version")), 2);
    assert_int_equal(metadata_leader_epoch(f->metadata), 1);
    /* Three control records, then nine of the bootstrap transaction. */
    assert_int_equal(metadata_end_offset(f->metadata), 12);
    assert_int_equal(image_hash(f->image), image_hash(metadata_image(f->metadata)));
    assert_int_equal(metadata_close(f->metadata), 0);
}

static void what_was_committed_is_there_again(void **state)
{
    struct fixture *f = *state;
    begin(f);
    register_broker(f);
    take_blocks(f, 3);
    assert_int_equal(image_next_producer_id(f->image), 3000);
    uint64_t before = image_hash(f->image);
    assert_int_equal(metadata_close(f->metadata), 0);
    assert_int_equal(open_metadata(f), 0);
    assert_int_equal(image_hash(f->image), before);
    assert_int_equal(metadata_leader_epoch(f->metadata), 2);
    take_blocks(f, 1);
    assert_int_equal(image_next_producer_id(f->image), 4000);
    assert_int_equal(metadata_close(f->metadata), 0);
    assert_int_equal(f->failures, 0);
}

static void no_epoch_is_led_twice(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(metadata_close(f->metadata), 0);
    char directory[OS_PATH_MAX];
    snprintf(directory, sizeof(directory), "%s/__cluster_metadata-0", f->path);
    int32_t epoch;
    assert_int_equal(quorum_state_read(f->os, directory, &epoch), 0);
    assert_int_equal(epoch, 1);
    /* Elected, and then dead before the log knew. */
    assert_int_equal(quorum_state_write(f->os, directory, 1, 9, true), 0);
    assert_int_equal(open_metadata(f), 0);
    assert_int_equal(metadata_leader_epoch(f->metadata), 10);
    assert_int_equal(metadata_close(f->metadata), 0);
    assert_int_equal(folder_replace_file(f->os, directory, "quorum-state", SLICE("{\"half")), 0);
    assert_int_equal(open_metadata(f), -EBADMSG);
}

static int count_snapshot(void *context, const char *name, bool is_dir)
{
    (void)is_dir;
    if (strstr(name, ".checkpoint") != NULL && strstr(name, ".tmp") == NULL) ++*(int *)context;
    return 0;
}

static int snapshots(struct fixture *f)
{
    int count = 0;
    char directory[OS_PATH_MAX];
    snprintf(directory, sizeof(directory), "%s/__cluster_metadata-0", f->path);
    assert_int_equal(os_dir_list(f->os, directory, count_snapshot, &count), 0);
    return count;
}

static void a_snapshot_tells_the_same(void **state)
{
    struct fixture *f = *state;
    begin(f);
    register_broker(f);
    assert_int_equal(snapshots(f), 1); /* of the voters, by format */
    take_blocks(f, 60);
    metadata_maintain(f->metadata, os_wall_ms(f->os));
    for (int i = 0; i < 1000 && snapshots(f) < 2; i++)
        os_turn(f->os, os_monotonic_ns(f->os) + 10000000);
    assert_int_equal(snapshots(f), 2);
    take_blocks(f, 2);
    uint64_t before = image_hash(f->image);
    assert_int_equal(metadata_close(f->metadata), 0);
    assert_int_equal(open_metadata(f), 0);
    assert_int_equal(image_hash(f->image), before);
    assert_int_equal(image_next_producer_id(f->image), 62000);
    assert_int_equal(metadata_close(f->metadata), 0);
}

struct seen {
    int records, voters;
    int64_t last_offset;
};

static int see_record(void *context, struct slice record, int64_t offset)
{
    struct seen *seen = context;
    assert_int_equal(record.size, 300000);
    seen->records++;
    assert_true(offset > seen->last_offset);
    seen->last_offset = offset;
    return 0;
}

static int see_control(void *context, enum control_type type, struct slice value, int64_t offset)
{
    struct seen *seen = context;
    (void)offset;
    if (type == CONTROL_KRAFT_VOTERS) {
        seen->voters++;
        assert_int_equal(value.size, 3);
    }
    return 0;
}

static void snapshots_are_read_as_written(void **state)
{
    (void)state;
    struct writer bytes;
    struct snapshot_writer writer;
    struct seen seen = {0};
    struct snapshot_reader reader = {see_record, see_control, &seen};
    static uint8_t record[300000];
    writer_init(&bytes, 64 << 20);
    snapshot_begin(&writer, &bytes, 5, 3, 4, SLICE("abc"));
    for (int i = 0; i < 10; i++)
        snapshot_add(&writer, (struct slice){record, sizeof(record)});
    assert_int_equal(snapshot_end(&writer), 0);
    assert_int_equal(snapshot_read(writer_slice(&bytes), &reader), 0);
    assert_int_equal(seen.records, 10);
    assert_int_equal(seen.voters, 1);
    seen = (struct seen){0};
    bytes.data[bytes.size / 2] ^= 1;
    assert_int_equal(snapshot_read(writer_slice(&bytes), &reader), -EBADMSG);
    writer_deinit(&bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_formatted_once),
        TEST(a_quorum_that_cannot_be_is_refused),
        TEST(static_voters_need_no_voters_in_the_log),
        TEST(the_first_records_are_the_bootstrap_s),
        TEST(what_was_committed_is_there_again),
        TEST(no_epoch_is_led_twice),
        TEST(a_snapshot_tells_the_same),
        cmocka_unit_test(snapshots_are_read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
