#include "peer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "wire/errors.h"

enum {
    ARENA_MAX = 16 << 20,
    SETTINGS_MAX = 16,
    CALL_TIMEOUT_MS = 30000,
    LEADER_TRIES = 1000, /* of LEADER_WAIT_NS each: ten seconds */
    LEADER_WAIT_NS = 10 * 1000 * 1000,
};

int peer_connect(const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof(host)) return -1;
    snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd >= 0 && (connect(fd, found->ai_addr, found->ai_addrlen) < 0 ||
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* --- frames ----------------------------------------------------------------------------------- */

int peer_encode(struct writer *writer, enum api_key key, int16_t version, int32_t correlation_id,
                const void *request, size_t *hole)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    ASSERT(api != NULL);
    size_t start = writer->size;
    struct wire_hole item = {0};
    struct wire_holes holes = {.items = &item, .capacity = 1};
    struct request_header header;
    wire_defaults(&wire_request_header, &header);
    header.request_api_key = (int16_t)key;
    header.request_api_version = version;
    header.correlation_id = correlation_id;
    header.client_id = SLICE("bench");
    writer_put_be32(writer, 0); /* the length, below */
    int r = wire_encode(&wire_request_header, wire_request_header_version(api, version), &header,
                        writer, NULL);
    if (r == 0) r = wire_encode(api->request, version, request, writer, &holes);
    if (r < 0) return r;
    store_be32(writer->data + start, (uint32_t)(writer->size - start - 4 + item.size));
    if (hole != NULL) *hole = item.position;
    return 0;
}

int peer_decode(struct slice frame, enum api_key key, int16_t version, struct arena *arena,
                int32_t *correlation_id, void *response)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    ASSERT(api != NULL);
    struct response_header header;
    int r = wire_decode(&wire_response_header, wire_response_header_version(api, version), &frame,
                        arena, &header);
    if (r < 0) return r;
    *correlation_id = header.correlation_id;
    return wire_decode(api->response, version, &frame, arena, response);
}

static int send_whole(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0) return -errno;
        bytes.data += sent;
        bytes.size -= (size_t)sent;
    }
    return 0;
}

static int receive_whole(int fd, struct writer *in, size_t size)
{
    while (in->size < size) {
        uint8_t chunk[16384];
        size_t wanted = size - in->size < sizeof(chunk) ? size - in->size : sizeof(chunk);
        ssize_t got = recv(fd, chunk, wanted, 0);
        if (got == 0) return -ECONNRESET;
        if (got < 0) return -errno;
        writer_put(in, (struct slice){chunk, (size_t)got});
    }
    return writer_error(in);
}

static int peer_call(struct peer *peer, enum api_key key, int16_t version, const void *request,
                     void *response)
{
    if (version < 0) return -ENOTSUP;
    arena_reset(&peer->arena);
    writer_reset(&peer->out);
    writer_reset(&peer->in);
    int r = peer_encode(&peer->out, key, version, ++peer->correlation_id, request, NULL);
    if (r == 0) r = send_whole(peer->fd, writer_slice(&peer->out));
    if (r == 0) r = receive_whole(peer->fd, &peer->in, 4);
    if (r < 0) return r;
    uint32_t size = load_be32(peer->in.data);
    if (size > PEER_FRAME_MAX) return -EBADMSG;
    r = receive_whole(peer->fd, &peer->in, 4 + (size_t)size);
    if (r < 0) return r;
    int32_t correlation_id;
    r = peer_decode((struct slice){peer->in.data + 4, size}, key, version, &peer->arena,
                    &correlation_id, response);
    if (r == 0 && correlation_id != peer->correlation_id) return -EBADMSG;
    return r;
}

