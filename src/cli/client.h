/*
 * client: one connection to one broker, one request at a time, for the commands. Made of wire/ and
 * os/: the same codec and the same sockets as the server's.
 *
 * What it never does: retry, follow leaders, keep a pool. A command asks for metadata, opens what
 * it needs and asks there.
 */
#ifndef GREGOR_CLI_CLIENT_H
#define GREGOR_CLI_CLIENT_H

#include "base/arena.h"
#include "cli/cli.h"
#include "os/os.h"
#include "wire/apis.h"
#include "wire/codec.h"
#include "wire/errors.h"
#include "wire/messages.h"

struct client;

enum { CLIENT_FRAME_MAX = 256 << 20 };

/* Connects to the first of --brokers that answers and learns its versions. CLI_OK, or the exit code
 * after a line on standard error. */
MUST_USE int client_open(struct cli *cli, struct client **opened);
/* Another broker of the same cluster. */
MUST_USE int client_open_at(struct cli *cli, struct slice host, int32_t port,
                            struct client **opened);
struct client *client_close(struct client *client); /* NULL is fine */

/* The version both sides know: the greatest up to `max` (INT16_MAX: ours). -1: there is none. */
int16_t client_version(const struct client *client, enum api_key key, int16_t max);
/* What the broker offers; false if it does not know the API. */
bool client_offers(const struct client *client, enum api_key key, int16_t *min, int16_t *max);

/* Sends one request and waits for its response, decoded into `arena`; slices in it stay valid until
 * the next call on this client. CLI_OK, or the exit code after a line on standard error. */
MUST_USE int client_call(struct client *client, enum api_key key, int16_t version,
                         const void *request, struct arena *arena, void *response);
/* The same in the greatest version that both know. */
MUST_USE int client_ask(struct client *client, enum api_key key, const void *request,
                        struct arena *arena, void *response);
/* Sends without waiting: the caller reads the responses, in order, by client_receive. */
MUST_USE int client_send(struct client *client, enum api_key key, int16_t version,
                         const void *request);
/* The last request sent has no response (acks=0). */
void client_expect_nothing(struct client *client);
MUST_USE int client_receive(struct client *client, enum api_key key, int16_t version,
                            struct arena *arena, void *response);

/* Waits for the beginning of an answer until `deadline_ns` of the monotonic clock. False: nothing
 * came. */
MUST_USE bool client_has_answer(struct client *client, int64_t deadline_ns);

void client_sleep(struct client *client, int64_t milliseconds);
void client_pause(struct client *client, int64_t nanoseconds);

struct os *client_os(struct client *client);
/* How long it waits for an answer: what a request may ask the broker to take. */
int32_t client_timeout_ms(const struct client *client);
const char *client_address(const struct client *client); /* "127.0.0.1:9092", for messages */

/* The exit code that fits an error of Kafka's. */
enum cli_exit client_exit(enum kafka_error error);

#endif
