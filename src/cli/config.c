/* Settings from the command line, and what is said of them. */
#include "cli/config.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "cli/environment.h"
#include "cli/output.h"

static int load_text(const char *name, struct slice text, struct settings *settings)
{
    int32_t line;
    int r = settings_load(settings, text, &line);
    if (r == -EBADMSG)
        return cli_fail(CLI_FAILED, "%s line %d: malformed \\u escape", name, (int)line);
    if (r < 0) return cli_fail(CLI_FAILED, "%s: %s", name, strerror(-r));
    return CLI_OK;
}

/* By stdio: the file may be a pipe. */
static int load_file(const char *name, struct settings *settings)
{
    FILE *file = fopen(name, "re");
    if (file == NULL) return cli_fail(CLI_FAILED, "%s: %s", name, strerror(errno));
    uint8_t *text = memory_alloc(SETTINGS_TEXT_MAX + 1);
    size_t size = fread(text, 1, SETTINGS_TEXT_MAX + 1, file);
    int r = CLI_OK;
    if (ferror(file))
        r = cli_fail(CLI_FAILED, "%s: %s", name, strerror(errno));
    else if (size > SETTINGS_TEXT_MAX)
        r = cli_fail(CLI_FAILED, "%s is longer than %d bytes", name, SETTINGS_TEXT_MAX);
    else
        r = load_text(name, (struct slice){text, size}, settings);
    memory_free(text);
    fclose(file);
    return r;
}

static int load_defaults(struct cli *cli, const struct config_default *defaults, int count,
                         struct settings *settings)
{
    struct slice text = SLICE("");
    for (int i = 0; i < count; i++)
        text = arena_printf(&cli->arena, "%.*s%s=%s\n", SLICE_ARG(text), defaults[i].key,
                            defaults[i].value);
    return load_text("the defaults", text, settings);
}

static int take_overrides(const struct cli *cli, struct settings *settings)
{
    const struct cli_values *overrides = &cli->repeated[OPTION_OVERRIDE];
    for (int i = 0; i < overrides->count; i++) {
        struct slice key, value;
        if (cli_parse_pair(overrides->items[i], &key, &value) < 0)
            return cli_fail(CLI_USAGE, "--override wants KEY=VALUE, not '%s'", overrides->items[i]);
        settings_override(settings, key, value);
    }
    return CLI_OK;
}

extern char **environ; /* POSIX: a program declares it itself */

/* KAFKA_* variables, below --override; true: there were some. */
static bool take_environment(struct cli *cli, struct settings *settings)
{
    struct slice advertised = SLICE_NULL;
    bool found = false, listens = false;
    for (char **entry = environ; *entry != NULL; entry++) {
        struct slice key, value;
        if (!environment_setting(*entry, &cli->arena, &key, &value)) continue;
        settings_override(settings, key, value);
        if (slice_equal(key, SLICE("advertised.listeners"))) advertised = value;
        listens = listens || slice_equal(key, SLICE("listeners"));
        found = found || !slice_equal(key, SLICE("gregor.log.level"));
    }
    if (!listens && !slice_is_null(advertised))
        settings_override(settings, SLICE("listeners"),
                          environment_listeners(advertised, &cli->arena));
    return found;
}

/* Everything but the verdict. A file or variables say all; without either a node is on its own. */
static int config_load(struct cli *cli, const char *file, const struct config_default *defaults,
                       int default_count, struct settings *settings)
{
    int r = file != NULL ? load_file(file, settings)
                         : load_defaults(cli, defaults, default_count, settings);
    bool told = file != NULL;
    if (r == CLI_OK && cli_has(cli, OPTION_ENV) && take_environment(cli, settings)) told = true;
    if (r == CLI_OK) r = take_overrides(cli, settings);
    if (r == CLI_OK && !told) settings_standalone(settings);
    return r;
}

static void tell(const char *file, const struct settings_line *line)
{
    if (file != NULL && line->line > 0)
        fprintf(stderr, "gregor: %s line %d", file, (int)line->line);
    else
        fputs("gregor: settings", stderr);
    fprintf(stderr, ": %.*s: %.*s\n", SLICE_ARG(line->key), SLICE_ARG(line->text));
}

int config_open(struct cli *cli, const char *file, const struct config_default *defaults,
                int default_count, struct settings **opened)
{
    struct settings *settings = settings_create();
    int r = config_load(cli, file, defaults, default_count, settings);
    if (r == CLI_OK && !settings_check(settings)) r = CLI_FAILED;
    int32_t count;
    const struct settings_line *lines = settings_lines(settings, &count);
    for (int32_t i = 0; i < count; i++) {
        bool wrong =
            lines[i].verdict == SETTINGS_LINE_INVALID || lines[i].verdict == SETTINGS_LINE_REFUSED;
        bool odd = lines[i].verdict == SETTINGS_LINE_UNKNOWN && !cli_has(cli, OPTION_QUIET);
        if (wrong || odd) tell(file, &lines[i]);
    }
    if (r != CLI_OK) {
        settings_destroy(settings);
        return r;
    }
    *opened = settings;
    return CLI_OK;
}

