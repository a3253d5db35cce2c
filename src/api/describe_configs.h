/* One resource of a DescribeConfigs request and the answer about it in the making. Private to
 * describe_configs.c and describe_unknown.c. */
#ifndef GREGOR_API_DESCRIBE_CONFIGS_H
#define GREGOR_API_DESCRIBE_CONFIGS_H

#include "api/topics.h"

struct description {
    struct api_request *request;
    const struct describe_configs_request *asked;
    const struct describe_configs_request_describe_configs_resource *resource;
    struct describe_configs_response_describe_configs_result *answer;
};

/* Does the request ask for that key? */
bool description_wants(const struct description *description, struct slice key);

/* What is set of the resource in the metadata. */
struct setting_pair *description_overrides(const struct description *description,
                                           enum image_resource resource, struct slice name,
                                           int32_t *count);

/* The keys that are set on a broker or on all, or given by its file, and are none of ours: at most
 * how many, and the entries of those that are asked for. */
int32_t description_count_unknown(const struct description *description);
void description_add_unknown(struct description *description);

/* How many keys are set, known or not: what room the answer may need. Costs no memory. */
int32_t description_set_count(const struct description *description);

/* One such key as it is set on all brokers. */
void description_unknown_shared(
    const struct description *description, const struct setting_pair *pair,
    struct describe_configs_response_describe_configs_resource_result *entry);

#endif
