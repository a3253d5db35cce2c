/* api versions: what the broker speaks, beside what gregor speaks. */
#include "cli/client.h"
#include "cli/output.h"

static struct slice range_text(struct arena *arena, int16_t min, int16_t max)
{
    return min == max ? arena_printf(arena, "%d", min) : arena_printf(arena, "%d-%d", min, max);
}

int cli_api_versions(struct cli *cli)
{
    static const struct output_column columns[] = {
        {"KEY", "key", OUTPUT_NUMBER},
        {"API", "api", OUTPUT_TEXT},
        {"BROKER", "broker_versions", OUTPUT_TEXT},
        {"GREGOR", "gregor_versions", OUTPUT_TEXT},
        {"USABLE", "usable_version", OUTPUT_NUMBER},
    };
    struct client *client;
    int r = client_open(cli, &client);
    if (r != CLI_OK) return r;
    struct output *output;
    if (output_begin(cli, "api.versions", columns, ARRAY_COUNT(columns), &output) < 0) {
        client_close(client);
        return CLI_USAGE;
    }
    struct arena *arena = &cli->arena;
    for (int key = 0; key <= INT16_MAX; key++) {
        int16_t min, max;
        if (!client_offers(client, (enum api_key)key, &min, &max)) continue;
        const struct wire_api *api = wire_api_find((int16_t)key);
        int16_t usable = client_version(client, (enum api_key)key, INT16_MAX);
        struct slice ours = SLICE_NULL;
        if (api != NULL) ours = range_text(arena, api->version_min, api->version_max);
        output_row(output, (struct slice[]){
                               arena_printf(arena, "%d", key),
                               api != NULL ? slice_of(api->name) : SLICE_NULL,
                               range_text(arena, min, max),
                               ours,
                               usable >= 0 ? arena_printf(arena, "%d", usable) : SLICE_NULL,
                           });
    }
    output_end(output);
    client_close(client);
    return CLI_OK;
}
