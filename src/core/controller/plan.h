/* A plan in the making, and what the planners of all requests share. Private to controller/. */
#ifndef GREGOR_CORE_CONTROLLER_PLAN_H
#define GREGOR_CORE_CONTROLLER_PLAN_H

#include "core/controller/controller.h"
#include "wire/codec.h"
#include "wire/messages.h"

/* Why one thing of a request is refused. */
struct refusal {
    enum kafka_error error; /* KAFKA_ERROR_NONE: it is not */
    struct slice message;   /* or null */
};

struct planner {
    const struct controller_input *input;
    struct slice *records; /* memory of its own, not the arena's, until planner_end */
    int32_t count;
    int32_t capacity;
    struct writer writer; /* of one record */
};

void planner_begin(struct planner *planner, const struct controller_input *input);

/* Adds a record in the version that the cluster's metadata.version asks for, or in a given one. */
void planner_add(struct planner *planner, enum image_record kind, const void *record);
void planner_add_version(struct planner *planner, enum image_record kind, int16_t version,
                         const void *record);

/* Adds a record that is framed already; it is copied. */
void planner_add_encoded(struct planner *planner, struct slice record);

/* Forgets the records behind the first `count`. */
void planner_cut(struct planner *planner, int32_t count);

/* Hands the records over and frees the planner. Validate only: pass keep = false. */
void planner_end(struct planner *planner, bool keep, struct controller_plan *plan);

/* "That is more than one request may do": what Kafka says of its BoundedList. */
struct refusal refuse_too_many(void);
struct refusal refuse(enum kafka_error error, struct slice message);
struct refusal refuse_plainly(enum kafka_error error); /* in the words of the error itself */
/* A request whose time was over before it began; Kafka gives it no text. */
struct refusal check_time(int32_t timeout_ms);

/* Is it registered, not fenced and not about to leave? */
bool broker_is_active(const struct image_broker *broker);

/* One decoded request each, of the type that its row in controller.c names; the reply is encoded
 * into `reply`. */
MUST_USE int plan_create_topics(const struct controller_input *input, int16_t version,
                                const void *message, struct controller_plan *plan,
                                struct writer *reply);
MUST_USE int plan_delete_topics(const struct controller_input *input, int16_t version,
                                const void *message, struct controller_plan *plan,
                                struct writer *reply);
MUST_USE int plan_create_partitions(const struct controller_input *input, int16_t version,
                                    const void *message, struct controller_plan *plan,
                                    struct writer *reply);
MUST_USE int plan_incremental_alter_configs(const struct controller_input *input, int16_t version,
                                            const void *message, struct controller_plan *plan,
                                            struct writer *reply);
MUST_USE int plan_alter_configs(const struct controller_input *input, int16_t version,
                                const void *message, struct controller_plan *plan,
                                struct writer *reply);
MUST_USE int plan_elect_leaders(const struct controller_input *input, int16_t version,
                                const void *message, struct controller_plan *plan,
                                struct writer *reply);
MUST_USE int plan_alter_partition_reassignments(const struct controller_input *input,
                                                int16_t version, const void *message,
                                                struct controller_plan *plan, struct writer *reply);
MUST_USE int plan_list_partition_reassignments(const struct controller_input *input,
                                               int16_t version, const void *message,
                                               struct controller_plan *plan, struct writer *reply);
MUST_USE int plan_update_features(const struct controller_input *input, int16_t version,
                                  const void *message, struct controller_plan *plan,
                                  struct writer *reply);
MUST_USE int plan_unregister_broker(const struct controller_input *input, int16_t version,
                                    const void *message, struct controller_plan *plan,
                                    struct writer *reply);

MUST_USE int plan_alter_client_quotas(const struct controller_input *input, int16_t version,
                                      const void *message, struct controller_plan *plan,
                                      struct writer *reply);

/* May so many partitions be created or deleted by who asks? (KIP-599) */
struct refusal check_mutation(const struct controller_input *input, int64_t partitions);

/* --- places ----------------------------------------------------------------------------------- */

struct assignment {
    const int32_t *replicas;
    int32_t count;
};

/* How many replicas each broker has: of the image and of what was placed since. One for a whole
 * request, so that the topics of one request spread like those of many. */
