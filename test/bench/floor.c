/*
 * floor: the least that a broker can do. Receives Produce frames, checks each batch's CRC, writes
 * it to one file and answers; serves Fetch from that file by sendfile. One thread, no recovery, no
 * look at records; every topic is this one file, and creating one empties it. What a broker costs
 * above this is what its promises cost: gregor ÷ floor says how much that is.
 *
 *   floor PORT FILE [sync]    sync: answers after fdatasync, one for all frames of a turn
 *
 * It trusts its clients: a frame that it does not understand ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "floor_talk.h"
#include "wire/batch.h"

enum {
    EVENTS_MAX = 128,
    WRITES_MAX = 1024, /* batches of one turn at most; IOV_MAX */
    RECEIVE_FIRST = 64 << 10,
    REPLIES_MAX = 16 << 20,
    CORRUPT_MESSAGE = 2,
};

struct connection {
    int fd;
    uint8_t *in;
    size_t in_size, in_done, in_capacity; /* in_done: of frames that are served */
    struct writer out;                    /* replies not yet sent */
};

struct place { /* where a batch lies: the index */
    int64_t base_offset, position;
};

static int file, epoll;
static uint16_t port;
static bool sync_always;
static int64_t next_offset, file_size;
static struct place *places;
static size_t place_count, place_capacity;
static struct iovec writes[WRITES_MAX]; /* this turn's batches, where they were received */
static int write_count;
static int64_t write_size;
static struct arena arena;

#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            fprintf(stderr, "floor: line %d: %s: %s\n", __LINE__, #condition, strerror(errno)); \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

/* --- the file --------------------------------------------------------------------------------- */

static void file_write(void)
{
    if (write_count == 0) return;
    CHECK(pwritev(file, writes, write_count, file_size) == write_size);
    if (sync_always) CHECK(fdatasync(file) == 0);
    file_size += write_size;
    write_size = write_count = 0;
}

static void file_empty(void)
{
    file_write();
    CHECK(ftruncate(file, 0) == 0);
    next_offset = file_size = 0;
    place_count = 0;
}

static int16_t file_append(uint8_t *bytes, size_t size, int64_t *base_offset)
{
    struct batch batch;
    struct slice rest = {bytes, size};
    if (batch_take(&rest, &batch) < 0 || rest.size > 0 || !batch_crc_matches(&batch))
        return CORRUPT_MESSAGE;
    if (write_count == WRITES_MAX) file_write();
    if (place_count == place_capacity) {
        place_capacity = place_capacity * 2 + 1024;
        places = memory_grow(places, place_capacity * sizeof(*places));
    }
    *base_offset = next_offset;
    batch_assign(bytes, next_offset, 0);
    places[place_count++] = (struct place){next_offset, file_size + write_size};
    writes[write_count++] = (struct iovec){bytes, size};
    write_size += (int64_t)size;
    next_offset += batch.count;
    return 0;
}

