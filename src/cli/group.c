/* group list, describe, members, delete. */
#include <stdio.h>

#include "base/writer.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/watch.h"

/* --- list ------------------------------------------------------------------------------------- */

static int print_list(struct cli *cli, const struct groups *groups)
{
    static const struct output_column columns[] = {
        {"GROUP", "group", OUTPUT_TEXT},
        {"TYPE", "type", OUTPUT_TEXT},
        {"PROTOCOL", "protocol", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_TEXT},
        {"COORDINATOR", "coordinator", OUTPUT_NUMBER},
    };
    struct output *output;
    if (output_begin(cli, "group.list", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        output_row(output, (struct slice[]){
                               group->id,
                               group->type,
                               group->protocol,
                               group->state,
                               arena_printf(&cli->arena, "%d", (int)group->coordinator),
                           });
    }
    output_end(output);
    return CLI_OK;
}

int cli_group_list(struct cli *cli)
{
    struct groups groups;
    int r = groups_open(cli, NULL, 0, &groups);
    if (r == CLI_OK) r = print_list(cli, &groups);
    groups_close(&groups);
    return r;
}

/* --- describe --------------------------------------------------------------------------------- */

/* Null where there is nothing to say. */
static struct slice offset_text(struct cli *cli, int64_t offset)
{
    return offset < 0 ? SLICE_NULL : output_number(cli, &cli->arena, offset);
}

static void print_place(struct cli *cli, struct output *output, const struct group *group,
                        const struct group_place *place)
{
    static const struct group_member nobody;
    const struct group_member *member = place->member != NULL ? place->member : &nobody;
    output_row(output, (struct slice[]){
                           group->id,
                           place->topic,
                           arena_printf(&cli->arena, "%d", (int)place->partition),
                           offset_text(cli, place->committed),
                           offset_text(cli, place->end),
                           offset_text(cli, group_place_lag(place)),
                           member->id,
                           member->client_id,
                           member->host,
                           group->state,
                       });
}

/* What tables say above the rows; everything else has it in them. */
static void print_heading(struct cli *cli, const struct group *group)
{
    struct slice lag = output_number(cli, &cli->arena, group_lag(group));
    printf("GROUP %.*s   TYPE %.*s   STATE %.*s   MEMBERS %d", SLICE_ARG(group->id),
           SLICE_ARG(group->type), SLICE_ARG(group->state), (int)group->member_count);
    if (group->assignor.size > 0) printf("   ASSIGNOR %.*s", SLICE_ARG(group->assignor));
    printf("   COORDINATOR %d   LAG %.*s\n", (int)group->coordinator, SLICE_ARG(lag));
}

static int print_places(struct cli *cli, const struct group *groups, int32_t count)
{
    static const struct output_column columns[] = {
        {"GROUP", "group", OUTPUT_WIDE},
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"COMMITTED", "committed", OUTPUT_NUMBER},
        {"END", "end_offset", OUTPUT_NUMBER},
        {"LAG", "lag", OUTPUT_NUMBER},
        {"MEMBER", "member", OUTPUT_TEXT},
        {"CLIENT", "client_id", OUTPUT_TEXT},
        {"HOST", "host", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_WIDE},
    };
    struct output *output;
    if (output_begin(cli, "group.describe", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t j = 0; j < groups[i].place_count; j++)
            print_place(cli, output, &groups[i], &groups[i].places[j]);
    }
    output_end(output);
    return CLI_OK;
}

/* People read a table for each group, programs one document of all. */
static int print_groups(struct cli *cli, const struct groups *groups)
{
    if (!output_is_table(cli)) return print_places(cli, groups->items, groups->count);
    int r = CLI_OK;
    for (int32_t i = 0; r == CLI_OK && i < groups->count; i++) {
        if (i > 0) putchar('\n');
        print_heading(cli, &groups->items[i]);
        r = print_places(cli, &groups->items[i], 1);
    }
    return r;
}

static int describe_once(struct cli *cli, void *context)
{
    (void)context;
    struct groups groups;
    int r = groups_open(cli, cli->arguments.items, cli->arguments.count, &groups);
    if (r == CLI_OK) r = groups_learn_members(&groups);
    if (r == CLI_OK) r = groups_learn_offsets(&groups);
    if (r == CLI_OK) r = print_groups(cli, &groups);
    if (r == CLI_OK) watch_pause(cli, groups.cluster.client);
    groups_close(&groups);
    return r;
}

