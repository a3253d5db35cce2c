#include "flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/prng.h"
#include "peer.h"
#include "usage.h"
#include "wire/batch.h"
#include "wire/errors.h"

enum {
    CORRELATION_AT = 8, /* in a frame: length i32, API key i16, version i16, correlation id i32 */
    REQUESTS_A_SEND = 16,
    RECEIVE_FIRST = 64 << 10,
    ARENA_MAX = 1 << 20,
    EVENTS_MAX = 256,
    WAKE_BYTES_MAX = 256 << 10,
    DRAIN_S = 20, /* how long replies may take after the window */
    FETCH_WAIT_MS = 500,
    PRODUCE_TIMEOUT_MS = 30000,
};

struct flow_connection {
    int fd;
    int32_t partition;
    int wake_bytes;      /* the socket is readable from so many bytes on */
    uint32_t watched;    /* what epoll watches */
    uint64_t sent;       /* requests begun */
    uint64_t flushed;    /* of these, wholly in the kernel */
    uint64_t answered;   /* of these, answered */
    size_t flushed_part; /* bytes of the request after `flushed` that are in the kernel */
    int64_t intended_ns[FLOW_INFLIGHT_MAX];
    uint8_t *heads; /* FLOW_INFLIGHT_MAX times head_size: a frame up to its batch */
    uint8_t *in;
    size_t in_size, in_capacity;
    int64_t fetch_offset;
};

struct flow {
    const struct flow_options *options;
    struct flow_result *result;
    struct uuid topic_id;
    int32_t partitions;
    int16_t version;
    int epoll;
    struct flow_connection *connections;
    struct writer batch;
    struct writer frame; /* one request without its batch */
    size_t head_size;    /* of `frame`, what comes before the batch */
    size_t request_size; /* frame and batch */
    struct arena arena;  /* one reply */
    int64_t start_ns;
    uint64_t due;                         /* requests of the schedule whose time has come */
    int64_t window_from_ns, window_to_ns; /* INT64_MAX: not begun, not ended */
    bool stopping;                        /* begin no request any more */
};

/* --- requests encoded once -------------------------------------------------------------------- */

static int encode_batch(struct flow *flow)
{
    const struct flow_options *options = flow->options;
    uint8_t *value = memory_alloc((size_t)options->record_bytes + 8);
    struct prng prng;
    prng_init(&prng, options->seed);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    struct batch_builder builder;
    batch_begin(&builder, &flow->batch, 0, COMPRESS_NONE, COMPRESS_LEVEL_DEFAULT);
    for (int i = 0; i < options->batch_records; i++) {
        for (int j = 0; j < options->record_bytes; j += 8)
            store_be64(value + j, prng_next(&prng));
        batch_add(&builder, now_ms, SLICE_NULL,
                  (struct slice){value, (size_t)options->record_bytes}, NULL, 0);
    }
    memory_free(value);
    return batch_end(&builder);
}

static int encode_produce(struct flow *flow, int32_t partition)
{
    struct produce_request_partition_produce_data place = {
        .index = partition,
        .records = {NULL, flow->batch.size}, /* a hole: the batch is sent from its own memory */
    };
    struct produce_request_topic_produce_data topic = {
        .name = slice_of(flow->options->topic),
        .topic_id = flow->topic_id,
        .partition_data = &place,
        .partition_data_count = 1,
    };
    struct produce_request request;
    wire_defaults(&wire_produce_request, &request);
    request.acks = flow->options->acks;
    request.timeout_ms = PRODUCE_TIMEOUT_MS;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    writer_reset(&flow->frame);
    int r = peer_encode(&flow->frame, API_PRODUCE, flow->version, 0, &request, &flow->head_size);
    flow->request_size = flow->frame.size + flow->batch.size;
    return r;
}

static int encode_fetch(struct flow *flow, int32_t partition, int64_t offset)
{
    struct fetch_request_fetch_partition place = {
        .partition = partition,
        .current_leader_epoch = -1,
        .fetch_offset = offset,
        .last_fetched_epoch = -1,
        .log_start_offset = -1,
        .partition_max_bytes = flow->options->fetch_bytes,
        .high_watermark = INT64_MAX,
    };
    struct fetch_request_fetch_topic topic = {
        .topic = slice_of(flow->options->topic),
        .topic_id = flow->topic_id,
        .partitions = &place,
        .partitions_count = 1,
    };
    struct fetch_request request;
    wire_defaults(&wire_fetch_request, &request);
    request.max_wait_ms = FETCH_WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = flow->options->fetch_bytes;
    request.topics = &topic;
    request.topics_count = 1;
    writer_reset(&flow->frame);
    int r = peer_encode(&flow->frame, API_FETCH, flow->version, 0, &request, NULL);
    flow->head_size = flow->request_size = flow->frame.size;
    return r;
}

