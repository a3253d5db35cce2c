/* Members of a classic group, and what they can agree on. */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "core/group/classic.h"

/* --- one member ------------------------------------------------------------------------------- */

struct classic_member *classic_member_create(struct classic *classic, struct slice id,
                                             const struct machine_asker *asker)
{
    struct classic_member *member = memory_alloc_zero(sizeof(*member));
    member->classic = classic;
    member->id = group_keep(id);
    if (asker == NULL) return member;
    member->client_id = group_keep(slice_is_null(asker->client_id) ? SLICE("") : asker->client_id);
    member->client_host = group_keep(asker->client_host);
    return member;
}

static void drop_protocols(struct classic_member *member)
{
    for (int32_t i = 0; i < member->protocol_count; i++) {
        group_drop(&member->protocols[i].name);
        group_drop(&member->protocols[i].metadata);
    }
    memory_free(member->protocols);
    member->protocols = NULL;
    member->protocol_count = 0;
}

struct classic_member *classic_member_destroy(struct classic_member *member)
{
    if (member == NULL) return NULL;
    ASSERT(member->joining == NULL);
    ASSERT(member->syncing == NULL);
    group_timer_clear(member->classic->group->groups, &member->session);
    drop_protocols(member);
    group_drop(&member->id);
    group_drop(&member->instance_id);
    group_drop(&member->client_id);
    group_drop(&member->client_host);
    group_drop(&member->assignment);
    memory_free(member);
    return NULL;
}

void classic_member_set_protocols(struct classic_member *member,
                                  const struct join_group_request_join_group_request_protocol *from,
                                  int32_t count)
{
    ASSERT(count >= 0);
    drop_protocols(member);
    member->protocols = memory_alloc((size_t)count * sizeof(member->protocols[0]));
    member->protocol_count = count;
    for (int32_t i = 0; i < count; i++)
        member->protocols[i] =
            (struct classic_protocol){group_keep(from[i].name), group_keep(from[i].metadata)};
}

bool classic_member_has_protocols(
    const struct classic_member *member,
    const struct join_group_request_join_group_request_protocol *protocols, int32_t count)
{
    if (member->protocol_count != count) return false;
    for (int32_t i = 0; i < count; i++) {
        if (!slice_equal(member->protocols[i].name, protocols[i].name)) return false;
        if (!slice_equal(member->protocols[i].metadata, protocols[i].metadata)) return false;
    }
    return true;
}

struct slice classic_member_metadata(const struct classic_member *member, struct slice protocol)
{
    for (int32_t i = 0; i < member->protocol_count; i++)
        if (slice_equal(member->protocols[i].name, protocol)) return member->protocols[i].metadata;
    return SLICE("");
}

static bool member_supports(const struct classic_member *member, struct slice protocol)
{
    for (int32_t i = 0; i < member->protocol_count; i++)
        if (slice_equal(member->protocols[i].name, protocol)) return true;
    return false;
}

/* --- all of them ------------------------------------------------------------------------------ */

struct classic_member *classic_find(const struct classic *classic, struct slice id)
{
    return map_get(&classic->members, id);
}

struct classic_member *classic_find_static(const struct classic *classic, struct slice instance_id)
{
    return slice_is_null(instance_id) ? NULL : map_get(&classic->by_instance, instance_id);
}

static struct classic_member *member_of(struct list_link *link)
{
    return link != NULL ? CONTAINER_OF(link, struct classic_member, link) : NULL;
}

struct classic_member *classic_first(const struct classic *classic)
{
    return member_of(list_first(&classic->order));
}

struct classic_member *classic_next(const struct classic_member *member)
{
    return member_of(list_next(&member->classic->order, &member->link));
}

/* A protocol that a member names twice counts twice for nobody: Kafka's set has it once. */
static bool is_named_before(const struct classic_member *member, int32_t index)
{
    for (int32_t i = 0; i < index; i++)
        if (slice_equal(member->protocols[i].name, member->protocols[index].name)) return true;
    return false;
}

static void count_support(struct classic_member *member, int32_t change)
{
    struct map *support = &member->classic->support;
    for (int32_t i = 0; i < member->protocol_count; i++) {
        if (is_named_before(member, i)) continue;
        struct slice name = member->protocols[i].name;
        struct classic_support *found = map_get(support, name);
        if (found == NULL) {
            ASSERT(change > 0);
            found = memory_alloc_zero(sizeof(*found));
            found->name = group_keep(name);
            map_put(support, found->name, found);
        }
        found->count += change;
        ASSERT(found->count >= 0);
        if (found->count > 0) continue;
        map_remove(support, found->name);
        group_drop(&found->name);
        memory_free(found);
    }
}