int cli_group_describe(struct cli *cli)
{
    return watch_run(cli, describe_once, NULL);
}

/* --- members ---------------------------------------------------------------------------------- */

/* "orders:0,2 payments:1" */
static struct slice reads_text(struct cli *cli, const struct group *group,
                               const struct group_member *member)
{
    struct writer text;
    writer_init(&text, CLIENT_FRAME_MAX);
    struct slice topic = SLICE_NULL;
    for (int32_t i = 0; i < group->place_count; i++) {
        const struct group_place *place = &group->places[i];
        if (place->member != member) continue;
        bool same = slice_equal(place->topic, topic);
        if (!same)
            writer_printf(&text, "%s%.*s", slice_is_null(topic) ? "" : " ",
                          SLICE_ARG(place->topic));
        writer_printf(&text, "%c%d", same ? ',' : ':', (int)place->partition);
        topic = place->topic;
    }
    struct slice copy = arena_copy(&cli->arena, writer_slice(&text));
    writer_deinit(&text);
    return copy;
}

static int print_members(struct cli *cli, const struct groups *groups)
{
    static const struct output_column columns[] = {
        {"GROUP", "group", OUTPUT_TEXT},       {"MEMBER", "member", OUTPUT_TEXT},
        {"CLIENT", "client_id", OUTPUT_TEXT},  {"HOST", "host", OUTPUT_TEXT},
        {"INSTANCE", "instance", OUTPUT_WIDE}, {"PARTITIONS", "partitions", OUTPUT_NUMBER},
        {"READS", "reads", OUTPUT_TEXT},
    };
    struct output *output;
    if (output_begin(cli, "group.members", columns, ARRAY_COUNT(columns), &output) < 0)
        return CLI_USAGE;
    for (int32_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        for (int32_t j = 0; j < group->member_count; j++) {
            const struct group_member *member = &group->members[j];
            output_row(output, (struct slice[]){
                                   group->id,
                                   member->id,
                                   member->client_id,
                                   member->host,
                                   member->instance_id,
                                   arena_printf(&cli->arena, "%d", (int)member->partition_count),
                                   reads_text(cli, group, member),
                               });
        }
    }
    output_end(output);
    return CLI_OK;
}

int cli_group_members(struct cli *cli)
{
    struct groups groups;
    int r = groups_open(cli, cli->arguments.items, cli->arguments.count, &groups);
    if (r == CLI_OK) r = groups_learn_members(&groups);
    if (r == CLI_OK) r = print_members(cli, &groups);
    groups_close(&groups);
    return r;
}

/* --- delete ----------------------------------------------------------------------------------- */

static int delete_one(struct groups *groups, struct group *group)
{
    struct client *client;
    int r = cluster_connect(&groups->cluster, group->coordinator, &client);
    if (r != CLI_OK) return r;
    struct delete_groups_request request;
    struct delete_groups_response response;
    wire_defaults(&wire_delete_groups_request, &request);
    request.groups_names = &group->id;
    request.groups_names_count = 1;
    r = client_ask(client, API_DELETE_GROUPS, &request, &groups->cluster.cli->arena, &response);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < response.results_count; i++) {
        enum kafka_error error = (enum kafka_error)response.results[i].error_code;
        if (error == KAFKA_ERROR_NON_EMPTY_GROUP)
            r = cli_fail(CLI_FAILED, "%.*s has members; stop them first (gregor group members)",
                         SLICE_ARG(group->id));
        else if (error != KAFKA_ERROR_NONE)
            r = cli_fail(client_exit(error), "%.*s: %s", SLICE_ARG(group->id),
                         kafka_error_name(error));
    }
    if (r == CLI_OK) printf("deleted  %.*s\n", SLICE_ARG(group->id));
    return r;
}

int cli_group_delete(struct cli *cli)
{
    struct groups groups;
    int worst = groups_open(cli, cli->arguments.items, cli->arguments.count, &groups);
    char question[80];
    snprintf(question, sizeof(question), "Delete %d group%s and what %s committed?",
             (int)groups.count, groups.count == 1 ? "" : "s", groups.count == 1 ? "it" : "they");
    if (worst == CLI_OK && !cli_confirm(cli, question)) worst = CLI_USAGE;
    for (int32_t i = 0; worst != CLI_USAGE && i < groups.count; i++) {
        int r = delete_one(&groups, &groups.items[i]);
        if (r != CLI_OK) worst = r;
    }
    groups_close(&groups);
    return worst;
}
