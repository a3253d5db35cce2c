/* bench produce, consume, e2e: how many records a cluster takes and gives, and how long each of
 * them is on its way. Latency counts from when a batch was due by --rate, not from when there was
 * time to send it: a slow answer is not hidden by what waits behind it. */
#include <jansson.h>
#include <string.h>

#include "base/histogram.h"
#include "base/memory.h"
#include "base/prng.h"
#include "cli/cluster.h"
#include "cli/output.h"
#include "wire/batch.h"

enum {
    IN_FLIGHT_MAX = 5, /* max.in.flight.requests.per.connection's default */
    BATCH_BYTES = 16 << 10,
    BATCH_BYTES_MAX = 64 << 20,
    VALUE_BYTES_MAX = 16 << 20,
    ARENA_BYTES_MAX = 512 << 20,
    FETCH_BYTES = 50 << 20,
    FETCH_WAIT_MS = 500,
    LAST_NAMED_VERSION = 12, /* of Produce and Fetch: later ones name topics by id (KIP-516) */
    DURATION_MS = 10000,
};

static const char *const default_topic = "gregor-bench";

struct flight {
    struct client *client;
    int64_t due_ns;
    int16_t version;
};

struct bench {
    struct cli *cli;
    struct cluster cluster;
    const struct cluster_topic *topic;
    int64_t size, rate, count, duration_ns, batch_count;
    enum compress_codec codec;
    int16_t acks;
    struct writer batch;  /* the same bytes again and again */
    struct arena scratch; /* of one request or answer */
    struct flight flights[IN_FLIGHT_MAX];
    int first, flying;
    int64_t records, bytes;
    int64_t begun_ns, ended_ns;
    struct histogram latency; /* microseconds */
};

static int64_t now(const struct bench *bench)
{
    return os_monotonic_ns(client_os(bench->cluster.client));
}

static void measure(struct bench *bench, int64_t due_ns)
{
    int64_t taken_us = (now(bench) - due_ns) / 1000;
    histogram_add(&bench->latency, taken_us > 0 ? (uint64_t)taken_us : 0);
}

/* --- what was asked for ----------------------------------------------------------------------- */

static int parse_sizes(struct bench *bench)
{
    struct cli *cli = bench->cli;
    const char *size = cli_has(cli, OPTION_SIZE) ? cli->option[OPTION_SIZE] : "1KiB";
    if (cli_parse_size(slice_of(size), &bench->size) < 0 || bench->size > VALUE_BYTES_MAX)
        return cli_fail(CLI_USAGE, "--size wants bytes up to 16MiB, not '%s'", size);
    int64_t fill = BATCH_BYTES / (bench->size + 1) + 1;
    if (cli->command->run == cli_bench_e2e) fill = 1;
    int r = cli_number(cli, OPTION_BATCH, 1, 1000000, fill, &bench->batch_count);
    if (r == CLI_OK && bench->batch_count * (bench->size + 64) > BATCH_BYTES_MAX)
        r = cli_fail(CLI_USAGE, "--batch times --size is more than 64 MiB");
    return r;
}

static int parse_options(struct bench *bench)
{
    struct cli *cli = bench->cli;
    int64_t duration_ms = cli_has(cli, OPTION_COUNT) ? INT64_MAX / 1000000 : DURATION_MS;
    const char *duration = cli->option[OPTION_DURATION];
    const char *acks = cli->option[OPTION_ACKS];
    const char *codec = cli->option[OPTION_COMPRESSION];
    int64_t acks_number = -1;
    if (duration != NULL && (cli_parse_duration(slice_of(duration), &duration_ms) < 0 ||
                             duration_ms > INT64_MAX / 1000000))
        return cli_fail(CLI_USAGE, "--duration wants a duration like 10s, not '%s'", duration);
    if (acks != NULL && strcmp(acks, "all") != 0 &&
        slice_parse_int64(slice_of(acks), -1, 1, &acks_number) < 0)
        return cli_fail(CLI_USAGE, "--acks wants 0, 1 or all, not '%s'", acks);
    if (codec != NULL && compress_parse(slice_of(codec), &bench->codec) < 0)
        return cli_fail(CLI_USAGE, "--compression wants none, gzip, snappy, lz4 or zstd, not '%s'",
                        codec);
    bench->duration_ns = duration_ms * 1000000;
    bench->acks = (int16_t)acks_number;
    int r = cli_number(cli, OPTION_RATE, 1, 1000000000, 0, &bench->rate);
    if (r == CLI_OK) r = cli_number(cli, OPTION_COUNT, 1, INT64_MAX, INT64_MAX, &bench->count);
    return r == CLI_OK ? parse_sizes(bench) : r;
}

