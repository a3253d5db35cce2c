/*
 * http: the broker for those who watch it: /metrics, /livez, /readyz, /startupz. libmicrohttpd
 * speaks HTTP; shard 0's loop drives it, so that an answer says that the loop turns.
 *
 * What it never does: change anything; listen beyond the addresses of gregor.http.listeners; keep
 * the loop busy with text: what shards have counted is gathered by calls and written by a worker.
 */
#ifndef GREGOR_HTTP_HTTP_H
#define GREGOR_HTTP_HTTP_H

#include "broker/broker.h"

/* For broker_options. */
extern const struct broker_monitor http_monitor;

#endif
