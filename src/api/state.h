/* One shard's state of the API layer. Private to api/. */
#ifndef GREGOR_API_STATE_H
#define GREGOR_API_STATE_H

#include "api/api.h"
#include "api/auto_create.h"
#include "api/fetch_session.h"
#include "base/list.h"

struct api {
    struct shard *shard;
    struct api_request *handled; /* its handler runs and has not answered; NULL: none */
    uint64_t seed;               /* for maps whose keys a peer chooses */
    struct auto_create auto_create;
    struct fetch_sessions sessions;
    struct list waiting; /* fetches that wait for data, in no order */
    int32_t read_count;  /* of all fetches under way */
    int request_logger;
};

/* The connection has died: what waits for data on its behalf waits no longer. */
void fetch_give_up(struct api *api, const struct net_connection *connection);

#endif
