/*
 * load: a light client that loads a broker with frames encoded beforehand, so that what is measured
 * is the broker. Each command prints one line of JSON.
 *
 *   load produce|fetch --brokers HOST:PORT --topic NAME [OPTION…]     see USAGE below
 *   load create|delete|end|apis --brokers HOST:PORT [--topic NAME]
 *   load start --brokers HOST:PORT --topic NAME     waits for a broker that is being started and
 *        says when, on the monotonic clock, it acknowledged the first record
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/slice.h"
#include "flow.h"
#include "peer.h"
#include "usage.h"
#include "wire/errors.h"

static const char USAGE[] =
    "usage: load produce|fetch|create|delete|end|apis|start --brokers HOST:PORT [OPTION…]\n"
    "  --topic NAME           bench\n"
    "  --partitions N         of a topic that is created (1)\n"
    "  --set NAME=VALUE,…     settings of a topic that is created\n"
    "  --connections N        1\n"
    "  --inflight N           requests of one connection that wait for a reply (5; fetch: 1)\n"
    "  --acks 0|1|-1          -1\n"
    "  --record-bytes N       of a record's value (100)\n"
    "  --batch-records N      in one request (1)\n"
    "  --fetch-bytes N        the most that one fetch asks for (1048576)\n"
    "  --rate N               requests a second, on a schedule (0: as fast as replies come)\n"
    "  --warmup S             seconds (0.5)\n"
    "  --window S             seconds, at most (5)\n"
    "  --window-bytes N       the window ends when so many bytes of batches are done\n"
    "  --broker-pid N         take this process's CPU time over the window\n"
    "  --verify               check the CRC of what is fetched\n"
    "  --seed N               of the records' contents (1)\n";

enum load_option {
    OPTION_BROKERS = 256,
    OPTION_TOPIC,
    OPTION_PARTITIONS,
    OPTION_SET,
    OPTION_CONNECTIONS,
    OPTION_INFLIGHT,
    OPTION_ACKS,
    OPTION_RECORD_BYTES,
    OPTION_BATCH_RECORDS,
    OPTION_FETCH_BYTES,
    OPTION_RATE,
    OPTION_WARMUP,
    OPTION_WINDOW,
    OPTION_WINDOW_BYTES,
    OPTION_BROKER_PID,
    OPTION_VERIFY,
    OPTION_SEED,
};

static const struct option OPTIONS[] = {
    {"brokers", required_argument, NULL, OPTION_BROKERS},
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"partitions", required_argument, NULL, OPTION_PARTITIONS},
    {"set", required_argument, NULL, OPTION_SET},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"inflight", required_argument, NULL, OPTION_INFLIGHT},
    {"acks", required_argument, NULL, OPTION_ACKS},
    {"record-bytes", required_argument, NULL, OPTION_RECORD_BYTES},
    {"batch-records", required_argument, NULL, OPTION_BATCH_RECORDS},
    {"fetch-bytes", required_argument, NULL, OPTION_FETCH_BYTES},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"window-bytes", required_argument, NULL, OPTION_WINDOW_BYTES},
    {"broker-pid", required_argument, NULL, OPTION_BROKER_PID},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"seed", required_argument, NULL, OPTION_SEED},
    {NULL, 0, NULL, 0},
};

struct load {
    struct flow_options flow;
    int32_t partitions;
    const char *settings; /* of a topic that is created */
};

_Noreturn static void usage_exit(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static int64_t number(const char *text, int64_t min, int64_t max)
{
    int64_t value;
    if (slice_parse_int64(slice_of(text), min, max, &value) == 0) return value;
    fprintf(stderr, "load: '%s' is no number from %lld to %lld\n", text, (long long)min,
            (long long)max);
    exit(2);
}

static double decimal(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*text != 0 && *end == 0 && value >= 0) return value;
    fprintf(stderr, "load: '%s' is no number\n", text);
    exit(2);
}

