/*
 * The uniform way where subscriptions differ. Topic by topic, those with most partitions for each
 * subscriber first, what is free goes to whoever has least; then, topic by topic again, partitions
 * move from whoever has most to whoever has least until nothing moves or enough rounds are done.
 *
 * The subscribers of a topic stand in a row by their load. Two stretches of that row are of equal
 * load each: the low one grows from the left as partitions are given to it, one level of load after
 * the other, the high one from the right as they are taken from it.
 * (UniformHeterogeneousAssignmentBuilder)
 */
#include <stdlib.h>

#include "core/group/assign.h"

enum {
    BALANCE_ROUNDS_MAX = 16, /* of moving: overlapping subscriptions settle slowly */
};

struct balance_topic {
    int32_t index;
    struct uuid id;
    int32_t partition_count;
    int32_t *subscribers; /* members' indices, ascending */
    int32_t subscriber_count;
};

struct balance_entry {
    int32_t member;
    int32_t load; /* when the row was made */
};

struct balance_row {
    struct balance_entry *entries;
    int32_t count;
    int32_t low_end, low_next, low_level;
    int32_t high_start, high_end, high_next, high_level;
};

struct balance {
    struct assign_group *group;
    struct assign_owners owners;
    struct balance_topic *topics; /* in the order in which they are looked at */
    int32_t topic_count;
    int32_t *loads; /* of each member: partitions */
    struct balance_row row;
    /* Of the topic that is balanced: its partitions by owner, and each member's part of them. */
    int32_t *by_owner, *start, *end;
};

/* --- the row ---------------------------------------------------------------------------------- */

static int balance_compare_entries(const void *left, const void *right)
{
    const struct balance_entry *a = left, *b = right;
    if (a->load != b->load) return a->load < b->load ? -1 : 1;
    return a->member < b->member ? -1 : a->member > b->member;
}

/* Returns the difference between most and least. */
static int32_t balance_line_up(struct balance *balance, const struct balance_topic *topic)
{
    struct balance_row *row = &balance->row;
    ASSERT(topic->subscriber_count > 0);
    row->count = topic->subscriber_count;
    for (int32_t i = 0; i < row->count; i++)
        row->entries[i] =
            (struct balance_entry){topic->subscribers[i], balance->loads[topic->subscribers[i]]};
    qsort(row->entries, (size_t)row->count, sizeof(*row->entries), balance_compare_entries);
    int32_t least = row->entries[0].load, most = row->entries[row->count - 1].load;
    row->low_end = 0;
    row->low_next = 0;
    row->low_level = least - 1;
    row->high_start = row->count;
    row->high_end = row->count;
    row->high_next = row->count - 1;
    row->high_level = most + 1;
    return most - least;
}

/* The member that gets the next partition. */
static int32_t balance_least(struct balance *balance)
{
    struct balance_row *row = &balance->row;
    if (row->low_next >= row->low_end) {
        row->low_level++;
        while (row->low_end < row->count &&
               balance->loads[row->entries[row->low_end].member] == row->low_level)
            row->low_end++;
        row->low_next = 0;
    }
    return row->entries[row->low_next++].member;
}

/* The member that gives the next one; ASSIGN_NOBODY: none is left. */
static int32_t balance_most(struct balance *balance)
{
    struct balance_row *row = &balance->row;
    if (row->high_next < row->high_start) {
        if (row->high_end <= row->high_start && row->high_start > 0)
            row->high_level = balance->loads[row->entries[row->high_start - 1].member];
        else
            row->high_level--;
        while (row->high_start > 0 &&
               balance->loads[row->entries[row->high_start - 1].member] == row->high_level)
            row->high_start--;
        row->high_next = row->high_end - 1;
    }
    if (row->high_next < 0) return ASSIGN_NOBODY;
    return row->entries[row->high_next--].member;
}