/* With --partitions the topic is made so, unless it is there. */
static int make_topic(struct bench *bench, const char *name)
{
    int64_t partitions;
    struct client *client;
    int r = cli_number(bench->cli, OPTION_PARTITIONS, 1, INT32_MAX, -1, &partitions);
    if (r == CLI_OK) r = client_open(bench->cli, &client);
    if (r != CLI_OK) return r;
    struct create_topics_request_creatable_topic topic = {
        .name = slice_of(name), .num_partitions = (int32_t)partitions, .replication_factor = -1};
    struct create_topics_request request;
    struct create_topics_response response;
    wire_defaults(&wire_create_topics_request, &request);
    request.timeout_ms = client_timeout_ms(client);
    request.topics = &topic;
    request.topics_count = 1;
    r = client_ask(client, API_CREATE_TOPICS, &request, &bench->cli->arena, &response);
    enum kafka_error error = r == CLI_OK && response.topics_count == 1
                                 ? (enum kafka_error)response.topics[0].error_code
                                 : KAFKA_ERROR_NONE;
    if (error != KAFKA_ERROR_NONE && error != KAFKA_ERROR_TOPIC_ALREADY_EXISTS)
        r = cli_fail(client_exit(error), "%s: %s: %.*s", name, kafka_error_name(error),
                     SLICE_ARG(response.topics[0].error_message));
    client_close(client);
    return r;
}

static int bench_open(struct bench *bench, bool make)
{
    struct cli *cli = bench->cli;
    const char *name = cli->arguments.count > 0 ? cli->arguments.items[0] : default_topic;
    int r = make ? make_topic(bench, name) : CLI_OK;
    if (r == CLI_OK) r = cluster_open(cli, &name, 1, make, &bench->cluster);
    if (r != CLI_OK) return r;
    if (bench->cluster.topic_count != 1) return cli_fail(CLI_FAILED, "nobody tells of '%s'", name);
    bench->topic = &bench->cluster.topics[0];
    if (bench->topic->error != KAFKA_ERROR_NONE || bench->topic->partition_count == 0)
        return cli_fail(client_exit(bench->topic->error), "%s: %s", name,
                        kafka_error_name(bench->topic->error));
    bench->begun_ns = bench->ended_ns = now(bench);
    return cluster_learn_offsets(&bench->cluster);
}

/* Values that compress to about three quarters, as text does not and random bytes do not. */
static int build_batch(struct bench *bench)
{
    struct prng prng;
    prng_init(&prng, 1);
    size_t size = (size_t)bench->size;
    uint8_t *value = arena_alloc(&bench->cli->arena, size + 1);
    struct batch_builder builder;
    int64_t now_ms = os_wall_ms(client_os(bench->cluster.client));
    batch_begin(&builder, &bench->batch, 0, bench->codec, COMPRESS_LEVEL_DEFAULT);
    for (int64_t i = 0; i < bench->batch_count; i++) {
        for (size_t j = 0; j < size; j++)
            value[j] = (uint8_t)('0' + prng_next(&prng) % 64);
        batch_add(&builder, now_ms, SLICE_NULL, (struct slice){value, size}, NULL, 0);
    }
    if (batch_end(&builder) < 0) return cli_fail(CLI_FAILED, "the batch is too large");
    return CLI_OK;
}

