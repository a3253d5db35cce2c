#include "broker/format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "broker/snapshot.h"
#include "log/folder.h"

enum {
    ARENA_MAX_BYTES = 1 << 20,
    FILE_MAX_BYTES = 1 << 20,
    CLUSTER_ID_MAX = 63,
    CONTROLLER_PORT = 9093, /* of a voter whose settings name no controller listener */
};

struct formatting {
    struct os *os;
    const struct format_options *options;
    struct writer *text;
    struct arena arena;
    char path[OS_PATH_MAX];
    struct folder_identity identity;
    struct controller_plan bootstrap;
    int64_t now_ms;
    bool is_voter; /* of a dynamic quorum: its voters are in its log */
};

static int complain(struct formatting *f, const char *format, ...) PRINTF_LIKE(2, 3);

static int complain(struct formatting *f, const char *format, ...)
{
    char line[OS_PATH_MAX + 512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    writer_reset(f->text);
    writer_printf(f->text, "%s\n", line);
    return -EINVAL;
}

static struct uuid fresh_uuid(struct os *os)
{
    uint8_t random[16];
    struct uuid uuid;
    do
        os_random(os, random, sizeof(random));
    while (!uuid_from_random(random, &uuid));
    return uuid;
}

/* --- what was asked for ----------------------------------------------------------------------- */

/* kraft.version follows from where the voters are; whoever names it may only say the same.
 * (Formatter.effectiveKRaftFeatureLevel) */
static int check_kraft_version(struct formatting *f, bool is_dynamic)
{
    for (int32_t i = 0; i < f->options->feature_count; i++) {
        const struct controller_feature *feature = &f->options->features[i];
        if (!slice_equal(feature->name, SLICE("kraft.version"))) continue;
        if (feature->level == 0 && is_dynamic)
            return complain(f, "Cannot set kraft.version to 0 if controller.quorum.voters is empty "
                               "and one of the flags --standalone, --initial-controllers, or "
                               "--no-initial-controllers is used. For dynamic controllers support, "
                               "try removing the --feature flag for kraft.version.");
        if (feature->level > 0 && !is_dynamic)
            return complain(f,
                            "Cannot set kraft.version to %d unless controller.quorum.voters is "
                            "empty and one of the flags --standalone, --initial-controllers, or "
                            "--no-initial-controllers is used. For dynamic controllers support, "
                            "try using one of --standalone, --initial-controllers, or "
                            "--no-initial-controllers and removing controller.quorum.voters.",
                            (int)feature->level);
    }
    return 0;
}

/* Which kind of quorum do settings and flags describe? (StorageTool.runFormatCommand) */
static int decide_quorum(struct formatting *f)
{
    const struct format_options *options = f->options;
    bool is_static = settings_text(options->settings, SETTING_CONTROLLER_QUORUM_VOTERS).size > 0;
    bool names_voters = options->standalone || !slice_is_null(options->initial_controllers);
    f->is_voter = names_voters && !is_static;
    if (is_static && names_voters && !options->implied)
        return complain(f, "You cannot specify controller.quorum.voters and format the node with "
                           "--initial-controllers or --standalone. If you want to use dynamic "
                           "quorum, please remove controller.quorum.voters and specify "
                           "controller.quorum.bootstrap.servers instead.");
    if (!is_static && !names_voters && !options->no_initial_controllers)
        return complain(f, "Because controller.quorum.voters is not set on this controller, you "
                           "must specify one of the following: --standalone, "
                           "--initial-controllers, or --no-initial-controllers.");
    return check_kraft_version(f, !is_static);
}

static int decide_identity(struct formatting *f)
{
    const struct format_options *options = f->options;
    f->identity.node_id = (int32_t)settings_number(options->settings, SETTING_NODE_ID);
    f->identity.directory_id = fresh_uuid(f->os);
    if (slice_is_null(options->cluster_id)) {
        char text[UUID_TEXT_SIZE];
        struct uuid id = fresh_uuid(f->os);
        uuid_format(&id, text);
        memcpy(f->identity.cluster_id, text, sizeof(text));
        return 0;
    }
    if (options->cluster_id.size == 0) return complain(f, "The cluster id must not be empty.");
    if (options->cluster_id.size > CLUSTER_ID_MAX)
        return complain(f, "The cluster id is longer than %d characters.", CLUSTER_ID_MAX);
    memcpy(f->identity.cluster_id, options->cluster_id.data, options->cluster_id.size);
    f->identity.cluster_id[options->cluster_id.size] = 0;
    return 0;
}

/* --- the voters ------------------------------------------------------------------------------- */

struct snapshot_voter format_own_voter(const struct settings *settings,
                                       const struct folder_identity *identity)
{
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    int32_t count = settings_listeners(settings, listeners);
    struct snapshot_voter voter = {
        .id = identity->node_id,
        .directory_id = identity->directory_id,
        .listener = SLICE("CONTROLLER"),
        .host = SLICE("localhost"),
        .port = CONTROLLER_PORT,
    };
    for (int32_t i = 0; i < count; i++) {
        if (!listeners[i].controller) continue;
        voter.listener = listeners[i].name;
        if (listeners[i].advertised_host.size > 0) voter.host = listeners[i].advertised_host;
        if (listeners[i].port != 0) voter.port = listeners[i].port;
        break;
    }
    return voter;
}

static bool take_until(struct slice *text, char mark, struct slice *part)
{
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, mark, text->size);
    if (end == NULL) return false;
    *part = (struct slice){text->data, (size_t)(end - text->data)};
    text->size -= part->size + 1;
    text->data = end + 1;
    return true;
}

