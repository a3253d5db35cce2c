/* quota list, quota set: what users, clients and addresses may use. (KIP-546) */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/output.h"

/* What a quota may be for; everything else that has a '=' is a quota. */
static bool is_entity_type(struct slice name)
{
    return slice_equal(name, SLICE("user")) || slice_equal(name, SLICE("client-id")) ||
           slice_equal(name, SLICE("ip"));
}

/* --- list ------------------------------------------------------------------------------------- */

static struct slice entity_text(struct arena *arena,
                                const struct describe_client_quotas_response_entry_data *entry)
{
    struct slice text = SLICE("");
    for (int32_t i = 0; i < entry->entity_count; i++) {
        struct slice name = entry->entity[i].entity_name;
        if (slice_is_null(name)) name = SLICE("*"); /* all that have none of their own */
        text = arena_printf(arena, "%.*s%s%.*s=%.*s", SLICE_ARG(text), i > 0 ? "," : "",
                            SLICE_ARG(entry->entity[i].entity_type), SLICE_ARG(name));
    }
    return text;
}

static int print_quotas(struct cli *cli, const struct describe_client_quotas_response *response)
{
    static const struct output_column columns[] = {
        {"ENTITY", "entity", OUTPUT_TEXT},
        {"QUOTA", "quota", OUTPUT_TEXT},
        {"VALUE", "value", OUTPUT_NUMBER},
    };
    struct output *output;
    if (output_begin(cli, "quota.list", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < response->entries_count; i++) {
        const struct describe_client_quotas_response_entry_data *entry = &response->entries[i];
        for (int32_t j = 0; j < entry->values_count; j++)
            output_row(output, (struct slice[]){
                                   entity_text(&cli->arena, entry),
                                   entry->values[j].key,
                                   arena_printf(&cli->arena, "%.15g", entry->values[j].value),
                               });
    }
    output_end(output);
    return CLI_OK;
}

int cli_quota_list(struct cli *cli)
{
    struct client *client;
    int r = client_open(cli, &client);
    if (r != CLI_OK) return r;
    struct describe_client_quotas_request request;
    struct describe_client_quotas_response response;
    wire_defaults(&wire_describe_client_quotas_request, &request);
    r = client_call(client, API_DESCRIBE_CLIENT_QUOTAS,
                    client_version(client, API_DESCRIBE_CLIENT_QUOTAS, INT16_MAX), &request,
                    &cli->arena, &response);
    if (r == CLI_OK && response.error_code != 0) {
        enum kafka_error error = (enum kafka_error)response.error_code;
        r = cli_fail(client_exit(error), "%s: %.*s", kafka_error_name(error),
                     SLICE_ARG(response.error_message));
    }
    if (r == CLI_OK) r = print_quotas(cli, &response);
    client_close(client);
    return r;
}

/* --- set -------------------------------------------------------------------------------------- */

static int parse_value(struct cli *cli, struct slice key, struct slice text,
                       struct alter_client_quotas_request_op_data *op)
{
    char *end;
    *op = (struct alter_client_quotas_request_op_data){.key = key};
    op->remove = slice_equal(text, SLICE("none"));
    if (op->remove) return CLI_OK;
    struct slice number = arena_printf(&cli->arena, "%.*s", SLICE_ARG(text));
    op->value = strtod((const char *)number.data, &end);
    bool whole = number.size > 0 && *end == 0;
    if (whole && op->value >= 0) return CLI_OK;
    return cli_fail(CLI_USAGE, "%.*s wants a number, or 'none', not '%.*s'", SLICE_ARG(key),
                    SLICE_ARG(text));
}

/* Pairs in any order: some say for whom, the others how much. */
static int parse_entry(struct cli *cli, struct alter_client_quotas_request_entry_data *entry)
{
    size_t count = (size_t)cli->arguments.count;
    entry->entity = arena_alloc(&cli->arena, count * sizeof(entry->entity[0]));
    entry->ops = arena_alloc(&cli->arena, count * sizeof(entry->ops[0]));
    for (int i = 0; i < cli->arguments.count; i++) {
        struct slice key, value;
        if (cli_parse_pair(cli->arguments.items[i], &key, &value) < 0)
            return cli_fail(CLI_USAGE, "'%s' is no KEY=VALUE", cli->arguments.items[i]);
        if (is_entity_type(key)) {
            bool all = slice_equal(value, SLICE("*"));
            entry->entity[entry->entity_count++] = (struct alter_client_quotas_request_entity_data){
                .entity_type = key, .entity_name = all ? SLICE_NULL : value};
            continue;
        }
        int r = parse_value(cli, key, value, &entry->ops[entry->ops_count++]);
        if (r != CLI_OK) return r;
    }
    if (entry->entity_count == 0)
        return cli_fail(CLI_USAGE, "for whom? user=, client-id= or ip=, '*' for all others");
    if (entry->ops_count == 0)
        return cli_fail(CLI_USAGE, "how much? for one, producer_byte_rate=1048576");
    return CLI_OK;
}

int cli_quota_set(struct cli *cli)
{
    struct alter_client_quotas_request_entry_data entry = {0};
    int r = parse_entry(cli, &entry);
    struct client *client = NULL;
    if (r == CLI_OK) r = client_open(cli, &client);
    if (r != CLI_OK) return r;
    struct alter_client_quotas_request request;
    struct alter_client_quotas_response response;
    wire_defaults(&wire_alter_client_quotas_request, &request);
    request.validate_only = cli_has(cli, OPTION_DRY_RUN);
    request.entries = &entry;
    request.entries_count = 1;
    r = client_call(client, API_ALTER_CLIENT_QUOTAS,
                    client_version(client, API_ALTER_CLIENT_QUOTAS, INT16_MAX), &request,
                    &cli->arena, &response);
    for (int32_t i = 0; r == CLI_OK && i < response.entries_count; i++) {
        enum kafka_error error = (enum kafka_error)response.entries[i].error_code;
        if (error != KAFKA_ERROR_NONE)
            r = cli_fail(client_exit(error), "%s: %.*s", kafka_error_name(error),
                         SLICE_ARG(response.entries[i].error_message));
    }
    if (r == CLI_OK) {
        printf("%sset ", cli_has(cli, OPTION_DRY_RUN) ? "would be " : "");
        for (int i = 0; i < cli->arguments.count; i++)
            printf(" %s", cli->arguments.items[i]);
        putchar('\n');
    }
    client_close(client);
    return r;
}
