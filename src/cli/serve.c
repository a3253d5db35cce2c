/* serve, dev, version: a node in this process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "broker/broker.h"
#include "cli/config.h"
#include "http/http.h"
#include "log/folder.h"

enum {
    PORT_MAX = 65535,
    DEV_PORT = 9092,
    RELOAD_BYTES_MAX = 4 << 20,
    CHANGED_BYTES_MAX = 1024, /* of the names of keys that have changed */
    FOLDER_DEPTH_MAX = 8,     /* of the data folder that dev removes */
};

/* A node and where it writes its log. */
struct node {
    struct cli *cli;
    const char *file; /* of its settings; NULL: there is none */
    struct os *os;    /* for the clock and the folder; the broker's shards have their own */
    struct settings *settings;
    struct broker *broker;
    struct trace trace;
    struct loggers loggers;
    FILE *log;
    int64_t started_ns;
};

/* Any thread: stdio locks the stream. */
static void write_line(void *context, struct slice line)
{
    const struct node *node = context;
    fwrite(line.data, 1, line.size, node->log);
    fflush(node->log);
}

static int64_t wall_ms(void *context)
{
    const struct node *node = context;
    return os_wall_ms(node->os);
}

static enum trace_level level_of(void *context, int logger)
{
    const struct node *node = context;
    return loggers_level(&node->loggers, logger);
}

static int node_init(struct node *node, struct cli *cli, FILE *log, enum trace_level level)
{
    *node = (struct node){.cli = cli, .log = log};
    struct os_options options = {.workers_max = 1};
    int r = os_create(&options, &node->os);
    if (r < 0) return cli_fail(CLI_FAILED, "cannot make an event loop: %s", strerror(-r));
    if (cli_has(cli, OPTION_QUIET)) level = TRACE_WARN;
    if (cli_has(cli, OPTION_VERBOSE)) level = level == TRACE_INFO ? TRACE_DEBUG : TRACE_INFO;
    loggers_init(&node->loggers, level);
    node->trace = (struct trace){
        .level_of = level_of, .sink = write_line, .wall_ms = wall_ms, .context = node};
    node->started_ns = os_monotonic_ns(node->os);
    return CLI_OK;
}

static void node_deinit(struct node *node)
{
    broker_destroy(node->broker);
    settings_destroy(node->settings);
    os_destroy(node->os);
}

/* gregor.log.level, unless -q or -v say otherwise. */
static void node_set_level(struct node *node, const struct settings *settings)
{
    static const struct {
        const char *word;
        enum trace_level level;
    } levels[] = {
        {"debug", TRACE_DEBUG}, {"info", TRACE_INFO}, {"warn", TRACE_WARN}, {"error", TRACE_ERROR}};
    if (cli_has(node->cli, OPTION_QUIET) || cli_has(node->cli, OPTION_VERBOSE)) return;
    struct slice word = settings_text(settings, SETTING_GREGOR_LOG_LEVEL);
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++)
        if (slice_equal(word, slice_of(levels[i].word)))
            loggers_set(&node->loggers, TRACE_ROOT, (int)levels[i].level);
}

/* gregor.log.format; auto looks where the lines go. */
static void node_set_format(struct node *node)
{
    struct slice word = settings_text(node->settings, SETTING_GREGOR_LOG_FORMAT);
    if (slice_equal(word, SLICE("json")))
        node->trace.format = TRACE_JSON;
    else if (slice_equal(word, SLICE("logfmt")))
        node->trace.format = TRACE_LOGFMT;
    else if (slice_equal(word, SLICE("auto")) && os_is_journal(fileno(node->log)))
        node->trace.format = TRACE_JOURNAL;
}

/* --- HUP -------------------------------------------------------------------------------------- */

