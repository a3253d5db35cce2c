/* Feature levels: what we can do, what a new cluster begins with. (FeatureControlManager,
 * ActivationRecordsGenerator, BootstrapMetadata; the levels are those of kafka-storage
 * version-mapping) */
#include <errno.h>

#include "core/controller/plan.h"

enum {
    METADATA_VERSION_MIN = 7,  /* 3.3-IV3 */
    METADATA_VERSION_MAX = 30, /* 4.3-IV0 */
    NOT_FINALIZED = -1,        /* kraft.version: the raft log's own control record holds it */
    /* metadata.versions from which new clusters finalize the others */
    GROUPS_SINCE = 22,
    TRANSACTIONS_SINCE = 24,
    ELIGIBLE_LEADERS_SINCE = 26,
    SHARES_SINCE = 28,
    STREAMS_SINCE = 29,
    METADATA_TRANSACTIONS_SINCE = 13, /* 3.6-IV1; KIP-868 */
};

static const struct controller_supported supported[] = {
    {"eligible.leader.replicas.version", 0, 1, 1},
    {"group.version", 0, 1, 1},
    {"kraft.version", 0, 1, NOT_FINALIZED},
    {"metadata.version", METADATA_VERSION_MIN, METADATA_VERSION_MAX, METADATA_VERSION_MAX},
    {"share.version", 0, 1, 1},
    {"streams.version", 0, 1, 1},
    {"transaction.version", 0, 2, 2},
};

const struct controller_supported *
controller_supported_next(const struct controller_supported *after)
{
    const struct controller_supported *next = after == NULL ? supported : after + 1;
    return next == supported + ARRAY_COUNT(supported) ? NULL : next;
}

const struct controller_supported *find_supported(struct slice name)
{
    for (size_t i = 0; i < ARRAY_COUNT(supported); i++)
        if (slice_equal(name, slice_of(supported[i].name))) return &supported[i];
    return NULL;
}

/* --- what format lays down -------------------------------------------------------------------- */

static int16_t level_with(const struct controller_supported *feature, int16_t metadata_version)
{
    static const struct {
        const char *name;
        int16_t since;
    } table[] = {
        {"eligible.leader.replicas.version", ELIGIBLE_LEADERS_SINCE},
        {"group.version", GROUPS_SINCE},
        {"share.version", SHARES_SINCE},
        {"streams.version", STREAMS_SINCE},
        {"transaction.version", TRANSACTIONS_SINCE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        if (!slice_equal(slice_of(table[i].name), slice_of(feature->name))) continue;
        return metadata_version >= table[i].since ? feature->fresh : 0;
    }
    return feature->fresh;
}

static int check_levels(struct arena *arena, const struct controller_feature *features,
                        int32_t count, struct slice *error)
{
    for (int32_t i = 0; i < count; i++) {
        const struct controller_supported *feature = find_supported(features[i].name);
        if (feature == NULL) {
            *error = arena_printf(arena,
                                  "Unsupported feature: %.*s. Supported features are: "
                                  "eligible.leader.replicas.version, group.version, "
                                  "kraft.version, share.version, streams.version, "
                                  "transaction.version",
                                  SLICE_ARG(features[i].name));
            return -EINVAL;
        }
        if (features[i].level >= feature->min && features[i].level <= feature->max) continue;
        *error = arena_printf(arena, "No feature:%.*s with feature level %d",
                              SLICE_ARG(features[i].name), (int)features[i].level);
        return -EINVAL;
    }
    return 0;
}

static int16_t chosen_level(const struct controller_feature *features, int32_t count,
                            const struct controller_supported *feature, int16_t fallback)
{
    for (int32_t i = 0; i < count; i++)
        if (slice_equal(features[i].name, slice_of(feature->name))) return features[i].level;
    return fallback;
}

static void add_level(struct planner *planner, const struct controller_supported *feature,
                      int16_t level)
{
    struct feature_level_record record = {.name = slice_of(feature->name), .feature_level = level};
    planner_add_version(planner, IMAGE_RECORD_FEATURE_LEVEL, 0, &record);
}

/* metadata.version first, as whoever reads the others must know it. */
int controller_plan_bootstrap(struct arena *arena, const struct controller_feature *features,
                              int32_t count, struct controller_plan *plan, struct slice *error)
{
    int r = check_levels(arena, features, count, error);
    if (r < 0) return r;
    const struct controller_supported *metadata = find_supported(SLICE("metadata.version"));
    ASSERT(metadata != NULL);
    int16_t metadata_version = chosen_level(features, count, metadata, metadata->fresh);
    struct controller_input input = {.arena = arena};
    struct planner planner;
    planner_begin(&planner, &input);
    add_level(&planner, metadata, metadata_version);
    for (size_t i = 0; i < ARRAY_COUNT(supported); i++) {
        const struct controller_supported *feature = &supported[i];
        if (feature == metadata || feature->fresh == NOT_FINALIZED) continue;
        int16_t level =
            chosen_level(features, count, feature, level_with(feature, metadata_version));
        if (level > 0) add_level(&planner, feature, level);
    }
    planner_end(&planner, true, plan);
    return 0;
}

/* --- the first records of a log --------------------------------------------------------------- */

/* With eligible leader replicas, the cluster's min.insync.replicas must not change by a restart:
 * it becomes part of the metadata. (KIP-966) */
void plan_cluster_min_insync_replicas(struct planner *planner)
{
    const struct setting *setting = setting_get(SETTING_MIN_INSYNC_REPLICAS);
    int64_t value = settings_number(planner->input->settings, SETTING_MIN_INSYNC_REPLICAS);
    struct config_record record = {
        .resource_type = IMAGE_RESOURCE_BROKER,
        .resource_name = SLICE(""),
        .name = setting->name,
        .value = arena_printf(planner->input->arena, "%d", (int)value),
    };
    planner_add_version(planner, IMAGE_RECORD_CONFIG, 0, &record);
}

/* The image that these records alone would make, to know what they switch on. */
static int read_bootstrap(const struct controller_plan *bootstrap, int16_t *metadata_version,
                          bool *elr)
{
    struct image *image = image_create(0);
    int r = 0;
    for (int32_t i = 0; i < bootstrap->record_count && r == 0; i++)
        r = image_apply(image, bootstrap->records[i], i, NULL, NULL);
    *metadata_version = image_metadata_version(image);
    *elr = elr_is_enabled(image);
    image_destroy(image);
    return r < 0 ? -EBADMSG : 0;
}

int controller_plan_activation(const struct controller_input *input,
                               const struct controller_plan *bootstrap,
                               struct controller_plan *plan)
{
    int16_t metadata_version;
    bool elr;
    int r = read_bootstrap(bootstrap, &metadata_version, &elr);
    if (r < 0) return r;
    struct planner planner;
    planner_begin(&planner, input);
    bool in_transaction = metadata_version >= METADATA_TRANSACTIONS_SINCE;
    if (in_transaction) {
        struct begin_transaction_record record = {.name = SLICE("Bootstrap records")};
        planner_add_version(&planner, IMAGE_RECORD_BEGIN_TRANSACTION, 0, &record);
    }
    for (int32_t i = 0; i < bootstrap->record_count; i++)
        planner_add_encoded(&planner, bootstrap->records[i]);
    if (elr) plan_cluster_min_insync_replicas(&planner);
    if (in_transaction) {
        struct end_transaction_record record = {0};
        planner_add_version(&planner, IMAGE_RECORD_END_TRANSACTION, 0, &record);
    }
    planner_end(&planner, true, plan);
    return 0;
}