/* The one just named has nothing of this topic to give. */
static void balance_exclude(struct balance_row *row)
{
    ASSERT(row->high_end > 0);
    struct balance_entry excluded = row->entries[row->high_next + 1];
    row->entries[row->high_next + 1] = row->entries[row->high_end - 1];
    row->entries[row->high_end - 1] = excluded;
    row->high_end--;
}

static bool balance_is_level(const struct balance_row *row)
{
    return row->high_level - row->low_level <= 1;
}

/* --- topics ----------------------------------------------------------------------------------- */

static int64_t balance_half(const struct uuid *id, int from)
{
    uint64_t half = 0;
    for (int i = 0; i < 8; i++)
        half = half << 8 | id->bytes[from + i];
    return (int64_t)half;
}

/* As Kafka's Uuid compares: two signed numbers. */
static int balance_compare_ids(const struct uuid *a, const struct uuid *b)
{
    for (int from = 0; from <= 8; from += 8) {
        int64_t left = balance_half(a, from), right = balance_half(b, from);
        if (left != right) return left < right ? -1 : 1;
    }
    return 0;
}

static int balance_compare_topics(const void *left, const void *right)
{
    const struct balance_topic *a = left, *b = right;
    /* a's partitions for each subscriber against b's, without a division. */
    int64_t of_a = (int64_t)a->partition_count * b->subscriber_count;
    int64_t of_b = (int64_t)b->partition_count * a->subscriber_count;
    if (of_a != of_b) return of_a > of_b ? -1 : 1;
    if (a->subscriber_count != b->subscriber_count)
        return a->subscriber_count < b->subscriber_count ? -1 : 1;
    return balance_compare_ids(&a->id, &b->id);
}

static void balance_gather_topics(struct balance *balance, struct arena *arena)
{
    const struct assign_group *group = balance->group;
    size_t topic_count = (size_t)group->topic_count;
    struct balance_topic *topics = arena_alloc(arena, sizeof(*topics) * topic_count);
    for (int32_t i = 0; i < group->member_count; i++)
        for (int32_t j = 0; j < group->members[i].topic_count; j++)
            topics[group->members[i].topics[j]].subscriber_count++;
    for (int32_t i = 0; i < group->topic_count; i++) {
        struct balance_topic *topic = &topics[i];
        topic->index = i;
        topic->id = group->topics[i].id;
        topic->partition_count = group->topics[i].partition_count;
        size_t count = (size_t)topic->subscriber_count;
        topic->subscribers = arena_alloc(arena, sizeof(int32_t) * count);
        topic->subscriber_count = 0;
    }
    for (int32_t i = 0; i < group->member_count; i++)
        for (int32_t j = 0; j < group->members[i].topic_count; j++) {
            struct balance_topic *topic = &topics[group->members[i].topics[j]];
            topic->subscribers[topic->subscriber_count++] = i;
        }
    for (int32_t i = 0; i < group->topic_count; i++)
        if (topics[i].subscriber_count > 0) topics[balance->topic_count++] = topics[i];
    balance->topics = topics;
    if (balance->topic_count > 1)
        qsort(topics, (size_t)balance->topic_count, sizeof(*topics), balance_compare_topics);
}

/* --- giving and moving ------------------------------------------------------------------------ */

