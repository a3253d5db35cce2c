/* produce: records from files or standard input to one topic. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/cluster.h"
#include "cli/partitioner.h"
#include "cli/record_reader.h"

enum {
    BATCH_FULL_BYTES = 900 << 10, /* uncompressed; below message.max.bytes' default of 1 MiB */
    PENDING_FULL_BYTES = 4 << 20, /* of all partitions together */
    BATCH_BYTES_MAX = 512 << 20,
    SCRATCH_BYTES_MAX = 512 << 20,
    LAST_NAMED_VERSION = 12,   /* of Produce: later ones name topics by id (KIP-516) */
    FIRST_COMPRESSED_ZSTD = 7, /* KIP-110 */
    PROGRESS_EVERY_MS = 200,
};

/* The batch that is being built for one partition. */
struct target {
    const struct cluster_partition *partition;
    struct batch_builder builder;
    struct writer batch;
    bool open;
    int64_t sent;
};

struct producer {
    struct cli *cli;
    struct cluster cluster;
    const struct cluster_topic *topic;
    struct target *targets; /* one for each partition */
    int32_t sticky;         /* where records without a key go, until the next flush */
    int64_t forced;         /* --partition; -1: none */
    enum compress_codec codec;
    int16_t acks;
    const struct record_format *format;
    struct arena record; /* one record's decoded fields */
    struct arena answer; /* one request and its response */
    struct slice key;
    struct slice (*headers)[2];
    int32_t header_count;
    size_t pending_bytes;
    int64_t sent, sent_bytes;
    int64_t started_ms, shown_ms;
    bool shows_progress;
};

static int64_t now(const struct producer *producer)
{
    return os_wall_ms(client_os(producer->cluster.client));
}

/* --- sending ---------------------------------------------------------------------------------- */

static int take_answer(struct producer *producer, const struct produce_response *response)
{
    int worst = CLI_OK;
    for (int32_t i = 0; i < response->responses_count; i++) {
        for (int32_t j = 0; j < response->responses[i].partition_responses_count; j++) {
            const struct produce_response_partition_produce_response *told =
                &response->responses[i].partition_responses[j];
            enum kafka_error error = (enum kafka_error)told->error_code;
            if (error == KAFKA_ERROR_NONE) continue;
            worst =
                cli_fail(client_exit(error), "%.*s[%d]: %s%s%.*s", SLICE_ARG(producer->topic->name),
                         (int)told->index, kafka_error_name(error),
                         told->error_message.size > 0 ? ": " : "", SLICE_ARG(told->error_message));
        }
    }
    return worst;
}

static int send_request(struct producer *producer, struct client *client,
                        struct produce_request_topic_produce_data *topic)
{
    int16_t named = uuid_is_zero(&producer->topic->id) ? LAST_NAMED_VERSION : INT16_MAX;
    int16_t version = client_version(client, API_PRODUCE, named);
    if (producer->codec == COMPRESS_ZSTD && version < FIRST_COMPRESSED_ZSTD)
        return cli_fail(CLI_FAILED, "%s does not know zstd", client_address(client));
    struct produce_request request;
    wire_defaults(&wire_produce_request, &request);
    request.acks = producer->acks;
    request.timeout_ms = client_timeout_ms(client);
    request.topic_data = topic;
    request.topic_data_count = 1;
    if (producer->acks == 0) {
        int r = client_send(client, API_PRODUCE, version, &request);
        client_expect_nothing(client);
        return r;
    }
    struct produce_response response;
    int r = client_call(client, API_PRODUCE, version, &request, &producer->answer, &response);
    return r != CLI_OK ? r : take_answer(producer, &response);
}