/* The frame of one more request goes to the connection's next place. */
static int connection_begin(struct flow *flow, struct flow_connection *connection,
                            int64_t intended_ns)
{
    size_t slot = connection->sent % FLOW_INFLIGHT_MAX;
    uint8_t *head = connection->heads + slot * flow->head_size;
    if (flow->options->fetch) {
        int r = encode_fetch(flow, connection->partition, connection->fetch_offset);
        if (r < 0) return r;
        memcpy(head, flow->frame.data, flow->head_size);
    }
    store_be32(head + CORRELATION_AT, (uint32_t)connection->sent);
    connection->intended_ns[slot] = intended_ns;
    connection->sent++;
    return 0;
}

/* --- the window ------------------------------------------------------------------------------- */

static void record_done(struct flow *flow, struct flow_connection *connection, int64_t now_ns,
                        uint64_t bytes, uint64_t records)
{
    int64_t intended_ns = connection->intended_ns[connection->answered % FLOW_INFLIGHT_MAX];
    connection->answered++;
    flow->result->acknowledged += records;
    bool scheduled = flow->options->rate > 0;
    /* On a schedule also what was meant for the window and came late belongs to its latencies. */
    if (intended_ns >= flow->window_from_ns &&
        (scheduled ? intended_ns : now_ns) < flow->window_to_ns)
        histogram_add(&flow->result->latency_ns, (uint64_t)(now_ns - intended_ns));
    if (now_ns < flow->window_from_ns || now_ns >= flow->window_to_ns) return;
    flow->result->requests++;
    flow->result->records += records;
    flow->result->bytes += bytes;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The parts of requests from `flushed` on, less what is in the kernel already. */
static size_t connection_gather(struct flow *flow, struct flow_connection *connection,
                                struct iovec *parts)
{
    size_t count = 0;
    size_t skip = connection->flushed_part;
    uint64_t end = connection->flushed + REQUESTS_A_SEND;
    if (end > connection->sent) end = connection->sent;
    for (uint64_t i = connection->flushed; i < end; i++) {
        uint8_t *head = connection->heads + i % FLOW_INFLIGHT_MAX * flow->head_size;
        struct iovec part[] = {
            {head, flow->head_size},
            {flow->batch.data, flow->batch.size},
            {flow->frame.data + flow->head_size, flow->frame.size - flow->head_size},
        };
        for (size_t j = 0; j < ARRAY_COUNT(part); j++) {
            size_t less = skip < part[j].iov_len ? skip : part[j].iov_len;
            skip -= less;
            if (part[j].iov_len == less) continue;
            parts[count].iov_base = (uint8_t *)part[j].iov_base + less;
            parts[count++].iov_len = part[j].iov_len - less;
        }
    }
    return count;
}

static int connection_watch(struct flow *flow, struct flow_connection *connection, uint32_t events)
{
    if (connection->watched == events) return 0;
    struct epoll_event event = {.events = events, .data.ptr = connection};
    connection->watched = events;
    return epoll_ctl(flow->epoll, EPOLL_CTL_MOD, connection->fd, &event) < 0 ? -errno : 0;
}

static int connection_flush(struct flow *flow, struct flow_connection *connection)
{
    while (connection->flushed < connection->sent) {
        struct iovec parts[3 * REQUESTS_A_SEND];
        struct msghdr message = {.msg_iov = parts};
        message.msg_iovlen = connection_gather(flow, connection, parts);
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            return connection_watch(flow, connection, EPOLLIN | EPOLLOUT);
        if (sent < 0) return -errno;
        size_t bytes = connection->flushed_part + (size_t)sent;
        uint64_t whole = bytes / flow->request_size;
        connection->flushed += whole;
        connection->flushed_part = bytes % flow->request_size;
        if (flow->options->acks != 0 || flow->options->fetch) continue;
        int64_t now_ns = usage_now_ns();
        for (; whole > 0; whole--)
            record_done(flow, connection, now_ns, flow->batch.size,
                        (uint64_t)flow->options->batch_records);
    }
    return connection_watch(flow, connection, EPOLLIN);
}

/* Begins what may begin: on a schedule what is due, else all that fits. */
static int connection_send(struct flow *flow, struct flow_connection *connection)
{
    uint64_t limit = connection->answered + (uint64_t)flow->options->inflight;
    uint64_t number = (uint64_t)(connection - flow->connections);
    uint64_t count = (uint64_t)flow->options->connections;
    int64_t now_ns = flow->options->rate > 0 ? 0 : usage_now_ns();
    while (connection->sent < limit) {
        int64_t intended_ns = now_ns;
        if (flow->options->rate > 0) {
            uint64_t turn = connection->sent * count + number;
            if (turn >= flow->due) break;
            intended_ns = flow->start_ns + (int64_t)((double)turn / flow->options->rate * 1e9);
        } else if (flow->stopping) {
            break;
        }
        int r = connection_begin(flow, connection, intended_ns);
        if (r < 0) return r;
    }
    return connection_flush(flow, connection);
}

/* --- replies ---------------------------------------------------------------------------------- */

static int fail_answer(const char *what, int16_t error)
{
    const char *name = kafka_error_name((enum kafka_error)error);
    fprintf(stderr, "load: the broker answered a %s with %s (%d)\n", what, name, error);
    return -EPROTO;
}

static int take_produced(struct flow *flow, struct flow_connection *connection, struct slice frame,
                         int64_t now_ns)
{
    struct produce_response response;
    int32_t correlation_id;
    int r =
        peer_decode(frame, API_PRODUCE, flow->version, &flow->arena, &correlation_id, &response);
    if (r < 0) return r;
    if (correlation_id != (int32_t)connection->answered || response.responses_count != 1 ||
        response.responses[0].partition_responses_count != 1)
        return -EBADMSG;
    int16_t error = response.responses[0].partition_responses[0].error_code;
    if (error != KAFKA_ERROR_NONE) return fail_answer("produce", error);
    record_done(flow, connection, now_ns, flow->batch.size, (uint64_t)flow->options->batch_records);
    return 0;
}

/* Whole batches of a fetch, the cut one at the end left out. */
static int take_batches(struct flow *flow, struct flow_connection *connection, struct slice records,
                        uint64_t *bytes, uint64_t *count)
{
    struct batch batch;
    int r;
    *bytes = *count = 0;
    while ((r = batch_take(&records, &batch)) == 0) {
        int64_t end = batch_last_offset(&batch) + 1;
        /* The first batch may begin before the offset asked for. (KafkaConsumer skips these too) */
        if (end <= connection->fetch_offset) return -EBADMSG;
        if (flow->options->verify && !batch_crc_matches(&batch)) return -EBADMSG;
        connection->fetch_offset = end;
        *bytes += batch.bytes.size;
        *count += (uint64_t)batch.count;
    }
    return r == -ENODATA ? 0 : r;
}

static int take_fetched(struct flow *flow, struct flow_connection *connection, struct slice frame,
                        int64_t now_ns)
{
    struct fetch_response response;
    int32_t correlation_id;
    int r = peer_decode(frame, API_FETCH, flow->version, &flow->arena, &correlation_id, &response);
    if (r < 0) return r;
    if (correlation_id != (int32_t)connection->answered) return -EBADMSG;
    if (response.error_code != KAFKA_ERROR_NONE) return fail_answer("fetch", response.error_code);
    if (response.responses_count != 1 || response.responses[0].partitions_count != 1)
        return -EBADMSG;
    const struct fetch_response_partition_data *place = &response.responses[0].partitions[0];
    if (place->error_code != KAFKA_ERROR_NONE) return fail_answer("fetch", place->error_code);
    uint64_t bytes, records;
    r = take_batches(flow, connection, place->records, &bytes, &records);
    if (r < 0) return r;
    /* At the end of the log the reading begins anew: a window is longer than what was written. */
    if (connection->fetch_offset >= place->high_watermark) connection->fetch_offset = 0;
    record_done(flow, connection, now_ns, bytes, records);
    return 0;
}

/* Room for the rest of the frame that has begun, or for what comes. */
static void connection_make_room(struct flow_connection *connection)
{
    size_t wanted = RECEIVE_FIRST;
    if (connection->in_size >= 4) {
        size_t frame = 4 + (size_t)load_be32(connection->in);
        if (frame > wanted) wanted = frame;
    }
    ASSERT(wanted <= PEER_FRAME_MAX);
    if (wanted <= connection->in_capacity) return;
    connection->in = memory_grow(connection->in, wanted);
    connection->in_capacity = wanted;
}

/* Sleeps through the middle of a large reply: each time a receiver is woken costs the sender, and
 * how often it is woken is chance. */
static int connection_wake_late(struct flow_connection *connection)
{
    int bytes = 1;
    if (connection->in_size >= 4) {
        size_t left = 4 + (size_t)load_be32(connection->in) - connection->in_size;
        bytes = left < WAKE_BYTES_MAX ? (int)left : WAKE_BYTES_MAX;
    }
    if (bytes == connection->wake_bytes) return 0;
    connection->wake_bytes = bytes;
    return setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) < 0 ? -errno
                                                                                          : 0;
}

