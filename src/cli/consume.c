/* consume: records of some partitions to standard output: those that were asked for, or those that
 * a group gives to this member. */
#include <errno.h>
#include <signal.h>

#include "cli/cluster.h"
#include "cli/membership.h"
#include "cli/offset_range.h"
#include "cli/record_format.h"

enum {
    FETCH_BYTES = 50 << 20,
    FETCH_PARTITION_BYTES = 1 << 20,
    FETCH_WAIT_MS = 500,
    BATCH_BYTES_MAX = 256 << 20,  /* uncompressed */
    OUTPUT_BYTES_MAX = 512 << 20, /* of one record as text */
    OUTPUT_FLUSH_BYTES = 1 << 20,
    SCRATCH_BYTES_MAX = 512 << 20,
    IDLE_MS = 100,             /* between two looks whether the group gives us something */
    COMMIT_INTERVAL_MS = 5000, /* as auto.commit.interval.ms of Kafka's consumers */
    NS_PER_MS = 1000000,
    LAST_NAMED_VERSION = 12, /* of Fetch: later ones name topics by id (KIP-516) */
};

/* One partition on its way from `position` to `end`. */
struct source {
    const struct cluster_topic *topic;
    const struct cluster_partition *partition;
    int64_t position; /* the next offset */
    int64_t end;      /* not shown any more; INT64_MAX: there is no end */
    int64_t first;    /* where to begin if the group has committed nothing */
    bool mine;        /* the group has given it to us; always so without one */
};

struct consumer {
    struct cli *cli;
    struct cluster cluster;
    struct source *sources;
    int32_t source_count;
    const struct record_format *format;
    struct arena fetched; /* one response */
    struct arena batch;   /* one batch, decompressed */
    struct writer out;
    int64_t left;                  /* records still wanted */
    struct membership *membership; /* NULL: on its own */
    int64_t commit_ns;             /* monotonic: when the next commit is due */
    bool output_gone;
};

/* --- where to begin and to end ---------------------------------------------------------------- */

static int check_topics(const struct cluster *cluster)
{
    int r = CLI_OK;
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        const struct cluster_topic *topic = &cluster->topics[i];
        if (topic->error == KAFKA_ERROR_NONE) continue;
        r = cli_fail(client_exit(topic->error), "%.*s: %s", SLICE_ARG(topic->name),
                     kafka_error_name(topic->error));
    }
    return r;
}

/* Sets one end of every source; times are asked of the leaders. */
static int resolve(struct consumer *consumer, const struct offset_bound *bound, bool is_end)
{
    int r = CLI_OK;
    if (bound->kind == OFFSET_TIME) r = cluster_find_offsets(&consumer->cluster, bound->value);
    for (int32_t i = 0; r == CLI_OK && i < consumer->source_count; i++) {
        struct source *source = &consumer->sources[i];
        const struct cluster_partition *partition = source->partition;
        int64_t offset =
            offset_bound_resolve(bound, partition->start, partition->end, partition->sought);
        *(is_end ? &source->end : &source->position) = offset;
    }
    return r;
}

static int choose_partition(struct consumer *consumer)
{
    if (!cli_has(consumer->cli, OPTION_PARTITION)) return CLI_OK;
    int64_t wanted;
    int r = cli_number(consumer->cli, OPTION_PARTITION, 0, INT32_MAX, -1, &wanted);
    if (r != CLI_OK) return r;
    for (int32_t i = 0; i < consumer->cluster.topic_count; i++) {
        struct cluster_topic *topic = &consumer->cluster.topics[i];
        int32_t at = 0;
        while (at < topic->partition_count && topic->partitions[at].index != wanted)
            at++;
        if (at == topic->partition_count)
            return cli_fail(CLI_FAILED, "%.*s has no partition %lld", SLICE_ARG(topic->name),
                            (long long)wanted);
        topic->partitions += at;
        topic->partition_count = 1;
    }
    return CLI_OK;
}