/* The last batch has what is left of --count. */
static int fit_batch(struct bench *bench)
{
    int64_t left = bench->count - bench->records;
    ASSERT(left > 0);
    if (left >= bench->batch_count) return CLI_OK;
    bench->batch_count = left;
    writer_reset(&bench->batch);
    return build_batch(bench);
}

/* --- produce ---------------------------------------------------------------------------------- */

static int send_batch(struct bench *bench, const struct cluster_partition *partition,
                      int64_t due_ns)
{
    struct client *client;
    int r = cluster_connect(&bench->cluster, partition->leader, &client);
    if (r != CLI_OK) return r;
    struct produce_request_partition_produce_data data = {partition->index,
                                                          writer_slice(&bench->batch)};
    struct produce_request_topic_produce_data topic = {.name = bench->topic->name,
                                                       .topic_id = bench->topic->id,
                                                       .partition_data = &data,
                                                       .partition_data_count = 1};
    int16_t max = uuid_is_zero(&bench->topic->id) ? LAST_NAMED_VERSION : INT16_MAX;
    int16_t version = client_version(client, API_PRODUCE, max);
    struct produce_request request;
    wire_defaults(&wire_produce_request, &request);
    request.acks = bench->acks;
    request.timeout_ms = client_timeout_ms(client);
    request.topic_data = &topic;
    request.topic_data_count = 1;
    r = client_send(client, API_PRODUCE, version, &request);
    if (r != CLI_OK) return r;
    bench->records += bench->batch_count;
    bench->bytes += bench->batch_count * bench->size;
    if (bench->acks == 0) {
        client_expect_nothing(client);
        return CLI_OK;
    }
    int last = (bench->first + bench->flying++) % IN_FLIGHT_MAX;
    bench->flights[last] = (struct flight){client, due_ns, version};
    return CLI_OK;
}

/* Takes the oldest acknowledgement; *due_ns is when its batch was. */
static int land_batch(struct bench *bench, int64_t *due_ns)
{
    ASSERT(bench->flying > 0);
    struct flight *flight = &bench->flights[bench->first];
    struct produce_response response;
    arena_reset(&bench->scratch);
    int r =
        client_receive(flight->client, API_PRODUCE, flight->version, &bench->scratch, &response);
    if (r != CLI_OK) return r;
    *due_ns = flight->due_ns;
    bench->first = (bench->first + 1) % IN_FLIGHT_MAX;
    bench->flying--;
    for (int32_t i = 0; i < response.responses_count; i++) {
        for (int32_t j = 0; j < response.responses[i].partition_responses_count; j++) {
            enum kafka_error error =
                (enum kafka_error)response.responses[i].partition_responses[j].error_code;
            if (error != KAFKA_ERROR_NONE)
                return cli_fail(client_exit(error), "%.*s[%d]: %s", SLICE_ARG(bench->topic->name),
                                (int)response.responses[i].partition_responses[j].index,
                                kafka_error_name(error));
        }
    }
    return CLI_OK;
}

/* When the next batch is due; without a rate at once. */
static int64_t next_due(const struct bench *bench)
{
    if (bench->rate == 0) return now(bench);
    return bench->begun_ns + (int64_t)((double)bench->records * 1e9 / (double)bench->rate);
}

static bool is_over(const struct bench *bench)
{
    return bench->records >= bench->count || now(bench) - bench->begun_ns >= bench->duration_ns;
}

static int land_measured(struct bench *bench)
{
    int64_t due_ns;
    int r = land_batch(bench, &due_ns);
    if (r == CLI_OK) measure(bench, due_ns);
    return r;
}

/* Waits until `due_ns`, and takes the answers that come meanwhile. */
static int wait_until(struct bench *bench, int64_t due_ns)
{
    int r = CLI_OK;
    while (r == CLI_OK && bench->flying > 0) {
        bool full = bench->flying == IN_FLIGHT_MAX;
        if (!full && !client_has_answer(bench->flights[bench->first].client, due_ns)) return r;
        r = land_measured(bench);
    }
    int64_t left_ns = due_ns - now(bench);
    if (r == CLI_OK && left_ns > 0) client_pause(bench->cluster.client, left_ns);
    return r;
}