/* "id@host:port:directoryId" (DynamicVoter.parse) */
static int parse_voter(struct formatting *f, struct slice text, struct snapshot_voter *voter)
{
    struct slice all = text, id, host, port;
    int64_t number, port_number;
    *voter = format_own_voter(f->options->settings, &f->identity);
    bool shaped = take_until(&text, '@', &id) && take_until(&text, ':', &host) &&
                  take_until(&text, ':', &port);
    if (!shaped || host.size == 0 || slice_parse_int64(id, 0, INT32_MAX, &number) < 0 ||
        slice_parse_int64(port, 1, UINT16_MAX, &port_number) < 0 ||
        uuid_parse(text, &voter->directory_id) < 0)
        return complain(f,
                        "Failed to parse dynamic voter %.*s: it must be "
                        "id@host:port:directoryId.",
                        SLICE_ARG(all));
    voter->id = (int32_t)number;
    voter->host = host;
    voter->port = (uint16_t)port_number;
    return 0;
}

static int decide_voter(struct formatting *f, struct snapshot_voter *voter)
{
    struct slice list = f->options->initial_controllers, item;
    *voter = format_own_voter(f->options->settings, &f->identity);
    if (slice_is_null(list)) return 0;
    int found = 0;
    while (setting_list_next(&list, &item)) {
        int r = parse_voter(f, item, voter);
        if (r < 0) return r;
        if (++found > 1)
            return complain(f, "More than one initial controller is not supported yet.");
    }
    if (found == 0 || voter->id != f->identity.node_id)
        return complain(f, "You must specify this node's id %d among --initial-controllers.",
                        (int)f->identity.node_id);
    f->identity.directory_id = voter->directory_id;
    return 0;
}

/* --- the files -------------------------------------------------------------------------------- */

static int write_snapshot(struct formatting *f, const char *directory, const char *name,
                          struct slice voters, bool with_records)
{
    struct writer bytes;
    struct snapshot_writer snapshot;
    writer_init(&bytes, FILE_MAX_BYTES);
    /* Of records that no log holds, the header tells no time. */
    int64_t last_ms = with_records ? 0 : f->now_ms;
    snapshot_begin(&snapshot, &bytes, f->now_ms, 0, last_ms, voters);
    for (int32_t i = 0; with_records && i < f->bootstrap.record_count; i++)
        snapshot_add(&snapshot, f->bootstrap.records[i]);
    int r = snapshot_end(&snapshot);
    if (r == 0) r = folder_replace_file(f->os, directory, name, writer_slice(&bytes));
    writer_deinit(&bytes);
    return r;
}

static int write_voters(struct formatting *f, const struct snapshot_voter *voter)
{
    char directory[OS_PATH_MAX];
    int size = snprintf(directory, sizeof(directory), "%s/__cluster_metadata-0", f->path);
    if (size >= OS_PATH_MAX) return -ENAMETOOLONG;
    struct writer value;
    writer_init(&value, FILE_MAX_BYTES);
    control_put_voter(&value, voter);
    int r = os_dir_create(f->os, directory);
    if (r == 0)
        r = write_snapshot(f, directory, "00000000000000000000-0000000000.checkpoint",
                           writer_slice(&value), false);
    writer_deinit(&value);
    return r;
}

/* meta.properties comes last: a folder that has it has everything. The parents are made first. */
static int write_files(struct formatting *f, const struct snapshot_voter *voter)
{
    int r = folder_make(f->os, f->path);
    if (r == 0) r = write_snapshot(f, f->path, "bootstrap.checkpoint", SLICE_NULL, true);
    if (r == 0 && voter != NULL) r = write_voters(f, voter);
    if (r == 0) r = folder_format(f->os, f->path, &f->identity);
    if (r < 0) (void)complain(f, "Cannot format %s: %s", f->path, strerror(-r));
    return r;
}

/* --- what Kafka prints ------------------------------------------------------------------------ */

static int16_t level_of(const struct formatting *f, const char *name)
{
    struct image *image = image_create(0);
    int r = 0;
    for (int32_t i = 0; i < f->bootstrap.record_count && r == 0; i++)
        r = image_apply(image, f->bootstrap.records[i], i, NULL, NULL);
    int16_t level = r == 0 ? image_feature(image, slice_of(name)) : 0;
    image_destroy(image);
    return level;
}