static int gather_sources(struct consumer *consumer)
{
    const struct cluster *cluster = &consumer->cluster;
    size_t count = 0;
    for (int32_t i = 0; i < cluster->topic_count; i++)
        count += (size_t)cluster->topics[i].partition_count;
    consumer->sources = arena_alloc(&consumer->cli->arena, count * sizeof(consumer->sources[0]));
    for (int32_t i = 0; i < cluster->topic_count; i++) {
        const struct cluster_topic *topic = &cluster->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++) {
            const struct cluster_partition *partition = &topic->partitions[j];
            if (partition->start < 0 || partition->end < partition->start)
                return cli_fail(CLI_FAILED, "%.*s[%d]: no leader tells its offsets",
                                SLICE_ARG(topic->name), (int)partition->index);
            consumer->sources[consumer->source_count++] =
                (struct source){.topic = topic, .partition = partition, .mine = true};
        }
    }
    return CLI_OK;
}

static int consumer_plan(struct consumer *consumer, const struct offset_range *range)
{
    int r = check_topics(&consumer->cluster);
    if (r == CLI_OK) r = choose_partition(consumer);
    if (r == CLI_OK) r = cluster_learn_offsets(&consumer->cluster);
    if (r == CLI_OK) r = gather_sources(consumer);
    if (r == CLI_OK) r = resolve(consumer, &range->from, false);
    if (r == CLI_OK) r = resolve(consumer, &range->to, true);
    if (cli_has(consumer->cli, OPTION_FOLLOW) && !range->has_end) {
        for (int32_t i = 0; i < consumer->source_count; i++)
            consumer->sources[i].end = INT64_MAX;
    }
    return r;
}

/* --- fetching --------------------------------------------------------------------------------- */

static bool is_wanted(const struct source *source, int32_t broker_id)
{
    return source->mine && source->partition->leader == broker_id && source->position < source->end;
}

static bool wants_any(const struct consumer *consumer, int32_t broker_id)
{
    for (int32_t i = 0; i < consumer->source_count; i++) {
        if (is_wanted(&consumer->sources[i], broker_id)) return true;
    }
    return false;
}

/* What is still wanted of one broker, which may wait so long for more to come. */
static void gather_wanted(struct consumer *consumer, int32_t broker_id, int32_t wait_ms,
                          struct fetch_request *request)
{
    size_t count = (size_t)consumer->source_count;
    wire_defaults(&wire_fetch_request, request);
    request->max_wait_ms = wait_ms;
    request->min_bytes = 1;
    request->max_bytes = FETCH_BYTES;
    request->topics = arena_alloc(&consumer->fetched, count * sizeof(request->topics[0]));
    struct fetch_request_fetch_partition *next =
        arena_alloc(&consumer->fetched, count * sizeof(*next));
    const struct cluster_topic *last = NULL;
    struct fetch_request_fetch_topic *topic = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct source *source = &consumer->sources[i];
        if (!is_wanted(source, broker_id)) continue;
        if (topic == NULL || source->topic != last) {
            last = source->topic;
            topic = &request->topics[request->topics_count++];
            *topic = (struct fetch_request_fetch_topic){
                .topic = last->name, .topic_id = last->id, .partitions = next};
        }
        topic->partitions_count++;
        *next++ = (struct fetch_request_fetch_partition){
            .partition = source->partition->index,
            .current_leader_epoch = -1,
            .fetch_offset = source->position,
            .last_fetched_epoch = -1,
            .log_start_offset = -1,
            .partition_max_bytes = FETCH_PARTITION_BYTES,
            .high_watermark = INT64_MAX,
        };
    }
}

