/*
 * join: many calls of one request, answered as one. The calls live in the request's arena; they are
 * all started together and the last one done ends the join.
 */
#ifndef GREGOR_API_JOIN_H
#define GREGOR_API_JOIN_H

#include "api/api.h"

struct join;

struct join_call {
    struct call call;
    struct join *join;
    void *answer; /* the caller's: where this call's part of the answer goes */
};

struct join {
    struct api_request *request;
    void *response;                       /* the caller's */
    void (*each)(struct join_call *call); /* one is done */
    void (*all)(struct join *join);       /* all are: the request is answered here */
    struct join_call *calls;
    int32_t count, capacity;
    int32_t pending;
};

/* A join of at most `capacity` calls. NULL: no room, the caller closes. */
struct join *join_create(struct api_request *request, int32_t capacity);
/* The same, with a response of the request's API, all defaults, that is sent when all are done.
 * NULL: no room, and the connection is closed. */
struct join *join_answering(struct api_request *request, int32_t capacity,
                            void (*each)(struct join_call *call));
/* One more, to be filled in: kind, partition and inputs. */
struct join_call *join_add(struct join *join, enum call_kind kind, const struct uuid *topic_id,
                           int32_t partition, void *answer);
/* Starts all; `all` may have run when this returns. */
void join_start(struct join *join);

#endif
