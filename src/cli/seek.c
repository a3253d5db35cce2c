/* group seek: says where a group shall go on reading. (KIP-122) */
#include <stdio.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/offset_range.h"
#include "cli/output.h"

/* One partition, and where the group shall be in it. */
struct move {
    struct slice topic;
    int32_t partition;
    int64_t from; /* -1: nothing was committed */
    int64_t to;
};

struct seek {
    struct cli *cli;
    struct groups groups;
    struct group *group;
    struct offset_bound target;
    struct move *moves;
    int32_t count;
};

/* --- which group ------------------------------------------------------------------------------ */

/* A group need not be there: who names its topics may make it. */
static int choose_group(struct seek *seek)
{
    struct cli *cli = seek->cli;
    struct groups *groups = &seek->groups;
    struct slice id = slice_of(cli->arguments.items[0]);
    int r = groups_open(cli, NULL, 0, groups);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < groups->count; i++) {
        if (slice_equal(groups->items[i].id, id)) seek->group = &groups->items[i];
    }
    if (seek->group == NULL) {
        if (cli->arguments.count == 1)
            return cli_fail(CLI_FAILED, "there is no group '%s'; gregor groups lists them",
                            cli->arguments.items[0]);
        seek->group = arena_alloc(&cli->arena, sizeof(*seek->group));
        *seek->group = (struct group){.id = id, .state = SLICE("Empty")};
        r = groups_find_coordinator(&groups->cluster, id, &seek->group->coordinator);
    }
    groups->items = seek->group;
    groups->count = 1;
    bool is_idle = slice_equal(seek->group->state, SLICE("Empty")) ||
                   slice_equal(seek->group->state, SLICE("Dead"));
    if (r == CLI_OK && !is_idle)
        r = cli_fail(CLI_FAILED, "%.*s is %.*s: its members would go on where they are; stop them",
                     SLICE_ARG(seek->group->id), SLICE_ARG(seek->group->state));
    return r;
}

/* --- which partitions ------------------------------------------------------------------------- */

/* The partitions named: "orders" all of a topic's, "orders:2" one. */
static int add_named(struct seek *seek)
{
    struct cli *cli = seek->cli;
    for (int i = 1; i < cli->arguments.count; i++) {
        const char *name;
        int32_t only;
        int r = cluster_parse_place(cli, cli->arguments.items[i], &name, &only);
        if (r != CLI_OK) return r;
        const struct cluster_topic *topic =
            cluster_find_topic(&seek->groups.cluster, slice_of(name));
        if (topic == NULL || only >= topic->partition_count)
            return cli_fail(CLI_FAILED, "there is no '%s'", cli->arguments.items[i]);
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (only < 0 || topic->partitions[j].index == only)
                groups_add_place(&seek->groups, seek->group, topic->name,
                                 topic->partitions[j].index);
        }
    }
    return CLI_OK;
}

static bool is_named(struct seek *seek, const struct group_place *place)
{
    struct cli *cli = seek->cli;
    for (int i = 1; i < cli->arguments.count; i++) {
        const char *name;
        int32_t only;
        if (cluster_parse_place(cli, cli->arguments.items[i], &name, &only) != CLI_OK) continue;
        if (slice_equal(slice_of(name), place->topic) && (only < 0 || only == place->partition))
            return true;
    }
    return cli->arguments.count == 1;
}

/* --- where to --------------------------------------------------------------------------------- */

static int learn_target(struct seek *seek)
{
    struct cluster *cluster = &seek->groups.cluster;
    const char *text = seek->cli->option[OPTION_SEEK_TO];
    struct offset_range range;
    int64_t now_ms = os_wall_ms(client_os(cluster->client));
    if (offset_range_parse(slice_of(text), now_ms, &range) < 0 || range.has_end)
        return cli_fail(CLI_USAGE, "--to wants start, end, an offset, +N, -N or @TIME, not '%s'",
                        text);
    seek->target = range.from;
    return seek->target.kind == OFFSET_TIME ? cluster_find_offsets(cluster, seek->target.value)
                                            : CLI_OK;
}

static int64_t sought_in(const struct seek *seek, const struct group_place *place)
{
    const struct cluster_topic *topic = cluster_find_topic(&seek->groups.cluster, place->topic);
    for (int32_t i = 0; topic != NULL && i < topic->partition_count; i++) {
        if (topic->partitions[i].index == place->partition) return topic->partitions[i].sought;
    }
    return -1;
}

