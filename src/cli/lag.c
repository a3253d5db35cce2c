/* lag: how far groups are behind, whether they catch up, and when. */
#include <stdlib.h>

#include "cli/groups.h"
#include "cli/output.h"
#include "cli/watch.h"

enum {
    SAMPLE_BYTES_MAX = 256 << 20,
    FIRST_INTERVAL_MS = 1000, /* between the two looks that make the first rates */
    MINUTE_S = 60,
    HOUR_S = 60 * MINUTE_S,
    DAY_S = 24 * HOUR_S,
};

/* One topic of one group. */
struct lag_row {
    struct slice group, topic, state;
    int32_t members;
    int64_t lag;
    int64_t committed, end;   /* sums, of the partitions of which both are known */
    double in_rate, out_rate; /* records a second */
};

struct lag_sample {
    struct arena arena;
    struct lag_row *rows; /* ascending by group and topic */
    int32_t count;
    int64_t taken_ns; /* monotonic */
};

struct lag {
    struct lag_sample samples[2];
    struct lag_sample *newest, *before; /* each one of them */
};

/* --- samples ---------------------------------------------------------------------------------- */

static void add_place(struct lag_row *row, const struct group_place *place)
{
    int64_t lag = group_place_lag(place);
    if (lag < 0) return;
    row->lag += lag;
    row->committed += place->committed;
    row->end += place->end;
}

static void take_groups(struct lag_sample *sample, const struct groups *groups)
{
    struct arena *arena = &sample->arena;
    size_t places = 0;
    for (int32_t i = 0; i < groups->count; i++)
        places += (size_t)groups->items[i].place_count;
    arena_reset(arena);
    sample->count = 0;
    sample->rows = arena_alloc(arena, places * sizeof(sample->rows[0]) + 1);
    for (int32_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        struct lag_row *row = NULL;
        for (int32_t j = 0; j < group->place_count; j++) {
            const struct group_place *place = &group->places[j];
            if (row == NULL || !slice_equal(row->topic, place->topic)) {
                row = &sample->rows[sample->count++];
                *row = (struct lag_row){.group = arena_copy(arena, group->id),
                                        .topic = arena_copy(arena, place->topic),
                                        .state = arena_copy(arena, group->state),
                                        .members = group->member_count};
            }
            add_place(row, place);
        }
    }
}

/* What was the newest becomes the one before. groups_close is due in any case. */
static int take_sample(struct cli *cli, struct lag *lag, struct groups *groups)
{
    struct lag_sample *older = lag->before;
    int r = groups_open(cli, cli->arguments.items, cli->arguments.count, groups);
    if (r == CLI_OK) r = groups_learn_members(groups);
    if (r == CLI_OK) r = groups_learn_offsets(groups);
    if (r != CLI_OK) return r;
    lag->before = lag->newest;
    lag->newest = older;
    take_groups(older, groups);
    older->taken_ns = os_monotonic_ns(client_os(groups->cluster.client));
    return CLI_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct lag_row *left = a;
    const struct lag_row *right = b;
    int order = slice_compare(left->group, right->group);
    return order != 0 ? order : slice_compare(left->topic, right->topic);
}