static bool balance_subscribes(const struct assign_member *member, int32_t topic)
{
    int32_t low = 0, high = member->topic_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (member->topics[middle] < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low < member->topic_count && member->topics[low] == topic;
}

static void balance_keep(struct balance *balance)
{
    for (int32_t i = 0; i < balance->group->member_count; i++) {
        const struct assign_member *member = &balance->group->members[i];
        for (int32_t j = 0; j < member->owned_count; j++) {
            if (!balance_subscribes(member, member->owned[j].topic)) continue;
            int32_t *owner = assign_owner(&balance->owners, member->owned[j]);
            ASSERT(*owner == ASSIGN_NOBODY);
            *owner = i;
            balance->loads[i]++;
        }
    }
}

static void balance_give(struct balance *balance, struct assign_partition which, int32_t member)
{
    int32_t *owner = assign_owner(&balance->owners, which);
    if (*owner != ASSIGN_NOBODY) balance->loads[*owner]--;
    *owner = member;
    balance->loads[member]++;
}

static void balance_fill(struct balance *balance)
{
    for (int32_t i = 0; i < balance->topic_count; i++) {
        const struct balance_topic *topic = &balance->topics[i];
        bool lined_up = false;
        for (int32_t j = 0; j < topic->partition_count; j++) {
            struct assign_partition which = {topic->index, j};
            if (*assign_owner(&balance->owners, which) != ASSIGN_NOBODY) continue;
            if (!lined_up) (void)balance_line_up(balance, topic);
            lined_up = true;
            balance_give(balance, which, balance_least(balance));
        }
    }
}

/* Groups the topic's partitions by who has them, ascending for each: a counting sort. */
static void balance_group_partitions(struct balance *balance, const struct balance_topic *topic)
{
    for (int32_t i = 0; i < topic->subscriber_count; i++)
        balance->end[topic->subscribers[i]] = 0;
    const int32_t *owners = balance->owners.member + balance->owners.first[topic->index];
    for (int32_t i = 0; i < topic->partition_count; i++) {
        ASSERT(owners[i] != ASSIGN_NOBODY);
        balance->end[owners[i]]++;
    }
    int32_t used = 0;
    for (int32_t i = 0; i < topic->subscriber_count; i++) {
        int32_t member = topic->subscribers[i];
        balance->start[member] = used;
        used += balance->end[member];
        balance->end[member] = balance->start[member];
    }
    ASSERT(used == topic->partition_count);
    for (int32_t i = 0; i < topic->partition_count; i++)
        balance->by_owner[balance->end[owners[i]]++] = i;
}

/* Returns how many partitions moved. */
static int32_t balance_move(struct balance *balance, const struct balance_topic *topic)
{
    if (balance_line_up(balance, topic) <= 1) return 0;
    balance_group_partitions(balance, topic);
    int32_t moved = 0;
    for (;;) {
        int32_t most = balance_most(balance);
        while (most != ASSIGN_NOBODY && balance->end[most] == balance->start[most]) {
            balance_exclude(&balance->row);
            most = balance_most(balance);
        }
        if (most == ASSIGN_NOBODY) return moved;
        int32_t partition = balance->by_owner[--balance->end[most]];
        int32_t least = balance_least(balance);
        if (balance_is_level(&balance->row)) return moved;
        balance_give(balance, (struct assign_partition){topic->index, partition}, least);
        moved++;
    }
}

static void balance_settle(struct balance *balance)
{
    /* The first topic of a whole round in which nothing has moved. */
    int32_t last = -1;
    for (int round = 0; round < BALANCE_ROUNDS_MAX; round++)
        for (int32_t i = 0; i < balance->topic_count; i++) {
            if (balance->topics[i].subscriber_count < 2) continue;
            if (i == last) return;
            if (balance_move(balance, &balance->topics[i]) > 0 || last == -1) last = i;
        }
}

void assign_balance(struct assign_group *group, struct arena *arena)
{
    struct balance balance = {.group = group, .owners = assign_owners_make(group, arena)};
    size_t members = (size_t)group->member_count;
    int32_t partitions_max = 0;
    for (int32_t i = 0; i < group->topic_count; i++)
        if (group->topics[i].partition_count > partitions_max)
            partitions_max = group->topics[i].partition_count;
    balance.loads = arena_alloc(arena, sizeof(int32_t) * members);
    balance.start = arena_alloc(arena, sizeof(int32_t) * members);
    balance.end = arena_alloc(arena, sizeof(int32_t) * members);
    balance.by_owner = arena_alloc(arena, sizeof(int32_t) * (size_t)partitions_max);
    balance.row.entries = arena_alloc(arena, sizeof(*balance.row.entries) * members);
    balance_gather_topics(&balance, arena);
    balance_keep(&balance);
    balance_fill(&balance);
    balance_settle(&balance);
    assign_owners_tell(&balance.owners, group, arena);
}