void classic_add(struct classic *classic, struct classic_member *member)
{
    ASSERT(classic_find(classic, member->id) == NULL);
    ASSERT(classic_find_static(classic, member->instance_id) == NULL);
    map_put(&classic->members, member->id, member);
    list_push_back(&classic->order, &member->link);
    if (!slice_is_null(member->instance_id))
        map_put(&classic->by_instance, member->instance_id, member);
    count_support(member, 1);
    if (slice_is_null(classic->leader)) classic->leader = group_keep(member->id);
}

void classic_take(struct classic *classic, struct classic_member *member)
{
    ASSERT(classic_find(classic, member->id) == member);
    ASSERT(member->joining == NULL);
    count_support(member, -1);
    map_remove(&classic->members, member->id);
    list_remove(&member->link);
    if (!slice_is_null(member->instance_id)) map_remove(&classic->by_instance, member->instance_id);
    classic_synced(member);
    if (!slice_equal(classic->leader, member->id)) return;
    const struct classic_member *next = classic_first(classic);
    group_replace(&classic->leader, next != NULL ? next->id : SLICE_NULL);
}

int32_t classic_rebalance_timeout_ms(const struct machine_asker *asker)
{
    const struct join_group_request *request = asker->message;
    return asker->version == 0 ? request->session_timeout_ms : request->rebalance_timeout_ms;
}

void classic_update(struct classic_member *member, const struct machine_asker *asker)
{
    const struct join_group_request *request = asker->message;
    count_support(member, -1);
    classic_member_set_protocols(member, request->protocols, request->protocols_count);
    count_support(member, 1);
    member->rebalance_timeout_ms = classic_rebalance_timeout_ms(asker);
    member->session_timeout_ms = request->session_timeout_ms;
}

/* --- ids that were given out ------------------------------------------------------------------ */

struct classic_pending *classic_find_pending(const struct classic *classic, struct slice id)
{
    return map_get(&classic->pending, id);
}

/* Whoever does not come back with its id is waited for no longer. */
static void pending_expired(struct group_timer *timer, const struct group_input *input,
                            struct machine_plan *plan)
{
    struct classic_pending *pending = CONTAINER_OF(timer, struct classic_pending, session);
    struct classic *classic = pending->classic;
    classic_drop_pending(pending);
    if (classic->state == GROUP_CLASSIC_PREPARING && classic_all_joined(classic))
        classic_complete(classic, input, plan);
}

void classic_add_pending(struct classic *classic, struct slice id, int64_t deadline_ms)
{
    ASSERT(classic_find(classic, id) == NULL);
    ASSERT(map_count(&classic->pending) < CLASSIC_PENDING_MAX);
    struct classic_pending *pending = memory_alloc_zero(sizeof(*pending));
    pending->classic = classic;
    pending->id = group_keep(id);
    pending->session.fire = pending_expired;
    map_put(&classic->pending, pending->id, pending);
    group_timer_set(classic->group->groups, &pending->session, deadline_ms);
}

void classic_drop_pending(struct classic_pending *pending)
{
    struct classic *classic = pending->classic;
    group_timer_clear(classic->group->groups, &pending->session);
    map_remove(&classic->pending, pending->id);
    group_drop(&pending->id);
    memory_free(pending);
}

/* --- what they claim and can do with ---------------------------------------------------------- */

enum kafka_error classic_validate(const struct classic *classic, struct slice member_id,
                                  struct slice instance_id)
{
    if (!slice_is_null(instance_id)) {
        const struct classic_member *named = classic_find_static(classic, instance_id);
        if (named == NULL) return KAFKA_ERROR_UNKNOWN_MEMBER_ID;
        if (!slice_equal(named->id, member_id)) return KAFKA_ERROR_FENCED_INSTANCE_ID;
    }
    return classic_find(classic, member_id) != NULL ? KAFKA_ERROR_NONE
                                                    : KAFKA_ERROR_UNKNOWN_MEMBER_ID;
}

/* (ClassicGroup.supportsProtocols) */
bool classic_supports(const struct classic *classic, const struct join_group_request *request)
{
    if (classic->state == GROUP_CLASSIC_EMPTY)
        return request->protocol_type.size > 0 && request->protocols_count > 0;
    if (!slice_equal(classic->protocol_type, request->protocol_type)) return false;
    for (int32_t i = 0; i < request->protocols_count; i++) {
        const struct classic_support *support =
            map_get(&classic->support, request->protocols[i].name);
        if (support != NULL && (size_t)support->count == map_count(&classic->members)) return true;
    }
    return false;
}

