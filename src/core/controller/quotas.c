/* AlterClientQuotas. (ControllerApis, ClientQuotaControlManager; KIP-546, KIP-612) */
#include <stdlib.h>
#include <string.h>

#include "core/controller/plan.h"
#include "core/quota/quota.h"

/* What a quota may be set to. */
static const struct {
    struct slice key;
    double most;      /* 0: there is no such bound */
    const char *type; /* that the bound is of */
    bool of_address;  /* of an ip; else of user and client id */
} kinds[] = {
    {{(const uint8_t *)"producer_byte_rate", 18}, 9223372036854775807.0, "LONG", false},
    {{(const uint8_t *)"consumer_byte_rate", 18}, 9223372036854775807.0, "LONG", false},
    {{(const uint8_t *)"request_percentage", 18}, 0, NULL, false},
    {{(const uint8_t *)"controller_mutation_rate", 24}, 0, NULL, false},
    {{(const uint8_t *)"connection_creation_rate", 24}, 2147483647.0, "INT", true},
};

struct quota_alteration {
    struct planner planner;
    struct alter_client_quotas_response response;
    struct map answered; /* entries of the response by entity */
};

/* Of one entity. */
struct entity {
    struct image_quota_part *parts; /* ascending by type; of two of a type the last */
    int32_t count;
    struct slice key; /* what tells it from others */
};

static struct refusal refuse_request(struct slice message)
{
    return refuse(KAFKA_ERROR_INVALID_REQUEST, message);
}

/* --- entities --------------------------------------------------------------------------------- */

/* By type; of one type in the order of the request, which the memory is in. */
static int compare_parts(const void *a, const void *b)
{
    const struct alter_client_quotas_request_entity_data *const *first = a, *const *second = b;
    int compared = slice_compare((*first)->entity_type, (*second)->entity_type);
    if (compared != 0) return compared;
    return *first < *second ? -1 : *first > *second;
}

/* ClientQuotaEntity.toString. */
static struct slice entity_text(const struct entity *entity, struct arena *arena)
{
    const struct slice start = SLICE("ClientQuotaEntity(entries={");
    size_t size = start.size + sizeof("})");
    for (int32_t i = 0; i < entity->count; i++)
        size += entity->parts[i].type.size + entity->parts[i].name.size + sizeof(", =null");
    struct writer writer;
    writer_init(&writer, size);
    writer_put(&writer, start);
    for (int32_t i = 0; i < entity->count; i++) {
        struct slice name = entity->parts[i].name;
        if (i > 0) writer_put(&writer, SLICE(", "));
        writer_put(&writer, entity->parts[i].type);
        writer_put_u8(&writer, '=');
        writer_put(&writer, slice_is_null(name) ? SLICE("null") : name);
    }
    writer_put(&writer, SLICE("})"));
    ASSERT(writer_error(&writer) == 0);
    struct slice text = arena_copy(arena, writer_slice(&writer));
    writer_deinit(&writer);
    return text;
}

/* Parts carry their size, so that no two entities give the same key. */
static struct slice entity_key(const struct entity *entity, struct arena *arena)
{
    struct writer writer;
    writer_init(&writer, CONTROLLER_ARENA_BYTES);
    for (int32_t i = 0; i < entity->count; i++) {
        const struct image_quota_part *part = &entity->parts[i];
        writer_put_be32(&writer, (uint32_t)part->type.size);
        writer_put(&writer, part->type);
        writer_put_be32(&writer,
                        slice_is_null(part->name) ? UINT32_MAX : (uint32_t)part->name.size);
        writer_put(&writer, part->name);
    }
    ASSERT(writer_error(&writer) == 0);
    struct slice key = arena_copy(arena, writer_slice(&writer));
    writer_deinit(&writer);
    return key;
}

static struct entity entity_of(const struct alter_client_quotas_request_entry_data *asked,
                               struct arena *arena)
{
    struct entity entity = {0};
    size_t count = (size_t)asked->entity_count;
    const struct alter_client_quotas_request_entity_data **sorted =
        arena_alloc(arena, count * sizeof(sorted[0]));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &asked->entity[i];
    if (count > 0) qsort(sorted, count, sizeof(sorted[0]), compare_parts);
    entity.parts = arena_alloc(arena, count * sizeof(entity.parts[0]));
    for (size_t i = 0; i < count; i++) {
        struct image_quota_part part = {sorted[i]->entity_type, sorted[i]->entity_name};
        bool known = i > 0 && slice_equal(sorted[i - 1]->entity_type, part.type);
        if (!known) entity.count++;
        entity.parts[entity.count - 1] = part;
    }
    entity.key = entity_key(&entity, arena);
    return entity;
}