static int run_produce(struct bench *bench)
{
    int r = build_batch(bench);
    bench->begun_ns = now(bench);
    for (int32_t i = 0; r == CLI_OK && !is_over(bench); i++) {
        int64_t due_ns = next_due(bench);
        const struct cluster_partition *partition =
            &bench->topic->partitions[i % bench->topic->partition_count];
        r = wait_until(bench, due_ns);
        if (r == CLI_OK) r = fit_batch(bench);
        if (r == CLI_OK) r = send_batch(bench, partition, due_ns);
        if (r == CLI_OK && bench->acks == 0) measure(bench, due_ns);
        if (i == INT32_MAX - 1) i = -1;
    }
    while (r == CLI_OK && bench->flying > 0)
        r = land_measured(bench);
    return r;
}

/* --- consume ---------------------------------------------------------------------------------- */

/* Everything that one broker leads and that is not read, in one request. */
static int32_t gather(struct bench *bench, int32_t broker_id, struct fetch_request *request)
{
    struct fetch_request_fetch_topic *topic = arena_alloc(&bench->scratch, sizeof(*topic));
    *topic = (struct fetch_request_fetch_topic){.topic = bench->topic->name,
                                                .topic_id = bench->topic->id};
    size_t count = (size_t)bench->topic->partition_count;
    topic->partitions = arena_alloc(&bench->scratch, count * sizeof(topic->partitions[0]));
    wire_defaults(&wire_fetch_request, request);
    for (size_t i = 0; i < count; i++) {
        const struct cluster_partition *partition = &bench->topic->partitions[i];
        if (partition->leader != broker_id || partition->start >= partition->end) continue;
        struct fetch_request_fetch_partition *asked = &topic->partitions[topic->partitions_count++];
        *asked = (struct fetch_request_fetch_partition){
            .partition = partition->index,
            .current_leader_epoch = -1,
            .fetch_offset = partition->start,
            .last_fetched_epoch = -1,
            .log_start_offset = -1,
            .partition_max_bytes = 1 << 20,
            .high_watermark = INT64_MAX, /* none (KIP-1166) */
        };
    }
    request->max_wait_ms = FETCH_WAIT_MS;
    request->min_bytes = 1;
    request->max_bytes = FETCH_BYTES;
    request->topics = topic;
    request->topics_count = 1;
    return topic->partitions_count;
}

static int take_batches(struct bench *bench, const struct fetch_response_partition_data *told)
{
    enum kafka_error error = (enum kafka_error)told->error_code;
    if (error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(error), "%.*s[%d]: %s", SLICE_ARG(bench->topic->name),
                        (int)told->partition_index, kafka_error_name(error));
    struct slice rest = told->records;
    struct batch batch;
    for (int32_t i = 0; i < bench->topic->partition_count; i++) {
        struct cluster_partition *partition = &bench->topic->partitions[i];
        if (partition->index != told->partition_index) continue;
        while (rest.size > 0 && batch_take(&rest, &batch) == 0) {
            bench->records += batch.count;
            bench->bytes += (int64_t)batch.bytes.size;
            partition->start = batch_last_offset(&batch) + 1;
        }
    }
    return CLI_OK;
}

static int take_answer(struct bench *bench, const struct fetch_response *response)
{
    int r = CLI_OK;
    if (response->error_code != KAFKA_ERROR_NONE)
        return cli_fail(client_exit((enum kafka_error)response->error_code), "fetch: %s",
                        kafka_error_name((enum kafka_error)response->error_code));
    for (int32_t i = 0; i < response->responses_count; i++) {
        for (int32_t j = 0; r == CLI_OK && j < response->responses[i].partitions_count; j++)
            r = take_batches(bench, &response->responses[i].partitions[j]);
    }
    return r;
}

static int16_t fetch_version(const struct bench *bench, const struct client *client)
{
    int16_t max = uuid_is_zero(&bench->topic->id) ? LAST_NAMED_VERSION : INT16_MAX;
    return client_version(client, API_FETCH, max);
}

