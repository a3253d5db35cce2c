/* DescribeClientQuotas: the quotas of the entities that match.
 * (KIP-546; ClientQuotasImage.describe) */
#include "api/api.h"

enum match { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_ANY = 2 };

static const struct slice types[] = {
    {(const uint8_t *)"client-id", 9},
    {(const uint8_t *)"ip", 2},
    {(const uint8_t *)"user", 4},
};
enum { TYPE_CLIENT_ID, TYPE_IP, TYPE_USER, TYPE_COUNT };

/* What is asked for: at most one component for each type. */
struct filter {
    const struct describe_client_quotas_request_component_data *components[TYPE_COUNT];
    int32_t count;
    bool strict;
};

struct fault {
    enum kafka_error error;
    struct slice message;
};

static struct fault fault(struct slice message)
{
    return (struct fault){KAFKA_ERROR_INVALID_REQUEST, message};
}

static struct fault check_match(const struct describe_client_quotas_request_component_data *one,
                                struct arena *arena)
{
    bool named = !slice_is_null(one->match);
    switch (one->match_type) {
    case MATCH_EXACT:
        if (!named)
            return fault(SLICE("Request specified MATCH_TYPE_EXACT, but set match string to "
                               "null."));
        break;
    case MATCH_DEFAULT:
        if (named)
            return fault(SLICE("Request specified MATCH_TYPE_DEFAULT, but also specified a match "
                               "string."));
        break;
    case MATCH_ANY:
        if (named)
            return fault(SLICE("Request specified MATCH_TYPE_SPECIFIED, but also specified a "
                               "match string."));
        break;
    default:
        return fault(arena_printf(arena, "Unknown match type %d", (int)one->match_type));
    }
    return (struct fault){0};
}

static struct fault filter_add(struct filter *filter,
                               const struct describe_client_quotas_request_component_data *one,
                               struct arena *arena)
{
    if (one->entity_type.size == 0) return fault(SLICE("Invalid empty entity type."));
    size_t type = 0;
    while (type < TYPE_COUNT && !slice_equal(types[type], one->entity_type))
        type++;
    if (type == TYPE_COUNT)
        return (struct fault){
            KAFKA_ERROR_UNSUPPORTED_VERSION,
            arena_printf(arena, "Unsupported entity type %.*s", SLICE_ARG(one->entity_type))};
    if (filter->components[type] != NULL)
        return fault(arena_printf(arena,
                                  "Entity type %.*s cannot appear more than once in the filter.",
                                  SLICE_ARG(one->entity_type)));
    filter->components[type] = one;
    filter->count++;
    return check_match(one, arena);
}

static struct fault filter_make(const struct describe_client_quotas_request *asked,
                                struct arena *arena, struct filter *filter)
{
    *filter = (struct filter){.strict = asked->strict};
    for (int32_t i = 0; i < asked->components_count; i++) {
        struct fault wrong = filter_add(filter, &asked->components[i], arena);
        if (wrong.error != KAFKA_ERROR_NONE) return wrong;
    }
    if (filter->components[TYPE_IP] != NULL && filter->count > 1)
        return fault(SLICE("Invalid entity filter component combination. IP filter component "
                           "should not be used with user or clientId filter component."));
    return (struct fault){0};
}

static bool matches(const struct filter *filter, const struct image_quota *quota)
{
    if (filter->strict && quota->part_count != filter->count) return false;
    for (size_t type = 0; type < TYPE_COUNT; type++) {
        const struct describe_client_quotas_request_component_data *one = filter->components[type];
        if (one == NULL) continue;
        const struct image_quota_part *part = image_quota_part(quota, types[type]);
        if (part == NULL) return false;
        /* The default's name is null, and so is what is asked for then. */
        if (one->match_type != MATCH_ANY && !slice_equal(part->name, one->match)) return false;
    }
    return true;
}

static void tell_quota(const struct image_quota *quota, struct arena *arena,
                       struct describe_client_quotas_response_entry_data *entry)
{
    size_t parts = (size_t)quota->part_count, values = (size_t)quota->value_count;
    *entry = (struct describe_client_quotas_response_entry_data){
        .entity = arena_alloc(arena, parts * sizeof(entry->entity[0])),
        .entity_count = quota->part_count,
        .values = arena_alloc(arena, values * sizeof(entry->values[0])),
        .values_count = quota->value_count,
    };
    for (size_t i = 0; i < parts; i++)
        entry->entity[i] = (struct describe_client_quotas_response_entity_data){
            .entity_type = quota->parts[i].type, .entity_name = quota->parts[i].name};
    for (size_t i = 0; i < values; i++)
        entry->values[i] = (struct describe_client_quotas_response_value_data){
            .key = quota->values[i].key, .value = quota->values[i].value};
}

/* How many match, and what telling them takes of the arena. */
static size_t count_matches(const struct image *image, const struct filter *filter, size_t *bytes)
{
    size_t count = 0;
    struct slice cursor = SLICE_NULL;
    const struct image_quota *quota;
    *bytes = 0;
    while ((quota = image_quota_next(image, &cursor)) != NULL) {
        if (!matches(filter, quota)) continue;
        count++;
        *bytes +=
            sizeof(struct describe_client_quotas_response_entry_data) +
            (size_t)quota->part_count * sizeof(struct describe_client_quotas_response_entity_data) +
            (size_t)quota->value_count * sizeof(struct describe_client_quotas_response_value_data);
    }
    return count;
}

void api_describe_client_quotas(struct api_request *request)
{
    struct arena *arena = request->arena;
    struct describe_client_quotas_response *answer = arena_alloc(arena, sizeof(*answer));
    wire_defaults(&wire_describe_client_quotas_response, answer);
    struct filter filter;
    struct fault wrong = filter_make(request->message, arena, &filter);
    if (wrong.error != KAFKA_ERROR_NONE) {
        answer->error_code = (int16_t)wrong.error;
        answer->error_message = wrong.message;
        answer->entries_count = -1;
        api_reply(request, answer);
        return;
    }
    const struct image *image = shard_image(request->shard);
    size_t bytes;
    size_t count = count_matches(image, &filter, &bytes);
    if (!api_has_room(request, bytes)) {
        api_close(request);
        return;
    }
    answer->entries = arena_alloc(arena, count * sizeof(answer->entries[0]));
    struct slice cursor = SLICE_NULL;
    const struct image_quota *quota;
    while ((quota = image_quota_next(image, &cursor)) != NULL)
        if (matches(&filter, quota))
            tell_quota(quota, arena, &answer->entries[answer->entries_count++]);
    ASSERT((size_t)answer->entries_count == count);
    api_reply(request, answer);
}
