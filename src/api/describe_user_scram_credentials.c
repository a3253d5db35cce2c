/* DescribeUserScramCredentials: which users have SCRAM passwords, and how strongly they are hashed;
 * kafka-configs asks beside the users' quotas. (KIP-554; ScramImage.describe) */
#include "api/api.h"
#include "base/map.h"

enum {
    MECHANISM_FIRST = 1,
    MECHANISM_LAST = 2,
    TEXT_BYTES = 128, /* of what is said of a user, beside the name */
};

struct user {
    struct slice name;
    bool repeated;
};

/* Each of them once. */
struct users {
    struct user *items;
    struct map by_name;
    size_t count;
};

static void add_user(struct users *users, struct slice name)
{
    struct user *known = map_get(&users->by_name, name);
    if (known != NULL) {
        known->repeated = true;
        return;
    }
    struct user *user = &users->items[users->count++];
    *user = (struct user){.name = name};
    map_put(&users->by_name, user->name, user);
}

static size_t count_credentials(const struct image *image)
{
    size_t count = 0;
    struct slice cursor = SLICE_NULL;
    while (image_scram_next(image, &cursor) != NULL)
        count++;
    return count;
}

static void tell_user(
    const struct image *image, const struct user *user, struct arena *arena,
    struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *result)
{
    *result =
        (struct describe_user_scram_credentials_response_describe_user_scram_credentials_result){
            .user = user->name, .error_message = SLICE("")};
    if (user->repeated) {
        result->error_code = (int16_t)KAFKA_ERROR_DUPLICATE_RESOURCE;
        result->error_message = arena_printf(arena,
                                             "Cannot describe SCRAM credentials for the same user "
                                             "twice in a single request: %.*s",
                                             SLICE_ARG(user->name));
        return;
    }
    result->credential_infos =
        arena_alloc(arena, MECHANISM_LAST * sizeof(result->credential_infos[0]));
    for (int8_t mechanism = MECHANISM_FIRST; mechanism <= MECHANISM_LAST; mechanism++) {
        const struct image_scram *scram = image_scram(image, mechanism, user->name);
        if (scram == NULL) continue;
        result->credential_infos[result->credential_infos_count++] =
            (struct describe_user_scram_credentials_response_credential_info){
                .mechanism = mechanism, .iterations = scram->iterations};
    }
    if (result->credential_infos_count > 0) return;
    result->error_code = (int16_t)KAFKA_ERROR_RESOURCE_NOT_FOUND;
    result->error_message =
        arena_printf(arena, "Attempt to describe a user credential that does not exist: %.*s",
                     SLICE_ARG(user->name));
}

void api_describe_user_scram_credentials(struct api_request *request)
{
    const struct describe_user_scram_credentials_request *asked = request->message;
    const struct image *image = shard_image(request->shard);
    struct arena *arena = request->arena;
    struct describe_user_scram_credentials_response *answer = arena_alloc(arena, sizeof(*answer));
    wire_defaults(&wire_describe_user_scram_credentials_response, answer);
    bool all = asked->users_count <= 0;
    size_t most = all ? count_credentials(image) : (size_t)asked->users_count;
    /* Names are in what is said as well. */
    size_t each = sizeof(struct user) + sizeof(answer->results[0]) +
                  MECHANISM_LAST * sizeof(answer->results[0].credential_infos[0]) + TEXT_BYTES;
    if (!api_has_room(request, most * each + request->body.size)) {
        api_close(request);
        return;
    }
    struct users users = {.items = arena_alloc(arena, most * sizeof(users.items[0]))};
    map_init(&users.by_name, request->seed);
    for (int32_t i = 0; i < asked->users_count; i++)
        add_user(&users, asked->users[i].name);
    struct slice cursor = SLICE_NULL;
    const struct image_scram *scram;
    while (all && (scram = image_scram_next(image, &cursor)) != NULL)
        if (map_get(&users.by_name, scram->user) == NULL) add_user(&users, scram->user);
    map_deinit(&users.by_name);
    answer->results = arena_alloc(arena, users.count * sizeof(answer->results[0]));
    for (size_t i = 0; i < users.count; i++)
        tell_user(image, &users.items[i], arena, &answer->results[answer->results_count++]);
    api_reply(request, answer);
}