static int run_consume(struct bench *bench)
{
    bool any = true;
    int r = CLI_OK;
    bench->begun_ns = now(bench);
    while (any && r == CLI_OK && !is_over(bench)) {
        any = false;
        for (int32_t i = 0; r == CLI_OK && i < bench->cluster.broker_count; i++) {
            int32_t broker_id = bench->cluster.brokers[i].id;
            struct fetch_request request;
            struct fetch_response response;
            struct client *client;
            arena_reset(&bench->scratch);
            if (gather(bench, broker_id, &request) == 0) continue;
            any = true;
            int64_t asked_ns = now(bench);
            r = cluster_connect(&bench->cluster, broker_id, &client);
            if (r == CLI_OK)
                r = client_call(client, API_FETCH, fetch_version(bench, client), &request,
                                &bench->scratch, &response);
            if (r == CLI_OK) r = take_answer(bench, &response);
            if (r == CLI_OK) measure(bench, asked_ns);
        }
    }
    return r;
}

/* --- end to end ------------------------------------------------------------------------------- */

/* One batch on its way at a time: a fetch waits for it on a connection of its own. */
static int pass_batch(struct bench *bench, struct cluster_partition *partition,
                      struct client *reader, int64_t due_ns)
{
    struct fetch_request request;
    struct fetch_response response;
    int64_t records = bench->records, bytes = bench->bytes, before = partition->start;
    arena_reset(&bench->scratch);
    partition->end = INT64_MAX;
    (void)gather(bench, partition->leader, &request);
    int r = client_send(reader, API_FETCH, fetch_version(bench, reader), &request);
    if (r == CLI_OK) r = send_batch(bench, partition, due_ns);
    while (r == CLI_OK && partition->start == before) {
        r = client_receive(reader, API_FETCH, fetch_version(bench, reader), &bench->scratch,
                           &response);
        if (r == CLI_OK) r = take_answer(bench, &response);
        if (r != CLI_OK || partition->start > before) break;
        r = client_send(reader, API_FETCH, fetch_version(bench, reader), &request);
    }
    if (r == CLI_OK) measure(bench, due_ns);
    partition->end = partition->start; /* others are read only when it is their turn */
    bench->records = records + bench->batch_count;
    bench->bytes = bytes + bench->batch_count * bench->size;
    int64_t acknowledged_ns; /* not what is measured here */
    if (r == CLI_OK && bench->flying > 0) r = land_batch(bench, &acknowledged_ns);
    return r;
}

static int run_e2e(struct bench *bench)
{
    int r = build_batch(bench);
    int32_t count = bench->topic->partition_count;
    struct client **readers = arena_alloc(&bench->cli->arena, (size_t)count * sizeof(readers[0]));
    memset(readers, 0, (size_t)count * sizeof(readers[0]));
    for (int32_t i = 0; r == CLI_OK && i < count; i++) {
        struct cluster_partition *partition = &bench->topic->partitions[i];
        partition->start = partition->end;
        for (int32_t j = 0; j < bench->cluster.broker_count; j++) {
            if (bench->cluster.brokers[j].id == partition->leader)
                r = client_open_at(bench->cli, bench->cluster.brokers[j].host,
                                   bench->cluster.brokers[j].port, &readers[i]);
        }
        if (r == CLI_OK && readers[i] == NULL)
            r = cli_fail(CLI_FAILED, "%.*s[%d] has no leader", SLICE_ARG(bench->topic->name),
                         (int)partition->index);
    }
    bench->begun_ns = now(bench);
    for (int64_t i = 0; r == CLI_OK && !is_over(bench); i++) {
        int64_t due_ns = next_due(bench);
        r = wait_until(bench, due_ns);
        if (r == CLI_OK) r = fit_batch(bench);
        if (r == CLI_OK)
            r = pass_batch(bench, &bench->topic->partitions[i % count], readers[i % count], due_ns);
    }
    for (int32_t i = 0; i < count; i++)
        readers[i] = client_close(readers[i]);
    return r;
}