struct loads {
    int32_t *broker_ids; /* ascending */
    int64_t *replicas;
    int64_t *led_of_topic; /* partitions of one topic that prefer it; loads_place's */
    int32_t count;
    int32_t active_count;
    bool *active;
};

void loads_init(struct loads *loads, const struct image *image, struct arena *arena);

/* As controller_place. */
MUST_USE int loads_place(struct loads *loads, int32_t partitions, int16_t replication_factor,
                         const struct image_topic *existing, struct arena *arena,
                         int32_t **assignment);

/* The words for what loads_place returned. */
struct refusal refuse_place(const struct loads *loads, int r, int16_t replication_factor,
                            struct arena *arena);

/* Checks an assignment made by hand; replication_factor < 0: the first one sets it. */
struct refusal check_assignment(const struct image *image, struct assignment assignment,
                                int32_t replication_factor, struct arena *arena);

/* Adds the record of a new partition. False: none of its replicas is active. */
MUST_USE bool plan_partition(struct planner *planner, const struct uuid *topic_id, int32_t index,
                             struct assignment assignment);

/* Elections for the partitions of a broker whose state becomes `active` with this plan: for those
 * in one of its folders, or in all (NULL). */
void plan_leaderships(struct planner *planner, int32_t broker_id, const struct uuid *directory,
                      bool active);

/* The record of a change of one partition, as yet of nothing. */
struct partition_change_record partition_unchanged(const struct image_topic *topic, int32_t index);

/* DirectoryId.UNASSIGNED: the broker chooses the folder. */
extern const struct uuid directory_unassigned;

/* --- settings --------------------------------------------------------------------------------- */

enum alter_operation { ALTER_SET = 0, ALTER_DELETE = 1, ALTER_APPEND = 2, ALTER_SUBTRACT = 3 };

/* One key of a resource, now and as it would be. */
struct altered_setting {
    struct slice name;
    struct slice now;   /* null: not set */
    struct slice value; /* null: not set */
    bool asked;         /* the request names it */
    bool dropped;       /* it goes because the request, which replaces all, does not name it */
};

/* What a request makes of one resource. */
struct alteration {
    const struct controller_input *input;
    const struct incremental_alter_configs_request_alter_configs_resource *asked;
    struct altered_setting *settings; /* those that are set, then the new ones */
    struct altered_setting **altered; /* what each operation is about */
    int32_t count;                    /* of the settings */
    bool replaces;                    /* AlterConfigs: what it does not name goes */
    bool spoils;                      /* an operation that does not exist: the request is refused */
};

/* What the node that is asked looks at; then, if nothing spoils the request, what the controller
 * does. A refused one has planned nothing. */
struct refusal alteration_prepare(struct alteration *alteration);
struct refusal alteration_plan(struct alteration *alteration, struct planner *planner);

/* Checks the settings of a topic to be created: pairs with the last of equal keys, in the arena. */
struct refusal check_topic_settings(const struct controller_input *input,
                                    const struct create_topics_request_creatable_topic *topic,
                                    struct setting_pair **pairs, int32_t *count);

/* May this resource be altered by way of this node, before it is known how? */
struct refusal check_altered_resource(const struct alteration *alteration);

/* May a broker's settings be as they would be now? */
struct refusal check_altered_broker(const struct alteration *alteration);

/* May the resource, as far as the cluster has a say? */
struct refusal check_altered_settings(const struct alteration *alteration);

/* The levels that a request for loggers wants, which check_altered_resource let pass; returns how
 * many of its operations there are. */
int32_t levels_asked(const struct incremental_alter_configs_request_alter_configs_resource *asked,
                     struct controller_level *levels);

/* NULL: such a resource has no key of that name. */
const struct setting *find_altered_key(const struct alteration *alteration, struct slice name);

/* --- features --------------------------------------------------------------------------------- */

const struct controller_supported *find_supported(struct slice name); /* NULL: no such feature */

/* Do records differ from those of the level below? There is no way back across such a level.
 * (MetadataVersion.didMetadataChange) */
bool metadata_version_changes_records(int16_t level);

/* min.insync.replicas as this node has it becomes that of the cluster. */
void plan_cluster_min_insync_replicas(struct planner *planner);

/* Does an eligible leader replica count? (eligible.leader.replicas.version, KIP-966) */
bool elr_is_enabled(const struct image *image);

#endif