/* What the file of a node that runs says otherwise now, but for what has been done about it. */
static void tell_changed(struct node *node, const struct settings *now)
{
    char names[CHANGED_BYTES_MAX];
    size_t size = 0;
    for (int i = 0; i < SETTING_BROKER_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        if (id == SETTING_GREGOR_LOG_LEVEL || settings_given_alike(node->settings, now, id))
            continue;
        struct slice name = setting_get(id)->name;
        int more = snprintf(names + size, sizeof(names) - size, "%s%.*s", size > 0 ? ", " : "",
                            SLICE_ARG(name));
        if (more >= (int)(sizeof(names) - size)) break;
        size += (size_t)more;
    }
    names[size] = 0;
    if (size > 0)
        trace_write(&node->trace, TRACE_WARN, "gregor",
                    "These settings have changed and wait for the next start: %s", names);
}

/* On a worker of the broker's; nobody else uses the command line while it runs. */
static void reload(void *context)
{
    struct node *node = context;
    if (node->file == NULL) {
        trace_write(&node->trace, TRACE_WARN, "gregor", "There is no file of settings to read");
        return;
    }
    struct cli scratch = *node->cli;
    arena_init(&scratch.arena, RELOAD_BYTES_MAX);
    struct settings *now = NULL;
    int r = config_open(&scratch, node->file, NULL, 0, &now);
    if (r == CLI_OK) {
        node_set_level(node, now);
        trace_write(&node->trace, TRACE_WARN, "gregor",
                    "Read %s again: the log level of root is %s", node->file,
                    trace_level_name(loggers_level(&node->loggers, TRACE_ROOT)));
        tell_changed(node, now);
        settings_destroy(now);
    } else
        trace_write(&node->trace, TRACE_ERROR, "gregor",
                    "Read %s again and took nothing of it, for a node could not start by it",
                    node->file);
    arena_deinit(&scratch.arena);
}

/* --- start and stop --------------------------------------------------------------------------- */

/* As Apache Kafka's container image names it; null: a new folder gets a new one. */
static struct slice cluster_id(const struct cli *cli)
{
    const char *given = cli_has(cli, OPTION_ENV) ? getenv("CLUSTER_ID") : NULL;
    return given != NULL ? slice_of(given) : SLICE_NULL;
}

/* What went wrong has been logged by the broker, in one line. */
static int node_start(struct node *node)
{
    struct broker_options options = {
        .settings = node->settings,
        .handler = &api_handler,
        .monitor = &http_monitor,
        .trace = &node->trace,
        .loggers = &node->loggers,
        .reload = reload,
        .reload_context = node,
        .format_if_empty = true,
        .cluster_id = cluster_id(node->cli),
    };
    return broker_create(&options, &node->broker) < 0 ? CLI_FAILED : CLI_OK;
}

static int node_run(struct node *node)
{
    return broker_run(node->broker) < 0 ? CLI_FAILED : CLI_OK;
}

/* --- serve ------------------------------------------------------------------------------------ */

int cli_serve(struct cli *cli)
{
    static const struct config_default defaults[] = {{"log.dirs", "./gregor-data"}};
    const char *file = cli->arguments.count > 0 ? cli->arguments.items[0] : NULL;
    struct node node;
    int r = node_init(&node, cli, stdout, TRACE_INFO);
    if (r != CLI_OK) return r;
    node.file = file;
    r = config_open(cli, file, defaults, ARRAY_COUNT(defaults), &node.settings);
    if (r == CLI_OK) {
        node_set_level(&node, node.settings);
        node_set_format(&node);
        struct slice folders[SETTINGS_LOG_DIRS_MAX];
        int32_t count = settings_log_dirs(node.settings, folders);
        trace_write(&node.trace, TRACE_INFO, "gregor",
                    "gregor " GREGOR_VERSION ", settings of %s, data in %.*s%s",
                    file != NULL               ? file
                    : cli_has(cli, OPTION_ENV) ? "the environment"
                                               : "a node on its own",
                    SLICE_ARG(folders[0]), count > 1 ? " and other folders" : "");
        r = node_start(&node);
    }
    if (r == CLI_OK) r = node_run(&node);
    node_deinit(&node);
    return r;
}

/* --- dev -------------------------------------------------------------------------------------- */

static void remove_folder(struct os *os, const char *path, int depth);

struct removal {
    struct os *os;
    const char *path;
    int depth;
};

