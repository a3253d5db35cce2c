/* storage format, info, random-uuid: a node's data folder before it runs. The options, and what is
 * printed, are those of kafka-storage. */
#include <errno.h>
#include <string.h>

#include "broker/format.h"
#include "cli/config.h"
#include "log/folder.h"

enum { FORMAT_TEXT_BYTES_MAX = 1 << 20 };

static int open_os(struct os **os)
{
    struct os_options options = {.workers_max = 1};
    int r = os_create(&options, os);
    if (r < 0) return cli_fail(CLI_FAILED, "cannot make an event loop: %s", strerror(-r));
    return CLI_OK;
}

static int open_settings(struct cli *cli, struct settings **settings)
{
    static const struct config_default defaults[] = {{"log.dirs", "./gregor-data"}};
    return config_open(cli, cli->option[OPTION_CONFIG_FILE], defaults, ARRAY_COUNT(defaults),
                       settings);
}

/* --- format ----------------------------------------------------------------------------------- */

/* --feature NAME=LEVEL …, and --release-version as a level of metadata.version. */
static int gather_features(struct cli *cli, struct format_options *options)
{
    const struct cli_values *given = &cli->repeated[OPTION_FEATURE];
    size_t count = (size_t)given->count;
    struct controller_feature *features =
        arena_alloc(&cli->arena, (count + 1) * sizeof(features[0]));
    for (size_t i = 0; i < count; i++) {
        struct slice level;
        int64_t number;
        if (cli_parse_pair(given->items[i], &features[i].name, &level) < 0 ||
            slice_parse_int64(level, 0, INT16_MAX, &number) < 0)
            return cli_fail(CLI_USAGE, "--feature wants NAME=LEVEL, not '%s'", given->items[i]);
        features[i].level = (int16_t)number;
    }
    const char *release = cli->option[OPTION_RELEASE_VERSION];
    if (release != NULL) {
        features[count].name = SLICE("metadata.version");
        features[count].level = controller_metadata_version_level(slice_of(release));
        if (features[count].level < 0)
            return cli_fail(CLI_USAGE, "--release-version: no release '%s' from 3.3 to 4.3",
                            release);
        count++;
    }
    options->features = features;
    options->feature_count = (int32_t)count;
    return CLI_OK;
}

static int gather_format(struct cli *cli, struct format_options *options)
{
    options->cluster_id = slice_of(cli->option[OPTION_CLUSTER_ID]);
    options->ignore_formatted = cli_has(cli, OPTION_IGNORE_FORMATTED);
    options->standalone = cli_has(cli, OPTION_STANDALONE);
    options->no_initial_controllers = cli_has(cli, OPTION_NO_INITIAL_CONTROLLERS);
    options->initial_controllers = slice_of(cli->option[OPTION_INITIAL_CONTROLLERS]);
    int quorums = options->standalone + options->no_initial_controllers +
                  !slice_is_null(options->initial_controllers);
    if (quorums > 1)
        return cli_fail(CLI_USAGE, "--standalone, --initial-controllers and "
                                   "--no-initial-controllers exclude each other");
    return gather_features(cli, options);
}

int cli_storage_format(struct cli *cli)
{
    struct format_options options = {0};
    int code = gather_format(cli, &options);
    struct settings *settings = NULL;
    if (code == CLI_OK) code = open_settings(cli, &settings);
    struct os *os = NULL;
    if (code == CLI_OK) code = open_os(&os);
    if (code == CLI_OK) {
        CLEANUP(writer_deinit) struct writer text;
        writer_init(&text, FORMAT_TEXT_BYTES_MAX);
        options.settings = settings;
        int r = format_folders(os, &options, &text);
        struct slice told = writer_slice(&text);
        if (r < 0 && told.size > 0) told.size--; /* its newline */
        if (r < 0)
            code = cli_fail(CLI_FAILED, "%.*s", SLICE_ARG(told));
        else
            fwrite(told.data, 1, told.size, stdout);
    }
    os_destroy(os);
    settings_destroy(settings);
    return code;
}

/* --- info ------------------------------------------------------------------------------------- */

struct info {
    struct os *os;
    struct folder_identity identity; /* of the first that has one */
    bool known;
    struct writer problems;
    int32_t problem_count;
};

static void look_at(struct info *info, struct slice path)
{
    char folder[OS_PATH_MAX];
    struct folder_identity identity;
    snprintf(folder, sizeof(folder), "%.*s", SLICE_ARG(path));
    int r = path.size < sizeof(folder) ? folder_identity_read(info->os, folder, &identity)
                                       : -ENAMETOOLONG;
    if (r == 0) {
        if (!info->known) info->identity = identity;
        info->known = true;
        return;
    }
    info->problem_count++;
    if (r == -ENOENT)
        writer_printf(&info->problems, "  %s is not formatted.\n", folder);
    else
        writer_printf(&info->problems, "  %s/meta.properties: %s\n", folder, strerror(-r));
}

static int print_info(struct os *os, const struct settings *settings)
{
    struct slice dirs[SETTINGS_LOG_DIRS_MAX];
    int32_t count = settings_log_dirs(settings, dirs);
    struct info info = {.os = os};
    writer_init(&info.problems, FORMAT_TEXT_BYTES_MAX);
    look_at(&info, settings_metadata_log_dir(settings));
    writer_reset(&info.problems); /* it is told again where it is one of the others */
    info.problem_count = 0;
    printf("Found log director%s:\n", count == 1 ? "y" : "ies");
    for (int32_t i = 0; i < count; i++) {
        printf("  %.*s\n", SLICE_ARG(dirs[i]));
        look_at(&info, dirs[i]);
    }
    puts("");
    if (info.known) {
        char directory_id[UUID_TEXT_SIZE];
        uuid_format(&info.identity.directory_id, directory_id);
        printf("Found metadata: {cluster.id=%s, directory.id=%s, node.id=%d, version=1}\n\n",
               info.identity.cluster_id, directory_id, (int)info.identity.node_id);
    }
    if (info.problem_count > 0)
        printf("Found problem%s:\n%.*s\n", info.problem_count == 1 ? "" : "s",
               SLICE_ARG(writer_slice(&info.problems)));
    writer_deinit(&info.problems);
    return info.problem_count == 0 ? CLI_OK : CLI_FAILED;
}

int cli_storage_info(struct cli *cli)
{
    struct settings *settings;
    int code = open_settings(cli, &settings);
    if (code != CLI_OK) return code;
    struct os *os = NULL;
    code = open_os(&os);
    if (code == CLI_OK) code = print_info(os, settings);
    os_destroy(os);
    settings_destroy(settings);
    return code;
}

/* --- random-uuid ------------------------------------------------------------------------------ */

int cli_storage_random_uuid(struct cli *cli)
{
    (void)cli;
    struct os *os;
    int code = open_os(&os);
    if (code != CLI_OK) return code;
    uint8_t random[16];
    struct uuid uuid;
    do {
        os_random(os, random, sizeof(random));
    } while (!uuid_from_random(random, &uuid));
    char text[UUID_TEXT_SIZE];
    uuid_format(&uuid, text);
    puts(text);
    os_destroy(os);
    return CLI_OK;
}
