/* config get, set, unset; topic alter: the settings of what has settings. */
#include <string.h>

#include "cli/client.h"
#include "cli/output.h"

enum { OPERATION_SET = 0, OPERATION_DELETE = 1 }; /* AlterConfigOp.OpType */

/* What can have settings, by the words of the command line. (ConfigResource.Type) */
static const struct {
    const char *word;
    int8_t type;
    bool name_is_optional; /* without one: of all */
} kinds[] = {{"topic", 2, false},
             {"broker", 4, true},
             {"broker-logger", 8, false},
             {"client-metrics", 16, false},
             {"group", 32, false}};

struct entity {
    int8_t type;
    struct slice name;
    const char *text; /* as it was given */
};

/* "topic/orders", "broker/1"; "broker" for what all brokers share. */
static int parse_entity(const char *text, struct entity *entity)
{
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strlen(kinds[i].word) != size || memcmp(kinds[i].word, text, size) != 0) continue;
        bool named = slash != NULL && slash[1] != 0;
        if (!named && (slash != NULL || !kinds[i].name_is_optional)) break;
        *entity = (struct entity){kinds[i].type, named ? slice_of(slash + 1) : SLICE(""), text};
        return CLI_OK;
    }
    return cli_fail(CLI_USAGE,
                    "'%s' is no entity: topic/NAME, broker/ID, broker (all of them), "
                    "broker-logger/ID, group/NAME or client-metrics/NAME",
                    text);
}

/* --- get -------------------------------------------------------------------------------------- */

/* Numbers of DescribeConfigsResponse.ConfigSource. */
static struct slice source_text(int8_t source)
{
    static const char *const words[] = {"unknown", "topic",  "broker",  "all brokers", "file",
                                        "default", "logger", "metrics", "group"};
    bool known = source >= 0 && (size_t)source < ARRAY_COUNT(words);
    return slice_of(words[known ? source : 0]);
}

static bool is_default(int8_t source)
{
    return source == 5;
}

static int describe(struct cli *cli, struct client *client, const struct entity *entity,
                    struct describe_configs_response *response)
{
    struct describe_configs_request_describe_configs_resource resource = {
        .resource_type = entity->type,
        .resource_name = entity->name,
        .configuration_keys_count = cli->arguments.count > 1 ? cli->arguments.count - 1 : -1,
    };
    resource.configuration_keys =
        arena_alloc(&cli->arena, (size_t)cli->arguments.count * sizeof(struct slice));
    for (int i = 1; i < cli->arguments.count; i++)
        resource.configuration_keys[i - 1] = slice_of(cli->arguments.items[i]);
    struct describe_configs_request request;
    wire_defaults(&wire_describe_configs_request, &request);
    request.resources = &resource;
    request.resources_count = 1;
    return client_call(client, API_DESCRIBE_CONFIGS,
                       client_version(client, API_DESCRIBE_CONFIGS, INT16_MAX), &request,
                       &cli->arena, response);
}