static int remove_entry(void *context, const char *name, bool is_dir)
{
    const struct removal *removal = context;
    char path[OS_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", removal->path, name);
    if (size >= OS_PATH_MAX) return 0;
    if (is_dir) {
        remove_folder(removal->os, path, removal->depth + 1);
        return 0;
    }
    int r = os_remove(removal->os, path);
    if (r < 0) fprintf(stderr, "gregor: %s: %s\n", path, strerror(-r));
    return 0;
}

static void remove_folder(struct os *os, const char *path, int depth)
{
    if (depth > FOLDER_DEPTH_MAX) return;
    struct removal removal = {os, path, depth};
    int r = os_dir_list(os, path, remove_entry, &removal);
    if (r == 0) r = os_remove(os, path);
    if (r < 0) fprintf(stderr, "gregor: %s: %s\n", path, strerror(-r));
}

static int make_folder(char path[OS_PATH_MAX])
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == 0) parent = "/tmp";
    int size = snprintf(path, OS_PATH_MAX, "%s/gregor-dev-XXXXXX", parent);
    if (size >= OS_PATH_MAX || mkdtemp(path) == NULL)
        return cli_fail(CLI_FAILED, "cannot make a folder in %s: %s", parent, strerror(errno));
    return CLI_OK;
}

static void print_welcome(struct node *node, const char *folder, bool temporary)
{
    struct folder_identity identity;
    bool known = folder_identity_read(node->os, folder, &identity) == 0;
    int64_t taken_us = (os_monotonic_ns(node->os) - node->started_ns) / 1000;
    printf("gregor " GREGOR_VERSION " · node %d · cluster %s · data in %s\n",
           (int)settings_number(node->settings, SETTING_NODE_ID),
           known ? identity.cluster_id : "unknown", folder);
    printf("  Kafka     localhost:%d\n", (int)broker_port(node->broker, 0));
    const char *place = broker_monitor_place(node->broker);
    if (place != NULL) printf("  Metrics   %s/metrics\n", place);
    printf("Ready in %.1f ms. Ctrl-C stops; the data %s.\n", (double)taken_us / 1000,
           temporary ? "goes with it (--data FOLDER keeps it)" : "stays");
    fflush(stdout);
}

static int dev_run(struct node *node, const char *folder, bool temporary)
{
    struct cli *cli = node->cli;
    int64_t port;
    int r = cli_number(cli, OPTION_PORT, 0, PORT_MAX, DEV_PORT, &port);
    if (r != CLI_OK) return r;
    char listener[64];
    snprintf(listener, sizeof(listener), "PLAINTEXT://localhost:%d", (int)port);
    const struct config_default defaults[] = {{"log.dirs", folder}, {"listeners", listener}};
    r = config_open(cli, NULL, defaults, ARRAY_COUNT(defaults), &node->settings);
    if (r == CLI_OK) r = node_start(node);
    if (r != CLI_OK) return r;
    print_welcome(node, folder, temporary);
    return node_run(node);
}

static int choose_folder(struct cli *cli, char folder[OS_PATH_MAX])
{
    if (!cli_has(cli, OPTION_DATA)) return make_folder(folder);
    if (snprintf(folder, OS_PATH_MAX, "%s", cli->option[OPTION_DATA]) >= OS_PATH_MAX)
        return cli_fail(CLI_USAGE, "--data is longer than %d bytes", OS_PATH_MAX);
    return CLI_OK;
}

int cli_dev(struct cli *cli)
{
    struct node node;
    int r = node_init(&node, cli, stderr, TRACE_WARN);
    if (r != CLI_OK) return r;
    char folder[OS_PATH_MAX];
    bool temporary = !cli_has(cli, OPTION_DATA);
    r = choose_folder(cli, folder);
    if (r == CLI_OK) {
        r = dev_run(&node, folder, temporary);
        node.broker = broker_destroy(node.broker);
        if (temporary) remove_folder(node.os, folder, 0);
    }
    node_deinit(&node);
    return r;
}

/* --- version ---------------------------------------------------------------------------------- */

int cli_version(struct cli *cli)
{
    (void)cli;
    printf("gregor " GREGOR_VERSION " (speaks Apache Kafka 4.3)\n");
    return CLI_OK;
}