/* --- what came out ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

static void print_json(const struct bench *bench, double seconds)
{
    char schema[40];
    snprintf(schema, sizeof(schema), "gregor.bench.%s/1", bench->cli->command->verb);
    json_t *latency = json_object();
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
        json_object_set_new(
            latency, quantiles[i].name,
            json_real((double)histogram_quantile(&bench->latency, quantiles[i].share) / 1000));
    json_t *document =
        json_pack("{s:s,s:I,s:I,s:f,s:f,s:f,s:o}", "schema", schema, "records",
                  (json_int_t)bench->records, "bytes", (json_int_t)bench->bytes, "seconds", seconds,
                  "records_per_second", (double)bench->records / seconds, "bytes_per_second",
                  (double)bench->bytes / seconds, "latency_ms", latency);
    json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(document);
}

static int report(const struct bench *bench)
{
    static const struct output_column columns[] = {
        {"RECORDS", "records", OUTPUT_NUMBER},
        {"SECONDS", "seconds", OUTPUT_NUMBER},
        {"RECORDS/S", "records_per_second", OUTPUT_NUMBER},
        {"MB/S", "megabytes_per_second", OUTPUT_NUMBER},
        {"P50-MS", "p50_ms", OUTPUT_NUMBER},
        {"P95-MS", "p95_ms", OUTPUT_NUMBER},
        {"P99-MS", "p99_ms", OUTPUT_NUMBER},
        {"P99.9-MS", "p999_ms", OUTPUT_NUMBER},
        {"MAX-MS", "max_ms", OUTPUT_NUMBER},
    };
    enum { FIRST_QUANTILE = 4 };
    static_assert(FIRST_QUANTILE + ARRAY_COUNT(quantiles) == ARRAY_COUNT(columns), "a column each");
    struct cli *cli = bench->cli;
    struct arena *arena = &cli->arena;
    double seconds = (double)(bench->ended_ns - bench->begun_ns + 1) / 1e9;
    const char *format = cli_has(cli, OPTION_OUTPUT) ? cli->option[OPTION_OUTPUT] : "table";
    if (strcmp(format, "json") == 0 || strcmp(format, "jsonl") == 0) {
        print_json(bench, seconds);
        return CLI_OK;
    }
    struct output *output;
    if (output_begin(cli, "bench", columns, ARRAY_COUNT(columns), &output) < 0) return CLI_USAGE;
    struct slice values[ARRAY_COUNT(columns)] = {
        output_number(cli, arena, bench->records),
        arena_printf(arena, "%.2f", seconds),
        output_number(cli, arena, (int64_t)((double)bench->records / seconds)),
        arena_printf(arena, "%.1f", (double)bench->bytes / seconds / 1e6),
    };
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
        values[FIRST_QUANTILE + i] = arena_printf(
            arena, "%.3f", (double)histogram_quantile(&bench->latency, quantiles[i].share) / 1000);
    output_row(output, values);
    output_end(output);
    return CLI_OK;
}

static int bench_run(struct cli *cli, bool make, int (*run)(struct bench *bench))
{
    struct bench *bench = memory_alloc_zero(sizeof(*bench)); /* the histogram is large */
    bench->cli = cli;
    arena_init(&bench->scratch, ARENA_BYTES_MAX);
    writer_init(&bench->batch, BATCH_BYTES_MAX + BATCH_BYTES);
    int r = parse_options(bench);
    if (r == CLI_OK) r = bench_open(bench, make);
    if (r == CLI_OK) r = run(bench);
    if (r == CLI_OK) {
        bench->ended_ns = now(bench);
        r = report(bench);
    }
    cluster_close(&bench->cluster);
    writer_deinit(&bench->batch);
    arena_deinit(&bench->scratch);
    memory_free(bench);
    return r;
}

int cli_bench_produce(struct cli *cli)
{
    return bench_run(cli, true, run_produce);
}

int cli_bench_consume(struct cli *cli)
{
    return bench_run(cli, false, run_consume);
}

int cli_bench_e2e(struct cli *cli)
{
    return bench_run(cli, true, run_e2e);
}