static int print_settings(struct cli *cli,
                          const struct describe_configs_response_describe_configs_result *result)
{
    static const struct output_column columns[] = {
        {"KEY", "key", OUTPUT_TEXT},
        {"VALUE", "value", OUTPUT_TEXT},
        {"SOURCE", "source", OUTPUT_TEXT},
    };
    struct output *output;
    if (output_begin(cli, "config.get", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    bool all = cli->arguments.count > 1 || cli_has(cli, OPTION_ALL);
    for (int32_t i = 0; i < result->configs_count; i++) {
        const struct describe_configs_response_describe_configs_resource_result *config =
            &result->configs[i];
        if (!all && is_default(config->config_source)) continue;
        struct slice value = config->is_sensitive ? SLICE("(hidden)") : config->value;
        output_row(output,
                   (struct slice[]){config->name, value, source_text(config->config_source)});
    }
    output_end(output);
    return CLI_OK;
}

/* A key that was asked for and that nobody knows is a failure. */
static int tell_unknown(const struct cli *cli,
                        const struct describe_configs_response_describe_configs_result *result)
{
    int r = CLI_OK;
    for (int i = 1; i < cli->arguments.count; i++) {
        bool found = false;
        for (int32_t j = 0; j < result->configs_count && !found; j++)
            found = slice_equal(result->configs[j].name, slice_of(cli->arguments.items[i]));
        if (!found)
            r = cli_fail(CLI_FAILED, "%s has no setting '%s'", cli->arguments.items[0],
                         cli->arguments.items[i]);
    }
    return r;
}

int cli_config_get(struct cli *cli)
{
    struct entity entity;
    struct client *client = NULL;
    struct describe_configs_response response;
    int r = parse_entity(cli->arguments.items[0], &entity);
    if (r == CLI_OK) r = client_open(cli, &client);
    if (r == CLI_OK) r = describe(cli, client, &entity, &response);
    if (r == CLI_OK && response.results_count != 1)
        r = cli_fail(CLI_FAILED, "the broker answered for %d entities",
                     (int)response.results_count);
    if (r == CLI_OK && response.results[0].error_code != 0) {
        enum kafka_error error = (enum kafka_error)response.results[0].error_code;
        r = cli_fail(client_exit(error), "%s: %s: %.*s", entity.text, kafka_error_name(error),
                     SLICE_ARG(response.results[0].error_message));
    }
    if (r == CLI_OK) r = print_settings(cli, &response.results[0]);
    if (r == CLI_OK) r = tell_unknown(cli, &response.results[0]);
    client_close(client);
    return r;
}

/* --- set and unset ---------------------------------------------------------------------------- */

/* A change of one entity's settings. */
struct change {
    struct cli *cli;
    struct entity entity;
    const char *done; /* what it is called when it is done: "set" */
    bool removes;     /* the arguments are keys, not pairs */
};

static int gather(const struct change *change,
                  struct incremental_alter_configs_request_alter_configs_resource *resource)
{
    struct cli *cli = change->cli;
    size_t count = (size_t)cli->arguments.count - 1;
    resource->configs = arena_alloc(&cli->arena, count * sizeof(resource->configs[0]));
    resource->configs_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct incremental_alter_configs_request_alterable_config *config = &resource->configs[i];
        const char *text = cli->arguments.items[i + 1];
        *config = (struct incremental_alter_configs_request_alterable_config){
            .name = slice_of(text),
            .config_operation = change->removes ? OPERATION_DELETE : OPERATION_SET,
            .value = SLICE_NULL,
        };
        if (!change->removes && cli_parse_pair(text, &config->name, &config->value) < 0)
            return cli_fail(CLI_USAGE, "'%s' is no KEY=VALUE", text);
    }
    return CLI_OK;
}

static int report(const struct change *change,
                  const struct incremental_alter_configs_response *response)
{
    const struct cli *cli = change->cli;
    int r = CLI_OK;
    for (int32_t i = 0; i < response->responses_count; i++) {
        enum kafka_error error = (enum kafka_error)response->responses[i].error_code;
        if (error != KAFKA_ERROR_NONE)
            r = cli_fail(client_exit(error), "%s: %s: %.*s", change->entity.text,
                         kafka_error_name(error), SLICE_ARG(response->responses[i].error_message));
    }
    if (r != CLI_OK) return r;
    printf("%s%s  %s ", cli_has(cli, OPTION_DRY_RUN) ? "would be " : "", change->done,
           change->entity.text);
    for (int i = 1; i < cli->arguments.count; i++)
        printf(" %s", cli->arguments.items[i]);
    putchar('\n');
    return CLI_OK;
}

static int alter(const struct change *change)
{
    struct cli *cli = change->cli;
    struct incremental_alter_configs_request_alter_configs_resource resource = {
        .resource_type = change->entity.type, .resource_name = change->entity.name};
    int r = gather(change, &resource);
    struct client *client = NULL;
    if (r == CLI_OK) r = client_open(cli, &client);
    if (r != CLI_OK) return r;
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_response response;
    wire_defaults(&wire_incremental_alter_configs_request, &request);
    request.validate_only = cli_has(cli, OPTION_DRY_RUN);
    request.resources = &resource;
    request.resources_count = 1;
    r = client_call(client, API_INCREMENTAL_ALTER_CONFIGS,
                    client_version(client, API_INCREMENTAL_ALTER_CONFIGS, INT16_MAX), &request,
                    &cli->arena, &response);
    if (r == CLI_OK) r = report(change, &response);
    client_close(client);
    return r;
}

int cli_config_set(struct cli *cli)
{
    struct change change = {.cli = cli, .done = "set"};
    int r = parse_entity(cli->arguments.items[0], &change.entity);
    return r == CLI_OK ? alter(&change) : r;
}

int cli_config_unset(struct cli *cli)
{
    struct change change = {.cli = cli, .done = "unset", .removes = true};
    int r = parse_entity(cli->arguments.items[0], &change.entity);
    return r == CLI_OK ? alter(&change) : r;
}

int cli_topic_alter(struct cli *cli)
{
    const char *topic = cli->arguments.items[0];
    struct change change = {
        .cli = cli, .done = "altered", .entity = {kinds[0].type, slice_of(topic), topic}};
    return alter(&change);
}
