/* UpdateFeatures: the levels of what the cluster as a whole does, raised or lowered, all of them or
 * none. (FeatureControlManager, KIP-584, KIP-778, KIP-1022) */
#include "core/controller/plan.h"

enum upgrade_type { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };

enum { VERSION_WITHOUT_RESULTS = 2 }; /* the first that answers as a whole */

#define METADATA_VERSION SLICE("metadata.version")
#define KRAFT_VERSION SLICE("kraft.version")

/* One update, and what holds with all of them. */
struct feature_change {
    const struct controller_input *input;
    const struct update_features_request *request;
    const struct update_features_request_feature_update_key *asked;
};

static bool is(const struct feature_change *change, struct slice feature)
{
    return slice_equal(change->asked->feature, feature);
}

static int16_t level_now(const struct feature_change *change)
{
    if (is(change, KRAFT_VERSION)) return change->input->kraft_version;
    return image_feature(change->input->image, change->asked->feature);
}

/* The metadata.version that there will be. */
static int16_t metadata_version_then(const struct feature_change *change)
{
    const struct update_features_request *request = change->request;
    for (int32_t i = request->feature_updates_count; i-- > 0;)
        if (slice_equal(request->feature_updates[i].feature, METADATA_VERSION))
            return request->feature_updates[i].max_version_level;
    return image_metadata_version(change->input->image);
}

static struct refusal refuse_level(const struct feature_change *change, struct slice why)
{
    return refuse(KAFKA_ERROR_INVALID_UPDATE_VERSION,
                  arena_printf(change->input->arena,
                               "Invalid update version %d for feature %.*s. %.*s",
                               (int)change->asked->max_version_level,
                               SLICE_ARG(change->asked->feature), SLICE_ARG(why)));
}

/* --- does everybody support it? --------------------------------------------------------------- */

static struct refusal refuse_unsupported(const struct feature_change *change, const char *who,
                                         int32_t id, int16_t min, int16_t max)
{
    struct arena *arena = change->input->arena;
    if (max == 0)
        return refuse_level(
            change, arena_printf(arena, "%s %d does not support this feature.", who, (int)id));
    return refuse_level(change, arena_printf(arena, "%s %d only supports versions %d-%d", who,
                                             (int)id, (int)min, (int)max));
}

static struct refusal check_brokers(const struct feature_change *change)
{
    const struct image_broker *broker = NULL;
    int16_t level = change->asked->max_version_level;
    while ((broker = image_broker_next(change->input->image, broker == NULL ? -1 : broker->id)) !=
           NULL) {
        int16_t min = 0;
        int16_t max = 0;
        for (int32_t i = 0; i < broker->feature_count; i++) {
            if (!is(change, broker->features[i].name)) continue;
            min = broker->features[i].min;
            max = broker->features[i].max;
        }
        if (level < min || level > max)
            return refuse_unsupported(change, "Broker", broker->id, min, max);
    }
    return (struct refusal){0};
}

static struct refusal check_support(const struct feature_change *change)
{
    const struct controller_supported *own = find_supported(change->asked->feature);
    int16_t min = own == NULL ? 0 : own->min;
    int16_t max = own == NULL ? 0 : own->max;
    int16_t level = change->asked->max_version_level;
    if (level < min || level > max)
        return refuse_unsupported(change, "Local controller", change->input->node_id, min, max);
    return check_brokers(change);
}

/* --- one feature ------------------------------------------------------------------------------ */

static struct refusal check_metadata_version(const struct feature_change *change)
{
    int16_t now = level_now(change);
    int16_t then = change->asked->max_version_level;
    ASSERT(is(change, METADATA_VERSION));
    ASSERT(find_supported(METADATA_VERSION)->min <= then); /* it is supported */
    bool unsafe = change->asked->upgrade_type == UNSAFE_DOWNGRADE;
    for (int16_t level = now; level > then; level--) {
        if (!metadata_version_changes_records(level)) continue;
        const char *why = unsafe ? "Unsafe metadata downgrade is not supported in this version."
                                 : "Refusing to perform the requested downgrade because it might "
                                   "delete metadata information.";
        return refuse(KAFKA_ERROR_INVALID_UPDATE_VERSION,
                      arena_printf(change->input->arena,
                                   "Unsupported metadata.version downgrade from %d to %d. %s",
                                   (int)now, (int)then, why));
    }
    return (struct refusal){0};
}

/* It is the quorum's own, in its log and not in the metadata. (KIP-853) */
static struct refusal check_kraft_version(const struct feature_change *change)
{
    ASSERT(is(change, KRAFT_VERSION));
    if (change->asked->max_version_level == level_now(change)) return (struct refusal){0};
    if (change->asked->upgrade_type != UPGRADE)
        return refuse_level(change, SLICE("Can't downgrade the version of this feature."));
    return (struct refusal){0};
}

/* What the others need of metadata.version. (FeatureVersion.dependencies) */
static struct refusal check_dependencies(const struct feature_change *change)
{
    enum { ELIGIBLE_LEADERS_NEED = 23 /* 4.0-IV1 */ };
    int16_t level = change->asked->max_version_level;
    if (!is(change, SLICE("eligible.leader.replicas.version")) || level == 0 ||
        metadata_version_then(change) >= ELIGIBLE_LEADERS_NEED)
        return (struct refusal){0};
    return refuse_level(change, arena_printf(change->input->arena,
                                             "%.*s could not be set to %d because it depends on "
                                             "metadata.version level %d",
                                             SLICE_ARG(change->asked->feature), (int)level,
                                             ELIGIBLE_LEADERS_NEED));
}