/* Ends the open batches of one broker's partitions and sends them as one request. */
static int flush_broker(struct producer *producer, int32_t broker_id)
{
    arena_reset(&producer->answer);
    struct produce_request_topic_produce_data topic = {.name = producer->topic->name,
                                                       .topic_id = producer->topic->id};
    size_t count = (size_t)producer->topic->partition_count;
    topic.partition_data = arena_alloc(&producer->answer, count * sizeof(topic.partition_data[0]));
    int64_t records = 0;
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct target *target = &producer->targets[i];
        if (!target->open || target->partition->leader != broker_id) continue;
        int32_t in_batch = target->builder.header.count;
        target->open = false;
        if (batch_end(&target->builder) < 0)
            return cli_fail(CLI_FAILED, "a batch is larger than %d bytes", BATCH_BYTES_MAX);
        topic.partition_data[topic.partition_data_count++] =
            (struct produce_request_partition_produce_data){target->partition->index,
                                                            writer_slice(&target->batch)};
        target->sent += in_batch;
        records += in_batch;
        bytes += (int64_t)target->batch.size;
    }
    if (topic.partition_data_count == 0) return CLI_OK;
    struct client *client;
    int r = cluster_connect(&producer->cluster, broker_id, &client);
    if (r == CLI_OK) r = send_request(producer, client, &topic);
    if (r != CLI_OK) return r;
    producer->sent += records;
    producer->sent_bytes += bytes;
    return CLI_OK;
}

static int flush(struct producer *producer)
{
    for (int32_t i = 0; i < producer->cluster.broker_count; i++) {
        int r = flush_broker(producer, producer->cluster.brokers[i].id);
        if (r != CLI_OK) return r;
    }
    producer->pending_bytes = 0;
    producer->sticky = (producer->sticky + 1) % producer->topic->partition_count;
    return CLI_OK;
}

static void show_progress(struct producer *producer, bool last)
{
    if (!producer->shows_progress) return;
    int64_t now_ms = now(producer);
    if (!last && now_ms - producer->shown_ms < PROGRESS_EVERY_MS) return;
    producer->shown_ms = now_ms;
    int64_t taken_ms = now_ms - producer->started_ms + 1;
    if (last)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\r\033[K%.*s  %lld records  %.1f MB/s", SLICE_ARG(producer->topic->name),
                (long long)producer->sent, (double)producer->sent_bytes / 1000 / (double)taken_ms);
}

/* --- records ---------------------------------------------------------------------------------- */

static int choose_target(struct producer *producer, const struct record_input *record,
                         struct target **target)
{
    int64_t index = record->partition >= 0 ? record->partition : producer->forced;
    int32_t count = producer->topic->partition_count;
    if (index < 0)
        index =
            slice_is_null(record->key) ? producer->sticky : partition_for_key(record->key, count);
    if (index >= count)
        return cli_fail(CLI_FAILED, "%.*s has no partition %lld", SLICE_ARG(producer->topic->name),
                        (long long)index);
    *target = &producer->targets[index];
    if ((*target)->partition->leader < 0)
        return cli_fail(CLI_FAILED, "%.*s[%lld] has no leader", SLICE_ARG(producer->topic->name),
                        (long long)index);
    return CLI_OK;
}

static int add_record(struct producer *producer, struct record_input *record)
{
    if (slice_is_null(record->key)) record->key = producer->key;
    if (record->header_count == 0) {
        record->headers = producer->headers;
        record->header_count = producer->header_count;
    }
    struct target *target = NULL;
    int r = choose_target(producer, record, &target);
    if (r != CLI_OK) return r;
    if (!target->open) {
        writer_reset(&target->batch);
        batch_begin(&target->builder, &target->batch, 0, producer->codec, COMPRESS_LEVEL_DEFAULT);
        target->open = true;
    }
    size_t before = target->builder.records.size;
    int64_t timestamp_ms = record->timestamp_ms >= 0 ? record->timestamp_ms : now(producer);
    batch_add(&target->builder, timestamp_ms, record->key, record->value,
              (const struct slice(*)[2])record->headers, record->header_count);
    producer->pending_bytes += target->builder.records.size - before;
    if (target->builder.records.size < BATCH_FULL_BYTES &&
        producer->pending_bytes < PENDING_FULL_BYTES)
        return CLI_OK;
    return flush(producer);
}

