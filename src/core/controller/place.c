/* Where replicas go, and whether they may go where somebody wants them. */
#include <errno.h>

#include "core/controller/plan.h"

const struct uuid directory_unassigned = {.bytes = {[15] = 1}};

/* --- loads ------------------------------------------------------------------------------------ */

/* Can it take new replicas? Not when all its folders are cordoned. (KIP-1066) */
static bool accepts_replicas(const struct image_broker *broker)
{
    return broker->cordoned_log_dir_count <= 0 ||
           broker->cordoned_log_dir_count < broker->log_dir_count;
}

static int32_t load_index(const struct loads *loads, int32_t broker_id)
{
    int32_t low = 0;
    int32_t high = loads->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (loads->broker_ids[middle] == broker_id) return middle;
        if (loads->broker_ids[middle] < broker_id)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* Counts the first `replicas_max` replicas of each partition where they live. */
static void count_topic(const struct loads *loads, int64_t *counts, const struct image_topic *topic,
                        int32_t replicas_max)
{
    ASSERT(replicas_max > 0);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = &topic->partitions[i];
        for (int32_t j = 0; j < partition->replica_count && j < replicas_max; j++) {
            int32_t at = load_index(loads, partition->replicas[j]);
            if (at >= 0) counts[at]++;
        }
    }
}

void loads_init(struct loads *loads, const struct image *image, struct arena *arena)
{
    *loads = (struct loads){0};
    size_t brokers = 0;
    const struct image_broker *broker;
    for (int32_t id = -1; (broker = image_broker_next(image, id)) != NULL; id = broker->id)
        brokers++;
    loads->broker_ids = arena_alloc(arena, brokers * sizeof(loads->broker_ids[0]));
    loads->replicas = arena_alloc(arena, brokers * sizeof(loads->replicas[0]));
    loads->led_of_topic = arena_alloc(arena, brokers * sizeof(loads->led_of_topic[0]));
    loads->active = arena_alloc(arena, brokers * sizeof(loads->active[0]));
    for (int32_t id = -1; (broker = image_broker_next(image, id)) != NULL; id = broker->id) {
        if (!accepts_replicas(broker)) continue;
        loads->active[loads->count] = broker_is_active(broker);
        loads->active_count += broker_is_active(broker);
        loads->broker_ids[loads->count++] = broker->id;
    }
    ASSERT((size_t)loads->count <= brokers);
    ASSERT(loads->active_count <= loads->count);
    struct slice cursor = SLICE_NULL;
    const struct image_topic *topic;
    while ((topic = image_topic_next(image, &cursor)) != NULL)
        count_topic(loads, loads->replicas, topic, INT32_MAX);
}

/* --- placing ---------------------------------------------------------------------------------- */

/* Brokers of one kind, active or not, as a ring that begins at the least loaded one. */
struct circle {
    int32_t *indexes; /* of loads */
    int32_t count;
};

static bool is_less_loaded(const struct loads *loads, int32_t a, int32_t b)
{
    if (loads->led_of_topic[a] != loads->led_of_topic[b])
        return loads->led_of_topic[a] < loads->led_of_topic[b];
    return loads->replicas[a] < loads->replicas[b];
}

static struct circle make_circle(const struct loads *loads, bool active, struct arena *arena)
{
    struct circle circle = {
        .indexes = arena_alloc(arena, (size_t)loads->count * sizeof(circle.indexes[0]))};
    int32_t first = -1;
    for (int32_t i = 0; i < loads->count; i++) {
        if (loads->active[i] == active && (first < 0 || is_less_loaded(loads, i, first))) first = i;
    }
    if (first < 0) return circle;
    for (int32_t i = 0; i < loads->count; i++) {
        int32_t at = (first + i) % loads->count;
        if (loads->active[at] == active) circle.indexes[circle.count++] = at;
    }
    return circle;
}

/* Who has replica `replica` of the `partition`th of `partitions` new ones. */
static int32_t choose(const struct circle *circle, int32_t partitions, int32_t factor,
                      int32_t partition, int32_t replica)
{
    int32_t n = circle->count;
    ASSERT(n > 0);
    ASSERT(partition < partitions);
    ASSERT(replica < factor);
    if (factor == 1) {
        /* Ranges; the first brokers take what is left over. */
        int32_t share = partitions / n;
        int32_t longer = partitions % n;
        int32_t in_longer = longer * (share + 1);
        return partition < in_longer ? partition / (share + 1)
                                     : longer + (partition - in_longer) / share;
    }
    if (replica == 0) return partition % n;
    ASSERT(replica < n);
    /* Each time round the circle the followers move on by one, so that the partitions of a broker
     * that fails are not all led by the same other one afterwards. */
    return (partition + 1 + (replica - 1 + partition / n) % (n - 1)) % n;
}

int loads_place(struct loads *loads, int32_t partitions, int16_t replication_factor,
                const struct image_topic *existing, struct arena *arena, int32_t **assignment)
{
    ASSERT(partitions > 0);
    ASSERT(replication_factor > 0);
    if (loads->active_count == 0) return -ENODEV;
    if (loads->count < replication_factor) return -ENOSPC;
    for (int32_t i = 0; i < loads->count; i++)
        loads->led_of_topic[i] = 0;
    if (existing != NULL) count_topic(loads, loads->led_of_topic, existing, 1);
    struct circle active = make_circle(loads, true, arena);
    struct circle others = make_circle(loads, false, arena);
    int32_t from_active = replication_factor < active.count ? replication_factor : active.count;
    ASSERT(from_active > 0);
    ASSERT(active.count + others.count == loads->count);
    size_t total = (size_t)partitions * (size_t)replication_factor;
    int32_t *placed = arena_alloc(arena, total * sizeof(placed[0]));
    for (int32_t p = 0; p < partitions; p++) {
        for (int32_t i = 0; i < replication_factor; i++) {
            int32_t at;
            if (i < from_active)
                at = active.indexes[choose(&active, partitions, replication_factor, p, i)];
            else
                at = others.indexes[(p + i - from_active) % others.count];
            placed[p * replication_factor + i] = loads->broker_ids[at];
            loads->replicas[at]++;
        }
    }
    *assignment = placed;
    return 0;
}