/* --- config check ----------------------------------------------------------------------------- */

static const char *verdict_name(enum settings_verdict verdict)
{
    switch (verdict) {
    case SETTINGS_LINE_HONOURED:
        return "ok";
    case SETTINGS_LINE_ACCEPTED:
        return "no-effect";
    case SETTINGS_LINE_REFUSED:
        return "refused";
    case SETTINGS_LINE_UNKNOWN:
        return "unknown";
    case SETTINGS_LINE_INVALID:
        return "invalid";
    }
    return "";
}

/* For programs, and with -o wide: a row for each finding. */
static int print_rows(struct cli *cli, const struct settings_line *lines, int32_t count)
{
    static const struct output_column columns[] = {
        {"LINE", "line", OUTPUT_NUMBER},     {"KEY", "key", OUTPUT_TEXT},
        {"VERDICT", "verdict", OUTPUT_TEXT}, {"WHY", "why", OUTPUT_TEXT},
        {"VALUE", "value", OUTPUT_WIDE},
    };
    struct output *output;
    if (output_begin(cli, "config.check", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < count; i++) {
        struct slice number = SLICE_NULL;
        if (lines[i].line > 0) number = arena_printf(&cli->arena, "%d", (int)lines[i].line);
        output_row(output, (struct slice[]){
                               number,
                               lines[i].key,
                               slice_of(verdict_name(lines[i].verdict)),
                               lines[i].text,
                               lines[i].value,
                           });
    }
    output_end(output);
    return CLI_OK;
}

/* How people are told of a verdict. */
struct group {
    enum settings_verdict verdict;
    const char *title, *one, *many;
    enum { COUNTED, NAMED, SHOWN } detail;
};

static void print_line(const struct settings_line *line)
{
    if (line->line > 0)
        printf("          line %d  ", (int)line->line);
    else
        fputs(slice_is_null(line->value) ? "          " : "          --override  ", stdout);
    printf("%.*s", SLICE_ARG(line->key));
    if (!slice_is_null(line->value)) printf("=%.*s", SLICE_ARG(line->value));
    printf("   %.*s\n", SLICE_ARG(line->text));
}

static void print_group(const struct group *group, const struct settings_line *lines, int32_t count)
{
    int found = 0;
    for (int32_t i = 0; i < count; i++)
        found += lines[i].verdict == group->verdict;
    if (found == 0) return;
    printf("%-8s %3d %s %s", group->title, found, found == 1 ? "key" : "keys",
           found == 1 ? group->one : group->many);
    const char *between = "   ";
    for (int32_t i = 0; i < count && group->detail == NAMED; i++) {
        if (lines[i].verdict != group->verdict) continue;
        printf("%s%.*s", between, SLICE_ARG(lines[i].key));
        between = ", ";
    }
    putchar('\n');
    for (int32_t i = 0; i < count && group->detail == SHOWN; i++)
        if (lines[i].verdict == group->verdict) print_line(&lines[i]);
}

/* For people: what needs nobody's care is counted, what must be mended comes last. */
static void print_groups(const struct settings_line *lines, int32_t count)
{
    static const struct group groups[] = {
        {SETTINGS_LINE_HONOURED, "ok", "understood", "understood", COUNTED},
        {SETTINGS_LINE_ACCEPTED, "ignored", "has no meaning here", "have no meaning here", NAMED},
        {SETTINGS_LINE_UNKNOWN, "unknown", "is nobody's", "are nobody's", SHOWN},
        {SETTINGS_LINE_INVALID, "INVALID", "has a value that cannot be",
         "have values that cannot be", SHOWN},
        {SETTINGS_LINE_REFUSED, "REFUSED", "asks for what is not supported",
         "ask for what is not supported", SHOWN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++)
        print_group(&groups[i], lines, count);
}

static bool wants_rows(const struct cli *cli)
{
    return cli_has(cli, OPTION_OUTPUT) && strcmp(cli->option[OPTION_OUTPUT], "table") != 0;
}

int cli_config_check(struct cli *cli)
{
    struct settings *settings = settings_create();
    int r = config_load(cli, cli->arguments.items[0], NULL, 0, settings);
    if (r == CLI_OK) {
        bool good = settings_check(settings);
        int32_t count;
        const struct settings_line *lines = settings_lines(settings, &count);
        if (wants_rows(cli))
            r = print_rows(cli, lines, count);
        else
            print_groups(lines, count);
        if (r == CLI_OK && !good) r = CLI_FAILED;
    }
    settings_destroy(settings);
    return r;
}