static struct source *find_source(struct consumer *consumer,
                                  const struct fetch_response_fetchable_topic_response *topic,
                                  int32_t index, bool by_id)
{
    for (int32_t i = 0; i < consumer->source_count; i++) {
        struct source *source = &consumer->sources[i];
        if (source->partition->index != index) continue;
        if (by_id ? uuid_equal(&source->topic->id, &topic->topic_id)
                  : slice_equal(source->topic->name, topic->topic))
            return source;
    }
    return NULL;
}

static void print_output(struct consumer *consumer)
{
    if (consumer->out.size == 0) return;
    fwrite(consumer->out.data, 1, consumer->out.size, stdout);
    writer_reset(&consumer->out);
    if (!cli_flush()) consumer->output_gone = true;
}

static int print_batch(struct consumer *consumer, struct source *source, const struct batch *batch)
{
    struct record_walk walk;
    arena_reset(&consumer->batch);
    int r = batch_crc_matches(batch) ? 0 : -EBADMSG;
    if (r == 0) r = record_walk_start(&walk, batch, &consumer->batch, BATCH_BYTES_MAX);
    struct record record;
    while (r >= 0 && (r = record_walk_next(&walk, &record)) > 0) {
        if (record.offset < source->position) continue;
        if (record.offset >= source->end) {
            source->position = source->end;
            return CLI_OK;
        }
        if (consumer->left == 0) return CLI_OK;
        struct record_view view = {source->topic->name, source->partition->index,
                                   batch->partition_leader_epoch, &record};
        record_format_print(consumer->format, &view, &consumer->out);
        source->position = record.offset + 1;
        consumer->left--;
        if (consumer->out.size >= OUTPUT_FLUSH_BYTES) print_output(consumer);
    }
    if (r < 0)
        return cli_fail(CLI_FAILED, "%.*s[%d]: the batch at offset %lld is damaged",
                        SLICE_ARG(source->topic->name), (int)source->partition->index,
                        (long long)batch->base_offset);
    source->position = batch_last_offset(batch) + 1;
    return CLI_OK;
}

static int print_partition(struct consumer *consumer, struct source *source,
                           const struct fetch_response_partition_data *data)
{
    enum kafka_error error = (enum kafka_error)data->error_code;
    if (error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(error), "%.*s[%d] at offset %lld: %s",
                        SLICE_ARG(source->topic->name), (int)source->partition->index,
                        (long long)source->position, kafka_error_name(error));
    struct slice rest = data->records;
    struct batch batch;
    int r;
    while ((r = batch_take(&rest, &batch)) == 0) {
        if (consumer->left == 0 || consumer->output_gone || source->position >= source->end)
            return CLI_OK;
        if (batch_last_offset(&batch) < source->position) continue;
        int code = CLI_OK;
        if ((batch.attributes & BATCH_CONTROL) != 0)
            source->position = batch_last_offset(&batch) + 1;
        else
            code = print_batch(consumer, source, &batch);
        if (code != CLI_OK) return code;
    }
    /* -ENODATA: the last batch was cut by the limits of the fetch. */
    if (r == -EBADMSG)
        return cli_fail(CLI_FAILED, "%.*s[%d]: what follows offset %lld is no batch",
                        SLICE_ARG(source->topic->name), (int)source->partition->index,
                        (long long)source->position);
    return CLI_OK;
}

static int print_response(struct consumer *consumer, const struct fetch_response *response,
                          bool by_id)
{
    if (response->error_code != KAFKA_ERROR_NONE)
        return cli_fail(client_exit((enum kafka_error)response->error_code), "fetch: %s",
                        kafka_error_name((enum kafka_error)response->error_code));
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct fetch_response_fetchable_topic_response *topic = &response->responses[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            struct source *source =
                find_source(consumer, topic, topic->partitions[j].partition_index, by_id);
            if (source == NULL) continue;
            int r = print_partition(consumer, source, &topic->partitions[j]);
            if (r != CLI_OK) return r;
        }
    }
    return CLI_OK;
}

