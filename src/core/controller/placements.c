/* In which of its folders a broker keeps its replicas. (ReplicationControlManager
 * .handleAssignReplicasToDirs, DirectoryId; KIP-858) */
#include <string.h>

#include "core/controller/plan.h"

/* The ids that are words, not folders: 0 MIGRATING, 1 UNASSIGNED, 2 LOST. */
enum { WORDS = 3 };

bool controller_directory_is_chosen(const struct uuid *directory_id)
{
    size_t last = sizeof(directory_id->bytes) - 1;
    for (size_t i = 0; i < last; i++)
        if (directory_id->bytes[i] != 0) return true;
    return directory_id->bytes[last] >= WORDS;
}

static int32_t replica_of(const struct image_partition *partition, int32_t broker_id)
{
    for (int32_t i = 0; i < partition->replica_count; i++)
        if (partition->replicas[i] == broker_id) return i;
    return -1;
}

const struct uuid *controller_directory(const struct image_partition *partition, int32_t broker_id)
{
    int32_t replica = replica_of(partition, broker_id);
    return replica < 0 ? NULL : &partition->directories[replica];
}

static void plan_placement(struct planner *planner, int32_t broker_id,
                           const struct controller_placement *placement)
{
    const struct image *image = planner->input->image;
    const struct image_topic *topic = image_topic_by_id(image, &placement->topic_id);
    const struct image_partition *partition =
        topic == NULL ? NULL : image_partition(topic, placement->partition);
    int32_t replica = partition == NULL ? -1 : replica_of(partition, broker_id);
    if (replica < 0) return; /* it was deleted meanwhile */
    if (uuid_equal(&partition->directories[replica], &placement->directory_id)) return;
    struct partition_change_record record = partition_unchanged(topic, placement->partition);
    size_t size = (size_t)partition->replica_count * sizeof(record.directories[0]);
    record.directories = arena_alloc(planner->input->arena, size);
    memcpy(record.directories, partition->directories, size);
    record.directories[replica] = placement->directory_id;
    record.directories_count = partition->replica_count;
    planner_add(planner, IMAGE_RECORD_PARTITION_CHANGE, &record);
}

void controller_plan_placements(const struct controller_input *input, int32_t broker_id,
                                const struct controller_placement *placements, size_t count,
                                struct controller_plan *plan)
{
    struct planner planner;
    planner_begin(&planner, input);
    for (size_t i = 0; i < count; i++) {
        ASSERT(controller_directory_is_chosen(&placements[i].directory_id));
        plan_placement(&planner, broker_id, &placements[i]);
    }
    ASSERT((size_t)planner.count <= count);
    planner_end(&planner, true, plan);
}