static int read_failed(const char *name, const struct record_reader *reader, int error)
{
    if (error == -EBADMSG) return cli_fail(CLI_FAILED, "%s: %.*s", name, SLICE_ARG(reader->wrong));
    if (error == -EMSGSIZE)
        return cli_fail(CLI_FAILED, "%s: record %lld is too long", name,
                        (long long)reader->count + 1);
    return cli_fail(CLI_FAILED, "%s: %s", name, strerror(-error));
}

static int produce_stream(struct producer *producer, const char *name, int from)
{
    struct record_reader reader;
    record_reader_open(&reader, from, producer->format, &producer->record);
    int code = CLI_OK;
    int r = 0;
    struct record_input record;
    while (code == CLI_OK && (r = record_reader_next(&reader, &record)) > 0) {
        code = add_record(producer, &record);
        if (code == CLI_OK && record_reader_would_wait(&reader)) code = flush(producer);
        show_progress(producer, false);
    }
    if (r < 0) code = read_failed(name, &reader, r);
    record_reader_close(&reader);
    /* What was read before a bad record was good. */
    int flushed = flush(producer);
    return code != CLI_OK ? code : flushed;
}

static int produce_files(struct producer *producer)
{
    const struct cli_values *arguments = &producer->cli->arguments;
    if (arguments->count == 1) return produce_stream(producer, "standard input", STDIN_FILENO);
    int r = CLI_OK;
    for (int i = 1; r == CLI_OK && i < arguments->count; i++) {
        const char *name = arguments->items[i];
        if (strcmp(name, "-") == 0) {
            r = produce_stream(producer, "standard input", STDIN_FILENO);
            continue;
        }
        int from = open(name, O_RDONLY | O_CLOEXEC);
        if (from < 0) return cli_fail(CLI_FAILED, "%s: %s", name, strerror(errno));
        r = produce_stream(producer, name, from);
        close(from);
    }
    return r;
}

/* --- the command ------------------------------------------------------------------------------ */

static int parse_acks(struct producer *producer)
{
    const char *acks = producer->cli->option[OPTION_ACKS];
    int64_t number = -1;
    if (acks != NULL && strcmp(acks, "all") != 0 &&
        slice_parse_int64(slice_of(acks), -1, 1, &number) < 0)
        return cli_fail(CLI_USAGE, "--acks wants 0, 1 or all, not '%s'", acks);
    producer->acks = (int16_t)number;
    return CLI_OK;
}

static int parse_headers(struct producer *producer)
{
    struct cli *cli = producer->cli;
    const struct cli_values *given = &cli->repeated[OPTION_HEADER];
    producer->headers =
        arena_alloc(&cli->arena, (size_t)given->count * sizeof(producer->headers[0]));
    producer->header_count = given->count;
    for (int i = 0; i < given->count; i++) {
        struct slice *header = producer->headers[i];
        if (cli_parse_pair(given->items[i], &header[0], &header[1]) < 0)
            return cli_fail(CLI_USAGE, "--header wants KEY=VALUE, not '%s'", given->items[i]);
    }
    return CLI_OK;
}

static int parse_options(struct producer *producer)
{
    struct cli *cli = producer->cli;
    const char *format = cli_has(cli, OPTION_FORMAT) ? cli->option[OPTION_FORMAT] : "%v\\n";
    const char *codec = cli_has(cli, OPTION_COMPRESSION) ? cli->option[OPTION_COMPRESSION] : "none";
    struct slice wrong;
    if (record_format_parse(&cli->arena, slice_of(format), &producer->format, &wrong) < 0 ||
        record_reader_check(producer->format, &wrong) < 0)
        return cli_fail(CLI_USAGE, "--format: %.*s", SLICE_ARG(wrong));
    if (compress_parse(slice_of(codec), &producer->codec) < 0)
        return cli_fail(CLI_USAGE, "--compression wants none, gzip, snappy, lz4 or zstd, not '%s'",
                        codec);
    producer->key = slice_of(cli->option[OPTION_KEY]);
    int r = parse_acks(producer);
    if (r == CLI_OK) r = parse_headers(producer);
    if (r == CLI_OK) r = cli_number(cli, OPTION_PARTITION, 0, INT32_MAX, -1, &producer->forced);
    return r;
}