static const struct image_quota_part *part_of(const struct entity *entity, struct slice type)
{
    for (int32_t i = 0; i < entity->count; i++)
        if (slice_equal(entity->parts[i].type, type)) return &entity->parts[i];
    return NULL;
}

static struct refusal check_parts(const struct entity *entity, struct arena *arena)
{
    if (entity->count == 0) return refuse_request(SLICE("Invalid empty client quota entity"));
    for (int32_t i = 0; i < entity->count; i++) {
        struct slice type = entity->parts[i].type, name = entity->parts[i].name;
        if (!slice_equal(type, SLICE("user")) && !slice_equal(type, SLICE("client-id")) &&
            !slice_equal(type, SLICE("ip")))
            return refuse_request(
                arena_printf(arena, "Unhandled client quota entity type: %.*s", SLICE_ARG(type)));
        if (!slice_is_null(name) && name.size == 0)
            return refuse_request(arena_printf(arena, "Empty %.*s not supported", SLICE_ARG(type)));
    }
    return (struct refusal){0};
}

static struct refusal check_entity(const struct entity *entity, struct arena *arena)
{
    struct refusal refusal = check_parts(entity, arena);
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    const struct image_quota_part *ip = part_of(entity, SLICE("ip"));
    if (ip == NULL) return refusal;
    if (entity->count > 1)
        return refuse_request(SLICE("Invalid quota entity combination, IP entity should"
                                    "not be combined with User or ClientId"));
    /* Kafka looks names up as well; here only the address itself says whom it means. */
    struct quota_address address;
    if (!slice_is_null(ip->name) && quota_address_parse(ip->name, &address) < 0)
        return refuse_request(
            arena_printf(arena, "%.*s is not a valid IP or resolvable host.", SLICE_ARG(ip->name)));
    return refusal;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_whole(double value)
{
    /* From here on a double holds whole numbers only; and it is no number that is none. */
    if (!(value < 9007199254740992.0)) return true;
    double rest = value - (double)(int64_t)value;
    return rest <= 1e-6;
}

static struct refusal check_value(const struct entity *entity, struct slice key, double value,
                                  struct arena *arena)
{
    bool of_address = part_of(entity, SLICE("ip")) != NULL;
    size_t kind = 0;
    while (kind < ARRAY_COUNT(kinds) && !slice_equal(kinds[kind].key, key))
        kind++;
    if (kind == ARRAY_COUNT(kinds) || kinds[kind].of_address != of_address)
        return refuse_request(
            arena_printf(arena, "Invalid configuration key %.*s", SLICE_ARG(key)));
    if (value <= 0)
        return refuse_request(
            arena_printf(arena, "Quota %.*s must be greater than 0", SLICE_ARG(key)));
    if (kinds[kind].type == NULL) return (struct refusal){0};
    if (value > kinds[kind].most)
        return refuse_request(arena_printf(arena, "Proposed value for %.*s is too large for %s %s.",
                                           SLICE_ARG(key), kinds[kind].type[0] == 'I' ? "an" : "a",
                                           kinds[kind].type));
    if (!is_whole(value))
        return refuse_request(
            arena_printf(arena, "%.*s cannot be a fractional value.", SLICE_ARG(key)));
    return (struct refusal){0};
}

static bool names_key_twice(const struct alter_client_quotas_request_entry_data *asked)
{
    struct map keys;
    map_init(&keys, 0);
    bool twice = false;
    for (int32_t i = 0; i < asked->ops_count && !twice; i++) {
        twice = map_get(&keys, asked->ops[i].key) != NULL;
        if (!twice) map_put(&keys, asked->ops[i].key, &asked->ops[i]);
    }
    map_deinit(&keys);
    return twice;
}

static void plan_value(struct planner *planner, const struct entity *entity,
                       const struct alter_client_quotas_request_op_data *op)
{
    const struct image_quota *quota =
        image_quota(planner->input->image, entity->parts, entity->count);
    const double *now = quota == NULL ? NULL : image_quota_value(quota, op->key);
    if (op->remove && now == NULL) return;
    if (!op->remove && now != NULL && memcmp(now, &op->value, sizeof(*now)) == 0) return;
    struct arena *arena = planner->input->arena;
    struct client_quota_record record = {
        .entity_count = entity->count,
        .entity = arena_alloc(arena, (size_t)entity->count * sizeof(record.entity[0])),
        .key = op->key,
        .value = op->remove ? 0 : op->value,
        .remove = op->remove,
    };
    for (int32_t i = 0; i < entity->count; i++)
        record.entity[i] = (struct client_quota_record_entity_data){
            .entity_type = entity->parts[i].type, .entity_name = entity->parts[i].name};
    planner_add(planner, IMAGE_RECORD_CLIENT_QUOTA, &record);
}

/* Records of one entity: of all that is asked for it, or of nothing. */
static struct refusal alter_entity(struct planner *planner, const struct entity *entity,
                                   const struct alter_client_quotas_request_entry_data *asked)
{
    struct arena *arena = planner->input->arena;
    struct refusal refusal = check_entity(entity, arena);
    for (int32_t i = 0; i < asked->ops_count && refusal.error == KAFKA_ERROR_NONE; i++) {
        const struct alter_client_quotas_request_op_data *op = &asked->ops[i];
        if (!op->remove) refusal = check_value(entity, op->key, op->value, arena);
    }
    if (refusal.error != KAFKA_ERROR_NONE) return refusal;
    for (int32_t i = 0; i < asked->ops_count; i++)
        plan_value(planner, entity, &asked->ops[i]);
    return refusal;
}

/* --- the request ------------------------------------------------------------------------------ */

/* Each entity is answered once: what is said of it the second time stands, though the first was
 * done. */
static void alter_entry(struct quota_alteration *alteration,
                        const struct alter_client_quotas_request_entry_data *asked)
{
    struct arena *arena = alteration->planner.input->arena;
    struct entity entity = entity_of(asked, arena);
    struct alter_client_quotas_response_entry_data *answer =
        map_get(&alteration->answered, entity.key);
    bool repeated = answer != NULL || names_key_twice(asked);
    if (answer == NULL) {
        answer = &alteration->response.entries[alteration->response.entries_count++];
        answer->entity = arena_alloc(arena, (size_t)entity.count * sizeof(answer->entity[0]));
        answer->entity_count = entity.count;
        for (int32_t i = 0; i < entity.count; i++)
            answer->entity[i] = (struct alter_client_quotas_response_entity_data){
                .entity_type = entity.parts[i].type, .entity_name = entity.parts[i].name};
        map_put(&alteration->answered, entity.key, answer);
    }
    struct refusal refusal;
    if (repeated) {
        struct slice text = entity_text(&entity, arena);
        refusal =
            refuse_request(arena_printf(arena, "Ignoring duplicate entity %.*s", SLICE_ARG(text)));
    } else {
        refusal = alter_entity(&alteration->planner, &entity, asked);
    }
    answer->error_code = (int16_t)refusal.error;
    answer->error_message = refusal.message;
}

static void refuse_all(struct quota_alteration *alteration)
{
    enum kafka_error error = KAFKA_ERROR_POLICY_VIOLATION;
    planner_cut(&alteration->planner, 0);
    for (int32_t i = 0; i < alteration->response.entries_count; i++) {
        alteration->response.entries[i].error_code = (int16_t)error;
        alteration->response.entries[i].error_message = slice_of(kafka_error_text(error));
    }
}

int plan_alter_client_quotas(const struct controller_input *input, int16_t version,
                             const void *message, struct controller_plan *plan,
                             struct writer *reply)
{
    const struct alter_client_quotas_request *request = message;
    struct quota_alteration alteration = {0};
    planner_begin(&alteration.planner, input);
    map_init(&alteration.answered, 0);
    alteration.response.entries = arena_alloc(
        input->arena, (size_t)request->entries_count * sizeof(alteration.response.entries[0]));
    for (int32_t i = 0; i < request->entries_count; i++)
        alter_entry(&alteration, &request->entries[i]);
    ASSERT(alteration.response.entries_count <= request->entries_count);
    if (alteration.planner.count > CONTROLLER_RECORDS_MAX) refuse_all(&alteration);
    map_deinit(&alteration.answered);
    planner_end(&alteration.planner, !request->validate_only, plan);
    return wire_encode(&wire_alter_client_quotas_response, version, &alteration.response, reply,
                       NULL);
}
