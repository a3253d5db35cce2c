/* The assignors of core/group as a filter: Assign.java says what it reads and writes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/group/assign.h"

enum {
    ARENA_BYTES_MAX = 256 << 20,
    WORD_SIZE = 64,
};

static int64_t read_number(void)
{
    int64_t number;
    if (scanf("%" SCNd64, &number) != 1) exit(2);
    return number;
}

static struct slice read_word(struct arena *arena)
{
    char word[WORD_SIZE];
    if (scanf("%63s", word) != 1) exit(2);
    return arena_copy(arena, slice_of(word));
}

static void read_topics(struct assign_group *group, struct arena *arena)
{
    struct assign_topic *topics = arena_alloc(arena, sizeof(*topics) * (size_t)group->topic_count);
    for (int32_t i = 0; i < group->topic_count; i++) {
        store_be64(topics[i].id.bytes, (uint64_t)read_number());
        store_be64(topics[i].id.bytes + 8, (uint64_t)read_number());
        topics[i].partition_count = (int32_t)read_number();
    }
    group->topics = topics;
}

static void read_member(struct assign_member *member, struct arena *arena)
{
    member->id = read_word(arena);
    struct slice instance = read_word(arena);
    member->instance_id = slice_equal(instance, SLICE("-")) ? SLICE_NULL : instance;
    member->topic_count = (int32_t)read_number();
    int32_t *topics = arena_alloc(arena, sizeof(*topics) * (size_t)member->topic_count);
    for (int32_t i = 0; i < member->topic_count; i++)
        topics[i] = (int32_t)read_number();
    member->topics = topics;
    member->owned_count = (int32_t)read_number();
    struct assign_partition *owned =
        arena_alloc(arena, sizeof(*owned) * (size_t)member->owned_count);
    for (int32_t i = 0; i < member->owned_count; i++)
        if (scanf("%" SCNd32 ":%" SCNd32, &owned[i].topic, &owned[i].partition) != 2) exit(2);
    member->owned = owned;
}

static bool answer(struct arena *arena)
{
    char assignor[WORD_SIZE];
    if (scanf("%63s", assignor) != 1) return false;
    struct assign_group group = {.homogeneous = read_number() != 0};
    group.topic_count = (int32_t)read_number();
    group.member_count = (int32_t)read_number();
    group.members = arena_alloc(arena, sizeof(*group.members) * (size_t)group.member_count);
    read_topics(&group, arena);
    for (int32_t i = 0; i < group.member_count; i++)
        read_member(&group.members[i], arena);
    if (strcmp(assignor, "range") == 0)
        assign_range(&group, arena);
    else
        assign_uniform(&group, arena);
    for (int32_t i = 0; i < group.member_count; i++) {
        const struct assign_member *member = &group.members[i];
        for (int32_t j = 0; j < member->assigned_count; j++)
            printf("%s%" PRId32 ":%" PRId32, j == 0 ? "" : " ", member->assigned[j].topic,
                   member->assigned[j].partition);
        printf("\n");
    }
    fflush(stdout);
    return true;
}

int main(void)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    while (answer(&arena))
        arena_reset(&arena);
    arena_deinit(&arena);
    return 0;
}