static int fetch_from(struct consumer *consumer, int32_t broker_id)
{
    struct client *client;
    int r = cluster_connect(&consumer->cluster, broker_id, &client);
    if (r != CLI_OK) return r;
    int16_t version = client_version(client, API_FETCH, INT16_MAX);
    for (int32_t i = 0; i < consumer->cluster.topic_count; i++) {
        if (uuid_is_zero(&consumer->cluster.topics[i].id))
            version = client_version(client, API_FETCH, LAST_NAMED_VERSION);
    }
    struct fetch_request request;
    struct fetch_response response;
    arena_reset(&consumer->fetched);
    int32_t wait_ms = client_timeout_ms(client) / 2;
    gather_wanted(consumer, broker_id, wait_ms < FETCH_WAIT_MS ? wait_ms : FETCH_WAIT_MS, &request);
    r = client_call(client, API_FETCH, version, &request, &consumer->fetched, &response);
    if (r == CLI_OK) r = print_response(consumer, &response, version > LAST_NAMED_VERSION);
    print_output(consumer);
    return r;
}

/* Asks every broker that leads something wanted, once. *any: there was one. */
static int consumer_round(struct consumer *consumer, bool *any)
{
    *any = false;
    for (int32_t i = 0; i < consumer->cluster.broker_count; i++) {
        int32_t broker_id = consumer->cluster.brokers[i].id;
        if (consumer->left == 0 || consumer->output_gone) return CLI_OK;
        if (!wants_any(consumer, broker_id)) continue;
        *any = true;
        int r = fetch_from(consumer, broker_id);
        if (r != CLI_OK) return r;
    }
    return CLI_OK;
}

static int consumer_run(struct consumer *consumer)
{
    bool any = true;
    int r = CLI_OK;
    while (r == CLI_OK && any && consumer->left > 0 && !consumer->output_gone)
        r = consumer_round(consumer, &any);
    return r;
}

/* --- as a member of a group ------------------------------------------------------------------- */

/* Commits how far the partitions are read that we have; only those that we lose where `lost`. */
static int commit(struct consumer *consumer, bool lost)
{
    arena_reset(&consumer->fetched);
    struct membership_place *places =
        arena_alloc(&consumer->fetched, (size_t)consumer->source_count * sizeof(places[0]) + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < consumer->source_count; i++) {
        const struct source *source = &consumer->sources[i];
        int32_t index = source->partition->index;
        bool kept = membership_has(consumer->membership, source->topic, index);
        if (!source->mine || (lost && kept)) continue;
        places[count++] = (struct membership_place){source->topic, index, source->position};
    }
    consumer->commit_ns = os_monotonic_ns(client_os(consumer->cluster.client)) +
                          (int64_t)COMMIT_INTERVAL_MS * NS_PER_MS;
    return membership_commit(consumer->membership, places, count);
}

/* Those that are newly ours go on where the group has come to. */
static int adopt(struct consumer *consumer)
{
    arena_reset(&consumer->fetched);
    size_t count = (size_t)consumer->source_count;
    struct membership_place *places =
        arena_alloc(&consumer->fetched, count * sizeof(places[0]) + 1);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct membership_place){consumer->sources[i].topic,
                                              consumer->sources[i].partition->index, -1};
    int r = membership_fetch(consumer->membership, places, consumer->source_count);
    for (size_t i = 0; r == CLI_OK && i < count; i++) {
        struct source *source = &consumer->sources[i];
        bool has = membership_has(consumer->membership, source->topic, source->partition->index);
        if (has && !source->mine)
            source->position = places[i].offset >= 0 ? places[i].offset : source->first;
        source->mine = has;
    }
    return r;
}

static int follow_group(struct consumer *consumer)
{
    bool changed;
    int r = membership_beat(consumer->membership, &changed);
    if (r != CLI_OK || !changed) return r;
    r = commit(consumer, true);
    if (r == CLI_OK) r = adopt(consumer);
    membership_settle(consumer->membership);
    return r;
}