static void take_option(struct load *load, enum load_option option, const char *text)
{
    struct flow_options *flow = &load->flow;
    switch (option) {
    case OPTION_BROKERS:
        flow->address = text;
        return;
    case OPTION_TOPIC:
        flow->topic = text;
        return;
    case OPTION_PARTITIONS:
        load->partitions = (int32_t)number(text, 1, 100000);
        return;
    case OPTION_SET:
        load->settings = text;
        return;
    case OPTION_CONNECTIONS:
        flow->connections = (int)number(text, 1, FLOW_CONNECTIONS_MAX);
        return;
    case OPTION_INFLIGHT:
        flow->inflight = (int)number(text, 1, FLOW_INFLIGHT_MAX);
        return;
    case OPTION_ACKS:
        flow->acks = (int16_t)number(text, -1, 1);
        return;
    case OPTION_RECORD_BYTES:
        flow->record_bytes = (int)number(text, 0, 64 << 20);
        return;
    case OPTION_BATCH_RECORDS:
        flow->batch_records = (int)number(text, 1, 1 << 20);
        return;
    case OPTION_FETCH_BYTES:
        flow->fetch_bytes = (int)number(text, 1, 64 << 20);
        return;
    case OPTION_RATE:
        flow->rate = decimal(text);
        return;
    case OPTION_WARMUP:
        flow->warmup_s = decimal(text);
        return;
    case OPTION_WINDOW:
        flow->window_s = decimal(text);
        return;
    case OPTION_WINDOW_BYTES:
        flow->bytes_max = (uint64_t)number(text, 0, INT64_MAX);
        return;
    case OPTION_BROKER_PID:
        flow->broker = (pid_t)number(text, 1, INT32_MAX);
        return;
    case OPTION_VERIFY:
        flow->verify = true;
        return;
    case OPTION_SEED:
        flow->seed = (uint64_t)number(text, 0, INT64_MAX);
        return;
    }
    usage_exit();
}

static int fail(const struct load *load, const struct peer *peer, int error)
{
    const char *what =
        error == -EPROTO ? kafka_error_name((enum kafka_error)peer->error) : strerror(-error);
    fprintf(stderr, "load: %s: %s\n", load->flow.address, what);
    return 1;
}

/* --- the commands ----------------------------------------------------------------------------- */

