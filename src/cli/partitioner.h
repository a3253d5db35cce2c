/* partitioner: which partition a key belongs to, as Kafka's own clients say. Pure. */
#ifndef GREGOR_CLI_PARTITIONER_H
#define GREGOR_CLI_PARTITIONER_H

#include "base/slice.h"

uint32_t murmur2(struct slice bytes); /* org.apache.kafka.common.utils.Utils.murmur2 */

/* 0 … count - 1. (BuiltInPartitioner.partitionForKey) */
int32_t partition_for_key(struct slice key, int32_t count);

#endif