/* Ctrl-C and its kin: a member leaves its group first, so that others go on at once. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

static void watch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* Until all that the group gives us is read; with --follow until somebody interrupts. */
static int member_run(struct consumer *consumer)
{
    struct os *os = client_os(consumer->cluster.client);
    bool any = true;
    int r = membership_enter(&consumer->cluster, slice_of(consumer->cli->option[OPTION_GROUP]),
                             &consumer->membership);
    for (int32_t i = 0; i < consumer->source_count; i++) {
        consumer->sources[i].first = consumer->sources[i].position;
        consumer->sources[i].mine = false;
    }
    bool patient = cli_has(consumer->cli, OPTION_FOLLOW);
    watch_interrupts();
    while (r == CLI_OK && consumer->left > 0 && !consumer->output_gone && !interrupted) {
        r = follow_group(consumer);
        if (r == CLI_OK) r = consumer_round(consumer, &any);
        if (r != CLI_OK) break;
        bool settled = membership_is_settled(consumer->membership);
        if (!any && settled && !patient) break;
        if (!any) client_sleep(consumer->cluster.client, IDLE_MS);
        if (os_monotonic_ns(os) >= consumer->commit_ns) r = commit(consumer, false);
    }
    if (r == CLI_OK) r = commit(consumer, false);
    consumer->membership = membership_leave(consumer->membership);
    if (interrupted) raise(interrupted); /* it has its default meaning again */
    return r;
}

/* --- the command ------------------------------------------------------------------------------ */

static int parse_offset(struct consumer *consumer, struct offset_range *range)
{
    const char *text =
        cli_has(consumer->cli, OPTION_OFFSET) ? consumer->cli->option[OPTION_OFFSET] : "start";
    int64_t now_ms = os_wall_ms(client_os(consumer->cluster.client));
    if (offset_range_parse(slice_of(text), now_ms, range) < 0)
        return cli_fail(CLI_USAGE,
                        "--offset wants start, end, N, +N, -N, @TIME or FROM:TO, not '%s'", text);
    return CLI_OK;
}

int cli_consume(struct cli *cli)
{
    struct consumer consumer = {.cli = cli};
    if (cli_has(cli, OPTION_GROUP) && cli_has(cli, OPTION_PARTITION))
        return cli_fail(CLI_USAGE, "--group gives partitions to its members: no --partition");
    if (cli_has(cli, OPTION_FOLLOW) && cli_has(cli, OPTION_UNTIL_END))
        return cli_fail(CLI_USAGE, "--follow or --until-end?");
    const char *format = cli_has(cli, OPTION_FORMAT) ? cli->option[OPTION_FORMAT] : "%v\\n";
    struct slice wrong;
    if (record_format_parse(&cli->arena, slice_of(format), &consumer.format, &wrong) < 0)
        return cli_fail(CLI_USAGE, "--format: %.*s", SLICE_ARG(wrong));
    int r = cli_number(cli, OPTION_COUNT, 1, INT64_MAX, INT64_MAX, &consumer.left);
    if (r != CLI_OK) return r;
    arena_init(&consumer.fetched, SCRATCH_BYTES_MAX);
    arena_init(&consumer.batch, SCRATCH_BYTES_MAX);
    writer_init(&consumer.out, OUTPUT_BYTES_MAX);
    struct offset_range range;
    r = cluster_open(cli, cli->arguments.items, cli->arguments.count, false, &consumer.cluster);
    if (r == CLI_OK) r = parse_offset(&consumer, &range);
    if (r == CLI_OK) r = consumer_plan(&consumer, &range);
    bool is_member = cli_has(cli, OPTION_GROUP);
    if (r == CLI_OK) r = is_member ? member_run(&consumer) : consumer_run(&consumer);
    cluster_close(&consumer.cluster);
    writer_deinit(&consumer.out);
    arena_deinit(&consumer.batch);
    arena_deinit(&consumer.fetched);
    return r;
}