static int peer_answered(struct peer *peer, int16_t error)
{
    peer->error = error;
    return error == KAFKA_ERROR_NONE ? 0 : -EPROTO;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int learn_versions(struct peer *peer)
{
    struct api_versions_request request;
    struct api_versions_response response;
    wire_defaults(&wire_api_versions_request, &request);
    request.client_software_name = SLICE("gregor-bench");
    request.client_software_version = SLICE("1");
    int r = peer_call(peer, API_API_VERSIONS, 3, &request, &response);
    if (r == 0) r = peer_answered(peer, response.error_code);
    if (r < 0) return r;
    for (int32_t i = 0; i < response.api_keys_count; i++) {
        int16_t key = response.api_keys[i].api_key;
        if (key >= 0 && key < PEER_APIS_MAX)
            peer->version_max[key] = response.api_keys[i].max_version;
    }
    return 0;
}

int peer_open(struct peer *peer, const char *address)
{
    *peer = (struct peer){.fd = peer_connect(address)};
    if (peer->fd < 0) return -ECONNREFUSED;
    writer_init(&peer->out, PEER_FRAME_MAX);
    writer_init(&peer->in, PEER_FRAME_MAX);
    arena_init(&peer->arena, ARENA_MAX);
    memset(peer->version_max, -1, sizeof(peer->version_max));
    int r = learn_versions(peer);
    if (r < 0) peer_close(peer);
    return r;
}

void peer_close(struct peer *peer)
{
    close(peer->fd);
    writer_deinit(&peer->out);
    writer_deinit(&peer->in);
    arena_deinit(&peer->arena);
}

int16_t peer_version(const struct peer *peer, enum api_key key)
{
    const struct wire_api *api = wire_api_find((int16_t)key);
    ASSERT(api != NULL);
    int16_t theirs = peer->version_max[key];
    return theirs < api->version_max ? theirs : api->version_max;
}

/* --- topics ----------------------------------------------------------------------------------- */

static int32_t parse_settings(const char *text,
                              struct create_topics_request_creatable_topic_config *settings)
{
    int32_t count = 0;
    while (text != NULL && *text != 0 && count < SETTINGS_MAX) {
        size_t size = strcspn(text, ",");
        size_t name = strcspn(text, "=");
        if (name >= size) return -1;
        settings[count].name = (struct slice){(const uint8_t *)text, name};
        settings[count].value = (struct slice){(const uint8_t *)text + name + 1, size - name - 1};
        count++;
        text += size + (text[size] == ',' ? 1 : 0);
    }
    return count;
}

int peer_create_topic(struct peer *peer, const char *topic, int32_t partitions,
                      const char *settings)
{
    struct create_topics_request_creatable_topic_config configs[SETTINGS_MAX];
    struct create_topics_request_creatable_topic item = {
        .name = slice_of(topic),
        .num_partitions = partitions,
        .replication_factor = 1,
        .configs = configs,
        .configs_count = parse_settings(settings, configs),
    };
    if (item.configs_count < 0) return -EINVAL;
    struct create_topics_request request;
    struct create_topics_response response;
    wire_defaults(&wire_create_topics_request, &request);
    request.topics = &item;
    request.topics_count = 1;
    request.timeout_ms = CALL_TIMEOUT_MS;
    int16_t version = peer_version(peer, API_CREATE_TOPICS);
    int r = peer_call(peer, API_CREATE_TOPICS, version, &request, &response);
    if (r < 0) return r;
    if (response.topics_count != 1) return -EBADMSG;
    if (response.topics[0].error_code == KAFKA_ERROR_TOPIC_ALREADY_EXISTS) return 0;
    return peer_answered(peer, response.topics[0].error_code);
}

int peer_delete_topic(struct peer *peer, const char *topic)
{
    struct delete_topics_request_delete_topic_state item = {.name = slice_of(topic)};
    struct delete_topics_request request;
    struct delete_topics_response response;
    wire_defaults(&wire_delete_topics_request, &request);
    request.topics = &item;
    request.topics_count = 1;
    request.timeout_ms = CALL_TIMEOUT_MS;
    int16_t version = peer_version(peer, API_DELETE_TOPICS);
    int r = peer_call(peer, API_DELETE_TOPICS, version, &request, &response);
    if (r < 0) return r;
    if (response.responses_count != 1) return -EBADMSG;
    return peer_answered(peer, response.responses[0].error_code);
}

static int find_topic_once(struct peer *peer, const char *topic, struct uuid *id,
                           int32_t *partitions)
{
    struct metadata_request_metadata_request_topic item = {.name = slice_of(topic)};
    struct metadata_request request;
    struct metadata_response response;
    wire_defaults(&wire_metadata_request, &request);
    request.topics = &item;
    request.topics_count = 1;
    request.allow_auto_topic_creation = false;
    int r = peer_call(peer, API_METADATA, peer_version(peer, API_METADATA), &request, &response);
    if (r < 0) return r;
    if (response.topics_count != 1) return -EBADMSG;
    r = peer_answered(peer, response.topics[0].error_code);
    for (int32_t i = 0; r == 0 && i < response.topics[0].partitions_count; i++)
        r = peer_answered(peer, response.topics[0].partitions[i].error_code);
    if (r < 0) return r;
    *id = response.topics[0].topic_id;
    *partitions = response.topics[0].partitions_count;
    return 0;
}

int peer_end_offset(struct peer *peer, const char *topic, int32_t partition, int64_t *end)
{
    struct list_offsets_request_list_offsets_partition place = {
        .partition_index = partition, .current_leader_epoch = -1, .timestamp = -1, /* latest */
    };
    struct list_offsets_request_list_offsets_topic item = {
        .name = slice_of(topic),
        .partitions = &place,
        .partitions_count = 1,
    };
    struct list_offsets_request request;
    struct list_offsets_response response;
    wire_defaults(&wire_list_offsets_request, &request);
    request.replica_id = -1;
    request.topics = &item;
    request.topics_count = 1;
    int16_t version = peer_version(peer, API_LIST_OFFSETS);
    int r = peer_call(peer, API_LIST_OFFSETS, version, &request, &response);
    if (r < 0) return r;
    if (response.topics_count != 1 || response.topics[0].partitions_count != 1) return -EBADMSG;
    r = peer_answered(peer, response.topics[0].partitions[0].error_code);
    if (r == 0) *end = response.topics[0].partitions[0].offset;
    return r;
}

int peer_find_topic(struct peer *peer, const char *topic, struct uuid *id, int32_t *partitions)
{
    int r = -EPROTO;
    for (int i = 0; i < LEADER_TRIES && r == -EPROTO; i++) {
        int64_t end;
        r = find_topic_once(peer, topic, id, partitions);
        /* The metadata may name a leader that has not made its log yet. */
        for (int32_t j = 0; r == 0 && j < *partitions; j++)
            r = peer_end_offset(peer, topic, j, &end);
        if (r == -EPROTO) nanosleep(&(struct timespec){.tv_nsec = LEADER_WAIT_NS}, NULL);
    }
    return r;
}