static void print_bootstrap(struct formatting *f)
{
    writer_printf(f->text, "Bootstrap metadata: BootstrapMetadata(records=[");
    const struct controller_supported *feature = NULL;
    int16_t metadata_version = level_of(f, "metadata.version");
    writer_printf(f->text,
                  "ApiMessageAndVersion(FeatureLevelRecord(name='metadata.version', "
                  "featureLevel=%d) at version 0)",
                  (int)metadata_version);
    while ((feature = controller_supported_next(feature)) != NULL) {
        int16_t level = level_of(f, feature->name);
        if (level <= 0 || strcmp(feature->name, "metadata.version") == 0) continue;
        writer_printf(f->text,
                      ", ApiMessageAndVersion(FeatureLevelRecord(name='%s', "
                      "featureLevel=%d) at version 0)",
                      feature->name, (int)level);
    }
    writer_printf(f->text, "], metadataVersionLevel=%d, source=format command)\n",
                  (int)metadata_version);
}

static void print_result(struct formatting *f, const char *kind)
{
    writer_printf(f->text, "Formatting %s %s with metadata.version %s.\n", kind, f->path,
                  controller_metadata_version_name(level_of(f, "metadata.version")));
}

/* --- format ----------------------------------------------------------------------------------- */

static int enter(struct formatting *f, struct slice path)
{
    int size = snprintf(f->path, sizeof(f->path), "%.*s", SLICE_ARG(path));
    return size < OS_PATH_MAX ? 0 : complain(f, "The data folder's name is too long.");
}

/* *formatted: this folder is a broker's already, and that is fine. Its cluster is then ours. */
static int is_formatted(struct formatting *f, bool *formatted)
{
    struct folder_identity existing;
    int r = folder_identity_read(f->os, f->path, &existing);
    *formatted = r != -ENOENT;
    if (r == -ENOENT) return 0;
    if (r == 0 && f->options->ignore_formatted) {
        if (slice_is_null(f->options->cluster_id))
            memcpy(f->identity.cluster_id, existing.cluster_id, sizeof(existing.cluster_id));
        return 0;
    }
    if (r < 0 && r != -EBADMSG) return complain(f, "Cannot read %s: %s", f->path, strerror(-r));
    return complain(f,
                    "Log directory %s is already formatted. Use --ignore-formatted to ignore "
                    "this directory and format the others.",
                    f->path);
}

/* Those of `dirs` that are not formatted stay there; returns how many they are. */
static int choose_folders(struct formatting *f, struct slice *dirs, int32_t count)
{
    int32_t left = 0;
    for (int32_t i = 0; i < count; i++) {
        bool formatted = false;
        int r = enter(f, dirs[i]);
        if (r == 0) r = is_formatted(f, &formatted);
        if (r < 0) return r;
        if (!formatted) dirs[left++] = dirs[i];
    }
    return left;
}

static int format_one(struct formatting *f, struct slice path, bool is_home)
{
    struct snapshot_voter voter;
    int r = enter(f, path);
    if (r == 0 && is_home && f->is_voter) r = decide_voter(f, &voter);
    if (r == 0) r = write_files(f, is_home && f->is_voter ? &voter : NULL);
    if (r < 0) return r;
    print_result(f, !is_home      ? "data directory"
                    : f->is_voter ? "dynamic metadata voter directory"
                                  : "metadata directory");
    f->identity.directory_id = fresh_uuid(f->os); /* the next one has its own */
    return 0;
}

/* The metadata's folder last: with it the node is formatted. */
static int format_each(struct formatting *f, const struct slice *dirs, int32_t count)
{
    struct slice home = settings_metadata_log_dir(f->options->settings);
    bool home_is_new = false;
    int r = 0;
    for (int32_t i = 0; i < count && r == 0; i++) {
        bool is_home = slice_equal(dirs[i], home);
        home_is_new = home_is_new || is_home;
        if (!is_home) r = format_one(f, dirs[i], false);
    }
    return r == 0 && home_is_new ? format_one(f, home, true) : r;
}

static int format(struct formatting *f)
{
    struct slice dirs[SETTINGS_LOG_DIRS_MAX + 1];
    int32_t count = settings_log_dirs(f->options->settings, dirs);
    struct slice home = settings_metadata_log_dir(f->options->settings);
    bool is_apart = true;
    for (int32_t i = 0; i < count; i++)
        is_apart = is_apart && !slice_equal(dirs[i], home);
    if (is_apart) dirs[count++] = home;
    int r = decide_quorum(f);
    if (r == 0) r = decide_identity(f);
    if (r < 0) return r;
    count = choose_folders(f, dirs, count);
    if (count < 0) return count;
    if (count == 0) {
        writer_printf(f->text, "All of the log directories are already formatted.\n");
        return 0;
    }
    struct slice error;
    r = controller_plan_bootstrap(&f->arena, f->options->features, f->options->feature_count,
                                  &f->bootstrap, &error);
    if (r < 0) return complain(f, "%.*s", SLICE_ARG(error));
    print_bootstrap(f);
    return format_each(f, dirs, count);
}

int format_folders(struct os *os, const struct format_options *options, struct writer *text)
{
    struct formatting f = {.os = os, .options = options, .text = text, .now_ms = os_wall_ms(os)};
    arena_init(&f.arena, ARENA_MAX_BYTES);
    int r = format(&f);
    arena_deinit(&f.arena);
    return r;
}