static struct refusal check_change(const struct feature_change *change)
{
    int16_t level = change->asked->max_version_level;
    int8_t type = change->asked->upgrade_type;
    if (type < UPGRADE || type > UNSAFE_DOWNGRADE)
        return refuse_level(change,
                            SLICE("The controller does not support the given upgrade type."));
    if (level < 0) return refuse_level(change, SLICE("A feature version cannot be less than 0."));
    struct refusal refusal = check_support(change);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    /* A quorum has a level of kraft.version to which it cannot return, whatever is asked. */
    if (level < level_now(change) && type == UPGRADE)
        return refuse_level(change, SLICE("Can't downgrade the version of this feature without "
                                          "setting the upgrade type to either safe or unsafe "
                                          "downgrade."));
    if (level > level_now(change) && type != UPGRADE)
        return refuse_level(change, SLICE("Can't downgrade to a newer version."));
    if (is(change, METADATA_VERSION)) return check_metadata_version(change);
    if (is(change, KRAFT_VERSION)) return check_kraft_version(change);
    /* Level 0 of what nobody knows is supported by everybody. */
    if (find_supported(change->asked->feature) == NULL)
        return refuse_level(change, arena_printf(change->input->arena, "Feature %.*s not found.",
                                                 SLICE_ARG(change->asked->feature)));
    return check_dependencies(change);
}

/* --- the request ------------------------------------------------------------------------------ */

/* With eligible leader replicas, min.insync.replicas is one for all: the cluster's becomes part of
 * the metadata, and brokers' own values go. (KIP-966) */
static void plan_min_insync_replicas(struct planner *planner)
{
    const struct image *image = planner->input->image;
    const struct slice name = setting_get(SETTING_MIN_INSYNC_REPLICAS)->name;
    ASSERT(planner->count > 0); /* the level that asks for it */
    if (slice_is_null(image_config(image, IMAGE_RESOURCE_BROKER, SLICE(""), name)))
        plan_cluster_min_insync_replicas(planner);
    const struct image_broker *broker = NULL;
    while ((broker = image_broker_next(image, broker == NULL ? -1 : broker->id)) != NULL) {
        struct slice id = arena_printf(planner->input->arena, "%d", (int)broker->id);
        if (slice_is_null(image_config(image, IMAGE_RESOURCE_BROKER, id, name))) continue;
        struct config_record record = {
            .resource_type = IMAGE_RESOURCE_BROKER, .resource_name = id, .name = name};
        planner_add(planner, IMAGE_RECORD_CONFIG, &record);
    }
}

static void plan_change(struct planner *planner, const struct feature_change *change)
{
    ASSERT(find_supported(change->asked->feature) != NULL);
    ASSERT(change->asked->max_version_level >= 0);
    if (is(change, KRAFT_VERSION)) return; /* it has no record, see below */
    struct feature_level_record record = {
        .name = change->asked->feature,
        .feature_level = change->asked->max_version_level,
    };
    planner_add(planner, IMAGE_RECORD_FEATURE_LEVEL, &record);
    if (is(change, SLICE("eligible.leader.replicas.version")) && record.feature_level > 0)
        plan_min_insync_replicas(planner);
}

static struct refusal plan_changes(struct planner *planner,
                                   const struct update_features_request *request)
{
    if (request->feature_updates_count > CONTROLLER_RECORDS_MAX) return refuse_too_many();
    for (int32_t i = 0; i < request->feature_updates_count; i++) {
        struct feature_change change = {planner->input, request, &request->feature_updates[i]};
        struct refusal refusal = check_change(&change);
        if (refusal.error != KAFKA_ERROR_NONE) return refusal;
        plan_change(planner, &change);
    }
    return planner->count > CONTROLLER_RECORDS_MAX ? refuse_too_many() : (struct refusal){0};
}

/* The level of kraft.version that is asked for, where it is another; else 0. */
static int16_t kraft_version_asked(const struct controller_input *input,
                                   const struct update_features_request *request)
{
    int16_t asked = 0;
    for (int32_t i = 0; i < request->feature_updates_count; i++)
        if (slice_equal(request->feature_updates[i].feature, KRAFT_VERSION) &&
            request->feature_updates[i].max_version_level > input->kraft_version)
            asked = request->feature_updates[i].max_version_level;
    return asked;
}

static void tell_results(const struct update_features_request *request, struct arena *arena,
                         struct update_features_response *response)
{
    size_t count = (size_t)request->feature_updates_count;
    response->results = arena_alloc(arena, count * sizeof(response->results[0]));
    response->results_count = request->feature_updates_count;
    for (size_t i = 0; i < count; i++)
        response->results[i] = (struct update_features_response_updatable_feature_result){
            .feature = request->feature_updates[i].feature,
            .error_message = SLICE("NONE"), /* Kafka's word for what has no error */
        };
}

int plan_update_features(const struct controller_input *input, int16_t version, const void *message,
                         struct controller_plan *plan, struct writer *reply)
{
    const struct update_features_request *request = message;
    struct update_features_response response = {0};
    struct planner planner;
    planner_begin(&planner, input);
    struct refusal refusal = plan_changes(&planner, request);
    if (refusal.error != KAFKA_ERROR_NONE) {
        response.error_code = (int16_t)refusal.error;
        response.error_message =
            arena_printf(input->arena,
                         "The update failed for all features since the following feature had an "
                         "error: %.*s",
                         SLICE_ARG(refusal.message));
    } else if (version < VERSION_WITHOUT_RESULTS) {
        tell_results(request, input->arena, &response);
    }
    bool done = refusal.error == KAFKA_ERROR_NONE && !request->validate_only;
    planner_end(&planner, done, plan);
    if (done) plan->kraft_version = kraft_version_asked(input, request);
    return wire_encode(&wire_update_features_response, version, &response, reply, NULL);
}