static void print_result(const struct load *load, const struct flow_result *result)
{
    const struct histogram *latency = &result->latency_ns;
    double gib = (double)result->bytes / (1 << 30);
    printf("{\"mode\": \"%s\", \"connections\": %d, \"inflight\": %d, \"acks\": %d, "
           "\"record_bytes\": %d, \"batch_records\": %d, \"rate\": %.0f, ",
           load->flow.fetch ? "fetch" : "produce", load->flow.connections, load->flow.inflight,
           load->flow.acks, load->flow.record_bytes, load->flow.batch_records, load->flow.rate);
    printf("\"seconds\": %.4f, \"requests\": %llu, \"records\": %llu, \"bytes\": %llu, "
           "\"acknowledged\": %llu, \"requests_s\": %.0f, \"records_s\": %.0f, \"mib_s\": %.1f, ",
           result->seconds, (unsigned long long)result->requests,
           (unsigned long long)result->records, (unsigned long long)result->bytes,
           (unsigned long long)result->acknowledged, (double)result->requests / result->seconds,
           (double)result->records / result->seconds, gib * 1024 / result->seconds);
    printf("\"broker_cpu_s\": %.4f, \"client_cpu_s\": %.4f, \"foreign_share\": %.4f, "
           "\"steal_share\": %.4f, ",
           result->broker_cpu_s, result->client_cpu_s, result->foreign_share, result->steal_share);
    static const struct {
        const char *name;
        double share;
    } quantiles[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p99.9", .999}, {"p99.99", .9999}};
    printf("\"latency_us\": {\"count\": %llu, \"mean\": %.1f", (unsigned long long)latency->count,
           histogram_mean(latency) / 1e3);
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
        printf(", \"%s\": %.1f", quantiles[i].name,
               (double)histogram_quantile(latency, quantiles[i].share) / 1e3);
    printf(", \"max\": %.1f}}\n", (double)latency->max / 1e3);
}

static int run_flow(struct load *load, struct peer *peer)
{
    static struct flow_result result;
    struct uuid id;
    int32_t partitions;
    if (load->flow.fetch) load->flow.inflight = 1;
    int r = peer_find_topic(peer, load->flow.topic, &id, &partitions);
    if (r < 0) return fail(load, peer, r);
    int16_t version = peer_version(peer, load->flow.fetch ? API_FETCH : API_PRODUCE);
    r = flow_run(&load->flow, id, partitions, version, &result);
    if (r < 0) return 1;
    print_result(load, &result);
    return 0;
}

static int run_end(struct load *load, struct peer *peer)
{
    struct uuid id;
    int32_t partitions;
    int64_t total = 0;
    int r = peer_find_topic(peer, load->flow.topic, &id, &partitions);
    for (int32_t i = 0; r == 0 && i < partitions; i++) {
        int64_t end;
        r = peer_end_offset(peer, load->flow.topic, i, &end);
        if (r == 0) total += end;
    }
    if (r < 0) return fail(load, peer, r);
    printf("{\"partitions\": %d, \"end\": %lld}\n", (int)partitions, (long long)total);
    return 0;
}

static int run_apis(const struct peer *peer)
{
    const char *between = "";
    printf("{");
    for (int key = 0; key < PEER_APIS_MAX; key++) {
        if (peer->version_max[key] < 0) continue;
        printf("%s\"%d\": %d", between, key, peer->version_max[key]);
        between = ", ";
    }
    printf("}\n");
    return 0;
}

/* Each step is repeated until it succeeds: a broker that starts refuses first the connection, then
 * perhaps the topic. */
static int run_start(struct load *load)
{
    static struct flow_result result;
    struct flow_options *flow = &load->flow;
    flow->connections = flow->inflight = 1;
    flow->warmup_s = flow->window_s = 0;
    flow->bytes_max = 1;
    int64_t deadline_ns = usage_now_ns() + 120LL * 1000000000;
    while (usage_now_ns() < deadline_ns) {
        struct peer peer;
        struct uuid id;
        int32_t partitions;
        int r = peer_open(&peer, flow->address);
        if (r == 0) {
            r = peer_create_topic(&peer, flow->topic, load->partitions, load->settings);
            if (r == 0) r = peer_find_topic(&peer, flow->topic, &id, &partitions);
            if (r == 0)
                r = flow_run(flow, id, partitions, peer_version(&peer, API_PRODUCE), &result);
            peer_close(&peer);
        }
        if (r == 0 && result.acknowledged > 0) {
            printf("{\"first_ack_ns\": %lld}\n", (long long)usage_now_ns());
            return 0;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fprintf(stderr, "load: %s acknowledged nothing\n", flow->address);
    return 1;
}

static int run(struct load *load, const char *command)
{
    if (strcmp(command, "start") == 0) return run_start(load);
    struct peer peer;
    int r = peer_open(&peer, load->flow.address);
    if (r < 0) return fail(load, &peer, r);
    int status = 2;
    if (strcmp(command, "produce") == 0 || strcmp(command, "fetch") == 0) {
        load->flow.fetch = command[0] == 'f';
        status = run_flow(load, &peer);
    } else if (strcmp(command, "end") == 0) {
        status = run_end(load, &peer);
    } else if (strcmp(command, "apis") == 0) {
        status = run_apis(&peer);
    } else if (strcmp(command, "create") == 0 || strcmp(command, "delete") == 0) {
        const char *topic = load->flow.topic;
        r = command[0] == 'c' ? peer_create_topic(&peer, topic, load->partitions, load->settings)
                              : peer_delete_topic(&peer, topic);
        status = r < 0 ? fail(load, &peer, r) : 0;
        if (r == 0) printf("{}\n");
    }
    peer_close(&peer);
    if (status == 2) usage_exit();
    return status;
}

int main(int argc, char **argv)
{
    struct load load = {
        .flow = {.topic = "bench",
                 .connections = 1,
                 .inflight = 5,
                 .acks = -1,
                 .record_bytes = 100,
                 .batch_records = 1,
                 .fetch_bytes = 1 << 20,
                 .warmup_s = 0.5,
                 .window_s = 5,
                 .seed = 1},
        .partitions = 1,
    };
    if (argc < 2 || argv[1][0] == '-') usage_exit();
    int option;
    while ((option = getopt_long(argc - 1, argv + 1, "", OPTIONS, NULL)) != -1) {
        if (option == '?') usage_exit();
        take_option(&load, (enum load_option)option, optarg);
    }
    if (load.flow.address == NULL || optind != argc - 1) usage_exit();
    return run(&load, argv[1]);
}