static bool is_candidate(const struct classic *classic, struct slice protocol,
                         const struct classic_member *leaves, const struct classic_member *comes)
{
    const struct classic_support *support = map_get(&classic->support, protocol);
    int64_t count = support != NULL ? support->count : 0;
    if (leaves != NULL && member_supports(leaves, protocol)) count--;
    if (comes != NULL && member_supports(comes, protocol)) count++;
    return count == (int64_t)map_count(&classic->members);
}

/* The first one that it names among the candidates; -1: none of them. */
static int32_t vote(const struct classic *classic, const struct classic_member *member,
                    const struct classic_member *leaves, const struct classic_member *comes)
{
    for (int32_t i = 0; i < member->protocol_count; i++)
        if (is_candidate(classic, member->protocols[i].name, leaves, comes)) return i;
    return -1;
}

/* How many vote for it. */
static int64_t count_votes(const struct classic *classic, struct slice protocol,
                           const struct classic_member *leaves, const struct classic_member *comes)
{
    int64_t votes = 0;
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        const struct classic_member *voter = member == leaves ? comes : member;
        int32_t index = vote(classic, voter, leaves, comes);
        if (index >= 0 && slice_equal(voter->protocols[index].name, protocol)) votes++;
    }
    return votes;
}

struct slice classic_select(const struct classic *classic, const struct classic_member *leaves,
                            const struct classic_member *comes)
{
    ASSERT((leaves == NULL) == (comes == NULL));
    const struct classic_member *first = classic_first(classic);
    ASSERT(first != NULL);
    if (first == leaves) first = comes;
    /* What everybody can do with the first one can: its protocols are all that need be looked at.
     * Of those with equally many votes its favourite is taken. */
    struct slice selected = SLICE_NULL;
    int64_t most = -1;
    for (int32_t i = 0; i < first->protocol_count; i++) {
        struct slice name = first->protocols[i].name;
        if (!is_candidate(classic, name, leaves, comes)) continue;
        int64_t votes = count_votes(classic, name, leaves, comes);
        if (votes <= most) continue;
        most = votes;
        selected = name;
    }
    return selected;
}

/* --- what they subscribe to ------------------------------------------------------------------- */

void classic_forget_topics(struct classic *classic)
{
    size_t cursor = 0;
    struct slice *topic;
    while ((topic = map_next(&classic->topics, &cursor)) != NULL) {
        map_remove(&classic->topics, *topic);
        group_drop(topic);
        memory_free(topic);
    }
    classic->topics_known = false;
}

static void add_topic(struct classic *classic, struct slice name)
{
    if (map_get(&classic->topics, name) != NULL) return;
    struct slice *topic = memory_alloc(sizeof(*topic));
    *topic = group_keep(name);
    map_put(&classic->topics, *topic, topic);
}

/* Only the topics are read, which every version begins with: some clients say a later version than
 * what they write. (ConsumerProtocolSubscription; ConsumerProtocol.deserializeConsumerProtocol) */
static int read_topics(struct classic *classic, struct slice metadata)
{
    struct slice bytes;
    if (slice_take(&metadata, 6, &bytes) < 0) return -EBADMSG;
    int32_t count = (int32_t)load_be32(bytes.data + 2);
    for (int32_t i = 0; i < count; i++) {
        struct slice name;
        if (slice_take(&metadata, 2, &bytes) < 0) return -EBADMSG;
        uint16_t size = load_be16(bytes.data);
        if (size > INT16_MAX || slice_take(&metadata, size, &name) < 0) return -EBADMSG;
        add_topic(classic, name);
    }
    return count < 0 ? -EBADMSG : 0;
}

void classic_read_topics(struct classic *classic)
{
    classic_forget_topics(classic);
    if (!slice_equal(classic->protocol_type, SLICE("consumer"))) return;
    if (classic_first(classic) != NULL && slice_is_null(classic->protocol)) return;
    for (const struct classic_member *member = classic_first(classic); member != NULL;
         member = classic_next(member)) {
        if (read_topics(classic, classic_member_metadata(member, classic->protocol)) == 0) continue;
        classic_forget_topics(classic);
        return;
    }
    classic->topics_known = true;
}