static int open_topic(struct producer *producer)
{
    struct cli *cli = producer->cli;
    int r = cluster_open(cli, cli->arguments.items, 1, true, &producer->cluster);
    if (r != CLI_OK) return r;
    if (producer->cluster.topic_count != 1)
        return cli_fail(CLI_FAILED, "the broker does not tell of '%s'", cli->arguments.items[0]);
    producer->topic = &producer->cluster.topics[0];
    if (producer->topic->error != KAFKA_ERROR_NONE)
        return cli_fail(client_exit(producer->topic->error), "%s: %s", cli->arguments.items[0],
                        kafka_error_name(producer->topic->error));
    size_t count = (size_t)producer->topic->partition_count;
    if (count == 0) return cli_fail(CLI_FAILED, "'%s' has no partitions", cli->arguments.items[0]);
    producer->targets = arena_alloc(&cli->arena, count * sizeof(producer->targets[0]));
    for (size_t i = 0; i < count; i++) {
        producer->targets[i].partition = &producer->topic->partitions[i];
        writer_init(&producer->targets[i].batch, BATCH_BYTES_MAX);
    }
    producer->started_ms = now(producer);
    producer->sticky = (int32_t)(producer->started_ms % (int64_t)count);
    return CLI_OK;
}

static void close_targets(struct producer *producer)
{
    for (int32_t i = 0; producer->targets != NULL && i < producer->topic->partition_count; i++) {
        struct target *target = &producer->targets[i];
        if (target->open) writer_deinit(&target->builder.records);
        writer_deinit(&target->batch);
    }
}

/* "3 records in 4 ms  (orders[0] 1, orders[2] 2)" */
static void print_summary(const struct producer *producer)
{
    enum { PARTITIONS_SHOWN = 12 };
    fprintf(stderr, "%lld record%s in %lld ms", (long long)producer->sent,
            producer->sent == 1 ? "" : "s", (long long)(now(producer) - producer->started_ms));
    int shown = 0;
    for (int32_t i = 0; i < producer->topic->partition_count; i++) {
        const struct target *target = &producer->targets[i];
        if (target->sent == 0 || ++shown > PARTITIONS_SHOWN) continue;
        fprintf(stderr, "%s%.*s[%d] %lld", shown == 1 ? "  (" : ", ",
                SLICE_ARG(producer->topic->name), (int)target->partition->index,
                (long long)target->sent);
    }
    fprintf(stderr, "%s%s\n", shown > PARTITIONS_SHOWN ? ", …" : "", shown > 0 ? ")" : "");
}

int cli_produce(struct cli *cli)
{
    struct producer producer = {.cli = cli};
    int r = parse_options(&producer);
    if (r != CLI_OK) return r;
    bool quiet = cli_has(cli, OPTION_QUIET);
    producer.shows_progress = !quiet && isatty(STDERR_FILENO) && !isatty(STDIN_FILENO);
    arena_init(&producer.record, SCRATCH_BYTES_MAX);
    arena_init(&producer.answer, SCRATCH_BYTES_MAX);
    r = open_topic(&producer);
    if (r == CLI_OK) {
        r = produce_files(&producer);
        show_progress(&producer, true);
        if (!quiet) print_summary(&producer);
    }
    close_targets(&producer);
    cluster_close(&producer.cluster);
    arena_deinit(&producer.answer);
    arena_deinit(&producer.record);
    return r;
}