static int connection_receive(struct flow *flow, struct flow_connection *connection)
{
    connection_make_room(connection);
    ssize_t got = recv(connection->fd, connection->in + connection->in_size,
                       connection->in_capacity - connection->in_size, MSG_DONTWAIT);
    if (got == 0) return -ECONNRESET;
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    connection->in_size += (size_t)got;
    int64_t now_ns = usage_now_ns();
    struct slice rest = {connection->in, connection->in_size};
    while (rest.size >= 4 && rest.size - 4 >= load_be32(rest.data)) {
        struct slice frame = {rest.data + 4, load_be32(rest.data)};
        arena_reset(&flow->arena);
        int r = flow->options->fetch ? take_fetched(flow, connection, frame, now_ns)
                                     : take_produced(flow, connection, frame, now_ns);
        if (r < 0) return r;
        rest.data += 4 + frame.size;
        rest.size -= 4 + frame.size;
    }
    if (rest.size > 0) memmove(connection->in, rest.data, rest.size);
    connection->in_size = rest.size;
    return connection_wake_late(connection);
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool flow_idle(const struct flow *flow)
{
    for (int i = 0; i < flow->options->connections; i++) {
        const struct flow_connection *connection = &flow->connections[i];
        uint64_t turn = connection->sent * (uint64_t)flow->options->connections + (uint64_t)i;
        if (flow->options->rate > 0 && turn < flow->due) return false;
        if (connection->answered < connection->sent) return false;
    }
    return true;
}

/* Lets the schedule go on to `now_ns`. Returns how long to sleep at most. */
static int flow_schedule(struct flow *flow, int64_t now_ns, int64_t *sleep_ns)
{
    *sleep_ns = 100 * 1000 * 1000;
    double rate = flow->options->rate;
    if (rate <= 0 || flow->stopping) return 0;
    uint64_t before = flow->due;
    uint64_t connections = (uint64_t)flow->options->connections;
    flow->due = (uint64_t)((double)(now_ns - flow->start_ns) / 1e9 * rate) + 1;
    if (flow->due - before > connections) before = flow->due - connections;
    for (uint64_t turn = before; turn < flow->due; turn++) {
        int r = connection_send(flow, &flow->connections[turn % connections]);
        if (r < 0) return r;
    }
    int64_t next_ns = flow->start_ns + (int64_t)((double)flow->due / rate * 1e9);
    int64_t left_ns = next_ns - usage_now_ns();
    *sleep_ns = left_ns < 0 ? 0 : left_ns;
    return 0;
}

static int flow_turn(struct flow *flow, int64_t now_ns)
{
    int64_t sleep_ns;
    int r = flow_schedule(flow, now_ns, &sleep_ns);
    if (r < 0) return r;
    struct epoll_event events[EVENTS_MAX];
    struct timespec timeout = {sleep_ns / 1000000000, sleep_ns % 1000000000};
    int count = epoll_pwait2(flow->epoll, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && errno != EINTR) return -errno;
    for (int i = 0; i < count; i++) {
        struct flow_connection *connection = events[i].data.ptr;
        if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            r = connection_receive(flow, connection);
        if (r == 0) r = connection_send(flow, connection);
        if (r < 0) return r;
    }
    return 0;
}

static void flow_window_end(struct flow *flow, const struct usage *from)
{
    struct usage to = usage_take(flow->options->broker);
    struct flow_result *result = flow->result;
    flow->window_to_ns = to.at_ns;
    flow->stopping = true;
    result->seconds = (double)(to.at_ns - from->at_ns) / 1e9;
    result->broker_cpu_s = to.broker_s - from->broker_s;
    result->client_cpu_s = to.self_s - from->self_s;
    double all_s = to.machine_all_s - from->machine_all_s;
    double foreign_s = to.machine_s - from->machine_s - result->broker_cpu_s - result->client_cpu_s;
    if (all_s <= 0) return;
    result->foreign_share = foreign_s > 0 ? foreign_s / all_s : 0;
    result->steal_share = (to.steal_s - from->steal_s) / all_s;
}

static int flow_measure(struct flow *flow)
{
    const struct flow_options *options = flow->options;
    flow->start_ns = usage_now_ns();
    int64_t warm_ns = flow->start_ns + (int64_t)(options->warmup_s * 1e9);
    int64_t end_ns = warm_ns + (int64_t)(options->window_s * 1e9);
    struct usage from = {0};
    int r = 0;
    for (int i = 0; r == 0 && options->rate <= 0 && i < options->connections; i++)
        r = connection_send(flow, &flow->connections[i]);
    while (r == 0) {
        int64_t now_ns = usage_now_ns();
        if (!flow->stopping && flow->window_from_ns == INT64_MAX && now_ns >= warm_ns) {
            from = usage_take(options->broker);
            flow->window_from_ns = from.at_ns;
        }
        bool full = options->bytes_max > 0 && flow->result->bytes >= options->bytes_max;
        if (!flow->stopping && flow->window_from_ns != INT64_MAX && (now_ns >= end_ns || full))
            flow_window_end(flow, &from);
        if (flow->stopping && flow_idle(flow)) return 0;
        if (now_ns > end_ns + (int64_t)DRAIN_S * 1000000000) return -ETIMEDOUT;
        r = flow_turn(flow, now_ns);
    }
    return r;
}

/* --- setting up ------------------------------------------------------------------------------- */

static int connection_open(struct flow *flow, struct flow_connection *connection, int number)
{
    connection->partition = number % flow->partitions;
    connection->fd = peer_connect(flow->options->address);
    if (connection->fd < 0) return -ECONNREFUSED;
    int r = flow->options->fetch ? encode_fetch(flow, connection->partition, 0)
                                 : encode_produce(flow, connection->partition);
    if (r < 0) return r;
    connection->heads = memory_alloc(FLOW_INFLIGHT_MAX * flow->head_size);
    for (size_t i = 0; i < FLOW_INFLIGHT_MAX; i++)
        memcpy(connection->heads + i * flow->head_size, flow->frame.data, flow->head_size);
    connection->watched = EPOLLIN;
    connection->wake_bytes = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    return epoll_ctl(flow->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0 ? -errno : 0;
}

static void flow_close(struct flow *flow)
{
    for (int i = 0; i < flow->options->connections; i++) {
        struct flow_connection *connection = &flow->connections[i];
        if (connection->fd >= 0) close(connection->fd);
        memory_free(connection->heads);
        memory_free(connection->in);
    }
    memory_free(flow->connections);
    close(flow->epoll);
    writer_deinit(&flow->batch);
    writer_deinit(&flow->frame);
    arena_deinit(&flow->arena);
}

int flow_run(const struct flow_options *options, struct uuid topic_id, int32_t partitions,
             int16_t version, struct flow_result *result)
{
    ASSERT(options->connections > 0 && options->connections <= FLOW_CONNECTIONS_MAX);
    ASSERT(options->inflight > 0 && options->inflight <= FLOW_INFLIGHT_MAX);
    struct flow flow = {
        .options = options,
        .result = result,
        .topic_id = topic_id,
        .partitions = partitions,
        .version = version,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .connections = memory_alloc_zero((size_t)options->connections * sizeof(*flow.connections)),
        .window_from_ns = INT64_MAX,
        .window_to_ns = INT64_MAX,
    };
    writer_init(&flow.batch, PEER_FRAME_MAX);
    writer_init(&flow.frame, PEER_FRAME_MAX);
    arena_init(&flow.arena, ARENA_MAX);
    for (int i = 0; i < options->connections; i++)
        flow.connections[i].fd = -1;
    *result = (struct flow_result){0};
    int r = options->fetch ? 0 : encode_batch(&flow);
    for (int i = 0; r == 0 && i < options->connections; i++)
        r = connection_open(&flow, &flow.connections[i], i);
    if (r == 0) r = flow_measure(&flow);
    if (r < 0) fprintf(stderr, "load: %s\n", strerror(-r));
    flow_close(&flow);
    return r;
}