static int plan(struct seek *seek)
{
    int r = choose_group(seek);
    if (r == CLI_OK) r = add_named(seek);
    if (r == CLI_OK) r = groups_learn_offsets(&seek->groups);
    if (r == CLI_OK) r = learn_target(seek);
    if (r != CLI_OK) return r;
    size_t places = (size_t)seek->group->place_count;
    seek->moves = arena_alloc(&seek->cli->arena, places * sizeof(seek->moves[0]) + 1);
    for (size_t i = 0; i < places; i++) {
        const struct group_place *place = &seek->group->places[i];
        if (!is_named(seek, place)) continue;
        if (place->start < 0 || place->end < place->start) {
            /* A topic that is gone, of a group that is asked for as a whole, stays as it is. */
            if (seek->cli->arguments.count == 1) continue;
            return cli_fail(CLI_FAILED, "%.*s:%d: no leader tells its offsets",
                            SLICE_ARG(place->topic), (int)place->partition);
        }
        int64_t to =
            offset_bound_resolve(&seek->target, place->start, place->end, sought_in(seek, place));
        if (to == place->committed) continue;
        seek->moves[seek->count++] =
            (struct move){place->topic, place->partition, place->committed, to};
    }
    return CLI_OK;
}

/* Returns how many records are read again; -1: no such output. */
static int64_t print_moves(const struct seek *seek)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},        {"PARTITION", "partition", OUTPUT_NUMBER},
        {"FROM", "from_offset", OUTPUT_NUMBER}, {"TO", "to_offset", OUTPUT_NUMBER},
        {"REPLAY", "replay", OUTPUT_NUMBER},
    };
    struct cli *cli = seek->cli;
    struct arena *arena = &cli->arena;
    struct output *output;
    int64_t records = 0;
    if (output_begin(cli, "group.seek", columns, ARRAY_COUNT(columns), &output) < 0) return -1;
    for (int32_t i = 0; i < seek->count; i++) {
        const struct move *move = &seek->moves[i];
        int64_t again = move->from > move->to ? move->from - move->to : 0;
        records += again;
        output_row(output, (struct slice[]){
                               move->topic,
                               arena_printf(arena, "%d", (int)move->partition),
                               move->from < 0 ? SLICE_NULL : output_number(cli, arena, move->from),
                               output_number(cli, arena, move->to),
                               output_number(cli, arena, again),
                           });
    }
    output_end(output);
    return records;
}

/* --- the commit ------------------------------------------------------------------------------- */

static int commit(struct seek *seek)
{
    struct arena *arena = &seek->cli->arena;
    struct client *client;
    int r = cluster_connect(&seek->groups.cluster, seek->group->coordinator, &client);
    if (r != CLI_OK) return r;
    struct group_commit *commits = arena_alloc(arena, (size_t)seek->count * sizeof(commits[0]));
    for (int32_t i = 0; i < seek->count; i++)
        commits[i] = (struct group_commit){seek->moves[i].topic, seek->moves[i].partition,
                                           seek->moves[i].to};
    struct offset_commit_request request;
    wire_defaults(&wire_offset_commit_request, &request);
    request.group_id = seek->group->id;
    return groups_commit(client, arena, &request, commits, seek->count);
}

static int seek_all(struct seek *seek)
{
    char question[160];
    int64_t again = print_moves(seek);
    if (again < 0) return CLI_USAGE;
    if (cli_has(seek->cli, OPTION_DRY_RUN) || seek->count == 0) return CLI_OK;
    snprintf(question, sizeof(question), "Seek %d partitions of group %.60s (%lld records again)?",
             (int)seek->count, seek->cli->arguments.items[0], (long long)again);
    if (!cli_confirm(seek->cli, question)) return CLI_USAGE;
    return commit(seek);
}

int cli_group_seek(struct cli *cli)
{
    struct seek seek = {.cli = cli};
    if (!cli_has(cli, OPTION_SEEK_TO))
        return cli_fail(CLI_USAGE, "group seek wants --to: where the group shall go on");
    int r = plan(&seek);
    if (r == CLI_OK) r = seek_all(&seek);
    groups_close(&seek.groups);
    return r;
}