int controller_place(const struct image *image, int32_t partitions, int16_t replication_factor,
                     const struct image_topic *existing, struct arena *arena, int32_t **assignment)
{
    struct loads loads;
    loads_init(&loads, image, arena);
    return loads_place(&loads, partitions, replication_factor, existing, arena, assignment);
}

struct refusal refuse_place(const struct loads *loads, int r, int16_t replication_factor,
                            struct arena *arena)
{
    ASSERT(r == -ENODEV || r == -ENOSPC);
    struct slice why =
        r == -ENODEV
            ? SLICE("All brokers are currently fenced, or have all their log directories cordoned.")
            : arena_printf(arena,
                           "The target replication factor of %d cannot be reached because only %d "
                           "broker(s) are registered or some brokers have all their log "
                           "directories cordoned.",
                           replication_factor, loads->count);
    return refuse(KAFKA_ERROR_INVALID_REPLICATION_FACTOR,
                  arena_printf(arena, "Unable to replicate the partition %d time(s): %.*s",
                               replication_factor, SLICE_ARG(why)));
}

/* --- by hand ---------------------------------------------------------------------------------- */

static int compare_ids(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

/* The least id that is greater than `after` (or equal, the first time); so ids are visited in
 * ascending order, which is the order of Kafka's findings. */
static const int32_t *next_id(struct assignment assignment, const int32_t *after)
{
    const int32_t *least = NULL;
    for (int32_t i = 0; i < assignment.count; i++) {
        const int32_t *id = &assignment.replicas[i];
        if (after != NULL) {
            int compared = compare_ids(*id, *after);
            if (compared < 0 || (compared == 0 && id <= after)) continue;
        }
        if (least == NULL || *id < *least) least = id;
    }
    return least;
}

struct refusal check_assignment(const struct image *image, struct assignment assignment,
                                int32_t replication_factor, struct arena *arena)
{
    enum kafka_error error = KAFKA_ERROR_INVALID_REPLICA_ASSIGNMENT;
    if (assignment.count <= 0)
        return refuse(error,
                      SLICE("The manual partition assignment includes an empty replica list."));
    const int32_t *previous = NULL;
    for (const int32_t *id = next_id(assignment, NULL); id != NULL; id = next_id(assignment, id)) {
        if (image_broker_by_id(image, *id) == NULL)
            return refuse(error, arena_printf(arena,
                                              "The manual partition assignment includes broker %d, "
                                              "but no such broker is registered.",
                                              *id));
        if (previous != NULL && *previous == *id)
            return refuse(error, arena_printf(arena,
                                              "The manual partition assignment includes the broker "
                                              "%d more than once.",
                                              *id));
        previous = id;
    }
    if (replication_factor >= 0 && assignment.count != replication_factor)
        return refuse(error, arena_printf(arena,
                                          "The manual partition assignment includes a partition "
                                          "with %d replica(s), but this is not consistent with "
                                          "previous partitions, which have %d replica(s).",
                                          assignment.count, replication_factor));
    return (struct refusal){0};
}

/* --- the record ------------------------------------------------------------------------------- */

/* The folder of a broker that has only one is known; others choose and tell later. */
static struct uuid default_directory(const struct image_broker *broker)
{
    return broker != NULL && broker->log_dir_count == 1 ? broker->log_dirs[0]
                                                        : directory_unassigned;
}

bool plan_partition(struct planner *planner, const struct uuid *topic_id, int32_t index,
                    struct assignment assignment)
{
    ASSERT(index >= 0);
    ASSERT(assignment.count > 0);
    struct arena *arena = planner->input->arena;
    const struct image *image = planner->input->image;
    size_t count = (size_t)assignment.count;
    int32_t *replicas = arena_alloc(arena, count * sizeof(replicas[0]));
    int32_t *isr = arena_alloc(arena, count * sizeof(isr[0]));
    struct uuid *directories = arena_alloc(arena, count * sizeof(directories[0]));
    struct partition_record record = {
        .partition_id = index,
        .topic_id = *topic_id,
        .replicas = replicas,
        .replicas_count = assignment.count,
        .isr = isr,
        .directories = directories,
        .eligible_leader_replicas_count = -1,
        .last_known_elr_count = -1,
    };
    for (int32_t i = 0; i < assignment.count; i++) {
        const struct image_broker *broker = image_broker_by_id(image, assignment.replicas[i]);
        replicas[i] = assignment.replicas[i];
        directories[i] = default_directory(broker);
        if (broker_is_active(broker)) isr[record.isr_count++] = replicas[i];
    }
    if (record.isr_count == 0) return false;
    record.leader = isr[0];
    int16_t level = image_metadata_version(image);
    if (image_record_version(IMAGE_RECORD_PARTITION, level) >= 1)
        record.directories_count = assignment.count;
    planner_add(planner, IMAGE_RECORD_PARTITION, &record);
    return true;
}
