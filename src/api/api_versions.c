/* ApiVersions: what we speak, and the features of broker and cluster. (KIP-35, KIP-511, KIP-584) */
#include "api/topics.h"

/* Letters and digits, with - and . between them. (ApiVersionsRequest.isValid) */
static bool is_software_text(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool inside = i > 0 && i + 1 < text.size && (c == '-' || c == '.');
        if (!letter && !inside) return false;
    }
    return text.size > 0;
}

static void fill_apis(struct api_request *request, struct api_versions_response *answer)
{
    size_t count;
    const struct api_entry *entries = api_entries(&count);
    answer->api_keys = arena_alloc(request->arena, count * sizeof(answer->api_keys[0]));
    for (size_t i = 0; i < count; i++) {
        if (!api_is_served(&entries[i], request->for_controllers)) continue;
        const struct wire_api *row = wire_api_find((int16_t)entries[i].key);
        answer->api_keys[answer->api_keys_count++] = (struct api_versions_response_api_version){
            .api_key = row->key,
            .min_version = row->version_min,
            .max_version = row->version_max,
        };
    }
}

static void fill_supported_features(struct api_request *request,
                                    struct api_versions_response *answer)
{
    size_t count = 0;
    const struct controller_supported *feature = NULL;
    while ((feature = controller_supported_next(feature)) != NULL)
        count++;
    answer->supported_features =
        arena_alloc(request->arena, count * sizeof(answer->supported_features[0]));
    while ((feature = controller_supported_next(feature)) != NULL) {
        /* Clients that speak older versions take a least level of 0 for damage (KAFKA-17011). */
        if (feature->min == 0 && request->version < 4) continue;
        answer->supported_features[answer->supported_features_count++] =
            (struct api_versions_response_supported_feature_key){
                .name = slice_of(feature->name),
                .min_version = feature->min,
                .max_version = feature->max,
            };
    }
}

static void add_finalized(struct api_versions_response *answer, struct slice name, int16_t level)
{
    if (level == 0) return;
    answer->finalized_features[answer->finalized_features_count++] =
        (struct api_versions_response_finalized_feature_key){
            .name = name,
            .max_version_level = level,
            .min_version_level = level,
        };
}

static void fill_finalized_features(struct api_request *request,
                                    struct api_versions_response *answer)
{
    const struct image *image = shard_image(request->shard);
    size_t count = 0;
    struct slice name = SLICE_NULL;
    int16_t level;
    while (image_feature_next(image, &name, &level))
        count++;
    answer->finalized_features =
        arena_alloc(request->arena, (count + 1) * sizeof(answer->finalized_features[0]));
    answer->finalized_features_epoch = image_last_offset(image);
    name = SLICE_NULL;
    while (image_feature_next(image, &name, &level))
        add_finalized(answer, name, level);
    /* It is no record of the image: the quorum's own log holds it. */
    add_finalized(answer, SLICE("kraft.version"), shard_kraft_version(request->shard));
}

void api_versions(struct api_request *request)
{
    const struct api_versions_request *asked = request->message;
    struct api_versions_response *answer = arena_alloc(request->arena, sizeof(*answer));
    wire_defaults(&wire_api_versions_response, answer);
    if (request->version >= 3 && (!is_software_text(asked->client_software_name) ||
                                  !is_software_text(asked->client_software_version))) {
        answer->error_code = (int16_t)KAFKA_ERROR_INVALID_REQUEST;
        api_reply(request, answer);
        return;
    }
    fill_apis(request, answer);
    fill_supported_features(request, answer);
    fill_finalized_features(request, answer);
    api_reply(request, answer);
}