static void learn_rates(struct lag *lag)
{
    double seconds = (double)(lag->newest->taken_ns - lag->before->taken_ns) / 1e9;
    for (int32_t i = 0; i < lag->newest->count && lag->before->count > 0 && seconds > 0; i++) {
        struct lag_row *row = &lag->newest->rows[i];
        const struct lag_row *before =
            bsearch(row, lag->before->rows, (size_t)lag->before->count, sizeof(*row), compare_rows);
        if (before == NULL) continue;
        row->in_rate = (double)(row->end - before->end) / seconds;
        row->out_rate = (double)(row->committed - before->committed) / seconds;
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct slice duration_text(struct arena *arena, int64_t seconds)
{
    if (seconds < MINUTE_S) return arena_printf(arena, "%lld s", (long long)seconds);
    if (seconds < HOUR_S)
        return arena_printf(arena, "%lld min %lld s", (long long)(seconds / MINUTE_S),
                            (long long)(seconds % MINUTE_S));
    if (seconds < DAY_S)
        return arena_printf(arena, "%lld h %lld min", (long long)(seconds / HOUR_S),
                            (long long)(seconds % HOUR_S / MINUTE_S));
    return arena_printf(arena, "%lld d", (long long)(seconds / DAY_S));
}

/* For people in words, for programs in seconds; null: not at these rates. */
static struct slice catch_up_text(struct cli *cli, const struct lag_row *row)
{
    bool is_table = output_is_table(cli);
    double gain = row->out_rate - row->in_rate;
    if (row->lag == 0) return is_table ? SLICE("now") : SLICE("0");
    if (gain <= 0) return is_table ? SLICE("never") : SLICE_NULL;
    double seconds = (double)row->lag / gain;
    int64_t whole = seconds < (double)INT32_MAX ? (int64_t)seconds + 1 : INT32_MAX;
    return is_table ? duration_text(&cli->arena, whole)
                    : arena_printf(&cli->arena, "%lld", (long long)whole);
}

static int compare_lags(const void *a, const void *b)
{
    const struct lag_row *left = *(const struct lag_row *const *)a;
    const struct lag_row *right = *(const struct lag_row *const *)b;
    int order = (left->lag < right->lag) - (left->lag > right->lag);
    return order != 0 ? order : compare_rows(left, right);
}

static int print_rows(struct cli *cli, const struct lag_sample *sample)
{
    static const struct output_column columns[] = {
        {"GROUP", "group", OUTPUT_TEXT},
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"STATE", "state", OUTPUT_TEXT},
        {"MEMBERS", "members", OUTPUT_NUMBER},
        {"LAG", "lag", OUTPUT_NUMBER},
        {"IN/S", "in_per_second", OUTPUT_NUMBER},
        {"OUT/S", "out_per_second", OUTPUT_NUMBER},
        {"CATCHES-UP-IN", "catches_up_seconds", OUTPUT_NUMBER},
    };
    struct arena *arena = &cli->arena;
    struct output *output;
    size_t count = (size_t)sample->count;
    const struct lag_row **worst_first = arena_alloc(arena, count * sizeof(worst_first[0]) + 1);
    for (size_t i = 0; i < count; i++)
        worst_first[i] = &sample->rows[i];
    if (count > 0) qsort(worst_first, count, sizeof(worst_first[0]), compare_lags);
    if (output_begin(cli, "lag", columns, ARRAY_COUNT(columns), &output) < 0) return CLI_USAGE;
    for (size_t i = 0; i < count; i++) {
        const struct lag_row *row = worst_first[i];
        output_row(output, (struct slice[]){
                               row->group,
                               row->topic,
                               row->state,
                               arena_printf(arena, "%d", (int)row->members),
                               output_number(cli, arena, row->lag),
                               arena_printf(arena, "%.0f", row->in_rate),
                               arena_printf(arena, "%.0f", row->out_rate),
                               catch_up_text(cli, row),
                           });
    }
    output_end(output);
    return CLI_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

/* Rates need a look before this one. */
static int take_first_sample(struct cli *cli, struct lag *lag)
{
    struct groups groups;
    int r = take_sample(cli, lag, &groups);
    if (r == CLI_OK) client_sleep(groups.cluster.client, FIRST_INTERVAL_MS);
    groups_close(&groups);
    return r;
}

static int lag_once(struct cli *cli, void *context)
{
    struct lag *lag = context;
    struct groups groups;
    int r = CLI_OK;
    if (lag->newest->taken_ns == 0) r = take_first_sample(cli, lag);
    if (r != CLI_OK) return r;
    r = take_sample(cli, lag, &groups);
    if (r == CLI_OK) {
        learn_rates(lag);
        r = print_rows(cli, lag->newest);
    }
    if (r == CLI_OK) watch_pause(cli, groups.cluster.client);
    groups_close(&groups);
    return r;
}

int cli_lag(struct cli *cli)
{
    struct lag lag = {.newest = NULL};
    lag.newest = &lag.samples[0];
    lag.before = &lag.samples[1];
    arena_init(&lag.samples[0].arena, SAMPLE_BYTES_MAX);
    arena_init(&lag.samples[1].arena, SAMPLE_BYTES_MAX);
    int r = watch_run(cli, lag_once, &lag);
    arena_deinit(&lag.samples[0].arena);
    arena_deinit(&lag.samples[1].arena);
    return r;
}
