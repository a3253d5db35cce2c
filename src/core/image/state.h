/* What an image is made of, and how records change it. Private to image/. */
#ifndef GREGOR_CORE_IMAGE_STATE_H
#define GREGOR_CORE_IMAGE_STATE_H

#include "core/image/image.h"
#include "core/image/order.h"
#include "wire/messages.h"

struct image {
    struct map topics_by_name; /* the two maps and the order hold the same struct
                                topic */
    struct map topics_by_id;
    struct order topics;      /* by name */
    struct order brokers;     /* by id */
    struct order controllers; /* by id */
    struct order configs;     /* by resource */
    struct order features;    /* by name */
    struct order quotas;      /* by entity */
    struct order others;      /* whole records, by what they are about */
    int64_t partition_count;
    int64_t next_producer_id;
    int64_t last_offset;
    struct arena scratch;    /* of one record being applied */
    struct writer held_back; /* records of the open transaction, see apply.c */
    bool in_transaction;
};

/* Whom to tell about changes. */
struct image_listener {
    void (*on_change)(void *context, const struct image_change *change);
    void *context;
};

void image_tell(const struct image_listener *listener, const struct image_change *change);

/* Where a snapshot's records go. */
struct image_sink {
    int (*emit)(void *context, struct slice record);
    void *context;
    struct writer writer; /* of one record */
    struct arena arena;   /* for building it */
    int16_t metadata_version;
};

/* Frames one record and emits it. */
MUST_USE int image_sink_put(struct image_sink *sink, enum image_record kind, const void *record);

/* A copy that memory_free() frees; null stays null. */
struct slice image_keep(struct slice slice);
void image_forget(struct slice slice);

/* Applying a decoded record; -EBADMSG if it does not fit what is there. Each
 * file also writes and frees what it keeps. */
struct image_applied {
    struct image *image;
    const struct image_listener *listener;
    struct slice bytes; /* the framed record as it came */
};

MUST_USE int apply_topic(const struct image_applied *to, const struct topic_record *record);
MUST_USE int apply_partition(const struct image_applied *to, const struct partition_record *record);
MUST_USE int apply_partition_change(const struct image_applied *to,
                                    const struct partition_change_record *record);
MUST_USE int apply_remove_topic(const struct image_applied *to,
                                const struct remove_topic_record *record);
MUST_USE int apply_clear_elr(const struct image_applied *to, const struct clear_elr_record *record);
MUST_USE int topics_write(const struct image *image, struct image_sink *sink);
void topics_free(struct image *image);

MUST_USE int apply_register_broker(const struct image_applied *to,
                                   const struct register_broker_record *record);
MUST_USE int apply_unregister_broker(const struct image_applied *to,
                                     const struct unregister_broker_record *record);
MUST_USE int apply_fence_broker(const struct image_applied *to,
                                const struct fence_broker_record *record);
MUST_USE int apply_unfence_broker(const struct image_applied *to,
                                  const struct unfence_broker_record *record);
MUST_USE int
apply_broker_registration_change(const struct image_applied *to,
                                 const struct broker_registration_change_record *record);
MUST_USE int brokers_write(const struct image *image, struct image_sink *sink);
void brokers_free(struct image *image);

MUST_USE int apply_register_controller(const struct image_applied *to,
                                       const struct register_controller_record *record);
MUST_USE int controllers_write(const struct image *image, struct image_sink *sink);
void controllers_free(struct image *image);

MUST_USE int apply_config(const struct image_applied *to, const struct config_record *record);
void configs_remove_topic(struct image *image, struct slice name);
MUST_USE int configs_write(const struct image *image, struct image_sink *sink);
void configs_free(struct image *image);

MUST_USE int apply_feature_level(const struct image_applied *to,
                                 const struct feature_level_record *record);
MUST_USE int features_write(const struct image *image, struct image_sink *sink);
void features_free(struct image *image);

MUST_USE int apply_client_quota(const struct image_applied *to,
                                const struct client_quota_record *record);
MUST_USE int quotas_write(const struct image *image, struct image_sink *sink);
void quotas_free(struct image *image);

/* Records that are kept whole; `key` tells what they are about. */
MUST_USE int apply_access_control_entry(const struct image_applied *to,
                                        const struct access_control_entry_record *record);
MUST_USE int
apply_remove_access_control_entry(const struct image_applied *to,
                                  const struct remove_access_control_entry_record *record);
MUST_USE int apply_user_scram_credential(const struct image_applied *to,
                                         const struct user_scram_credential_record *record);
MUST_USE int
apply_remove_user_scram_credential(const struct image_applied *to,
                                   const struct remove_user_scram_credential_record *record);
MUST_USE int apply_delegation_token(const struct image_applied *to,
                                    const struct delegation_token_record *record);
MUST_USE int apply_remove_delegation_token(const struct image_applied *to,
                                           const struct remove_delegation_token_record *record);
MUST_USE int apply_zk_migration_state(const struct image_applied *to);
MUST_USE int others_write(const struct image *image, struct image_sink *sink);
void others_free(struct image *image);

#endif