/* The last place whose number (an offset or a position) is at most `value`. */
static size_t find_place(bool by_offset, int64_t value)
{
    size_t low = 0, high = place_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        int64_t number = by_offset ? places[middle].base_offset : places[middle].position;
        if (number <= value)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* --- out -------------------------------------------------------------------------------------- */

static void wait_writable(const struct connection *connection)
{
    struct pollfd item = {.fd = connection->fd, .events = POLLOUT};
    poll(&item, 1, -1);
}

static void send_out(struct connection *connection, int flags)
{
    size_t done = 0;
    while (done < connection->out.size) {
        ssize_t sent = send(connection->fd, connection->out.data + done,
                            connection->out.size - done, MSG_NOSIGNAL | flags);
        if (sent < 0 && errno == EAGAIN)
            wait_writable(connection);
        else if (sent < 0)
            break; /* the client is gone: the next receive says so */
        else
            done += (size_t)sent;
    }
    writer_reset(&connection->out);
}

static void send_extent(struct connection *connection, int64_t position, int64_t size)
{
    while (size > 0) {
        ssize_t sent = sendfile(connection->fd, file, &position, (size_t)size);
        if (sent < 0 && errno == EAGAIN)
            wait_writable(connection);
        else if (sent <= 0)
            break;
        else
            size -= sent;
    }
}

/* --- requests --------------------------------------------------------------------------------- */

static uint64_t take_uvarint(uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    return value;
}

/* By hand, for speed: versions 9 to 13, one topic, one partition, no tagged fields.
 * (schema/api/00_produce) */
static void serve_produce(struct connection *connection, uint8_t *at, const uint8_t *end,
                          int16_t version, int32_t correlation_id)
{
    uint64_t transactional_id = take_uvarint(&at);
    CHECK(transactional_id == 0);
    int16_t acks = (int16_t)load_be16(at);
    at += 6; /* acks, timeout */
    CHECK(take_uvarint(&at) == 2);
    const uint8_t *topic = at;
    if (version >= 13)
        at += 16;
    else
        at += take_uvarint(&at) - 1;
    struct slice topic_bytes = {topic, (size_t)(at - topic)};
    CHECK(take_uvarint(&at) == 2);
    uint32_t partition = load_be32(at);
    at += 4;
    size_t size = (size_t)take_uvarint(&at) - 1;
    CHECK(at < end && size <= (size_t)(end - at));
    int64_t base_offset = -1;
    int16_t error = file_append(at, size, &base_offset);
    if (acks == 0) return;

    struct writer *out = &connection->out;
    size_t start = out->size;
    writer_put_be32(out, 0);
    writer_put_be32(out, (uint32_t)correlation_id);
    writer_put_be16(out, 0x0002); /* no tags of the header; one topic */
    writer_put(out, topic_bytes);
    writer_put_u8(out, 2); /* one partition */
    writer_put_be32(out, partition);
    writer_put_be16(out, (uint16_t)error);
    writer_put_be64(out, (uint64_t)base_offset);
    writer_put_be64(out, UINT64_MAX); /* log append time: none */
    writer_put_be64(out, 0);          /* log start offset */
    writer_put_be32(out, 0x01000000); /* no record errors, no message, no tags; no tags */
    writer_put_be32(out, 0);          /* throttle time */
    writer_put_u8(out, 0);
    store_be32(out->data + start, (uint32_t)(out->size - start - 4));
}

static void serve_fetch(struct connection *connection, const struct wire_api *api, int16_t version,
                        int32_t correlation_id, const struct fetch_request *request)
{
    file_write();
    CHECK(request->topics_count == 1 && request->topics[0].partitions_count == 1);
    const struct fetch_request_fetch_partition *asked = &request->topics[0].partitions[0];
    int64_t from = 0, to = 0;
    if (asked->fetch_offset < next_offset) {
        from = places[find_place(true, asked->fetch_offset)].position;
        to = from + asked->partition_max_bytes;
        to = to >= file_size ? file_size : places[find_place(false, to)].position;
    }
    struct fetch_response_partition_data place = {
        .partition_index = asked->partition,
        .high_watermark = next_offset,
        .last_stable_offset = next_offset,
        .diverging_epoch = {-1, -1},
        .current_leader = {-1, -1},
        .snapshot_id = {-1, -1},
        .aborted_transactions_count = -1,
        .preferred_read_replica = -1,
        .records = to > from ? (struct slice){NULL, (size_t)(to - from)} : SLICE(""),
    };
    struct fetch_response_fetchable_topic_response topic = {
        .topic = request->topics[0].topic,
        .topic_id = request->topics[0].topic_id,
        .partitions = &place,
        .partitions_count = 1,
    };
    struct fetch_response response;
    wire_defaults(&wire_fetch_response, &response);
    response.responses = &topic;
    response.responses_count = 1;
    struct wire_hole hole = {0};
    floor_talk_reply(&connection->out, api, version, correlation_id, &response, &hole);
    if (hole.size == 0) return;
    /* What follows the hole goes behind the file's bytes. */
    uint8_t tail[64];
    size_t tail_size = connection->out.size - hole.position;
    CHECK(tail_size <= sizeof(tail));
    memcpy(tail, connection->out.data + hole.position, tail_size);
    connection->out.size = hole.position;
    send_out(connection, MSG_MORE);
    send_extent(connection, from, to - from);
    writer_put(&connection->out, (struct slice){tail, tail_size});
    send_out(connection, 0);
}

static void serve(struct connection *connection, uint8_t *frame, size_t size)
{
    const struct wire_api *api = wire_api_find((int16_t)load_be16(frame));
    int16_t version = (int16_t)load_be16(frame + 2);
    int32_t correlation_id = (int32_t)load_be32(frame + 4);
    int16_t client_id_size = (int16_t)load_be16(frame + 8);
    CHECK(api != NULL);
    size_t header = 10 + (size_t)(client_id_size < 0 ? 0 : client_id_size);
    if (version >= api->flexible_from) header++; /* no tags */
    CHECK(header <= size);
    if (api->key == API_PRODUCE) {
        serve_produce(connection, frame + header, frame + size, version, correlation_id);
        return;
    }
    struct slice body = {frame + header, size - header};
    arena_reset(&arena);
    if (api->key == API_FETCH) {
        struct fetch_request request;
        CHECK(wire_decode(&wire_fetch_request, version, &body, &arena, &request) == 0);
        serve_fetch(connection, api, version, correlation_id, &request);
        return;
    }
    struct floor_talk talk = {.port = port, .end_offset = next_offset, .arena = &arena};
    if (floor_talk_answer(&talk, api, version, correlation_id, body, &connection->out))
        file_empty();
}

/* --- connections ------------------------------------------------------------------------------ */

static void accept_connection(int listener)
{
    int on = 1;
    struct connection *connection = memory_alloc_zero(sizeof(*connection));
    connection->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(connection->fd >= 0);
    CHECK(setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    writer_init(&connection->out, REPLIES_MAX);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0);
}

/* Receives once and serves the frames that are whole; their bytes stay until connection_finish. */
static bool connection_receive(struct connection *connection)
{
    size_t wanted = RECEIVE_FIRST;
    if (connection->in_size >= 4 && load_be32(connection->in) + 4UL > wanted)
        wanted = load_be32(connection->in) + 4UL;
    if (wanted > connection->in_capacity) {
        connection->in = memory_grow(connection->in, wanted);
        connection->in_capacity = wanted;
    }
    ssize_t got = recv(connection->fd, connection->in + connection->in_size,
                       connection->in_capacity - connection->in_size, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    connection->in_size += (size_t)got;
    uint8_t *at = connection->in;
    size_t left = connection->in_size;
    while (left >= 4 && left - 4 >= load_be32(at)) {
        size_t size = load_be32(at);
        serve(connection, at + 4, size);
        at += 4 + size;
        left -= 4 + size;
    }
    connection->in_done = (size_t)(at - connection->in);
    return true;
}

static void connection_finish(struct connection *connection)
{
    send_out(connection, 0);
    connection->in_size -= connection->in_done;
    if (connection->in_size > 0 && connection->in_done > 0)
        memmove(connection->in, connection->in + connection->in_done, connection->in_size);
    connection->in_done = 0;
}

static struct connection *connection_close(struct connection *connection)
{
    close(connection->fd);
    writer_deinit(&connection->out);
    memory_free(connection->in);
    memory_free(connection);
    return NULL;
}

static int open_listener(void)
{
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(listener, SOMAXCONN) == 0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    return listener;
}

int main(int argc, char **argv)
{
    int64_t number;
    CHECK(argc >= 3 && slice_parse_int64(slice_of(argv[1]), 1, UINT16_MAX, &number) == 0);
    port = (uint16_t)number;
    sync_always = argc > 3 && strcmp(argv[3], "sync") == 0;
    file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(file >= 0 && epoll >= 0);
    arena_init(&arena, 1 << 20);
    int listener = open_listener();
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL)
                accept_connection(listener);
            else if (!connection_receive(connection))
                events[i].data.ptr = connection_close(connection);
        }
        file_write(); /* one write, and one flush, for all that this turn received */
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr != NULL) connection_finish(events[i].data.ptr);
    }
}
